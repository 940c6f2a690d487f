import type { Column, ValueRange } from '../column/column.js';
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

/** The same for extremes that are integers of 32 bits. */
export function initialInt(spec: FusedSpec): number {
  if (!isExtreme(spec)) return 0;
  return spec.op === 'max' ? leastInt : mostInt;
}

/** What a null is to extremes that are integers of 32 bits: no value, but a row of the group. */
export function nullInt(op: FusedOp): number {
  return op === 'max' ? leastInt + 1 : mostInt - 1;
}

const leastInt = -(2 ** 31);
export const mostInt = 2 ** 31 - 1;

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
  /** Sums and extremes of small integers, and counts, are integers of 32 bits: fewer bytes of a state that leaves the cache. */
  readonly narrow: boolean;
}

export function sameFlags(a: LayoutFlags, b: LayoutFlags): boolean {
  const one = (name: 'long' | 'far' | 'huge' | 'narrow') => a[name] === b[name];
  return (
    one('long') &&
    one('far') &&
    one('huge') &&
    one('narrow') &&
    a.partly.every((value, k) => value === b.partly[k])
  );
}

/** Flags after a batch. `most`: no sum of small integers is above it, nor are counts. */
export function flagsWith(
  old: LayoutFlags,
  specs: readonly FusedSpec[],
  inputs: readonly { readonly column: Column | null; readonly filter: Column | null }[],
  most: number,
  long: boolean,
): LayoutFlags {
  const partly = inputs.map(
    ({ column, filter }, k) => old.partly[k]! || filter !== null || column?.validity != null,
  );
  // Integers are laid out once.
  const narrow = old.narrow && most < mostInt && partly.every((value, k) => value === old.partly[k]);
  return {
    partly,
    long: old.long || long,
    far: old.far || inputs.some(({ column }, k) => isFarSum(specs[k]!, column)),
    huge: old.huge || inputs.some(({ column }, k) => isHugeSum(specs[k]!, column)),
    narrow: narrow && inputs.every(({ filter }) => filter === null),
  };
}

/**
 * Where the numbers of one group lie: slots 0 .. width-1 of its place are floats, those from there on are integers of 32 bits in an
 * array of their own, `intWidth` for a group. -1: not there.
 */
export interface Layout {
  readonly flags: LayoutFlags;
  readonly width: number;
  readonly intWidth: number;
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

/** The number in a slot of the group whose floats begin at `b` of st and whose integers begin at `d` of si. */
export function slotText({ width }: Layout, slot: number): string {
  const at = (array: string, base: string, k: number) => `${array}[${k === 0 ? base : `${base}+${k}`}]`;
  return slot < width ? at('st', 'b', slot) : at('si', 'd', slot - width);
}

/** Text that declares where the numbers of group `g` begin. */
export function baseText({ width, intWidth }: Layout): string {
  return `const b=Math.imul(g,${width});${intWidth === 0 ? '' : `const d=Math.imul(g,${intWidth});`}`;
}

/** `merging`: the state is fed with states instead of rows. */
export function layoutOf(specs: readonly FusedSpec[], flags: LayoutFlags, merging: boolean): Layout {
  let width = 0;
  let intWidth = 0;
  // Integers lie behind all floats, which are not counted yet.
  const slotFor = (narrow: boolean, size: number) => {
    if (narrow) return firstInt + intWidth++;
    width += size;
    return width - size;
  };
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
        : (flags.narrow && kind === 'small') ||
            (!flags.long && (kind === 'small' || (kind === 'exact' && !flags.far && !merging)))
          ? 1
          : 2;
    parts.push(size);
    const hasValue = sum || spec.op === 'min' || spec.op === 'max';
    const narrow = flags.narrow && kind === 'small';
    value.push(hasValue ? slotFor(narrow, Math.max(1, size)) : -1);
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
    if (slot === undefined) counts.set(key, (slot = slotFor(flags.narrow, 1)));
    count.push(slot);
  });
  const placed = (slot: number) => (slot < firstInt ? slot : slot - firstInt + width);
  const [values, rows] = [value.map(placed), count.map(placed)];
  return { flags, width, intWidth, value: values, parts, count: rows, total, totalWidth };
}

/** Above all slots of floats. */
const firstInt = 2 ** 20;

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
    // A null leaves a count of 0, which no -0 can tell from none among integers.
    const counts = layout.count[k]! >= 0 && !(partly && layout.count[k]! >= layout.width);
    if (counts) return { slot: layout.count[k]!, unused: partly ? -0 : 0 };
    if (layout.value[k]! < 0) continue;
    // An integer of 32 bits has no -0, and an extreme of them holds no value that may come.
    if (layout.value[k]! >= layout.width && isSum(spec)) continue;
    if (layout.value[k]! >= layout.width) return { slot: layout.value[k]!, unused: initialInt(spec) };
    // Integers are never -0, and the low word of a float sum becomes +0 with its first row, whatever that holds.
    if (isSum(spec)) return { slot: layout.value[k]! + Math.min(2, layout.parts[k]!) - 1, unused: -0 };
    // A null leaves an infinity.
    if (sumKind(spec.type) === 'small') return { slot: layout.value[k]!, unused: Number.NaN };
  }
  return null;
}

/** What a batch adds at most to any sum of small integers; Infinity where it is not known, and where extremes may pass 32 bits. */
export function mostAdded(
  specs: readonly FusedSpec[],
  inputs: readonly { readonly column: Column | null }[],
  rows: number,
): number {
  let most = rows;
  for (const [k, { column }] of inputs.entries()) {
    if (!hasSlot(specs[k]!) || sumKind(specs[k]!.type) !== 'small') continue;
    const { min, max } = boundsOf(column!);
    if (!(min > leastInt + 1 && max < mostInt - 1)) return Infinity;
    if (isSum(specs[k]!)) most = Math.max(most, rows * Math.max(-min, max));
  }
  return most;
}

/** The same for a batch of states: what it adds at most to any sum of small integers. */
export function mostMerged(
  specs: readonly FusedSpec[],
  states: readonly (readonly Column[])[],
  rows: number,
): number {
  let most = 0;
  for (const [k, [column]] of states.entries()) {
    if (!isSum(specs[k]!) || sumKind(specs[k]!.type) !== 'small') continue;
    const { min, max } = column!.range ?? { min: -Infinity, max: Infinity };
    most = Math.max(most, rows * Math.max(-min, max));
  }
  return most;
}

/** Whether all sums of integers are of small ones, whose bounds mostAdded knows. */
export function hasNoWideSum(specs: readonly FusedSpec[]): boolean {
  return !specs.some(spec => isSum(spec) && sumKind(spec.type) === 'exact');
}

function hasSlot(spec: FusedSpec): boolean {
  return isSum(spec) || isExtreme(spec);
}

function boundsOf({ physical, range }: Column): ValueRange {
  if (range !== undefined) return range;
  return physical === 'bool' ? { min: 0, max: 1 } : { min: -Infinity, max: Infinity };
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
