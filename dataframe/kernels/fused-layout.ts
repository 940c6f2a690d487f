import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { isHuge, isWide } from '../column/layout.js';

/** Aggregates of one generated function: beyond some hundred expressions V8 does not optimise it. */
export const aggregatesPerLoop = 24;

/** Aggregates that generated code updates in place, over state of a few numbers per group. */
export type FusedOp = 'sum' | 'mean' | 'min' | 'max' | 'count' | 'len';

export interface FusedSpec {
  /** For messages. */
  readonly name: string;
  readonly op: FusedOp;
  /** Of the input; null type for len. */
  readonly type: DataType;
  /** Equal where two aggregates count the same rows: input and filter. */
  readonly rowsKey: string;
}

/**
 * How sums add up. 'small': integers of at most 32 bits, exact in one number for as many rows as a task has (then in
 * two). 'exact': 64-bit integers, exact in two numbers; in one, as long as all are known to be of 32 bits. 'huge': decimals, likewise while they are safe integers; then
 * two numbers take what is below 2^hugeShift, and two more what is above. 'float': double-double, so the order of partitions matters.
 */
export type SumKind = 'small' | 'exact' | 'huge' | 'float';

export function sumKind(type: DataType): SumKind {
  if (type.kind === 'float32' || type.kind === 'float64') return 'float';
  if (isHuge(type)) return 'huge';
  return isWide(type) ? 'exact' : 'small';
}

export function isSum(spec: FusedSpec): boolean {
  return spec.op === 'sum' || spec.op === 'mean';
}

export function isExtreme(spec: FusedSpec): boolean {
  return spec.op === 'min' || spec.op === 'max';
}

/** What a value slot holds before the first row. Whatever is compared with it is better, NaN included. */
export function initialValue(spec: FusedSpec): number {
  if (!isExtreme(spec)) return 0;
  const max = spec.op === 'max';
  if (max) return -Infinity;
  return sumKind(spec.type) === 'float' ? NaN : Infinity;
}

/** Whether a sum has to add up decimals that are no safe integers. */
export function isHugeSum(spec: FusedSpec, column: Column | null): boolean {
  return isSum(spec) && column?.physical === 'code';
}

/** Integers of 64 bits below this are added up like those of 32. */
const near = 2 ** 32;

/** Whether a sum has to add up 64-bit integers that are not known to be near 0. */
export function isFarSum(spec: FusedSpec, column: Column | null): boolean {
  if (column === null || !isSum(spec) || sumKind(spec.type) !== 'exact') return false;
  const range = column.range ?? null;
  if (column.physical !== 'f64' || spec.type.kind === 'decimal' || range === null) return true;
  return range.min < -near || range.max > near;
}

/** What the input showed so far; a state is laid out anew when one of these turns true. */
export interface LayoutFlags {
  /** By aggregate: some rows do not count (nulls, a filter), or there may be none: it needs a count of its own. */
  readonly partly: readonly boolean[];
  /** Sums of small integers may pass 2^53. */
  readonly long: boolean;
  /** Some 64-bit integer that is added up may not be near 0. */
  readonly far: boolean;
  /** Some decimal that is added up is no safe integer. */
  readonly huge: boolean;
}

/** Where the numbers of one group lie: slots 0 .. width-1 of its place. -1: not there. */
export interface Layout {
  readonly flags: LayoutFlags;
  readonly width: number;
  /** First slot of each aggregate's value: high and low for sums of two numbers. */
  readonly value: readonly number[];
  /** Numbers of each sum. */
  readonly parts: readonly (0 | 1 | 2 | 4)[];
  readonly count: readonly number[];
  /**
   * First slot of each float sum's total over finished entries. Totals lie beside the other numbers, `totalWidth` for a
   * group: most are only needed where rows of several entries meet.
   */
  readonly total: readonly number[];
  /** 0: no float sums. */
  readonly totalWidth: number;
}

/** `merging`: the state is fed with states instead of rows. */
export function layoutOf(specs: readonly FusedSpec[], flags: LayoutFlags, merging: boolean): Layout {
  let width = 0;
  const counts = new Map<string, number>();
  const value: number[] = [];
  const parts: (0 | 1 | 2 | 4)[] = [];
  const count: number[] = [];
  const total: number[] = [];
  let totalWidth = 0;
  specs.forEach((spec, k) => {
    const sum = isSum(spec);
    const kind = sumKind(spec.type);
    const size = !sum
      ? 0
      : kind === 'huge'
        ? merging || flags.huge
          ? 4
          : 2
        : !merging && !flags.long && (kind === 'small' || (kind === 'exact' && !flags.far))
          ? 1
          : 2;
    parts.push(size);
    const hasValue = sum || spec.op === 'min' || spec.op === 'max';
    value.push(hasValue ? width : -1);
    if (hasValue) width += Math.max(1, size);
    const folds = sum && kind === 'float' && !merging;
    total.push(folds ? totalWidth : -1);
    if (folds) totalWidth += 2;
    // An extreme of rows that all count has a value as soon as its group exists; one of small integers is infinite without one.
    if (spec.op === 'sum' || (isExtreme(spec) && (!flags.partly[k]! || sumKind(spec.type) === 'small'))) {
      count.push(-1);
      return;
    }
    // Two loops do not share a count: what the first adds would be seen by the second before its row.
    const own = merging || specs.length > aggregatesPerLoop;
    const key = own ? `#${k}` : flags.partly[k]! ? spec.rowsKey : '';
    let slot = counts.get(key);
    if (slot === undefined) counts.set(key, (slot = width++));
    count.push(slot);
  });
  return { flags, width, value, parts, count, total, totalWidth };
}

/** A slot that no row leaves as it was: it tells whether a place has a group. */
export interface Witness {
  readonly slot: number;
  readonly unused: number;
}

/**
 * Null: nothing tells. `filtered`: aggregates that some rows leave as they are; what else is null adds 0, which makes -0 a 0, but
 * for decimals that are no numbers.
 */
export function witnessOf(
  specs: readonly FusedSpec[],
  layout: Layout,
  filtered: readonly boolean[],
): Witness | null {
  for (const [k, spec] of specs.entries()) {
    const partly = layout.flags.partly[k]!;
    if (partly && (filtered[k]! || sumKind(spec.type) === 'huge')) continue;
    if (layout.count[k]! >= 0) return { slot: layout.count[k]!, unused: partly ? -0 : 0 };
    // Integers are never -0, and the low word of a float sum becomes +0 with its first row, whatever that holds.
    if (isSum(spec)) return { slot: layout.value[k]! + Math.min(2, layout.parts[k]!) - 1, unused: -0 };
    // A null leaves an infinity.
    if (sumKind(spec.type) === 'small') return { slot: layout.value[k]!, unused: Number.NaN };
  }
  return null;
}

/** From which slot of the old layout each slot of the new one is copied; -1: none, it starts at 0. */
export function slotSources(from: Layout, to: Layout): Int32Array {
  const source = new Int32Array(to.width).fill(-1);
  to.value.forEach((slot, k) => {
    if (slot < 0) return;
    source[slot] = from.value[k]!;
    const shared = Math.min(to.parts[k]!, from.parts[k]!);
    for (let p = 1; p < shared; p++) source[slot + p] = from.value[k]! + p;
  });
  to.count.forEach((slot, k) => {
    if (slot >= 0 && from.count[k]! >= 0) source[slot] = from.count[k]!;
  });
  return source;
}
