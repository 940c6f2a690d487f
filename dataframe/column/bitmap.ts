/** Arrow validity bitmaps: least significant bit first, 1 = valid. */

/** Bytes of a bitmap over `rows`. */
export function bitmapBytes(rows: number): number {
  return (rows + 7) >>> 3;
}

export function isValid(bitmap: Uint8Array | null, row: number): boolean {
  return bitmap === null || ((bitmap[row >> 3]! >> (row & 7)) & 1) === 1;
}

const popcount = new Uint8Array(256);
for (let i = 1; i < 256; i++) popcount[i] = popcount[i >> 1]! + (i & 1);

/** Bits that are 1 among the first `rows`. */
export function countValid(bitmap: Uint8Array, rows: number): number {
  const whole = rows >> 3;
  let count = 0;
  for (let i = 0; i < whole; i++) count += popcount[bitmap[i]!]!;
  const rest = rows & 7;
  if (rest !== 0) count += popcount[bitmap[whole]! & ((1 << rest) - 1)]!;
  return count;
}

export interface Validity {
  /** null when nothing is null. */
  readonly validity: Uint8Array | null;
  readonly nullCount: number;
}

const allValid: Validity = { validity: null, nullCount: 0 };

/** Packs one byte per row (1 = valid, 0 = null; nothing else) into bits. */
export function packValidity(flags: Uint8Array, rows: number): Validity {
  let valid = 0;
  for (let i = 0; i < rows; i++) valid += flags[i]!;
  if (valid === rows) return allValid;
  const bitmap = new Uint8Array(bitmapBytes(rows));
  for (let i = 0; i < rows; i++) bitmap[i >> 3]! |= flags[i]! << (i & 7);
  return { validity: bitmap, nullCount: rows - valid };
}

/** Bits [offset, offset + rows) of a bitmap, moved to the front. */
export function sliceBitmap(bitmap: Uint8Array, offset: number, rows: number): Uint8Array {
  const bytes = bitmapBytes(rows);
  const first = offset >> 3;
  const shift = offset & 7;
  if (shift === 0) return bitmap.slice(first, first + bytes);
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) {
    const low = bitmap[first + i] ?? 0;
    const high = bitmap[first + i + 1] ?? 0;
    out[i] = (low >> shift) | (high << (8 - shift));
  }
  return out;
}
