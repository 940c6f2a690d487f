import { compile } from '../codegen/compile.js';
import type { Column } from '../column/column.js';

/** Lists of Float64 without nulls, and the group of each list. */
export interface Lists {
  readonly lists: Column;
  readonly group: Int32Array;
}

/** Values per group from which a sample pays. */
const sampledFrom = 128;
const sampleSize = 48;
/** Places in the sample on either side of the one looked for: about two standard deviations. */
const sampleMargin = 7;

type Narrow = (
  values: Float64Array,
  from: number,
  to: number,
  low: number,
  high: number,
  out: Float64Array,
  state: Int32Array,
) => void;

/**
 * Counts values below `low` (state[0]) and appends those in [low, high] to `out` (state[1]). Without branches: whether
 * a value is above or below the median is what no processor can predict.
 */
const narrow = compile<Narrow>(
  ['values', 'from', 'to', 'low', 'high', 'out', 'state'],
  'let b=state[0],m=state[1];for(let i=from;i<to;i++){const v=values[i];out[m]=v;const l=(v<low)|0,h=(v<=high)|0;b+=l;m+=h-l;}state[0]=b;state[1]=m;',
);

/**
 * Finds values by rank in groups whose values lie in several lists. A small sorted sample gives bounds that almost
 * surely enclose the rank; one pass counts what is below and keeps what is between them, some quarter of the values,
 * for quickselect (Floyd and Rivest 1975, with a pass that does not move what it drops). NaN is the largest value.
 */
export class Selection {
  readonly #sizes: Int32Array;
  readonly #offsets: readonly Int32Array[];
  readonly #items: readonly Float64Array[];
  /** The lists of group g, as part and row: entries starts[g] to starts[g + 1]. */
  readonly #starts: Int32Array;
  readonly #part: Int32Array;
  readonly #row: Int32Array;
  readonly #buffer: Float64Array;
  readonly #sample = new Float64Array(sampleSize);
  readonly #state = new Int32Array(2);

  constructor(parts: readonly Lists[], groups: number, sizes: Int32Array) {
    this.#sizes = sizes;
    this.#offsets = parts.map(({ lists }) => lists.values as Int32Array);
    this.#items = parts.map(({ lists }) => lists.items!.values as Float64Array);
    const starts = new Int32Array(groups + 1);
    for (const { group } of parts) for (let i = 0; i < group.length; i++) starts[group[i]! + 1]!++;
    for (let g = 0; g < groups; g++) starts[g + 1]! += starts[g]!;
    const at = starts.slice();
    this.#part = new Int32Array(starts[groups]!);
    this.#row = new Int32Array(starts[groups]!);
    parts.forEach(({ group }, p) => {
      for (let i = 0; i < group.length; i++) {
        const k = at[group[i]!]!++;
        this.#part[k] = p;
        this.#row[k] = i;
      }
    });
    this.#starts = starts;
    // One more: the narrowing pass writes a value before it knows whether to keep it.
    this.#buffer = new Float64Array(sizes.reduce((most, size) => Math.max(most, size), 0) + 1);
  }

