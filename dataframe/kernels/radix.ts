import { Lent } from './lent.js';

/** Bits sorted per pass over many rows: 2,048 write positions still fit the first cache. */
const digitBits = 11;
/** Bits per pass over fewer rows than `fewRows`, where clearing 2,048 counters would dominate. */
const fewBits = 8;
const fewRows = 8192;
/** Rows up to which insertion beats a pass. */
const insertionRows = 24;

/** What is being sorted: position p holds row order[p] and, in keys[p], the word of that row at the current level. */
interface Sorting {
  readonly words: readonly Uint32Array[];
  readonly bits: readonly number[];
  keys: Uint32Array;
  order: Int32Array;
  spareKeys: Uint32Array;
  spareOrder: Int32Array;
  readonly counts: Int32Array;
}

/**
 * The stable order of rows [0, rows) by their words (first word first, as unsigned numbers below 2^bits): position →
 * row. Uses up words[0]. Radix passes from the least significant digit over as many leading bits as are likely to tell
 * the rows apart, then the same for each run of rows they left equal.
 */
export function orderOf(
  words: readonly Uint32Array[],
  bits: readonly number[],
  rows: number,
  lent: Lent = new Lent(),
): Int32Array {
  const order = new Int32Array(rows);
  for (let i = 0; i < rows; i++) order[i] = i;
  if (words.length === 0 || rows < 2) return order;
  const spare = lent.words(rows);
  const s: Sorting = {
    words,
    bits,
    keys: words[0]!,
    order,
    spareKeys: lent.words(rows),
    spareOrder: new Int32Array(spare.buffer, spare.byteOffset, rows),
    counts: new Int32Array(1 << digitBits),
  };
  sortRun(s, 0, rows, 0, bits[0]!);
  // The caller keeps the order: it must not lie in what was lent.
  if (s.order !== order) order.set(s.order);
  return order;
}

/** Sorts positions [from, to), whose words are equal down to bit `low` of the word of this level. */
function sortRun(s: Sorting, from: number, to: number, level: number, low: number): void {
  const rows = to - from;
  if (rows <= insertionRows) {
    insert(s, from, to, level);
    return;
  }
  if (low === 0) {
    if (level + 1 === s.words.length) return;
    level++;
    low = s.bits[level]!;
    load(s.keys, s.order, s.words[level]!, from, to);
  }
  const most = rows < fewRows ? fewBits : digitBits;
  // One bit more than the rows need: most runs that are left have one row.
  const passes = Math.ceil(Math.min(low, 33 - Math.clz32(rows)) / most);
  const width = Math.ceil(Math.min(low, passes * most) / passes);
  const rest = Math.max(0, low - passes * width);
  let swapped = false;
  for (let shift = rest; shift < low; shift += width) {
    const digit = Math.min(width, low - shift);
    if (!pass(s.keys, s.order, s.spareKeys, s.spareOrder, s.counts, shift, digit, from, to)) continue;
    swap(s);
    swapped = !swapped;
  }
  if (swapped && rows !== s.order.length) {
    swap(s);
    copy(s.spareKeys, s.spareOrder, s.keys, s.order, from, to);
  }
  if (rest > 0 || level + 1 < s.words.length) sortRuns(s, from, to, level, rest);
}

/** Goes on with every run of positions whose words are equal down to bit `rest`. */
function sortRuns(s: Sorting, from: number, to: number, level: number, rest: number): void {
  const { keys } = s;
  let start = from;
  let key = keys[from]! >>> rest;
  for (let p = from + 1; p < to; p++) {
    const next = keys[p]! >>> rest;
    if (next === key) continue;
    if (p - start > 1) sortRun(s, start, p, level, rest);
    start = p;
    key = next;
  }
  if (to - start > 1) sortRun(s, start, to, level, rest);
}

function swap(s: Sorting): void {
  const { keys, order } = s;
  s.keys = s.spareKeys;
  s.order = s.spareOrder;
  s.spareKeys = keys;
  s.spareOrder = order;
}

