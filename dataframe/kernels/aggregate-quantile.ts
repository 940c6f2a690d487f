import { compile } from '../codegen/compile.js';
import { packValidity } from '../column/bitmap.js';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import type { Accumulator } from './accumulator.js';
import { GroupValues } from './group-values.js';
import { type Lent, lending } from './lent.js';
import { oneNaN } from './one-nan.js';
import { readText } from './read-number.js';
import { type Lists, quantiles } from './select.js';

/**
 * Exact quantiles, interpolated linearly between the two values around the position (n − 1) · q. The state is the
 * values of each group; positions are found by selection (select.ts). NaN is the largest value.
 */
export class QuantileAccumulator implements Accumulator {
  readonly #share: number;
  readonly #values: GroupValues;
  readonly #merged: Lists[] = [];
  #groups = 0;

  constructor(share: number, lent?: Lent) {
    this.#share = share;
    this.#values = new GroupValues(DataType.Float64, lent);
  }

  resize(groups: number): void {
    this.#groups = groups;
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    this.#values.add(asFloat64(column!), group, rows, mask);
  }

  state(): Column[] {
    return [this.#values.lists(this.#groups)];
  }

  merge(state: readonly Column[], group: Int32Array, rows: number): void {
    this.#merged.push({ lists: state[0]!, group: group.subarray(0, rows) });
  }

  result(): Column {
    const n = this.#groups;
    const parts = [...this.#merged];
    if (this.#values.rows > 0) parts.push({ lists: this.#values.lists(n), group: identity(n) });
    const sizes = new Int32Array(n);
    for (const { lists, group } of parts) {
      const offsets = lists.values as Int32Array;
      for (let i = 0; i < group.length; i++) sizes[group[i]!]! += offsets[i + 1]! - offsets[i]!;
    }
    const values = lending(lent => quantiles(parts, sizes, this.#share, lent));
    const flags = new Uint8Array(n);
    for (let g = 0; g < n; g++) {
      flags[g] = sizes[g] === 0 ? 0 : 1;
      values[g] = oneNaN(values[g]!);
    }
    const packed = packValidity(flags, n);
    return { type: DataType.Float64, physical: 'f64', length: n, ...packed, values, dictionary: null };
  }
}

function identity(n: number): Int32Array {
  const out = new Int32Array(n);
  for (let i = 0; i < n; i++) out[i] = i;
  return out;
}

/** Numbers as Float64; 64-bit integers beyond 2^53 are rounded. */
export function asFloat64(column: Column): Column {
  const { physical, length, values, validity, nullCount } = column;
  if (column.type.kind === 'null') return column;
  if (physical === 'f64') return { ...column, type: DataType.Float64, range: undefined };
  const out = new Float64Array(length);
  compile<(from: unknown, out: Float64Array, rows: number) => void>(
    ['values', 'out', 'rows'],
    `/* float64 ${physical} */for(let i=0;i<rows;i++){${readText(column, 'x', 'values')}out[i]=x;}`,
  )(values, out, length);
  return { ...denseColumn(DataType.Float64, 'f64', length, out), validity, nullCount };
}
