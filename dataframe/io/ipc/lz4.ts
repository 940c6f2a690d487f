import { xxHash32 } from './xxhash.js';

/** LZ4 frames (lz4_Frame_format.md 1.6): blocks may refer to those before them, which plain block decoders cannot do. */
const magic = 0x184d2204;
/** Matches are at least 4 bytes; the last 5 bytes are literals, and no match begins within the last 12. */
const minMatch = 4;
const lastLiterals = 5;
const matchLimit = 12;

/** Fills `out` exactly. Never writes beyond it. @throws RangeError when that is not what the frame holds */
export function unpackLz4(input: Uint8Array, out: Uint8Array): void {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (view.getUint32(0, true) !== magic) throw new RangeError('no LZ4 frame');
  const flags = view.getUint8(4);
  const blockChecksum = (flags & 0x10) !== 0;
  const contentChecksum = (flags & 0x04) !== 0;
  if (flags >> 6 !== 1 || (flags & 0x03) !== 0) throw new RangeError('an LZ4 frame of unknown form');
  let p = 6;
  if ((flags & 0x08) !== 0) {
    const claimed = view.getUint32(p + 4, true) * 4294967296 + view.getUint32(p, true);
    if (claimed !== out.length) throw new RangeError(`an LZ4 frame of ${claimed} bytes claims ${out.length}`);
    p += 8;
  }
  if (view.getUint8(p) !== ((xxHash32(input.subarray(4, p)) >>> 8) & 255)) throw damaged();
  p++;
  let at = 0;
  for (;;) {
    const word = view.getUint32(p, true);
    p += 4;
    if (word === 0) break;
    const size = word & 0x7fffffff;
    if (p + size > input.length) throw damaged();
    const block = input.subarray(p, p + size);
    if (word >>> 31 === 0) at = unpackBlock(block, out, at);
    else {
      if (at + size > out.length) throw damaged();
      out.set(block, at);
      at += size;
    }
    p += size;
    if (blockChecksum) {
      if (view.getUint32(p, true) !== xxHash32(block)) throw damaged();
      p += 4;
    }
  }
  if (contentChecksum && view.getUint32(p, true) !== xxHash32(out)) throw damaged();
  if (at !== out.length) throw new RangeError(`an LZ4 frame of ${at} bytes claims ${out.length}`);
}

function damaged(): RangeError {
  return new RangeError('a damaged LZ4 frame');
}

/** @returns where the output ends */
function unpackBlock(block: Uint8Array, out: Uint8Array, at: number): number {
  const end = block.length;
  for (let p = 0; p < end; ) {
    const token = block[p++]!;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && p < end) literals += more = block[p++]!;
    }
    if (p + literals > end || at + literals > out.length) throw damaged();
    if (literals > 32) {
      out.set(block.subarray(p, p + literals), at);
      p += literals;
      at += literals;
    } else for (const to = p + literals; p < to; ) out[at++] = block[p++]!;
    if (p === end) break;
    if (p + 2 > end) throw damaged();
    const distance = block[p]! | (block[p + 1]! << 8);
    p += 2;
    let length = (token & 15) + minMatch;
    if (length === 15 + minMatch) {
      let more = 255;
      while (more === 255 && p < end) length += more = block[p++]!;
    }
    if (distance === 0 || distance > at || at + length > out.length) throw damaged();
    if (distance >= length && length > 32) {
      out.copyWithin(at, at - distance, at - distance + length);
      at += length;
    } else for (const to = at + length; at < to; at++) out[at] = out[at - distance]!;
  }
  return at;
}

/** Bytes of a block: the largest that the format has. */
const blockBytes = 4 * 1024 * 1024;
const hashBits = 14;
const table = new Int32Array(2 ** hashBits);

/** One frame, its size in front, of blocks that stand alone. */
export function packLz4(input: Uint8Array): Uint8Array {
  const blocks = Math.ceil(input.length / blockBytes);
  const out = new Uint8Array(15 + input.length + 4 * blocks + 4);
  const view = new DataView(out.buffer);
  view.setUint32(0, magic, true);
  // Version 1, blocks stand alone, the size of the content is told; blocks of up to 4 MiB.
  out[4] = 0x68;
  out[5] = 0x70;
  view.setUint32(6, input.length, true);
  view.setUint32(10, Math.floor(input.length / 4294967296), true);
  out[14] = (xxHash32(out.subarray(4, 14)) >>> 8) & 255;
  let p = 15;
  for (let from = 0; from < input.length; from += blockBytes) {
    const block = input.subarray(from, from + blockBytes);
    const size = packBlock(block, out.subarray(p + 4, p + 4 + block.length - 1));
    if (size < 0) out.set(block, p + 4);
    view.setUint32(p, size < 0 ? (block.length | 0x80000000) >>> 0 : size, true);
    p += 4 + (size < 0 ? block.length : size);
  }
  return out.subarray(0, p + 4);
}

/** Greedy: the last place of every four bytes. @returns bytes written; -1: they do not fit `out` */
function packBlock(input: Uint8Array, out: Uint8Array): number {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const last = input.length - matchLimit;
  table.fill(-1);
  let at = 0;
  let anchor = 0;
  let misses = 0;
  for (let p = 0; p <= last; ) {
    const word = view.getInt32(p, true);
    const slot = Math.imul(word, -1640531535) >>> (32 - hashBits);
    const match = table[slot]!;
    table[slot] = p;
    if (match < 0 || p - match > 65535 || view.getInt32(match, true) !== word) {
      // What does not compress is stepped through faster and faster.
      p += 1 + (misses++ >> 6);
      continue;
    }
    misses = 0;
    let length = minMatch;
    const most = input.length - lastLiterals - p;
    while (length < most && input[match + length] === input[p + length]) length++;
    at = putSequence(input, anchor, p, out, at, p - match, length);
    if (at < 0) return -1;
    p += length;
    anchor = p;
  }
  return putSequence(input, anchor, input.length, out, at, 0, minMatch);
}

/** Literals [from, to), then a match; distance 0: none, they are the last. @returns where it ends; -1: no room */
function putSequence(
  input: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  distance: number,
  length: number,
): number {
  const literals = to - from;
  const matched = length - minMatch;
  const most = 1 + Math.floor(literals / 255) + 1 + literals + 2 + Math.floor(matched / 255) + 1;
  if (at + most > out.length) return -1;
  out[at++] = (Math.min(literals, 15) << 4) | Math.min(matched, 15);
  if (literals >= 15) at = putLength(out, at, literals - 15);
  if (literals > 32) {
    out.set(input.subarray(from, to), at);
    at += literals;
  } else for (let k = from; k < to; ) out[at++] = input[k++]!;
  if (distance === 0) return at;
  out[at++] = distance & 255;
  out[at++] = distance >> 8;
  return matched >= 15 ? putLength(out, at, matched - 15) : at;
}

function putLength(out: Uint8Array, at: number, rest: number): number {
  for (; rest >= 255; rest -= 255) out[at++] = 255;
  out[at++] = rest;
  return at;
}