/** One counting pass by a digit; false when all rows share it (then nothing moved). */
function pass(
  keys: Uint32Array,
  order: Int32Array,
  toKeys: Uint32Array,
  toOrder: Int32Array,
  counts: Int32Array,
  shift: number,
  width: number,
  from: number,
  to: number,
): boolean {
  const buckets = 1 << width;
  const mask = buckets - 1;
  counts.fill(0, 0, buckets);
  for (let p = from; p < to; p++) counts[(keys[p]! >>> shift) & mask]!++;
  if (counts[(keys[from]! >>> shift) & mask] === to - from) return false;
  let at = from;
  for (let b = 0; b < buckets; b++) {
    const count = counts[b]!;
    counts[b] = at;
    at += count;
  }
  for (let p = from; p < to; p++) {
    const key = keys[p]!;
    const q = counts[(key >>> shift) & mask]!++;
    toKeys[q] = key;
    toOrder[q] = order[p]!;
  }
  return true;
}

function load(keys: Uint32Array, order: Int32Array, word: Uint32Array, from: number, to: number): void {
  for (let p = from; p < to; p++) keys[p] = word[order[p]!]!;
}

function copy(
  fromKeys: Uint32Array,
  fromOrder: Int32Array,
  keys: Uint32Array,
  order: Int32Array,
  from: number,
  to: number,
): void {
  for (let p = from; p < to; p++) {
    keys[p] = fromKeys[p]!;
    order[p] = fromOrder[p]!;
  }
}

/** Insertion sort by the carried word, then by the words below it. */
function insert(s: Sorting, from: number, to: number, level: number): void {
  const { keys, order, words } = s;
  for (let p = from + 1; p < to; p++) {
    const key = keys[p]!;
    const row = order[p]!;
    let q = p - 1;
    for (; q >= from; q--) {
      const other = keys[q]!;
      if (other < key || (other === key && !isGreater(words, level + 1, order[q]!, row))) break;
      keys[q + 1] = other;
      order[q + 1] = order[q]!;
    }
    keys[q + 1] = key;
    order[q + 1] = row;
  }
}

/** True when row a comes after row b by the words from `level` on. */
function isGreater(words: readonly Uint32Array[], level: number, a: number, b: number): boolean {
  for (let w = level; w < words.length; w++) {
    const word = words[w]!;
    const x = word[a]!;
    const y = word[b]!;
    if (x !== y) return x > y;
  }
  return false;
}

/**
 * Rows among which the first `wanted` of the order are, ascending: not many more than that unless many rows are
 * equal. Counts by leading digits of the first word; does not use it up.
 */
export function firstRows(word: Uint32Array, bits: number, rows: number, wanted: number): Int32Array {
  const counts = new Int32Array(1 << digitBits);
  let prefix = 0;
  let low = bits;
  let left = wanted;
  let candidates = rows;
  while (low > 0 && candidates > wanted + wanted / 4 + 64) {
    const width = Math.min(digitBits, low);
    low -= width;
    const mask = (1 << width) - 1;
    const above = low + width;
    counts.fill(0);
    // A shift by 32 would be one by 0.
    if (above === bits) for (let i = 0; i < rows; i++) counts[(word[i]! >>> low) & mask]!++;
    else countBelow(word, rows, counts, above, prefix, low, mask);
    let digit = 0;
    while (digit < mask && counts[digit]! < left) left -= counts[digit++]!;
    candidates = wanted - left + counts[digit]!;
    prefix = ((prefix << width) | digit) >>> 0;
  }
  const out = new Int32Array(candidates);
  let n = 0;
  if (low === bits) for (let i = 0; i < rows; i++) out[n++] = i;
  else for (let i = 0; i < rows; i++) if (word[i]! >>> low <= prefix) out[n++] = i;
  return out;
}

function countBelow(
  word: Uint32Array,
  rows: number,
  counts: Int32Array,
  above: number,
  prefix: number,
  low: number,
  mask: number,
): void {
  for (let i = 0; i < rows; i++) {
    const key = word[i]!;
    if (key >>> above === prefix) counts[(key >>> low) & mask]!++;
  }
}
