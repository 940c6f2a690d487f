import { VolleyError } from '../../core/base/errors.js';
import { isValid } from './bitmap.js';
import type { Column, Values } from './column.js';

/** Columns in the layout that Arrow gives them outside. */

/** A bit for each byte that is 0 or 1, least significant first. */
export function bitsOf(values: Values, length: number): Uint8Array {
  const bits = new Uint8Array((length + 7) >>> 3);
  for (let i = 0; i < length; i++) bits[i >> 3]! |= (values[i]! & 1) << (i & 7);
  return bits;
}

/** 64-bit integers as words, the low one first, at an address that 8 divides; from f64 without a BigInt per row. */
export function wordsOf({ values, length, physical }: Column): Int32Array {
  if (physical === 'i64') return (values.byteOffset % 8 === 0 ? values : values.slice()) as Int32Array;
  const words = new Int32Array(2 * length);
  for (let i = 0; i < length; i++) {
    const v = values[i]!;
    words[2 * i] = v | 0;
    words[2 * i + 1] = Math.floor(v / 4294967296);
  }
  return words;
}

/** The text of every row, one after another; nulls have none. @throws RESOURCE_EXHAUSTED beyond 2 GiB */
export function writtenOut(column: Column): { offsets: Int32Array; bytes: Uint8Array } {
  const { offsets: from, bytes: text } = column.dictionary!;
  const { length, validity } = column;
  const codes = column.values as Int32Array;
  const offsets = new Int32Array(length + 1);
  let total = 0;
  for (let i = 0; i < length; i++) {
    if (isValid(validity, i)) total += from[codes[i]! + 1]! - from[codes[i]!]!;
    offsets[i + 1] = total;
  }
  if (total >= 2 ** 31) {
    throw new VolleyError(
      'RESOURCE_EXHAUSTED',
      `${length} rows of one column hold ${total} bytes of text, more than the 2 GiB that Arrow has offsets for: take fewer rows at a time`,
      { bytes: total },
    );
  }
  const bytes = new Uint8Array(total);
  for (let i = 0; i < length; i++) {
    let at = offsets[i]!;
    const end = offsets[i + 1]!;
    if (at === end) continue;
    const start = from[codes[i]!]!;
    if (end - at > 32) bytes.set(text.subarray(start, start + end - at), at);
    else for (let k = start; at < end; ) bytes[at++] = text[k++]!;
  }
  return { offsets, bytes };
}
