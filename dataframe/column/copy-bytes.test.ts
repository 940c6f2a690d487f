import { expect, test } from 'vitest';
import { allocateNodeMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import { copyInto } from './copy-bytes.js';

const node = allocateNodeMemory(1 << 20, 1, 1 << 20)!;
const room = 400_000;
const places = {
  plain: () => new Uint8Array(room),
  shared: () => new Uint8Array(new SharedArrayBuffer(room)),
  kernel: () => new Uint8Array(node.memory.buffer, 8, room),
  'elsewhere in kernel': () => new Uint8Array(node.memory.buffer, room + 104, room),
};
type Place = keyof typeof places;
const names = Object.keys(places) as Place[];
const pairs = names.flatMap(from => names.filter(to => to !== from).map(to => [from, to] as const));

// Goal: whatever memory it is and however it lies, the same bytes arrive, and none beside them.
test.each(pairs)('from %s to %s', (from, to) => {
  const source = places[from]();
  for (let i = 0; i < room; i++) source[i] = (i * 31 + (i >> 8)) & 255;
  for (const length of [0, 1, 255, 256, 4097, limits.copyStageBytes + 1, 3 * limits.copyStageBytes + 5]) {
    for (const [start, at] of [
      [0, 0],
      [6, 0],
      [3, 5],
      [5, 13],
    ] as const) {
      const target = places[to]();
      target.fill(7);
      const bytes = source.subarray(start, start + length);
      copyInto(target, at, bytes);
      expect(Buffer.compare(target.subarray(at, at + length), bytes)).toBe(0);
      const rest = [target.subarray(0, at), target.subarray(at + length)];
      expect(rest.every(part => part.every(byte => byte === 7))).toBe(true);
    }
  }
});

test('more bytes than there is room for', () => {
  const target = new Uint8Array(node.memory.buffer, 0, 1000);
  expect(() => copyInto(target, 1, places.kernel().subarray(0, 1000))).toThrow(RangeError);
  expect(() => copyInto(target, 1, places.shared().subarray(0, 1000))).toThrow(RangeError);
});
