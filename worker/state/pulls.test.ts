import { expect, test } from 'vitest';
import { limits } from '../../core/base/limits.js';
import { seededRng } from '../../core/base/rng.js';
import { holdersTable, J, TestNode } from '../testing/node.js';

//  100 (at worker 1)
//   ├──► 0
//   └──► 1      one pull serves both
test('a pull is shared by all who need it, and makes this node a holder', () => {
  const node = new TestNode({ threads: 2 });
  node.assign([0, 1], { inputs: [holdersTable([[1]])] }).expectSaid('pull 100/0 from 1');
  node.assign([2], { inputs: [holdersTable([[2]])] }).expectQuiet();
  node.pulled('1/100/0').expectSaid('replicas +100 -', 'lane 0 runs 0', 'lane 1 runs 1');
  node.complete(0).complete(1).expectSaid('lane 0 runs 2', 'finished 0', 'finished 1');
  node.complete(0).expectSaid('finished 2').expectIdle();
  node.assign([3], { inputs: [holdersTable([[1]])] }).expectSaid('lane 0 runs 3');
});

test('a shuffle reader pulls its slice of each, and drops them when it is done', () => {
  const node = new TestNode();
  const inputs = [holdersTable([[1], [2]], { sliced: true })];
  node.assign([7], { inputs }).expectSaid('pull 100/7 from 1', 'pull 101/7 from 2');
  node.pulled('1/101/7').expectQuiet();
  node.pulled('1/100/7').expectSaid('lane 0 runs 7');
  node.complete(0).expectSaid('drop slice 100/7', 'drop slice 101/7', 'finished 7').expectIdle();
});

test('results made here, and enclosed ones, are not pulled', () => {
  const node = new TestNode();
  node.assign([100]).complete(0).expectSaid('lane 0 runs 100', 'finished 100');
  const inline = [null, Uint8Array.of(1)];
  node.assign([0], { inputs: [holdersTable([[9], []], { inline })] }).expectSaid('lane 0 runs 0');
});

test('a holder that fails is replaced by another; a peer is reported once', () => {
  const node = new TestNode();
  node.assign([0], { inputs: [holdersTable([[1, 2]])] }).expectSaid('pull 100/0 from 1');
  node.unpulled('1/100/0', 'UNREACHABLE').expectSaid('fault peer-unreachable peer 1', 'pull 100/0 from 2');
  node
    .unpulled('1/100/0', 'CORRUPT_PARTITION')
    .expectSaid('fault partition-corrupt peer 2', 'pull 100/0 from 1');
  node.unpulled('1/100/0', 'UNREACHABLE').expectSaid('failed 0: input-lost 100').expectIdle();
});

test('who does not have it is not asked again', () => {
  const node = new TestNode();
  node.assign([0], { inputs: [holdersTable([[1, 2]])] });
  node.unpulled('1/100/0', 'NOT_FOUND').unpulled('1/100/0', 'NOT_FOUND');
  node.expectSaid('pull 100/0 from 1', 'pull 100/0 from 2', 'failed 0: input-lost 100').expectIdle();
});

test('no live holder: the input is lost at once', () => {
  const node = new TestNode().peers(2);
  node.assign([0, 1], { inputs: [holdersTable([[1]])] });
  node.expectSaid('failed 0: input-lost 100', 'failed 1: input-lost 100').expectIdle();
});

test('no memory for an input is not the input’s loss', () => {
  const node = new TestNode();
  node.assign([0], { inputs: [holdersTable([[1]])] });
  node
    .unpulled('1/100/0', 'OUT_OF_MEMORY')
    .expectSaid('pull 100/0 from 1', 'failed 0: thread-lost')
    .expectIdle();
});

test('pulls in flight are bounded', () => {
  const node = new TestNode();
  node.assign([0], { inputs: [holdersTable(Array.from({ length: 40 }, () => [1]))] });
  expect(node.pulls.size).toBe(limits.fetchesInFlight);
  node.pulled('1/100/0');
  expect(node.pulls.size).toBe(limits.fetchesInFlight);
  const wide = new TestNode();
  const bytes = Float64Array.of(limits.fetchInFlightBytes * 2, 10);
  wide.assign([0], { inputs: [holdersTable([[1], [2]], { bytes })] }).expectSaid('pull 100/0 from 1');
  wide.pulled('1/100/0').expectSaid('replicas +100 -', 'pull 101/0 from 2');
});

test('a peer that leaves: its pulls go to other holders at once', () => {
  const node = new TestNode();
  node.assign([0], { inputs: [holdersTable([[1, 2]])] }).expectSaid('pull 100/0 from 1');
  node.peers(2, 3).expectSaid('abort pull', 'pull 100/0 from 2');
  node.peers(3).expectSaid('abort pull', 'failed 0: input-lost 100').expectIdle();
});

