import { expect, test } from 'vitest';
import { statusReport } from './explain.js';
import { cluster } from './testing/kit.js';

test('a label nobody has', () => {
  const labels: Record<string, string>[] = [{ gpuModel: 'h100', zone: 'x' }, { gpuModel: 't4' }];
  const t = cluster({ workers: 2, labels })
    .submit('a', { labels: { gpuModel: 'a100' } })
    .expectQuiet();
  expect(t.explain('a').reason).toBe(
    'no worker carries label gpuModel=a100; workers have: gpuModel=h100 zone=x; gpuModel=t4. Start one with --label gpuModel=a100',
  );
  t.join({ labels: { gpuModel: 'a100' } })
    .runOn(2, 'a')
    .expectQuiet();
});

test('labels that no single worker combines', () => {
  const t = cluster({ workers: 2, labels: [{ a: '1' }, { b: '2' }] }).submit('t', {
    labels: { a: '1', b: '2' },
  });
  expect(t.explain('t').reason).toContain('no single worker has all of: a=1, b=2');
});

test('a resource nobody offers, more threads than anyone has', () => {
  const t = cluster({ workers: 1, resources: { gpu: 1 } }).submit('a', { resources: { gpu: 4 } });
  expect(t.explain('a').reason).toBe(
    'no worker offers 4 of resource gpu; the most is 1. Start one with --resource gpu=4',
  );
  expect(t.submit('b', { resources: { cpu: 8 } }).explain('b').reason).toBe(
    'no worker has 8 threads; the most is 1',
  );
});

test('each state has its sentence', () => {
  const t = cluster().submit('a*4 => b', { retries: 1 });
  expect(t.explain('a').reason).toContain('no workers have joined');
  expect(t.explain('b')).toMatchObject({ state: 'waiting', reason: 'waiting for 4 unfinished inputs' });
  expect(t.explain('b').waitingFor[0]).toBe('a 1/0 (ready)');
  t.join().runOn(0, 'a', 'a.1');
  expect(t.explain('a')).toMatchObject({ state: 'assigned', reason: 'running on w0', workers: ['w0'] });
  expect(t.explain('a.1').reason).toBe('queued on w0 behind 1 other tasks');
  expect(t.explain('a.2').reason).toBe('the only eligible worker is busy');
  t.fail('a').nowMs += 30;
  expect(t.explain('a')).toMatchObject({ state: 'retry-wait', attempt: 2 });
  expect(t.explain('a').reason).toBe('held back until its retry, attempt 2, in 0.1 s at the latest');
  expect(t.explain('a').history).toEqual(['attempt 1 on w0 failed: Boom: no']);
  t.finish('a.1');
  expect(t.explain('a.1')).toMatchObject({ state: 'done', workers: ['w0'] });
  t.client({ kind: 'ask', request: 1, question: { about: 'explain', task: { ...t.ref('a'), index: 999 } } });
  t.saw('client answer');
});

test('the status counts workers, clients, tasks and what happened', () => {
  const t = cluster({ workers: 2 }).submit('a*6 => b').lose(0);
  const { tasks, workers, counters, clients } = statusReport(t.state, t.nowMs);
  expect(tasks).toMatchObject({ ready: 4, assigned: 2, waiting: 1, done: 0 });
  expect(workers.map(worker => [worker.name, worker.assigned])).toEqual([['w1', 2]]);
  expect(counters).toMatchObject({ 'workers-joined': 2, 'workers-lost': 1, 'tasks-retried': 1 });
  expect(clients).toBe(1);
});
