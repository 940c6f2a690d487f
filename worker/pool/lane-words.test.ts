import { expect, test } from 'vitest';
import { LaneWords } from './lane-words.js';

test('each position is claimed once, in order, until the batch ends', () => {
  const words = new LaneWords(2);
  words.open(1, 3);
  expect([words.claim(1), words.claim(1), words.claim(1), words.claim(1)]).toEqual([0, 1, 2, -1]);
  expect(words.claimed(1)).toBe(3);
  expect(words.claim(0)).toBe(-1);
});

test('what is taken back is never claimed, what is claimed is never taken back', () => {
  const thread = new LaneWords(new LaneWords(1).buffer);
  const engine = new LaneWords(thread.buffer);
  engine.open(0, 256);
  thread.claim(0);
  thread.claim(0);
  expect(engine.takeTail(0)).toBe(2);
  expect(thread.claim(0)).toBe(-1);
  expect(engine.takeTail(0)).toBe(2);
  expect(engine.claimed(0)).toBe(2);
});

test('threads see whether any lane has a batch', () => {
  const engine = new LaneWords(2);
  const thread = new LaneWords(engine.buffer);
  expect(thread.busy).toBe(false);
  engine.open(1, 1);
  thread.claim(1);
  expect(thread.busy).toBe(true);
  engine.close(1);
  expect(thread.busy).toBe(false);
});

test('a tail shorter than asked for stays', () => {
  const words = new LaneWords(1);
  words.open(0, 3);
  words.claim(0);
  expect(words.takeTail(0, 3)).toBe(null);
  expect(words.claim(0)).toBe(1);
  expect(words.takeTail(0, 1)).toBe(2);
  expect(words.claim(0)).toBe(-1);
});
