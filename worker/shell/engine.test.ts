import { afterEach, expect, test } from 'vitest';
import { taskContext } from '../../core/client/task-context.js';
import { fromFailure } from '../../core/wire/failure.js';
import { decodeValue, InputSlot } from '../../core/wire/payload.js';
import { HandHead, handEngine, inputTable } from '../testing/head.js';
import type { Engine } from './engine.js';

let head: HandHead;
let engine: Engine;

async function start(more: Parameters<typeof handEngine>[1] = {}): Promise<void> {
  head = await HandHead.start();
  engine = await handEngine(head, more);
}

afterEach(async () => {
  await engine.close();
  await head.close();
});

test('function tasks give their values, enclosed', async () => {
  await start();
  const template = head.install(1, (x: number) => x + 1);
  head.assign(
    1,
    template,
    Array.from({ length: 2000 }, (_, i) => [i]),
  );
  await head.until(() => head.finished(1).size === 2000);
  for (const [index, bytes] of head.finished(1)) expect(decodeValue(bytes!)).toBe(index + 1);
});

test('a stored result is the input of the next task, from slab and from heap', async () => {
  await start();
  const make = head.install(1, (n: number) => new Float64Array(n).fill(0.5));
  head.assign(1, make, [[10], [100_000]], { inlineResult: false });
  await head.until(() => head.finished(1).size === 2);
  const sum = head.install(1, (a: Float64Array, rest: { b: Float64Array }) => {
    let total = 0;
    for (const v of a) total += v;
    for (const v of rest.b) total += v;
    return total;
  });
  const table = inputTable([
    { job: 1, index: 0, holder: engine.worker },
    { job: 1, index: 1, holder: engine.worker },
  ]);
  head.assign(1, sum, [[new InputSlot(0), { b: new InputSlot(1) }]], { first: 10, inputs: [table] });
  await head.until(() => head.finished(1).has(10));
  expect(decodeValue(head.finished(1).get(10)!)).toBe(50_005);
});

// FAULTS 15
test('what a task throws arrives whole', async () => {
  await start();
  const template = head.install(1, (kind: number) => {
    if (kind === 0) throw Object.assign(new RangeError('too far'), { code: 'E_FAR', distance: 7 });
    if (kind === 1) throw new Error('outer', { cause: new TypeError('inner') });
    if (kind === 2) throw new AggregateError([new Error('a'), new Error('b')], 'many');
    throw { not: 'an error' };
  });
  head.assign(1, template, [[0], [1], [2], [3]]);
  await head.until(() => head.failures().length === 4);
  const failures = head.failures().sort((a, b) => a.task.index - b.task.index);
  expect(failures.map(f => f.reason)).toEqual(Array(4).fill('application'));
  const [range, outer, many, thrown] = failures.map(f => fromFailure(f.failure) as never as Error);
  expect(range).toMatchObject({ name: 'RangeError', message: 'too far', code: 'E_FAR', distance: 7 });
  expect(outer!.cause).toMatchObject({ name: 'TypeError', message: 'inner' });
  expect((many as AggregateError).errors.map((e: Error) => e.message)).toEqual(['a', 'b']);
  expect(thrown).toEqual({ not: 'an error' });
  expect(failures[0]!.failure.task).toEqual({ name: 'test', id: '1/0', node: 'tester', attempt: 1 });
});

// FAULTS 16
test('a result that cannot travel is a SERIALIZATION failure; the node is healthy', async () => {
  await start();
  const template = head.install(1, (kind: number) => {
    if (kind === 0) return () => 1;
    if (kind === 1) return { a: Symbol('s') };
    return kind;
  });
  head.assign(1, template, [[0], [1]]);
  head.assign(1, template, [[0], [1]], { first: 10, inlineResult: false });
  await head.until(() => head.failures().length === 4);
  expect(head.failures().map(f => f.failure.code)).toEqual(Array(4).fill('SERIALIZATION'));
  head.assign(1, template, [[42]], { first: 20 });
  await head.until(() => head.finished(1).has(20));
});