test('paused: pulls one at a time, and only while nothing runs', () => {
  const node = new TestNode();
  node.on({ kind: 'memory', paused: true });
  node.assign([0], { inputs: [holdersTable([[1], [2]])] }).expectSaid('pull 100/0 from 1');
  node.pulled('1/100/0').expectSaid('replicas +100 -', 'pull 101/0 from 2');
});

test('nobody needs it any more: the pull is stopped; one that came too late is dropped', () => {
  const node = new TestNode();
  node.assign([4], { inputs: [holdersTable([[1]], { sliced: true })] });
  const [pull] = node.pulls.values();
  node.orders('cancel-tasks', [4]).expectSaid('pull 100/4 from 1', 'abort pull', 'failed 4: cancelled');
  node.on({ kind: 'pull-done', pull: pull!.id, task: pull!.task, slice: 4 }).expectSaid('drop slice 100/4');
  node.expectIdle();
});

test('inputs that vanished before the batch began are lost, not waited for', () => {
  const node = new TestNode();
  node.assign([100]).complete(0);
  node
    .assign([0], { inputs: [holdersTable([[9]])] })
    .expectSaid('lane 0 runs 100', 'finished 100', 'lane 0 runs 0');
  const batch = node.batches.get(0)!;
  node.on({
    kind: 'batch-refused',
    lane: 0,
    batch: batch.id,
    lost: [{ job: J, index: 100 }],
    detail: 'gone',
  });
  node.expectSaid('failed 0: input-lost 100').expectIdle();
});

// Goal: whatever the order of events, every task ends exactly once and nothing is left behind.
test('random histories end with every task reported once', () => {
  const seed = (Math.random() * 2 ** 32) >>> 0;
  console.log('seed', seed);
  const random = seededRng(seed);
  for (let round = 0; round < 60; round++) {
    const node = new TestNode({ threads: 1 + Math.floor(random() * 3) });
    const ended = new Map<number, number>();
    const record = (): void => {
      for (const line of node.said.splice(0)) {
        const match = /^(?:finished|returned) (.*)|^failed (\d+)/.exec(line);
        for (const index of (match?.[1] ?? match?.[2] ?? '').split(' ').filter(Boolean)) {
          ended.set(Number(index), (ended.get(Number(index)) ?? 0) + 1);
        }
      }
    };
    let next = 0;
    for (let step = 0; step < 120; step++) {
      randomStep(node, random, () => next++, step < 80);
      record();
    }
    for (let rest = 0; rest < 500 && (node.batches.size > 0 || node.pulls.size > 0); rest++) {
      for (const pull of [...node.pulls.values()]) node.pulled(`1/${pull.task.index}/${pull.slice}`);
      for (const [lane, batch] of [...node.batches]) {
        if (node.worker.lanes[lane]!.killing) node.die(lane, batch.tasks.length);
        else node.complete(lane);
      }
      record();
    }
    node.expectIdle();
    expect([...ended.values()].every(times => times === 1)).toBe(true);
    expect(ended.size).toBe(next);
  }
});

function randomStep(node: TestNode, random: () => number, fresh: () => number, more: boolean): void {
  const lanes = [...node.batches.keys()];
  const lane = lanes[Math.floor(random() * lanes.length)];
  const pulls = [...node.pulls.values()];
  const pull = pulls[Math.floor(random() * pulls.length)];
  const choice = random();
  if (choice < 0.3 && more) {
    const indices = Array.from({ length: 1 + Math.floor(random() * 4) }, fresh);
    const holders = Array.from({ length: Math.floor(random() * 3) }, () => [1 + Math.floor(random() * 3)]);
    const inputs = holders.length === 0 ? [] : [holdersTable(holders, { sliced: random() < 0.5 })];
    node.learn(random() < 0.5 ? 10 : 3000).assign(indices, { inputs, priority: Math.floor(random() * 3) });
  } else if (choice < 0.5 && lane !== undefined && !node.worker.lanes[lane]!.killing) {
    node.complete(lane);
  } else if (choice < 0.6 && lane !== undefined) {
    node.die(lane, Math.floor(random() * (node.worker.lanes[lane]!.count + 1)));
  } else if (choice < 0.7 && lane !== undefined) {
    node.tail(lane, Math.floor(random() * (node.worker.lanes[lane]!.count + 1)));
  } else if (choice < 0.85 && pull !== undefined) {
    const key = `1/${pull.task.index}/${pull.slice}`;
    if (random() < 0.7) node.pulled(key);
    else node.unpulled(key, ['NOT_FOUND', 'UNREACHABLE', 'CORRUPT_PARTITION'][Math.floor(random() * 3)]!);
  } else {
    const live = [...(node.worker.jobs.get(J)?.tasks.keys() ?? [])];
    const index = live[Math.floor(random() * live.length)];
    if (index !== undefined) node.orders(random() < 0.5 ? 'cancel-tasks' : 'retract-tasks', [index]);
  }
}
