import { expect, test } from 'vitest';
import type { JobId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import { holdersTable, J, T, TestNode } from '../testing/node.js';
import { tasksOnLanes } from './lanes.js';

test('an unknown template runs alone; a short one in batches that all lanes share', () => {
  const node = new TestNode({ threads: 2 });
  node.assign([0, 1, 2, 3, 4, 5, 6, 7]).expectSaid('lane 0 runs 0', 'lane 1 runs 1');
  node.complete(0).expectSaid('lane 0 runs 2 3 4', 'finished 0');
  node.complete(1).expectSaid('lane 1 runs 5 6', 'finished 1');
});

test('a stage over partitions, which are cut to take milliseconds, comes in batches from the first on', () => {
  const node = new TestNode({ threads: 2 });
  const spec = { job: J, template: T, kind: 'fragment', name: 'f', body: Uint8Array.of(1) } as const;
  node.head({ kind: 'template', spec });
  const inline = [0, 1, 2, 3].map(() => Uint8Array.of(1));
  node.assign([0, 1, 2, 3], { inputs: [holdersTable([[], [], [], []], { inline })] });
  node.expectSaid('lane 0 runs 0 1', 'lane 1 runs 2 3');
});

test('a batch lasts no longer than limits.threadBatchMs is meant to', () => {
  const node = new TestNode().learn(16_000);
  node.assign([0, 1, 2, 3, 4]).expectSaid('lane 0 runs 0 1');
});

test('what a template takes is remembered from one job to the next', () => {
  const node = new TestNode().learn(4000);
  const spec = { job: 2 as JobId, template: T, kind: 'function', name: 'f' } as const;
  node.head({ kind: 'template', spec: { ...spec, body: new Uint8Array(1) } });
  expect(node.worker.jobs.get(spec.job)!.templates.get(T)).toMatchObject({ meanUs: 4000 });
  node.head({ kind: 'template', spec: { ...spec, body: Uint8Array.of(1) } });
  expect(node.worker.jobs.get(spec.job)!.templates.get(T)).toMatchObject({ meanUs: -1 });
  for (let k = 0; k < limits.knownTemplates + 9; k++) {
    node.head({ kind: 'template', spec: { ...spec, body: Uint8Array.of(2, k & 255, k >> 8) } });
  }
  expect(node.worker.known.size).toBe(limits.knownTemplates);
});

test('tasks that are reported together are in no batch with others, and their thread is told', () => {
  const node = new TestNode().learn(10);
  node.assign([0]).expectSaid('lane 0 runs 0');
  node.assign([1, 2], { reportedTogether: true }).assign([3], { reportedTogether: true }).assign([4]);
  expect(node.batches.get(0)!.together).toBe(false);
  node.complete(0).expectSaid('lane 0 runs 1 2 3', 'finished 0');
  expect(node.batches.get(0)!.together).toBe(true);
  // Goal: what the thread had not told when it died is made again, without an attempt.
  node.die(0, 2).expectSaid('failed 2: thread-lost', 'lane 0 runs 1 3');
});

test('higher priority first, then first come', () => {
  const node = new TestNode();
  node.assign([0]).expectSaid('lane 0 runs 0');
  node.assign([1], { priority: 1 }).assign([2], { priority: 5 }).assign([3], { priority: 5 }).expectQuiet();
  node.complete(0).expectSaid('lane 0 runs 2 3 1', 'finished 0');
});

test('resources hold tasks back, not those behind them', () => {
  const node = new TestNode({ threads: 3, resources: { gpu: 1 } });
  node
    .assign([0, 1], { resources: { gpu: 1 } })
    .assign([2])
    .expectSaid('lane 0 runs 0', 'lane 1 runs 2');
  node.complete(0).expectSaid('lane 0 runs 1', 'finished 0');
});

test('a task of two cpus leaves no room for a third', () => {
  const node = new TestNode({ threads: 2 });
  node
    .assign([0], { resources: { cpu: 2 } })
    .assign([1])
    .expectSaid('lane 0 runs 0');
  node.complete(0).expectSaid('lane 0 runs 1', 'finished 0');
});

// Goal: only the guilty task counts an attempt when a thread dies.
test('a thread dies: the running task fails, finished ones stay finished, the rest runs again here', () => {
  const node = new TestNode().learn(10);
  node.assign([0, 1, 2, 3]).expectSaid('lane 0 runs 0 1 2 3');
  node.finish(0, [0]).expectSaid('finished 0');
  node.die(0, 3).expectSaid('failed 2: thread-lost', 'lane 0 runs 1 3');
  node.complete(0).expectSaid('finished 1 3').expectIdle();
});

test('a thread that dies before it begins is laid at the first task’s door', () => {
  const node = new TestNode().learn(10);
  node.assign([0, 1]).die(0, 0).expectSaid('lane 0 runs 0 1', 'failed 0: thread-lost', 'lane 0 runs 1');
});

test('a repeated attempt runs alone', () => {
  const node = new TestNode().learn(10);
  node.assign([0]).expectSaid('lane 0 runs 0');
  node.assign([1]).assign([2], { attempt: 2 }).assign([3]);
  node.complete(0).expectSaid('lane 0 runs 1', 'finished 0');
  node.complete(0).expectSaid('lane 0 runs 2#2', 'finished 1');
  node.complete(0).expectSaid('lane 0 runs 3', 'finished 2');
});

test('a time limit runs from the moment the thread begins', () => {
  const node = new TestNode();
  node.assign([0], { timeoutMs: 100 }).expectSaid('lane 0 runs 0');
  const batch = node.batches.get(0)!;
  expect(batch.announce).toBe(true);
  node.nowMs += 500;
  node.on({ kind: 'tick' }).expectQuiet();
  node.on({ kind: 'lane-started', lane: 0, batch: batch.id });
  node.after(100).expectSaid('kill lane 0');
  node.die(0, 1).expectSaid('failed 0: timeout').expectIdle();
});

test('a task that heeds its signal ends as if its thread had been ended', () => {
  const node = new TestNode();
  node.assign([0]).orders('cancel-tasks', [0]).tail(0, 1);
  node.expectSaid('lane 0 runs 0', 'take tail of lane 0', 'kill lane 0');
  node.finish(0).expectSaid('discard', 'failed 0: cancelled');
  node.free(0).expectIdle();
});

test('cancel: queued at once, running by the end of its thread, its neighbours run again', () => {
  const node = new TestNode().learn(10);
  node.assign([0, 1, 2]).assign([3]).expectSaid('lane 0 runs 0 1 2');
  node.orders('cancel-tasks', [3]).expectSaid('failed 3: cancelled');
  node.orders('cancel-tasks', [1]).expectSaid('take tail of lane 0');
  node.tail(0, 2).expectSaid('kill lane 0');
  node.finish(0, [0]).expectSaid('finished 0');
  node.die(0, 2).expectSaid('failed 1: cancelled', 'lane 0 runs 2');
  node.complete(0).expectSaid('finished 2').expectIdle();
});

test('cancel of a task its batch has not begun needs no kill', () => {
  const node = new TestNode().learn(10);
  node.assign([0, 1, 2]).orders('cancel-tasks', [2]).expectSaid('lane 0 runs 0 1 2', 'take tail of lane 0');
  node.tail(0, 1).expectSaid('failed 2: cancelled');
  node.finish(0, [0]).free(0).expectSaid('finished 0', 'lane 0 runs 1');
});

test('a killed thread takes an innocent along when the guilty one had just ended', () => {
  const node = new TestNode({ threads: 1 }).learn(10);
  node.assign([0, 1]).orders('cancel-tasks', [0]).expectSaid('lane 0 runs 0 1', 'take tail of lane 0');
  node.tail(0, 2).expectQuiet(); // 0 is over, 1 runs: nothing to kill.
  node.finish(0).free(0).expectSaid('finished 0 1').expectIdle();
});

test('retract: what has begun is left alone, the rest is handed back', () => {
  const node = new TestNode().learn(10);
  node.assign([0, 1, 2]).assign([3]).expectSaid('lane 0 runs 0 1 2');
  node
    .orders('retract-tasks', [0, 2, 3])
    .expectSaid('take tail of lane 0', 'take tail of lane 0', 'returned 3');
  node.tail(0, 1).tail(0, 1).expectSaid('returned 2');
  node.finish(0, [0]).free(0).expectSaid('finished 0', 'lane 0 runs 1');
});

test('a late batch shares its tail with idle lanes', () => {
  const node = new TestNode({ threads: 2 }).learn(10);
  node.assign([0, 1, 2, 3]).expectSaid('lane 0 runs 0 1', 'lane 1 runs 2 3');
  node.complete(1).expectSaid('finished 2 3');
  node.after(64).expectSaid('take tail of lane 0');
  node.tail(0, 1).expectSaid('lane 1 runs 1');
});

test('a batch far from its end shares its tail as soon as a lane is idle', () => {
  const node = new TestNode({ threads: 2 }).learn(4000);
  node.assign([0, 1, 2, 3, 4, 5]).expectSaid('lane 0 runs 0 1 2', 'lane 1 runs 3 4 5');
  node.complete(1).expectSaid('take tail of lane 0', 'finished 3 4 5');
  node.tail(0, 1).expectSaid('lane 1 runs 1');
  node.complete(1).expectSaid('lane 1 runs 2', 'finished 1');
  node.complete(1).finish(0, [0]).free(0).expectSaid('finished 2', 'finished 0').expectIdle();
});

// Goal: a first query does not wait for a thread that takes tens of milliseconds to start.
test('a batch that should have begun by now is offered to whoever is idle', () => {
  const node = new TestNode({ threads: 2 });
  node.assign([0, 1]).expectSaid('lane 0 runs 0', 'lane 1 runs 1');
  node.complete(0).expectSaid('finished 0');
  node.after(5).expectSaid('take tail of lane 1');
  node.tail(1, 0).expectSaid('lane 0 runs 1');
  node.complete(0).expectSaid('finished 1');
  node.free(1).expectIdle();
});

// An engine that dies is held against what its lanes had: nothing may count twice, and nothing that went elsewhere.
test('a task whose lane has not begun it, and which another took, is on one lane only', () => {
  const node = new TestNode({ threads: 2 });
  const onLanes = () => tasksOnLanes(node.worker).map(task => task.index);
  node.assign([0]).expectSaid('lane 0 runs 0');
  expect(onLanes()).toEqual([0]);
  node.after(5).expectSaid('take tail of lane 0');
  node.tail(0, 0).expectSaid('lane 1 runs 0');
  expect(onLanes()).toEqual([0]);
  node.complete(1).expectSaid('finished 0');
  expect(onLanes()).toEqual([]);
  node.free(0).expectIdle();
});

test('of a batch, what is finished is on no lane any more', () => {
  const node = new TestNode().learn(10);
  node.assign([0, 1, 2]).finish(0, [1]);
  expect(tasksOnLanes(node.worker).map(task => task.index)).toEqual([0, 2]);
});

test('a newer attempt replaces the old one, whose late result is dropped', () => {
  const node = new TestNode({ threads: 2 });
  node.assign([0]).expectSaid('lane 0 runs 0');
  node.assign([0], { attempt: 2 }).expectSaid('take tail of lane 0', 'lane 1 runs 0#2');
  node.finish(0).expectSaid('discard');
  node.complete(1).expectSaid('finished 0');
  node.free(0).expectIdle();
  expect(node.kept).toHaveLength(1);
});

test('the same assignment twice is one task; orders of another attempt are stale', () => {
  const node = new TestNode();
  node.assign([0]).assign([0]).orders('cancel-tasks', [0], 2).expectSaid('lane 0 runs 0');
  node.complete(0).expectSaid('finished 0').expectIdle();
  expect(node.worker.counters.get('stale-task')).toBe(1);
});

test('a dropped job goes without a word: queue, lanes, late results', () => {
  const node = new TestNode().learn(10);
  node.assign([0, 1]).assign([2]).expectSaid('lane 0 runs 0 1');
  node
    .head({ kind: 'drop-job', job: J })
    .expectSaid('take tail of lane 0', 'take tail of lane 0', 'drop job 1');
  node.tail(0, 1).expectSaid('kill lane 0');
  node.finish(0, [0]).expectSaid('discard');
  node.die(0, 1).expectQuiet().expectIdle();
});

test('paused: one lane at a time, so that memory is freed', () => {
  const node = new TestNode({ threads: 2 });
  node.on({ kind: 'memory', paused: true });
  node.assign([0, 1, 2]).expectSaid('lane 0 runs 0');
  node.complete(0).expectSaid('lane 0 runs 1', 'finished 0');
  node.on({ kind: 'memory', paused: false }).expectSaid('lane 1 runs 2');
});

test('an input that is gone when its task comes to it is lost: nobody’s fault', () => {
  const node = new TestNode();
  const failure = { name: 'VolleyError', message: 'x', stack: '' };
  node.assign([0]).expectSaid('lane 0 runs 0');
  const lost = { job: J, index: 100 };
  node.finish(0, [0], { payload: null, failure, system: true, lost }).expectSaid('failed 0: input-lost 100');
  node.free(0).expectIdle();
});

test('no memory is the node’s fault, an exception the task’s own', () => {
  const node = new TestNode({ threads: 2 });
  const failure = { name: 'Error', message: 'x', stack: '' };
  node.assign([0, 1]).expectSaid('lane 0 runs 0', 'lane 1 runs 1');
  node.finish(0, [0], { payload: null, failure, system: true }).expectSaid('failed 0: thread-lost');
  node.finish(1, [0], { payload: null, failure }).expectSaid('failed 1: application');
  node.free(0).free(1).expectIdle();
});
