import { expect, test } from 'vitest';
import { checksumOf, plainChecksum, RunningChecksum } from './checksum.js';
import { blockBytes, checksumModule } from './checksum-kernel.js';
import { allocateNodeMemory } from './kernel-memory.js';
import { seededRng } from './rng.js';

const random = seededRng(7);
const shared = allocateNodeMemory(4 * blockBytes, 1, 0)!.memory.buffer;

/** Random bytes, `offset` bytes into memory that threads share. */
function sharedBytes(length: number, offset: number): Uint8Array {
  const bytes = new Uint8Array(shared, offset, length);
  for (let i = 0; i < length; i++) bytes[i] = random() * 256;
  return bytes;
}

/** As JavaScript. */
function plainly(bytes: Uint8Array): number {
  const { copy, run } = plainChecksum();
  let sum = 0;
  for (let at = 0; at < bytes.byteLength; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes);
    copy.set(block);
    sum = run(0, block.byteLength, sum)! >>> 0;
  }
  return sum;
}

const lengths = [
  1,
  3,
  4,
  127,
  128,
  129,
  1000,
  blockBytes - 1,
  blockBytes,
  blockBytes + 1,
  3 * blockBytes + 77,
];

test('one sum, wherever the bytes lie and however it is made', () => {
  // Otherwise the same loop would be compared with itself.
  expect([checksumModule(true), checksumModule(false)]).not.toContain(null);
  expect(checksumOf(new Uint8Array(0))).toBe(0);
  for (const length of lengths) {
    const bytes = sharedBytes(length, length % 7);
    const sum = checksumOf(bytes);
    expect(sum).toBe(sum >>> 0);
    expect(checksumOf(new Uint8Array(bytes)), `${length} bytes on the heap`).toBe(sum);
    expect(plainly(bytes), `${length} bytes without WebAssembly`).toBe(sum);
    const running = new RunningChecksum(bytes);
    for (let at = 0; at < length; ) {
      at = Math.min(length, at + 1 + Math.floor(random() * 50_000));
      running.advance(at);
    }
    expect(running.value, `${length} bytes in pieces`).toBe(sum);
  }
});

test('every flipped bit is found', () => {
  for (const length of [5, 131, 1100]) {
    const bytes = sharedBytes(length, 0);
    const sum = checksumOf(bytes);
    for (let bit = 0; bit < 8 * length; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(checksumOf(bytes)).not.toBe(sum);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
});

test('what sums are prone to miss is found: swaps, shifts, zeros, pairs of flipped bits', () => {
  const bytes = sharedBytes(2 * blockBytes, 0);
  const sum = checksumOf(bytes);
  const changed = (change: (copy: Uint8Array) => void) => {
    const copy = new Uint8Array(bytes);
    change(copy);
    return checksumOf(copy);
  };
  expect(changed(copy => copy.copyWithin(0, 1))).not.toBe(sum);
  expect(changed(copy => copy.copyWithin(0, blockBytes))).not.toBe(sum);
  expect(changed(copy => copy.fill(0, 4096, 8192))).not.toBe(sum);
  expect(changed(copy => copy.set(bytes.subarray(0, 128), 128))).not.toBe(sum);
  const swapped = (a: number, b: number, size: number) => (copy: Uint8Array) => {
    copy.set(bytes.subarray(a, a + size), b);
    copy.set(bytes.subarray(b, b + size), a);
  };
  for (const [a, b, size] of [
    [0, 4, 4],
    [0, 16, 16],
    [0, 128, 128],
    [0, blockBytes, blockBytes],
  ] as const) {
    expect(changed(swapped(a, b, size)), `${size} bytes swapped`).not.toBe(sum);
  }
  // In words of the same lane, of the same vector and of others; the highest bits are those that products lose.
  for (let k = 0; k < 4000; k++) {
    const first = 4 * Math.floor(random() * 16_000) + 3;
    const second =
      k % 3 === 0 ? (first + 128 * (1 + (k % 50))) % blockBytes : 4 * Math.floor(random() * 16_000) + 3;
    if (first === second) continue;
    bytes[first]! ^= 0x80;
    bytes[second]! ^= 0x80;
    expect(checksumOf(bytes), `bytes ${first} and ${second}`).not.toBe(sum);
    bytes[first]! ^= 0x80;
    bytes[second]! ^= 0x80;
  }
});

test('zeros of different lengths have different sums', () => {
  const sums = new Set(Array.from({ length: 600 }, (_, n) => checksumOf(new Uint8Array(n))));
  expect(sums.size).toBe(600);
});
