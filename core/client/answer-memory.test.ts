import { afterEach, expect, test, vi } from 'vitest';
import { limits } from '../base/limits.js';
import { AnswerMemory } from './answer-memory.js';

const least = limits.answerLeastBytes;
const memory = new AnswerMemory();

afterEach(() => {
  memory.clear();
  vi.useRealTimers();
});

test('memory that was given back, once, is given again where it fits', () => {
  const first = memory.take(3 * least + 1);
  expect(first.bytes.byteLength).toBe(3 * least + 1);
  first.release();
  first.release();
  expect(memory.take(least).bytes.buffer).not.toBe(first.bytes.buffer);
  const again = memory.take(2 * least);
  expect([again.bytes.buffer === first.bytes.buffer, again.bytes.byteLength]).toEqual([true, 2 * least]);
  expect(memory.take(2 * least).bytes.buffer).not.toBe(first.bytes.buffer);
});

test('small results are the collector’s business alone', () => {
  const { bytes, release } = memory.take(least - 1);
  expect(bytes.buffer).toBeInstanceOf(ArrayBuffer);
  release();
  expect(memory.take(least - 1).bytes.buffer).not.toBe(bytes.buffer);
});

test('the smallest that is large enough is taken, of no more than is kept', () => {
  const sizes = [6, 4, 5].map(times => memory.take(times * least));
  for (const each of sizes) each.release();
  expect(memory.take(3 * least).bytes.buffer).toBe(sizes[1]!.bytes.buffer);
  const half = limits.answerKeptBytes / 2;
  const three = [0, 1, 2].map(() => memory.take(half));
  for (const each of three) each.release();
  const found = [0, 1, 2].map(() => memory.take(half).bytes.buffer);
  expect(found.map(buffer => three.findIndex(each => each.bytes.buffer === buffer)).sort()).toEqual([
    -1, 1, 2,
  ]);
});

test('what nobody uses for a while is let go', () => {
  vi.useFakeTimers();
  const { bytes, release } = memory.take(least);
  release();
  vi.advanceTimersByTime(limits.answerIdleMs + 1);
  expect(memory.take(least).bytes.buffer).not.toBe(bytes.buffer);
});
