import type { Dictionary } from '../column/column.js';

/** Rows whose strings are brought into the cache together: their misses overlap. */
const blockRows = 128;

/**
 * The strings of `codes` one after another: entry i is row i's. Reading a large dictionary in random order waits for
 * memory most of the time; here many reads are under way at once, and bytes move four at a time. null where few long
 * strings come so often that together they outgrow the dictionary.
 */
export function textOfRows(dictionary: Dictionary, codes: Int32Array): Dictionary | null {
  const rows = codes.length;
  const starts = new Int32Array(rows);
  const offsets = new Int32Array(rows + 1);
  const size = placeRows(dictionary.offsets, codes, starts, offsets);
  if (size > dictionary.bytes.byteLength) return null;
  // Four bytes at a time may run over the end of the last string.
  const bytes = new Uint8Array(size + 4);
  copyRows(dictionary.bytes, starts, offsets, bytes);
  return { length: rows, offsets, bytes: bytes.subarray(0, size), repeats: true };
}

function placeRows(from: Int32Array, codes: Int32Array, starts: Int32Array, offsets: Int32Array): number {
  let end = 0;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    const start = from[code]!;
    starts[i] = start;
    end += from[code + 1]! - start;
    offsets[i + 1] = end;
  }
  return end;
}

/** Copies the string that begins at starts[i] to offsets[i], up to offsets[i + 1]; `to` has four bytes more. */
export function copyRows(from: Uint8Array, starts: Int32Array, offsets: Int32Array, to: Uint8Array): void {
  const source = new DataView(from.buffer, from.byteOffset, from.byteLength);
  const target = new DataView(to.buffer, to.byteOffset, to.byteLength);
  const rows = starts.length;
  const last = from.byteLength - 4;
  let touched = 0;
  for (let block = 0; block < rows; block += blockRows) {
    const until = Math.min(rows, block + blockRows);
    // An empty last string starts where there is no byte.
    for (let i = block; i < until; i++) touched ^= from[Math.min(starts[i]!, last + 3)]!;
    for (let i = block; i < until; i++) {
      let at = starts[i]!;
      let p = offsets[i]!;
      const end = offsets[i + 1]!;
      for (; p < end && at <= last; p += 4, at += 4) target.setInt32(p, source.getInt32(at, true), true);
      for (; p < end; p++, at++) to[p] = from[at]!;
    }
  }
  // Keeps the reads above from being left out.
  if (touched > 255) throw new Error('volley bug: bytes beyond 255');
}
