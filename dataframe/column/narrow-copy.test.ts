import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import type { Physical, Values } from './column.js';
import { viewValues } from './layout.js';
import { isNarrow } from './narrow.js';
import { copyNarrow } from './narrow-copy.js';

const seed = testSeed();
const slabs = workInKernelMemory(16 * 1024 * 1024, 1024 * 1024);
const target = 8 * 1024 * 1024;

/** The lowest bytes of what lies in the node's memory, and what is behind them. */
function copied(from: Physical, to: Physical, length: number, random: () => number): [Values, Values] {
  const source = viewValues(from, slabs.buffer, 64, length);
  for (let i = 0; i < length; i++) source[i] = Math.floor(random() * 2 ** 32);
  const place = viewValues(to, slabs.buffer, target, length + 1);
  place.fill(77);
  copyNarrow(place.subarray(0, length) as Values, source);
  const expected = viewValues(to, new ArrayBuffer(4 * length + 4), 0, length + 1);
  expected.set(source as never);
  expected[length] = 77;
  return [place, expected];
}

test.each(['u8', 'i8', 'u16', 'i16'] as const)('%s gets the same bits as V8 gives it', to => {
  const random = seededRng(seed);
  expect(isNarrow(to)).toBe(true);
  for (const from of ['i32', 'u32', 'code'] as const) {
    for (const length of [0, 1, 1023, 1024, 1039, 70_001]) {
      const [found, expected] = copied(from, to, length, random);
      expect(
        Buffer.from(found.slice().buffer).equals(Buffer.from(expected.buffer, 0, found.byteLength)),
      ).toBe(true);
    }
  }
});

test('memory that is not that of kernels', () => {
  const source = Int32Array.from({ length: 5000 }, (_, i) => i);
  const bytes = new Uint8Array(5000);
  copyNarrow(bytes, source);
  expect([...bytes]).toEqual(Array.from(source, value => value & 255));
});
