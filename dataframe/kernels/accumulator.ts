import { compileText } from '../codegen/wasm/kernel.js';
import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { spreadBits } from './bits-wasm.js';
import { Binder } from './fused-text.js';
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

type Mask = (P: readonly unknown[], mask: Uint8Array, from: number, rows: number) => void;

/** 1 for rows that count: those not null in any of `columns` for which `filter` (unless null) is true. Null: all do. */
export function rowMask(
  columns: readonly Column[],
  filter: Column | null,
  rows: number,
  lent?: Lent,
): Uint8Array | null {
  const bitmaps = [...columns, ...(filter === null ? [] : [filter])].flatMap(
    ({ validity }) => validity ?? [],
  );
  if (bitmaps.length === 0 && filter === null) return null;
  const mask = lent?.bytes(rows) ?? new Uint8Array(rows);
  const done = filter === null ? spreadAll(bitmaps, mask, rows) : 0;
  const binder = new Binder();
  const tests = bitmaps.map(bits => `(${binder.bind(bits)}[i>>3]>>(i&7)&1)`);
  if (filter !== null) tests.push(`(${binder.bind(filter.values, filter.physical)}[i]!==0|0)`);
  compileText<Mask>(
    ['P', 'mask', 'from', 'rows'],
    `${binder.text()}for(let i=from;i<rows;i++){mask[i]=${tests.join('&')};}`,
    rows - done,
  )(binder.values, mask, done, rows);
  return mask;
}

/** Gives rows that were done, the first ones. */
function spreadAll(bitmaps: readonly Uint8Array[], mask: Uint8Array, rows: number): number {
  return bitmaps.reduce((done, bits, k) => Math.min(done, spreadBits(bits, mask, rows, k > 0)), rows);
}
