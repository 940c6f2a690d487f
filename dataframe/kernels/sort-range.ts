import type { Batch } from '../column/column.js';
import { columnOf } from '../column/layout.js';
import type { SortKey } from '../physical/fragment.js';
import { Lent } from './lent.js';
import { sortWords } from './sort-words.js';

/** Leading bits of the first word by which the ranges to look at are found. */
const tableBits = 12;

/**
 * The range of each row: how many splitters are not behind it in the order of (keys, task, row). `before` rows of
 * task `task` came before this batch. Splitters ascend in that order; their tasks and rows are columns of these names.
 */
export function rangesOf(
  batch: Batch,
  splitters: Batch,
  by: readonly SortKey[],
  place: { readonly task: number; readonly before: number; readonly names: readonly [string, string] },
): Uint16Array {
  const ranges = new Uint16Array(batch.rows);
  if (splitters.rows === 0) return ranges;
  const lent = new Lent();
  const { words, bits } = sortWords([batch, splitters], by, lent, true);
  const first = firstRowsAbove(splitters, place);
  const [own, theirs] = words as [readonly Uint32Array[], readonly Uint32Array[]];
  if (own.length === 0) countRows(ranges, first);
  else count(ranges, own, theirs, first, bits[0]!);
  lent.giveBack();
  return ranges;
}

/** By splitter: the first row of the batch that is behind it when their keys are equal. */
function firstRowsAbove(
  splitters: Batch,
  { task, before, names }: { task: number; before: number; names: readonly [string, string] },
): Float64Array {
  const tasks = columnOf(splitters, names[0]).values;
  const rows = columnOf(splitters, names[1]).values;
  const first = new Float64Array(splitters.rows);
  for (let s = 0; s < first.length; s++) {
    first[s] = tasks[s]! < task ? 0 : tasks[s]! > task ? Infinity : rows[s]! - before;
  }
  return first;
}

/** All keys are equal: only places count. */
function countRows(ranges: Uint16Array, first: Float64Array): void {
  let range = 0;
  for (let i = 0; i < ranges.length; i++) {
    while (range < first.length && i >= first[range]!) range++;
    ranges[i] = range;
  }
}

function count(
  ranges: Uint16Array,
  own: readonly Uint32Array[],
  theirs: readonly Uint32Array[],
  first: Float64Array,
  bits: number,
): void {
  const shift = Math.max(0, bits - tableBits);
  const word = own[0]!;
  const theirWord = theirs[0]!;
  const splitters = theirWord.length;
  // By leading bits: the splitters that are below whatever the other bits are.
  const below = new Uint8Array((1 << Math.min(bits, tableBits)) + 1);
  for (let s = 0; s < splitters; s++) below[(theirWord[s]! >>> shift) + 1]!++;
  for (let b = 1; b < below.length; b++) below[b]! += below[b - 1]!;
  for (let i = 0; i < ranges.length; i++) {
    const key = word[i]!;
    let range = below[key >>> shift]!;
    while (range < splitters) {
      const other = theirWord[range]!;
      if (other > key || (other === key && !isBehind(own, theirs, i, range, first))) break;
      range++;
    }
    ranges[i] = range;
  }
}

/** True when row i is at or behind splitter s, their first words being equal. */
function isBehind(
  own: readonly Uint32Array[],
  theirs: readonly Uint32Array[],
  i: number,
  s: number,
  first: Float64Array,
): boolean {
  for (let w = 1; w < own.length; w++) {
    const a = own[w]![i]!;
    const b = theirs[w]![s]!;
    if (a !== b) return a > b;
  }
  return i >= first[s]!;
}
