import { bitmapBytes } from '../../column/bitmap.js';
import type { Lent } from '../../kernels/lent.js';

/** Values that are equal from which a run of them is shorter than packing them. */
const equalPerRun = 8;

/** Definition levels of rows [from, to) of an optional column, with their length in front: as version 1 pages begin. */
export function definitionLevels(validity: Uint8Array | null, from: number, to: number): Uint8Array {
  const rows = to - from;
  const body: number[] = [];
  if (validity === null) {
    varint(body, rows * 2);
    body.push(1);
    return withLength(Uint8Array.from(body));
  }
  // A bitmap is what a packed run of one bit a value is.
  varint(body, (bitmapBytes(rows) << 1) | 1);
  const bytes = new Uint8Array(body.length + bitmapBytes(rows));
  bytes.set(body);
  for (let i = 0; i < rows; i++) {
    const row = from + i;
    bytes[body.length + (i >> 3)]! |= ((validity[row >> 3]! >> (row & 7)) & 1) << (i & 7);
  }
  return withLength(bytes);
}

/** Levels up to `most`, with their length in front. */
export function levelRuns(levels: Uint8Array, most: number, lent: Lent): Uint8Array {
  return withLength(hybrid(levels, 32 - Math.clz32(most), [], lent));
}

/** Codes of a page: their width in bits, then the codes. */
export function dictionaryCodes(codes: Int32Array, entries: number, lent: Lent): Uint8Array {
  const width = entries <= 1 ? 0 : 32 - Math.clz32(entries - 1);
  return hybrid(codes, width, [width], lent);
}

/** Runs of equal values, or all of them packed, behind what is in `head`. */
function hybrid(codes: Int32Array | Uint8Array, width: number, head: number[], lent: Lent): Uint8Array {
  let runs = codes.length === 0 ? 0 : 1;
  for (let i = 1; i < codes.length; i++) runs += codes[i] === codes[i - 1] ? 0 : 1;
  if (width === 0 || runs * equalPerRun <= codes.length)
    return Uint8Array.from(equalRuns(codes, width, head));
  const groups = (codes.length + 7) >> 3;
  varint(head, (groups << 1) | 1);
  const out = lent.bytes(head.length + groups * width);
  out.set(head);
  const end = packBits(codes, width, out, head.length);
  out.fill(0, end);
  return out;
}

function equalRuns(codes: Int32Array | Uint8Array, width: number, out: number[]): number[] {
  for (let i = 0; i < codes.length; ) {
    let end = i + 1;
    while (end < codes.length && codes[end] === codes[i]) end++;
    varint(out, (end - i) * 2);
    for (let b = 0; b < width; b += 8) out.push((codes[i]! >>> b) & 255);
    i = end;
  }
  return out;
}

/** Fields of `width` <= 24 bits, lowest first. @returns the byte behind them */
function packBits(codes: Int32Array | Uint8Array, width: number, out: Uint8Array, at: number): number {
  let bits = 0;
  let held = 0;
  for (let i = 0; i < codes.length; i++) {
    bits |= codes[i]! << held;
    held += width;
    while (held >= 8) {
      out[at++] = bits & 255;
      bits >>>= 8;
      held -= 8;
    }
  }
  if (held > 0) out[at++] = bits & 255;
  return at;
}

function varint(out: number[], value: number): void {
  for (; value >= 128; value = Math.floor(value / 128)) out.push((value % 128) | 128);
  out.push(value);
}

function withLength(levels: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + levels.length);
  new DataView(out.buffer).setInt32(0, levels.length, true);
  out.set(levels, 4);
  return out;
}
