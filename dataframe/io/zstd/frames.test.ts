import { beforeAll, expect, test } from 'vitest';
import { allocateNodeMemory, shareNodeMemory, workFor } from '../../../core/base/kernel-memory.js';
import { type Rng, seededRng } from '../../../core/base/rng.js';
import { newSeed } from '../testing/oracle.js';
import { type ZstdLibrary, zstdLibrary } from '../testing/zstd-library.js';
import { XxHash64 } from '../xxhash64.js';
import { framesSlack } from './frames.js';
import { readFrameHead } from './head.js';
import { unpackFrames } from './unpack.js';

const MiB = 2 ** 20;

let through: ZstdLibrary;
beforeAll(async () => {
  through = await zstdLibrary();
});

const pack = (bytes: Uint8Array, level: number) =>
  through('_compress', bytes, bytes.length + 4096 + (bytes.length >> 6), level)!;

function unpacked(packed: Uint8Array, size: number): Uint8Array | null {
  try {
    return unpackFrames(packed, size, size, null);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return null;
  }
}

const kinds: readonly ((random: Rng, size: number) => Uint8Array)[] = [
  (random, size) => Uint8Array.from({ length: size }, () => random() * 256),
  // Few symbols, hardly a match: literals are all there is to pack.
  (random, size) => Uint8Array.from({ length: size }, () => 20 * random() * random()),
  (random, size) => new Uint8Array(size).fill(random() * 256),
  // Numbers as text, integers and floats as bytes.
  (random, size) =>
    Buffer.from(Array.from({ length: size / 8 }, () => `id${Math.floor(random() * 1e5)}`).join('')),
  (random, size) => {
    const bound = 2 ** (32 * random());
    return new Uint8Array(Int32Array.from({ length: size / 4 }, () => random() * bound).buffer);
  },
  (random, size) =>
    new Uint8Array(Float64Array.from({ length: size / 8 }, () => Math.round(random() * 1e8) / 1e6).buffer),
  // What repeats soon, of any period.
  (random, size) => {
    const out = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const period = 1 + Math.floor(random() * 40);
      const end = Math.min(size, at + Math.floor(random() * 400));
      for (let i = at; i < end; i++) out[i] = i < at + period ? random() * 256 : out[i - period]!;
      at = end + 1;
    }
    return out;
  },
  // What repeats after long.
  (random, size) => {
    const out = Uint8Array.from({ length: size }, () => random() * 256);
    for (let i = 0; i < 50; i++) {
      const from = Math.floor(random() * size);
      out.copyWithin(Math.floor(random() * size), from, from + Math.floor(random() * 90_000));
    }
    return out;
  },
];

/** A size of any magnitude. */
const sizeOf = (random: Rng) => Math.floor(2 ** (random() * 21));

// Goal: what the library packs is unpacked to the bytes it was, at all levels, and its first bytes to the same.
test('frames of all levels', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  for (let round = 0; round < 150; round++) {
    const bytes = kinds[round % kinds.length]!(random, sizeOf(random));
    const level = 1 + Math.floor(random() * (bytes.length > MiB / 4 ? 7 : 19));
    const packed = pack(bytes, level);
    const enough = Math.floor(random() * bytes.length);
    const story = `seed ${seed}, round ${round}, level ${level}, ${bytes.length} bytes`;
    expect(Buffer.compare(unpackFrames(packed, bytes.length, bytes.length, null), bytes), story).toBe(0);
    const first = unpackFrames(packed, bytes.length, enough, null);
    expect(first.length, story).toBeGreaterThanOrEqual(enough);
    expect(Buffer.compare(first, bytes.subarray(0, first.length)), story).toBe(0);
  }
});

// Goal: the same where kernels work, at addresses that are negative as 32-bit integers; what lies there in between does no harm.
test('frames in the memory of kernels', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  const node = allocateNodeMemory(2 ** 31 + 64 * MiB, 1, 64 * MiB);
  if (node === null) throw new Error('this machine has no address space for the test');
  shareNodeMemory(node);
  workFor(0);
  try {
    const bytes = new Uint8Array(node.memory.buffer);
    const start = node.slabBytes;
    for (let round = 0; round < 30; round++) {
      const plain = kinds[round % kinds.length]!(random, sizeOf(random));
      const packed = pack(plain, 3);
      bytes.set(packed, start + round);
      const input = bytes.subarray(start + round, start + round + packed.length);
      const room = (size: number) => bytes.subarray(start + 16 * MiB, start + 16 * MiB + size);
      const out = unpackFrames(input, plain.length, plain.length, room);
      expect(out.byteOffset).toBe(start + 16 * MiB);
      expect(Buffer.compare(out, plain), `seed ${seed}, round ${round}`).toBe(0);
      bytes.fill(round, start + node.scratchBytes, start + node.scratchBytes + 200_000);
    }
  } finally {
    workFor(null);
    shareNodeMemory(null);
  }
});

