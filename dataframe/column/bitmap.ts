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
  let i = 0;
  let count = 0;
  const words = wordsOf(bitmap);
  if (words !== null) {
    i = (whole >> 2) << 2;
    count = countWords(words, whole >> 2);
  }
  for (; i < whole; i++) count += popcount[bitmap[i]!]!;
  const rest = rows & 7;
  if (rest !== 0) count += popcount[bitmap[whole]! & ((1 << rest) - 1)]!;
  return count;
}

/** Its whole words of 32 bits; null where it does not begin with one. */
function wordsOf(bytes: Uint8Array): Int32Array | null {
  if (bytes.byteOffset % 4 !== 0) return null;
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
}

/** Bits of the first words that are 1: sums of two, four and eight neighbours, then of all (Warren, Hacker's Delight, 5-1). */
function countWords(words: Int32Array, length: number): number {
  let count = 0;
  for (let i = 0; i < length; i++) {
    let v = words[i]!;
    v -= (v >>> 1) & 0x55555555;
    v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
    count += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
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
  const bitmap = new Uint8Array(bitmapBytes(rows));
  const whole = rows >> 3;
  let valid = flags.byteOffset % 4 === 0 ? packWords(flags, bitmap, whole) : packBytes(flags, bitmap, whole);
  for (let i = 8 * whole; i < rows; i++) {
    bitmap[i >> 3]! |= flags[i]! << (i & 7);
    valid += flags[i]!;
  }
  return valid === rows ? allValid : { validity: bitmap, nullCount: rows - valid };
}

function packWords(flags: Uint8Array, bitmap: Uint8Array, bytes: number): number {
  const words = new Int32Array(flags.buffer, flags.byteOffset, flags.byteLength >> 2);
  let valid = 0;
  for (let b = 0; b < bytes; b++) {
    // The factor moves the lowest bits of four bytes to the top four, and nothing else there.
    const low = Math.imul(words[2 * b]!, 0x10204080) >>> 28;
    const byte = low | ((Math.imul(words[2 * b + 1]!, 0x10204080) >>> 28) << 4);
    bitmap[b] = byte;
    valid += popcount[byte]!;
  }
  return valid;
}

function packBytes(flags: Uint8Array, bitmap: Uint8Array, bytes: number): number {
  let valid = 0;
  for (let b = 0, i = 0; b < bytes; b++, i += 8) {
    const low = flags[i]! | (flags[i + 1]! << 1) | (flags[i + 2]! << 2) | (flags[i + 3]! << 3);
    const high = flags[i + 4]! | (flags[i + 5]! << 1) | (flags[i + 6]! << 2) | (flags[i + 7]! << 3);
    const byte = low | (high << 4);
    bitmap[b] = byte;
    valid += popcount[byte]!;
  }
  return valid;
}

/** Writes `rows` bits, those of `bits` or all 1, from bit `from` of `out` on, which hold 0. */
export function appendBits(out: Uint8Array, from: number, bits: Uint8Array | null, rows: number): void {
  const to = wordsOf(out);
  const words = bits === null ? null : wordsOf(bits);
  if (to === null || (bits !== null && words === null)) {
    appendBytes(out, from, bits, rows);
    return;
  }
  const first = from >> 5;
  const shift = from & 31;
  // The last word is carried to one that is there.
  const whole = Math.max(0, Math.min(rows >> 5, to.length - 1 - first));
  let carried = whole === 0 ? 0 : to[first]!;
  for (let w = 0; w < whole; w++) {
    const word = words === null ? -1 : words[w]!;
    to[first + w] = carried | (word << shift);
    carried = shift === 0 ? 0 : word >>> (32 - shift);
  }
  if (whole > 0) to[first + whole] = carried;
  appendBytes(out, from + 32 * whole, bits === null ? null : bits.subarray(4 * whole), rows - 32 * whole);
}

function appendBytes(out: Uint8Array, from: number, bits: Uint8Array | null, rows: number): void {
  const shift = from & 7;
  const first = from >> 3;
  const whole = rows >> 3;
  let carried = out[first]!;
  for (let b = 0; b < whole; b++) {
    carried |= (bits === null ? 255 : bits[b]!) << shift;
    out[first + b] = carried;
    carried >>= 8;
  }
  const left = rows & 7;
  if (left > 0) carried |= ((bits === null ? 255 : bits[whole]!) & ((1 << left) - 1)) << shift;
  // A byte that is not begun may be behind the end.
  if (shift + left > 0) out[first + whole] = carried;
  if (shift + left > 8) out[first + whole + 1] = carried >> 8;
}

/** Bits [offset, offset + rows) of a bitmap, moved to the front. */
export function sliceBitmap(bitmap: Uint8Array, offset: number, rows: number): Uint8Array {
  const bytes = bitmapBytes(rows);
  const first = offset >> 3;
  const shift = offset & 7;
  if (shift === 0) return bitmap.slice(first, first + bytes);
  const out = new Uint8Array(bytes);
  for (let i = sliceWords(bitmap, offset, out); i < bytes; i++) {
    const low = bitmap[first + i] ?? 0;
    const high = bitmap[first + i + 1] ?? 0;
    out[i] = (low >> shift) | (high << (8 - shift));
  }
  return out;
}

/** The part of sliceBitmap that goes by words, of an offset that is no multiple of eight. Gives the bytes that were written. */
function sliceWords(bitmap: Uint8Array, offset: number, out: Uint8Array): number {
  const words = wordsOf(bitmap);
  if (words === null) return 0;
  const to = wordsOf(out)!;
  const first = offset >> 5;
  const shift = offset & 31;
  const whole = Math.min(to.length, words.length - 1 - first);
  for (let w = 0; w < whole; w++)
    to[w] = (words[first + w]! >>> shift) | (words[first + w + 1]! << (32 - shift));
  return 4 * Math.max(0, whole);
}
