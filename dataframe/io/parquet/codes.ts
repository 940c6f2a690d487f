import { decodeHybrid } from './hybrid.js';

/** Codes of a dictionary page: one byte bit width, then the hybrid. Not checked against the dictionary yet. */
export function decodeCodes(
  page: Uint8Array,
  from: number,
  codes: Int32Array,
  at: number,
  count: number,
): void {
  requireBytes(page, from, 1);
  const width = page[from]!;
  if (width > 32) {
    throw new RangeError(`dictionary codes of ${width} bits`);
  }
  if (width === 0) {
    codes.fill(0, at, at + count);
  } else {
    decodeHybrid(page, from + 1, page.length, width, codes, at, count);
  }
}

/** `largest`: of all codes, taken as unsigned, so that a negative one is huge. */
export function requireCode(largest: number, entries: number): void {
  if (largest >= entries) {
    throw new RangeError(`dictionary code ${largest} of ${entries} entries`);
  }
}

export function requireBytes(page: Uint8Array, from: number, length: number): void {
  if (length < 0 || from + length > page.length) {
    throw new RangeError(`a page of ${page.length} bytes ends before its values`);
  }
}

export function viewOf(page: Uint8Array): DataView {
  return new DataView(page.buffer, page.byteOffset, page.byteLength);
}