// Goal: frames one after another, some to be skipped, with checksums; none that is damaged, or asks for what is not there.
test('forms of frames', () => {
  const random = seededRng(1);
  const [a, b] = [kinds[3]!(random, 300_000), kinds[1]!(random, 5_000)];
  const skipped = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
  const sealed = withChecksum(pack(a, 3), a);
  const whole = Buffer.concat([skipped, sealed, pack(b, 5), skipped]);
  const both = Buffer.concat([a, b]);
  expect(Buffer.compare(unpacked(whole, both.length)!, both)).toBe(0);
  expect(Buffer.compare(through('_decompress', whole, both.length)!, both)).toBe(0);
  for (const frame of [
    flipped(sealed, sealed.length - 1, 1),
    whole.subarray(0, -1),
    Buffer.concat([whole, Uint8Array.of(1)]),
    // A dictionary, of number 0x28 and some more.
    flipped(sealed, 4, 1),
    flipped(sealed, 4, 8),
    flipped(sealed, 0, 1),
  ]) {
    expect(unpacked(frame, both.length)).toBe(null);
  }
  expect(unpacked(whole, both.length - 1)).toBe(null);
  expect(() => readFrameHead(flipped(sealed, 4, 1), 0)).toThrow(/dictionary/);
});

function withChecksum(packed: Uint8Array, bytes: Uint8Array): Uint8Array {
  const hash = new XxHash64();
  hash.hash(bytes, 0, bytes.length);
  const frame = flipped(packed, 4, 4);
  return Buffer.concat([frame, Uint8Array.of(hash.low, hash.low >>> 8, hash.low >>> 16, hash.low >>> 24)]);
}

function flipped(bytes: Uint8Array, at: number, bits: number): Uint8Array {
  // Of a Buffer, slice() is no copy.
  const out = Uint8Array.from(bytes);
  out[at]! ^= bits;
  return out;
}

// Goal: damaged frames are refused, or unpacked to what the library makes of them; nothing is written where others have theirs.
test.each([
  ['one block', 3000, 0, 15],
  // The literals of two are unpacked together.
  ['several blocks', 160, 17, 19],
])('damaged frames of %s', (_, rounds, least, most) => {
  const seed = newSeed();
  const random = seededRng(seed);
  let [refused, same] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const size = Math.floor(2 ** (least + random() * (most - least)));
    const bytes = kinds[round % kinds.length]!(random, size);
    const packed = pack(bytes, 1 + Math.floor(random() * 12));
    for (let flips = 0; flips < 1 + 3 * random(); flips++) {
      // Heads are where most of a frame's forms are told.
      const at = Math.floor(packed.length * random() ** 3);
      packed[at]! ^= 1 << (8 * random());
    }
    const cut = random() < 0.1 ? packed.subarray(0, packed.length * random()) : packed;
    const out = unpacked(cut, bytes.length);
    const expected = out && through('_decompress', cut, bytes.length);
    if (out === null) refused++;
    if (!out || !expected) continue;
    expect(Buffer.compare(out, expected), `seed ${seed}, round ${round}`).toBe(0);
    same++;
  }
  expect(refused).toBeGreaterThan(rounds / 6);
  expect(same).toBeGreaterThan(rounds / 30);
});

// Goal: room is written to up to what is said, whatever the bytes are.
test('what lies behind the room', () => {
  const random = seededRng(2);
  const node = allocateNodeMemory(MiB, 1, 16 * MiB)!;
  shareNodeMemory(node);
  workFor(0);
  try {
    const all = new Uint8Array(node.memory.buffer);
    for (let round = 0; round < 1000; round++) {
      const plain = kinds[round % kinds.length]!(random, Math.floor(2 ** (random() * 13)));
      const packed = pack(plain, 3);
      packed[Math.floor(packed.length * random())]! ^= 1 << (8 * random());
      const input = node.slabBytes;
      const start = input + MiB;
      // Less than there is.
      const size = Math.floor(plain.length * random());
      all.fill(0xa5, start - 256, start + plain.length + 256);
      all.set(packed, input);
      const room = (bytes: number) => all.subarray(start, start + bytes);
      try {
        unpackFrames(all.subarray(input, input + packed.length), size, size, room);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
      const others = [
        ...all.subarray(start - 256, start),
        ...all.subarray(start + size + framesSlack, start + plain.length + 256),
      ];
      expect(others.every(byte => byte === 0xa5)).toBe(true);
    }
  } finally {
    workFor(null);
    shareNodeMemory(null);
  }
});
