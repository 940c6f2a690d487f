import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Answer, LaneWords } from './lane-words.js';

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

/** Wakes whoever sleeps on a word of the lane until somebody does, then once more when it has given the answer. */
const wakesTooEarly = `
const { workerData: { buffer, answered } } = require('node:worker_threads');
const words = new Int32Array(buffer);
const wake = () => words.reduce((woken, _, at) => woken + Atomics.notify(words, at), 0);
while (wake() === 0);
setTimeout(() => {
  for (const [at, value] of answered) Atomics.store(words, at, value);
  wake();
}, 20);
`;

test('a thread that is woken before there is an answer goes on sleeping: the engine may come late to wake it for the one before', async () => {
  const words = new LaneWords(1);
  words.answer(0, Answer.Granted, 7, 4096);
  // In the order in which an engine writes: the answer itself comes last.
  const written = [...new Int32Array(words.buffer).entries()].filter(([, value]) => value !== 0);
  const answered = written.sort(([, a], [, b]) => b - a);
  words.expectAnswer(0);
  const engine = new Worker(wakesTooEarly, { eval: true, workerData: { buffer: words.buffer, answered } });
  const exited = new Promise(resolve => engine.once('exit', resolve));
  expect(words.awaitAnswer(0)).toEqual({ granted: true, arena: 7, offset: 4096 });
  await exited;
});