  /** The value at (size − 1) · share of a group that is not empty, interpolated linearly. */
  quantile(group: number, share: number): number {
    const size = this.#sizes[group]!;
    const position = (size - 1) * share;
    const below = Math.floor(position);
    const weight = position - below;
    const last = weight === 0 ? below : below + 1;
    if (size >= sampledFrom) {
      this.#bound(group, size, below, last);
      const low = this.#sample[0]!;
      const high = this.#sample[1]!;
      const state = this.#state.fill(0);
      for (let s = this.#starts[group]!; s < this.#starts[group + 1]!; s++) {
        const p = this.#part[s]!;
        const row = this.#row[s]!;
        const offsets = this.#offsets[p]!;
        narrow(this.#items[p]!, offsets[row]!, offsets[row + 1]!, low, high, this.#buffer, state);
      }
      const skipped = state[0]!;
      const kept = state[1]!;
      if (below >= skipped && last < skipped + kept) {
        return interpolated(this.#buffer, kept, below - skipped, weight);
      }
    }
    const numbers = this.#copyNumbers(group);
    return last >= numbers ? NaN : interpolated(this.#buffer, numbers, below, weight);
  }

  /** Brings all values that are not NaN together; gives their number. */
  #copyNumbers(group: number): number {
    const buffer = this.#buffer;
    let n = 0;
    for (let s = this.#starts[group]!; s < this.#starts[group + 1]!; s++) {
      const p = this.#part[s]!;
      const values = this.#items[p]!;
      const to = this.#offsets[p]![this.#row[s]! + 1]!;
      for (let q = this.#offsets[p]![this.#row[s]!]!; q < to; q++) {
        const v = values[q]!;
        buffer[n] = v;
        // biome-ignore lint/suspicious/noSelfCompare: the fastest test for NaN.
        if (v === v) n++;
      }
    }
    return n;
  }

  /** Leaves bounds of the ranks in the first two places of the sample: every so many-th value of the group. */
  #bound(group: number, size: number, first: number, last: number): void {
    const sample = this.#sample;
    const step = size / sampleSize;
    let taken = 0;
    let before = 0;
    for (let s = this.#starts[group]!; s < this.#starts[group + 1]!; s++) {
      const p = this.#part[s]!;
      const values = this.#items[p]!;
      const from = this.#offsets[p]![this.#row[s]!]! - before;
      const to = this.#offsets[p]![this.#row[s]! + 1]!;
      for (; taken < sampleSize; taken++) {
        const at = from + Math.floor(taken * step);
        if (at >= to) break;
        sample[taken] = values[at]!;
      }
      before = to - from;
    }
    sort(sample);
    const lowest = Math.floor((first / size) * sampleSize) - sampleMargin;
    const highest = Math.ceil((last / size) * sampleSize) + sampleMargin;
    const low = lowest < 0 ? -Infinity : sample[lowest]!;
    const high = highest >= sampleSize ? Infinity : sample[highest]!;
    sample[0] = low;
    sample[1] = high;
  }
}

/** By insertion, after the loads above, which overlap. NaN counts as infinity: what is above the bounds is not looked at. */
function sort(sample: Float64Array): void {
  for (let i = 0; i < sample.length; i++) {
    const value = sample[i]!;
    // biome-ignore lint/suspicious/noSelfCompare: the test for NaN.
    const v = value === value ? value : Infinity;
    let j = i - 1;
    while (j >= 0 && sample[j]! > v) {
      sample[j + 1] = sample[j]!;
      j--;
    }
    sample[j + 1] = v;
  }
}

/** The value of rank k among the first `length`, and `weight` of the way to the next one. Reorders the buffer. */
function interpolated(buffer: Float64Array, length: number, k: number, weight: number): number {
  const low = select(buffer, length, k);
  if (weight === 0) return low;
  let high = buffer[k + 1]!;
  for (let i = k + 2; i < length; i++) if (buffer[i]! < high) high = buffer[i]!;
  if (low === high) return low;
  return Number.isFinite(low) ? low + (high - low) * weight : low * (1 - weight) + high * weight;
}

/** Hoare's quickselect: the k-th smallest moves to position k, smaller ones before it, larger ones behind it. */
function select(values: Float64Array, length: number, k: number): number {
  let left = 0;
  let right = length - 1;
  while (left < right) {
    const pivot = middleOf(values[left]!, values[(left + right) >> 1]!, values[right]!);
    let i = left;
    let j = right;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i <= j) {
        const v = values[i]!;
        values[i++] = values[j]!;
        values[j--] = v;
      }
    }
    if (k <= j) right = j;
    else if (k >= i) left = i;
    else break;
  }
  return values[k]!;
}

function middleOf(a: number, b: number, c: number): number {
  if (a < b) return b < c ? b : a < c ? c : a;
  return a < c ? a : b < c ? c : b;
}
