import { compile } from '../codegen/compile.js';
import { packValidity } from '../column/bitmap.js';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import type { Accumulator } from './accumulator.js';
import { GroupValues } from './group-values.js';
import { readText } from './read-number.js';

interface Lists {
  readonly lists: Column;
  /** The group of each list. */
  readonly group: Int32Array;
}

/**
 * Exact quantiles, interpolated linearly between the two values around the position (n − 1) · q. The state is the
 * values of each group; the values of one group are brought together in a buffer that stays in the cache, and the
 * position is found by quickselect. NaN is the largest value.
 */
export class QuantileAccumulator implements Accumulator {
  readonly #share: number;
  readonly #values = new GroupValues(DataType.Float64);
  readonly #merged: Lists[] = [];
  #groups = 0;

  constructor(share: number) {
    this.#share = share;
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
    this.#merged.push({ lists: state[0]!, group: group.slice(0, rows) });
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
    const { starts, part, row } = byGroup(parts, n);
    const offsets = parts.map(({ lists }) => lists.values as Int32Array);
    const items = parts.map(({ lists }) => lists.items!.values as Float64Array);
    const buffer = new Float64Array(sizes.reduce((most, size) => Math.max(most, size), 0));
    const values = new Float64Array(n);
    const flags = new Uint8Array(n);
    for (let g = 0; g < n; g++) {
      if (sizes[g] === 0) continue;
      flags[g] = 1;
      let filled = 0;
      for (let s = starts[g]!; s < starts[g + 1]!; s++) {
        const p = part[s]!;
        const from = offsets[p]![row[s]!]!;
        const to = offsets[p]![row[s]! + 1]!;
        filled = copyNumbers(items[p]!, from, to, buffer, filled);
      }
      values[g] = quantileOf(buffer, filled, sizes[g]!, this.#share);
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

/** The lists of each group, as part and row: entries starts[g] to starts[g + 1]. */
function byGroup(parts: readonly Lists[], groups: number) {
  const starts = new Int32Array(groups + 1);
  for (const { group } of parts) for (let i = 0; i < group.length; i++) starts[group[i]! + 1]!++;
  for (let g = 0; g < groups; g++) starts[g + 1]! += starts[g]!;
  const at = starts.slice();
  const part = new Int32Array(starts[groups]!);
  const row = new Int32Array(starts[groups]!);
  parts.forEach(({ group }, p) => {
    for (let i = 0; i < group.length; i++) {
      const k = at[group[i]!]!++;
      part[k] = p;
      row[k] = i;
    }
  });
  return { starts, part, row };
}

/** Appends values that are not NaN; gives the new end. */
function copyNumbers(from: Float64Array, start: number, end: number, to: Float64Array, at: number): number {
  for (let q = start; q < end; q++) {
    const v = from[q]!;
    to[at] = v;
    // biome-ignore lint/suspicious/noSelfCompare: the fastest test for NaN.
    if (v === v) at++;
  }
  return at;
}

/** The quantile of `numbers` values in the buffer and size − numbers NaNs above them. Reorders the buffer. */
function quantileOf(buffer: Float64Array, numbers: number, size: number, share: number): number {
  const position = (size - 1) * share;
  const below = Math.floor(position);
  if (below >= numbers) return NaN;
  const low = select(buffer, numbers, below);
  const weight = position - below;
  if (weight === 0) return low;
  if (below + 1 >= numbers) return NaN;
  let high = buffer[below + 1]!;
  for (let i = below + 2; i < numbers; i++) if (buffer[i]! < high) high = buffer[i]!;
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
