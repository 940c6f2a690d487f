import { VolleyError } from '../../core/base/errors.js';
import { compile } from '../codegen/compile.js';
import { packValidity } from '../column/bitmap.js';
import { createBuilder } from '../column/builder.js';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import { type Accumulator, grown } from './accumulator.js';

type AddRows = (
  values: unknown,
  group: Int32Array,
  mask: Uint8Array | null,
  high: Float64Array,
  low: Float64Array,
  count: Float64Array,
  rows: number,
) => void;

/** Knuth's TwoSum: high + low is the exact sum of what was added, up to the rounding of low. */
const add = 'const s=high[g],t=s+x,z=t-s;low[g]+=(s-(t-z))+(x-z);high[g]=t;';

function addRows(column: Column, masked: boolean): AddRows {
  const skip = masked ? 'if(mask[i]===0)continue;' : '';
  // A 64-bit integer is added as its two halves: each is exact.
  const sign = column.type.kind === 'uint64' ? '>>>0' : '';
  const body =
    column.physical === 'i64'
      ? `{const x=(values[2*i+1]${sign})*4294967296;${add}}{const x=values[2*i]>>>0;${add}}`
      : `const x=values[i];${add}`;
  return compile<AddRows>(
    ['values', 'group', 'mask', 'high', 'low', 'count', 'rows'],
    `/* sum ${column.physical} */for(let i=0;i<rows;i++){${skip}const g=group[i];${body}count[g]++;}`,
  );
}

/**
 * Sum and mean in double-double per group, rounded once at the end. Sums of integers are exact: 64-bit results beyond
 * the range are INTEGER_OVERFLOW. A sum that is not finite is the plain sum.
 */
export class SumAccumulator implements Accumulator {
  readonly #mean: boolean;
  readonly #integer: boolean;
  readonly #name: string;
  #groups = 0;
  #high = new Float64Array(0);
  #low = new Float64Array(0);
  #count = new Float64Array(0);

  constructor(options: { mean: boolean; integer: boolean; name: string }) {
    this.#mean = options.mean;
    this.#integer = options.integer;
    this.#name = options.name;
  }

  resize(groups: number): void {
    this.#groups = groups;
    this.#high = grown(this.#high, groups);
    this.#low = grown(this.#low, groups);
    this.#count = grown(this.#count, groups);
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    const input = column!;
    addRows(input, mask !== null)(input.values, group, mask, this.#high, this.#low, this.#count, rows);
  }

  state(): Column[] {
    const n = this.#groups;
    const of = (values: Float64Array, type: DataType) => denseColumn(type, 'f64', n, values.slice(0, n));
    const columns = [of(this.#high, DataType.Float64), of(this.#low, DataType.Float64)];
    if (this.#mean) columns.push(of(this.#count, DataType.Int64));
    return columns;
  }

  merge(state: readonly Column[], group: Int32Array, rows: number): void {
    const [highs, lows, counts] = state.map(column => column.values as Float64Array);
    const high = this.#high;
    const low = this.#low;
    for (let i = 0; i < rows; i++) {
      const g = group[i]!;
      const x = highs![i]!;
      const s = high[g]!;
      const t = s + x;
      const z = t - s;
      low[g]! += s - (t - z) + (x - z) + lows![i]!;
      high[g] = t;
      if (counts !== undefined) this.#count[g]! += counts[i]!;
    }
  }

  result(): Column {
    if (this.#mean) return this.#means();
    const n = this.#groups;
    if (this.#integer) return this.#integers();
    const out = new Float64Array(n);
    for (let g = 0; g < n; g++) out[g] = this.#rounded(g);
    return denseColumn(DataType.Float64, 'f64', n, out);
  }

  #rounded(g: number): number {
    const high = this.#high[g]!;
    return Number.isFinite(high) ? high + this.#low[g]! : high;
  }

  #means(): Column {
    const n = this.#groups;
    const out = new Float64Array(n);
    const flags = new Uint8Array(n);
    for (let g = 0; g < n; g++) {
      const count = this.#count[g]!;
      if (count === 0) continue;
      flags[g] = 1;
      out[g] = this.#rounded(g) / count;
    }
    const type = DataType.Float64;
    return { type, physical: 'f64', length: n, ...packValidity(flags, n), values: out, dictionary: null };
  }

  #integers(): Column {
    const builder = createBuilder(DataType.Int64, this.#groups);
    for (let g = 0; g < this.#groups; g++) {
      const high = this.#high[g]!;
      const low = this.#low[g]!;
      const sum = high + low;
      if (Number.isSafeInteger(sum)) {
        builder.appendNumber(sum);
        continue;
      }
      const exact = BigInt(high) + BigInt(low);
      if (BigInt.asIntN(64, exact) !== exact) throw this.#overflow(exact);
      builder.appendInt64(Number(BigInt.asIntN(32, exact)), Number(BigInt.asIntN(32, exact >> 32n)));
    }
    return builder.finish();
  }

  #overflow(sum: bigint): VolleyError {
    return new VolleyError(
      'INTEGER_OVERFLOW',
      `sum of "${this.#name}" is ${sum}, beyond Int64: cast the input to Float64 first`,
      { column: this.#name, value: String(sum) },
    );
  }
}

type CountRows = (group: Int32Array, mask: Uint8Array | null, count: Float64Array, rows: number) => void;

/** count (rows that are not null) and len (all rows). */
export class CountAccumulator implements Accumulator {
  #groups = 0;
  #count = new Float64Array(0);

  resize(groups: number): void {
    this.#groups = groups;
    this.#count = grown(this.#count, groups);
  }

  update(_column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    const skip = mask === null ? '' : 'if(mask[i]===0)continue;';
    compile<CountRows>(
      ['group', 'mask', 'count', 'rows'],
      `for(let i=0;i<rows;i++){${skip}count[group[i]]++;}`,
    )(group, mask, this.#count, rows);
  }

  state(): Column[] {
    return [this.result()];
  }

  merge(state: readonly Column[], group: Int32Array, rows: number): void {
    const counts = state[0]!.values as Float64Array;
    for (let i = 0; i < rows; i++) this.#count[group[i]!]! += counts[i]!;
  }

  result(): Column {
    return denseColumn(DataType.Int64, 'f64', this.#groups, this.#count.slice(0, this.#groups));
  }
}
