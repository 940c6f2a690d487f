import { compile } from '../codegen/compile.js';
import { packValidity } from '../column/bitmap.js';
import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { ranks } from '../column/dictionary.js';
import { allocateValues, isCoded, isHuge, physicalOf } from '../column/layout.js';
import { StringTable } from '../column/string-table.js';
import { type Accumulator, grown, rowMask } from './accumulator.js';
import { compactColumn, narrow, widen } from './concat.js';
import { comparableColumn } from './distinct-text.js';

/** Min and max of text, numbers, 64-bit integers or huge decimals. */
export function extremeAccumulator(type: DataType, max: boolean): Accumulator {
  if (isHuge(type)) return new HugeExtreme(type, max);
  if (isCoded(type)) return new TextExtreme(type, max);
  return new NumberExtreme(type, max);
}

type Improve = (
  values: unknown,
  group: Int32Array,
  mask: Uint8Array | null,
  best: Float64Array,
  low: Float64Array,
  has: Uint8Array,
  rows: number,
) => void;

function improve(column: Column, max: boolean, masked: boolean): Improve {
  const skip = masked ? 'if(mask[i]===0)continue;' : '';
  const op = max ? '>' : '<';
  let read = 'const x=values[i];';
  let better = `x${op}best[g]`;
  let store = 'best[g]=x;';
  if (column.physical === 'i64') {
    const sign = column.type.kind === 'uint64' ? '>>>0' : '';
    read = `const x=values[2*i+1]${sign},y=values[2*i]>>>0;`;
    better = `x${op}best[g]||(x===best[g]&&y${op}low[g])`;
    store = 'best[g]=x;low[g]=y;';
  } else if (column.physical === 'f64' || column.physical === 'f32') {
    // NaN is above every number.
    const test = max ? '(x!==x&&best[g]===best[g])' : '(best[g]!==best[g]&&x===x)';
    better = `${better}||${test}`;
  }
  return compile<Improve>(
    ['values', 'group', 'mask', 'best', 'low', 'has', 'rows'],
    `/* ${column.physical} */for(let i=0;i<rows;i++){${skip}const g=group[i];${read}if(has[g]===0||${better}){${store}has[g]=1;}}`,
  );
}

class NumberExtreme implements Accumulator {
  readonly #type: DataType;
  readonly #max: boolean;
  #groups = 0;
  /** Values; when #wide, high words. */
  #best = new Float64Array(0);
  #low = new Float64Array(0);
  #has = new Uint8Array(0);
  #wide = false;

  constructor(type: DataType, max: boolean) {
    this.#type = type;
    this.#max = max;
  }

  resize(groups: number): void {
    this.#groups = groups;
    this.#best = grown(this.#best, groups);
    this.#low = grown(this.#low, groups);
    this.#has = grown(this.#has, groups);
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    let input = column!;
    if (input.type.kind === 'null') return;
    if (input.physical === 'i64' && !this.#wide) this.#widen();
    if (this.#wide) input = widen(input);
    const loop = improve(input, this.#max, mask !== null);
    loop(input.values, group, mask, this.#best, this.#low, this.#has, rows);
  }

  state(): Column[] {
    return [this.result()];
  }

  merge(state: readonly Column[], group: Int32Array, rows: number): void {
    this.update(state[0]!, group, rows, rowMask([state[0]!], null, rows));
  }

  result(): Column {
    const n = this.#groups;
    const type = this.#type;
    const physical = this.#wide ? 'i64' : physicalOf(type);
    const values = allocateValues(physical, n);
    for (let g = 0; g < n; g++) {
      if (this.#wide) {
        values[2 * g] = this.#low[g]!;
        values[2 * g + 1] = this.#best[g]!;
      } else values[g] = this.#best[g]!;
    }
    const packed = packValidity(this.#has, n);
    return narrow({ type, physical, length: n, ...packed, values, dictionary: null });
  }

  #widen(): void {
    this.#wide = true;
    for (let g = 0; g < this.#groups; g++) {
      const v = this.#best[g]!;
      this.#best[g] = Math.floor(v / 4294967296);
      this.#low[g] = v - this.#best[g]! * 4294967296;
    }
  }
}

/** By UTF-8 bytes: ranks within a batch, bytes between batches. */
class TextExtreme implements Accumulator {
  readonly #type: DataType;
  readonly #max: boolean;
  readonly #table = new StringTable();
  #groups = 0;
  /** Code in #table + 1; 0: nothing yet. */
  #best = new Int32Array(0);

  constructor(type: DataType, max: boolean) {
    this.#type = type;
    this.#max = max;
  }

  resize(groups: number): void {
    this.#groups = groups;
    this.#best = grown(this.#best, groups);
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    const input = compactColumn(column!);
    const codes = input.values as Int32Array;
    const { offsets, bytes } = input.dictionary!;
    const rank = ranks(input.dictionary!);
    const sign = this.#max ? 1 : -1;
    const local = new Int32Array(this.#groups).fill(-1);
    for (let i = 0; i < rows; i++) {
      if (mask !== null && mask[i] === 0) continue;
      const g = group[i]!;
      const code = codes[i]!;
      const known = local[g]!;
      if (known < 0 || (rank[code]! - rank[known]!) * sign > 0) local[g] = code;
    }
    for (let g = 0; g < this.#groups; g++) {
      const code = local[g]!;
      if (code < 0) continue;
      const entry = this.#table.intern(bytes, offsets[code]!, offsets[code + 1]!);
      const known = this.#best[g]! - 1;
      if (known < 0 || this.#table.compare(entry, known) * sign > 0) this.#best[g] = entry + 1;
    }
  }

  state(): Column[] {
    return [this.result()];
  }

  merge(state: readonly Column[], group: Int32Array, rows: number): void {
    this.update(state[0]!, group, rows, rowMask([state[0]!], null, rows));
  }

  result(): Column {
    const n = this.#groups;
    const values = new Int32Array(n);
    const flags = new Uint8Array(n);
    for (let g = 0; g < n; g++) {
      const code = this.#best[g]! - 1;
      if (code < 0) continue;
      values[g] = code;
      flags[g] = 1;
    }
    const dictionary = this.#table.toDictionary();
    return { type: this.#type, physical: 'code', length: n, ...packValidity(flags, n), values, dictionary };
  }
}

/** Decimals as numbers until one comes that is no safe integer, then by dictionary. */
class HugeExtreme implements Accumulator {
  #best: Accumulator;
  readonly #type: DataType;
  readonly #max: boolean;
  #groups = 0;
  #coded = false;

  constructor(type: DataType, max: boolean) {
    this.#type = type;
    this.#max = max;
    this.#best = new NumberExtreme(type, max);
  }

  resize(groups: number): void {
    this.#groups = groups;
    this.#best.resize(groups);
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    if (column!.physical === 'code' && !this.#coded) this.#encode();
    this.#best.update(this.#coded ? comparableColumn(column!) : column, group, rows, mask);
  }

  state(): Column[] {
    return this.#best.state();
  }

  merge(state: readonly Column[], group: Int32Array, rows: number): void {
    this.update(state[0]!, group, rows, rowMask([state[0]!], null, rows));
  }

  result(): Column {
    return this.#best.result();
  }

  #encode(): void {
    const state = this.#best.state().map(comparableColumn);
    this.#coded = true;
    this.#best = new TextExtreme(this.#type, this.#max);
    this.#best.resize(this.#groups);
    const groups = Int32Array.from({ length: this.#groups }, (_, g) => g);
    this.#best.merge(state, groups, this.#groups);
  }
}
