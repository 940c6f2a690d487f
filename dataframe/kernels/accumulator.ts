import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import type { Lent } from './lent.js';

/**
 * One aggregate over many groups. State columns are what a partial aggregation hands on: `merge` of state columns in
 * partition order gives the bits that `update` over one partition and one merge give.
 */
export interface Accumulator {
  /** Makes room for groups 0 .. groups-1; new groups are empty. */
  resize(groups: number): void;
  /**
   * Adds rows; group[i] < groups. `column` is null for len; rows with mask[i] = 0 are left out. `other` is the second
   * input (corr). Columns and masks are kept as they are until the result is made; `group` is not.
   */
  update(
    column: Column | null,
    group: Int32Array,
    rows: number,
    mask: Uint8Array | null,
    other?: Column,
  ): void;
  /** The state of all groups, in the columns that stateTypes names. */
  state(): Column[];
  /** Adds states of other accumulators of the same kind. */
  merge(state: readonly Column[], group: Int32Array, rows: number): void;
  /** The aggregate of each group, of the result type. */
  result(): Column;
}

/** A state column: the suffix of its name and its type. */
export interface StateField {
  readonly part: string;
  readonly type: DataType;
}

/** A copy with room for `length` elements. */
export function grown<T extends Float64Array | Int32Array | Uint8Array>(array: T, length: number): T {
  if (array.length >= length) return array;
  const Make = array.constructor as new (n: number) => T;
  const out = new Make(Math.max(length, array.length * 2, 16));
  out.set(array);
  return out;
}

/** The same, lent. */
export function grownLent<T extends Float64Array | Int32Array>(array: T, length: number, lent: Lent): T {
  if (array.length >= length) return array;
  const room = Math.max(length, array.length * 2, 16);
  const out = (array instanceof Int32Array ? lent.ints(room) : lent.numbers(room)) as T;
  out.set(array);
  return out;
}

/** Column `part` of records of `stride` numbers. */
export function unstride(from: Float64Array, part: number, stride: number, out: Float64Array): void {
  for (let g = 0, at = part; g < out.length; g++, at += stride) out[g] = from[at]!;
}

/** 1 for rows that count: those not null in `column` (unless null) for which `filter` (unless null) is true. */
export function rowMask(column: Column | null, filter: Column | null, rows: number): Uint8Array | null {
  const validity = column?.validity ?? null;
  if (validity === null && filter === null) return null;
  const mask = new Uint8Array(rows).fill(1);
  if (validity !== null) {
    for (let i = 0; i < rows; i++) mask[i] = (validity[i >> 3]! >> (i & 7)) & 1;
  }
  if (filter !== null) {
    const { values, validity: known } = filter;
    for (let i = 0; i < rows; i++) {
      if (values[i] === 0 || (known !== null && ((known[i >> 3]! >> (i & 7)) & 1) === 0)) mask[i] = 0;
    }
  }
  return mask;
}