// FAULTS 17
test('a task that loops past its limit loses its thread, and the lane works again', async () => {
  await start({ threads: 1 });
  const loop = head.install(1, () => {
    for (;;);
  });
  head.assign(1, loop, [[]], { timeoutMs: 200 });
  const next = head.install(1, () => 7);
  head.assign(1, next, [[]], { first: 5 });
  await head.until(() => head.failures().length === 1 && head.finished(1).has(5));
  expect(head.failures()[0]).toMatchObject({ reason: 'timeout', failure: { code: 'TIMEOUT' } });
});

test('a running task that is cancelled loses its thread; its neighbour does not notice', async () => {
  await start({ threads: 2 });
  const loop = head.install(1, () => {
    for (;;);
  });
  const slow = head.install(1, async () => {
    await new Promise(resolve => setTimeout(resolve, 300));
    return 'done';
  });
  head.assign(1, loop, [[]]);
  head.assign(1, slow, [[]], { first: 5 });
  head.say({
    kind: 'cancel-tasks',
    job: 1 as never,
    indices: Uint32Array.of(0),
    attempts: Uint32Array.of(1),
  });
  await head.until(() => head.failures().length === 1 && head.finished(1).has(5));
  expect(head.failures()[0]).toMatchObject({ reason: 'cancelled', task: { index: 0 } });
});

// FAULTS 18
test('a thread that runs out of heap fails its task; its sibling lives', async () => {
  await start({ threads: 2, memoryBytes: 16 * 1024 * 1024 });
  const grow = head.install(1, () => {
    const kept: unknown[] = [];
    for (;;) kept.push(new Array(1000).fill(kept.length));
  });
  const sibling = head.install(1, async () => {
    await new Promise(resolve => setTimeout(resolve, 50));
    return 1;
  });
  head.assign(1, grow, [[]]);
  head.assign(1, sibling, [[], [], []], { first: 5 });
  await head.until(() => head.failures().length === 1 && head.finished(1).size === 3);
  expect(head.failures()[0]).toMatchObject({ reason: 'thread-lost', failure: { code: 'THREAD_LOST' } });
});

test('a task that heeds its signal ends without its thread', async () => {
  await start({ threads: 1 });
  const thread = head.install(1, () => process.getBuiltinModule('node:worker_threads').threadId);
  head.assign(1, thread, [[]]);
  await head.until(() => head.finished(1).size === 1);
  const wait = head.install(1, async () => {
    const { signal } = taskContext();
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  });
  head.assign(1, wait, [[]], { first: 1, timeoutMs: 50 });
  head.assign(1, thread, [[]], { first: 2 });
  await head.until(() => head.failures().length === 1 && head.finished(1).size === 2);
  expect(head.failures()[0]).toMatchObject({ reason: 'timeout', failure: { code: 'TIMEOUT' } });
  const [before, after] = [0, 2].map(index => decodeValue(head.finished(1).get(index)!));
  expect(after).toBe(before);
});

test('threads that exit, throw late or reject unheard take only their task along', async () => {
  await start({ threads: 2 });
  const bad = head.install(1, async (kind: number) => {
    if (kind === 0) process.exit(3);
    if (kind === 1) setTimeout(() => JSON.parse('{'), 1);
    if (kind === 2) Promise.reject(new Error('unheard'));
    await new Promise(resolve => setTimeout(resolve, 10_000));
  });
  head.assign(1, bad, [[0], [1], [2]]);
  const good = head.install(1, () => 1);
  head.assign(1, good, [[], [], []], { first: 10 });
  await head.until(() => head.failures().length === 3 && head.finished(1).size === 3);
  for (const failure of head.failures()) {
    expect(failure).toMatchObject({ reason: 'thread-lost', failure: { code: 'THREAD_LOST' } });
  }
});

// FAULTS 20
test('resident memory over its limit pauses the node; over twice the limit it ends, to be restarted', async () => {
  await start({ rssLimitBytes: process.memoryUsage.rss() * 0.8 });
  await head.until(() => head.heard.some(message => message.kind === 'heartbeat' && message.paused));
  const seen = head.heard.filter(message => message.kind === 'fault-seen');
  expect(seen.map(message => message.fault)).toEqual(['memory-pressure']);
  await engine.close();
  await start({ rssLimitBytes: 1 });
  expect(await engine.closed).toMatch(/resident bytes are more than twice the limit/);
});
