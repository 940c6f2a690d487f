import type { Physical, Values } from '../../column/column.js';
import { requireBytes } from './bytes.js';
import { decodeHybrid, decodeThrough, lookedUpBits, pickHybrid } from './hybrid.js';
import type { Encoding } from './metadata.js';
import { pickInWasm } from './pick-wasm.js';

/** Of a dictionary page: code c < count stands for values[c]. */
export interface CodedEntries {
  readonly values: Values;
  readonly count: number;
}

export const isCoded = (encoding: Encoding): boolean =>
  encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY';

/** Share of the rows of a page up to which looking at each of their codes costs less than unpacking all. */
const fewShare = 1 / 32;

export const isFew = (picked: Int32Array, count: number): boolean => picked.length <= count * fewShare;

/** Codes of a dictionary page: one byte bit width, then the hybrid. Not checked against the dictionary yet. */
export function decodeCodes(
  page: Uint8Array,
  from: number,
  codes: Int32Array,
  at: number,
  count: number,
): void {
  const width = codeWidth(page, from);
  if (width === 0) {
    codes.fill(0, at, at + count);
  } else {
    decodeHybrid(page, from + 1, page.length, width, codes, at, count);
  }
}

/** The codes of the ascending rows `picked` of a dictionary page without nulls, checked against its `entries`. */
export function pickCodes(
  page: Uint8Array,
  from: number,
  at: number,
  count: number,
  picked: Int32Array,
  entries: number,
): Int32Array {
  const codes = new Int32Array(picked.length);
  const width = codeWidth(page, from);
  if (width > 0) pickHybrid(page, from + 1, page.length, width, at, count, picked, codes);
  for (const code of codes) requireCode(code >>> 0, entries);
  return codes;
}

function codeWidth(page: Uint8Array, from: number): number {
  requireBytes(page, from, 1);
  const width = page[from]!;
  if (width > 32) throw new RangeError(`dictionary codes of ${width} bits`);
  return width;
}

/**
 * A table for codes of any width that `decodeEntries` takes: `entries`, and `beyond` up to a power of two. For physical
 * 'code' that must be -1.
 */
export function paddedTable<V extends Values>(entries: V, count: number, beyond: 0 | -1): V {
  let size = 2;
  while (size < count) size *= 2;
  if (size > 2 ** lookedUpBits) return entries;
  const table = new (entries.constructor as new (length: number) => V)(size);
  table.set(entries.subarray(0, count) as never);
  if (beyond !== 0) table.fill(beyond, count);
  return table;
}

/**
 * The entries that the codes of a page stand for, one element each. False when the codes are too wide for it, and
 * nothing was done. `table` is a padded one of `count` entries.
 */
export function decodeEntries(
  page: Uint8Array,
  from: number,
  table: Values,
  count: number,
  physical: Physical,
  out: Values,
  at: number,
  rows: number,
): boolean {
  requireBytes(page, from, 1);
  const width = page[from]!;
  if (width > lookedUpBits || table.length >>> width === 0) return false;
  const valid =
    width === 0
      ? count > 0
      : decodeThrough(page, from + 1, page.length, width, table, count, physical, out, at, rows);
  if (!valid) throw beyondEntries(count);
  if (width === 0) out.fill(table[0]!, at, at + rows);
  return true;
}

/**
 * As decodeEntries, of `rows` rows from row `first` on those of the ascending `picked`, to out[at...]. False: it cannot, and nothing
 * was done.
 */
export function pickEntries(
  page: Uint8Array,
  from: number,
  entries: CodedEntries,
  first: number,
  rows: number,
  picked: Int32Array,
  out: Values,
  at: number,
): boolean {
  const { values, count } = entries;
  requireBytes(page, from, 1);
  const width = page[from]!;
  if (width > lookedUpBits) return false;
  const valid = pickInWasm(page, from + 1, page.length, width, first, rows, picked, values, count, out, at);
  if (valid === false) {
    throw beyondEntries(count);
  }
  return valid === true;
}

/** `largest`: of all codes, taken as unsigned, so that a negative one is huge. */
export function requireCode(largest: number, entries: number): void {
  if (largest >= entries) {
    throw beyondEntries(entries);
  }
}

/** The first `count` values of BYTE_STREAM_SPLIT, which fills its page: first all lowest bytes, then all second ones, … */
export function joinStreams(page: Uint8Array, from: number, count: number, size: number): Uint8Array {
  const out = new Uint8Array(count * size);
  const values = Math.floor((page.length - from) / size);
  for (let b = 0; b < size; b++) {
    for (let i = 0; i < count; i++) {
      out[i * size + b] = page[from + b * values + i]!;
    }
  }
  return out;
}

function beyondEntries(entries: number): RangeError {
  return new RangeError(`a dictionary code beyond its ${entries} entries`);
}
