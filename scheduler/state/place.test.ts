import { expect, test } from 'vitest';
import type { JobId } from '../../core/base/ids.js';
import { cluster } from './testing/kit.js';

test('work is spread over idle workers, one task ahead each while durations are unknown', () => {
  cluster({ workers: 2 }).submit('a*6').runOn(0, 'a', 'a.2').runOn(1, 'a.1', 'a.3').expectQuiet();
});

test('short tasks are prefetched, long ones are not', () => {
  const short = cluster({ workers: 1 }).submit('a*500').runOn(0, 'a', 'a.1');
  short.finish('a', { ms: 0.1 });
  expect(short.lines.filter(line => line.startsWith('w0 assign')).length).toBeGreaterThan(100);
  const long = cluster({ workers: 1 }).submit('a*500').runOn(0, 'a', 'a.1').finish('a', { ms: 500 });
  long.saw('client a done').runOn(0, 'a.2').expectQuiet();
});

test('what a template takes is known from an earlier job', () => {
  const t = cluster({ workers: 1 }).submit('a*2').runOn(0, 'a', 'a.1');
  t.finish('a', { ms: 0.1 }).finish('a.1', { ms: 0.1 });
  t.addLayer('a', 100, false, [], {}, 2);
  expect(t.lines.filter(line => line.startsWith('w0 assign a')).length).toBe(100);
});

test('roots with big results are not prefetched however short they are', () => {
  const t = cluster({ workers: 1 }).submit('a*50').runOn(0, 'a', 'a.1').finish('a', { ms: 0.1, bytes: 64e6 });
  t.saw('client a done').runOn(0, 'a.2').expectQuiet();
});

test('order: user priority, then older job, then deeper layer, then index', () => {
  const t = cluster().submit('a*2 -> b*2; c*2').submit('hot', { priority: 1 });
  t.join().runOn(0, 'hot', 'a').expectQuiet();
  t.finish('hot').saw('client hot done').runOn(0, 'a.1');
  t.finish('a').saw('client a done').runOn(0, 'b').expectQuiet();
});

test('a task goes where its input lies, unless another worker would stand idle', () => {
  const t = cluster({ workers: 2 }).submit('a*4 -> b*4').runOn(0, 'a', 'a.2').runOn(1, 'a.1', 'a.3');
  const big = { bytes: 100e6, ms: 100 };
  t.finish('a', big)
    .saw('client a done')
    .finish('a.1', big)
    .saw('client a.1 done')
    .runOn(0, 'b')
    .runOn(1, 'b.1');
  t.finish('a.2', big).saw('client a.2 done').runOn(0, 'b.2');
  t.finish('b')
    .saw('client b done')
    .finish('b.2')
    .saw('client b.2 done')
    .finish('b.1')
    .saw('client b.1 done');
  t.finish('a.3', big).saw('client a.3 done').runOn(1, 'b.3').expectQuiet();
});

test('an all-to-one task goes to the worker with most of the bytes', () => {
  const t = cluster({ workers: 2 }).submit('a*2 => b').runOn(0, 'a').runOn(1, 'a.1');
  t.finish('a', { bytes: 1e6 })
    .finish('a.1', { bytes: 300e6 })
    .saw('client a done', 'client a.1 done')
    .runOn(1, 'b');
});

test('group: each reader gets its own run of inputs', () => {
  const t = cluster({ workers: 1, threads: 4 }).submit('a*4 -2> b*2').runOn(0, 'a', 'a.1', 'a.2', 'a.3');
  t.finish('a.2').finish('a').finish('a.3').runOn(0, 'b.1');
  const table = t.assignment('b.1').inputs[0]!;
  expect({ ...table, indices: [...table.indices], offsets: [...table.offsets!] }).toMatchObject({
    sliced: false,
    indices: [2, 3],
    offsets: [0, 2],
  });
  t.finish('a.1').runOn(0, 'b');
  expect([...t.assignment('b').inputs[0]!.indices]).toEqual([0, 1]);
});

test('a shuffle sends the whole table once per message, to be read by slice', () => {
  const t = cluster({ workers: 1, threads: 2 })
    .submit('m*2 ~> r*3')
    .runOn(0, 'm', 'm.1')
    .finish('m')
    .finish('m.1');
  t.saw('client m done', 'client m.1 done').runOn(0, 'r', 'r.1', 'r.2');
  const { inputs, positions, slices } = t.assignment('r');
  expect(inputs[0]).toMatchObject({ sliced: true, offsets: null, holders: Uint32Array.of(1, 1) });
  expect([...positions]).toEqual([0, 1, 2]);
  expect(slices).toBe(1);
});

test('a range may cover parts of several layers, and explicit edges name any task', () => {
  const t = cluster({ workers: 1, threads: 8 })
    .submit('a*3; b*3')
    .runOn(0, 'a', 'a.1', 'a.2', 'b', 'b.1', 'b.2');
  t.addLayer('c', 4, false, [{ rule: 'one-to-one', from: { job: 1 as JobId, first: 1, count: 4 } }]);
  const offsets = Uint32Array.of(0, 2, 3);
  const edges = {
    rule: 'explicit',
    offsets,
    jobs: Uint32Array.of(1, 1, 1),
    indices: Uint32Array.of(5, 0, 5),
  } as const;
  t.addLayer('d', 2, false, [edges]);
  t.finish('a.2')
    .runOn(0, 'c.1')
    .finish('b')
    .runOn(0, 'c.2')
    .finish('b.2')
    .runOn(0, 'd.1')
    .finish('a')
    .runOn(0, 'd');
  expect([...t.assignment('d').inputs[0]!.indices]).toEqual([5, 0]);
  t.finish('a.1').runOn(0, 'c').finish('b.1').runOn(0, 'c.3');
});

test('resources are held while a task is assigned', () => {
  const t = cluster({ workers: 1, threads: 4, resources: { gpu: 2 } }).submit('a*3', {
    resources: { gpu: 1 },
  });
  t.runOn(0, 'a', 'a.1').expectQuiet();
  expect(t.explain('a.2').reason).toBe('the only eligible worker is busy: resource gpu is in use');
  t.finish('a').saw('client a done').runOn(0, 'a.2').expectQuiet();
});

test('a paused worker gets nothing until it recovers', () => {
  const t = cluster({ workers: 1 }).heartbeat(0, true).submit('a').expectQuiet();
  expect(t.explain('a').reason).toContain('paused');
  t.heartbeat(0).runOn(0, 'a').expectQuiet();
});

test('unstarted work is asked back for a worker that is idle, and placed there', () => {
  const t = cluster({ workers: 1 }).submit('a*2').runOn(0, 'a', 'a.1');
  t.join().saw('w0 retract a.1#1').expectQuiet();
  t.heartbeat(0).expectQuiet();
  t.giveBack('a.1')
    .runOn(1, 'a.1')
    .finish('a.1')
    .saw('client a.1 done')
    .finish('a')
    .saw('client a done')
    .expectQuiet();
});

test('what has started is not handed back, and not asked for twice', () => {
  const t = cluster({ workers: 1 }).submit('a*2').runOn(0, 'a', 'a.1').join().saw('w0 retract a.1#1');
  t.finish('a').saw('client a done').finish('a.1').saw('client a.1 done').expectQuiet();
});

test('a worker learns a template before its first task, and once', () => {
  const seen: string[] = [];
  const t = cluster({ workers: 1 });
  t.state.workers.get(1)!.templates.set(7, new Set());
  t.submit('a*3').runOn(0, 'a', 'a.1').finish('a').runOn(0, 'a.2');
  for (const [job, known] of t.state.workers.get(1)!.templates) seen.push(`${job}:${known.size}`);
  expect(seen).toEqual(['7:0', '1:1']);
  t.dropJob();
  expect([...t.state.workers.get(1)!.templates.keys()]).toEqual([7]);
});

test('neighbouring partitions of a source go to one worker, in runs; the last are shared', () => {
  const t = cluster({ workers: 2, threads: 4, kind: 'fragment' }).submit('a*20');
  const run = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => (from + i === 0 ? 'a' : `a.${from + i}`));
  // Each has a task for every thread and one more: the first two runs.
  t.runOn(0, ...run(0, 8)).runOn(1, ...run(8, 8));
  t.finish('a.9').saw('client a.9 done').runOn(1, 'a.16');
  t.finish('a').saw('client a done').runOn(0, 'a.19');
  t.finish('a.8').saw('client a.8 done').runOn(1, 'a.17');
});

test('fewer tasks than workers could take in runs are cut evenly', () => {
  const t = cluster({ workers: 2, threads: 4, kind: 'fragment' }).submit('a*6');
  t.runOn(0, 'a', 'a.1', 'a.2').runOn(1, 'a.3', 'a.4', 'a.5').expectQuiet();
});

test('the run of a worker that is lost is open to others', () => {
  const t = cluster({ workers: 3, threads: 2, kind: 'fragment' }).submit('a*24');
  t.runOn(0, 'a', 'a.1', 'a.2', 'a.3').runOn(1, 'a.8', 'a.9', 'a.10', 'a.11');
  t.runOn(2, 'a.16', 'a.17', 'a.18', 'a.19');
  t.lose(0).saw('fault worker-lost', 'fault task-retried a', 'fault task-retried a.1').expectQuiet();
  for (const [ended, begun] of [
    ['a.8', 'a.12#1'],
    ['a.9', 'a.13#1'],
    ['a.10', 'a.14#1'],
    ['a.11', 'a.15#1'],
    ['a.12', 'a#2'],
    ['a.13', 'a.1#2'],
    ['a.14', 'a.2#2'],
  ] as const) {
    t.finish(ended).saw(`client ${ended} done`, `w1 assign ${begun}`).expectQuiet();
  }
});
