import { expect, test } from 'vitest';
import { cluster } from './testing/kit.js';

// Goal: a chain runs, is told to the client once, and leaves nothing behind when released.
test('a chain runs to its end and frees what nobody needs', () => {
  const t = cluster({ workers: 1 }).submit('a*2 -> b*2 => c').runOn(0, 'a', 'a.1');
  t.finish('a').saw('client a done').runOn(0, 'b');
  t.release('a', 'b').expectQuiet();
  t.finish('a.1').saw('client a.1 done').runOn(0, 'b.1').expectQuiet();
  t.finish('b').saw('client b done', 'w0 free a');
  t.finish('b.1').saw('client b.1 done', 'w0 free a.1').runOn(0, 'c');
  t.finish('c').saw('client c done', 'w0 free b', 'w0 free b.1').expectQuiet();
  t.release('c').saw('w0 free c').expectQuiet();
  expect([t.state.slots.used, t.count('tasks-finished')]).toEqual([0, 5]);
});

// Goal: a lost worker's late report must not finish a task twice.
test('late finish from a lost worker is dropped', () => {
  const t = cluster({ workers: 2 }).submit('a -> b').runOn(0, 'a');
  t.lose(0).saw('fault worker-lost', 'fault task-retried a').runOn(1, 'a').expectQuiet();
  t.hits('stale-finish', () => t.finish('a', { worker: 0, attempt: 1 })).expectQuiet();
  t.hits('stale-finish', () => t.finish('a', { worker: 1, attempt: 1 }));
  t.finish('a', { attempt: 2 }).saw('client a done').runOn(1, 'b').expectQuiet();
});

test('a repeated finish is dropped and keeps the result', () => {
  const t = cluster({ workers: 1 }).submit('a').runOn(0, 'a').finish('a').saw('client a done');
  t.hits('stale-finish', () => t.finish('a')).expectQuiet();
  expect(t.explain('a').state).toBe('done');
});

//  a*2 -> b*2      a.0 and b.0 on w0; w0 dies; only a.0 is run again
test('a lost worker with dependants: only what it held is computed again', () => {
  const t = cluster({ workers: 2 }).submit('a*2 -> b*2').runOn(0, 'a').runOn(1, 'a.1');
  t.finish('a').saw('client a done').runOn(0, 'b');
  t.finish('a.1').saw('client a.1 done').runOn(1, 'b.1').expectQuiet();
  t.lose(0)
    .saw('fault worker-lost', 'fault partition-lost a', 'fault task-retried b')
    .runOn(1, 'a')
    .expectQuiet();
  expect(t.count('tasks-recomputed')).toBe(1);
  expect(t.explain('b').reason).toBe('waiting for 1 unfinished input');
  t.finish('b.1').saw('client b.1 done');
  t.finish('a').runOn(1, 'b').finish('b').saw('client b done').expectQuiet();
});

test('double loss: the recomputing worker dies too', () => {
  const t = cluster({ workers: 3 })
    .submit('a -> b')
    .runOn(0, 'a')
    .finish('a')
    .saw('client a done')
    .runOn(0, 'b');
  t.lose(0).saw('fault worker-lost', 'fault partition-lost a', 'fault task-retried b').runOn(1, 'a');
  t.lose(1).saw('fault worker-lost', 'fault task-retried a').runOn(2, 'a').expectQuiet();
  t.finish('a').runOn(2, 'b').finish('b').saw('client b done').expectQuiet();
  expect(t.count('tasks-recomputed')).toBe(1);
});

test('a worker that leaves in good order costs no attempt', () => {
  const t = cluster({ workers: 2, systemRetries: 0 }).submit('a').runOn(0, 'a');
  t.lose(0, true).saw('fault worker-draining').runOn(1, 'a').finish('a').saw('client a done').expectQuiet();
});

test('a worker that says goodbye gets nothing more, and is announced once', () => {
  const t = cluster({ workers: 1 })
    .worker(0, { kind: 'worker-bye', reason: 'asked to' })
    .saw('fault worker-draining');
  t.submit('a').expectQuiet();
  expect(t.explain('a').reason).toContain('leaving');
  t.lose(0).expectQuiet().join().runOn(1, 'a');
});

test('only the tasks a lost worker was running are charged for it', () => {
  const t = cluster({ workers: 1, systemRetries: 0 }).submit('a*2').runOn(0, 'a', 'a.1');
  t.lose(0).saw('fault worker-lost', 'fault task-failed a', 'dead-letter a#1', 'client a failed WORKER_LOST');
  expect(t.explain('a').history).toEqual(['attempt 1 lost worker w0 (stream ended)']);
  t.expectQuiet().join().runOn(1, 'a.1').finish('a.1').saw('client a.1 done').expectQuiet();
});

test('a stopped worker loses its lease, and what it says later is dropped', () => {
  const t = cluster({ workers: 2 }).submit('a -> b').runOn(0, 'a');
  t.pass(9_000, [1]).expectQuiet();
  t.pass(2_000, [1]).saw('close w0', 'fault worker-lost', 'fault task-retried a').runOn(1, 'a').expectQuiet();
  t.hits('stale-finish', () => t.finish('a', { worker: 0, attempt: 1 }));
  t.hits('stale-message', () => t.heartbeat(0)).expectQuiet();
  t.finish('a').saw('client a done').runOn(1, 'b').expectQuiet();
});

test('a head that was itself stopped does not blame its workers', () => {
  const t = cluster({ workers: 1 }).submit('a').runOn(0, 'a');
  t.nowMs += 60_000;
  t.send({ kind: 'tick' }).expectQuiet();
  expect(t.count('head-stalls')).toBe(1);
});

test('threads that are lost are a system failure with a bound', () => {
  const t = cluster({ workers: 1, systemRetries: 1 }).submit('a').runOn(0, 'a');
  t.fail('a', 'thread-lost').saw('fault task-retried a').runOn(0, 'a');
  t.fail('a', 'thread-lost', { failure: { code: 'THREAD_LOST' } });
  t.saw('fault task-failed a', 'dead-letter a#2', 'client a failed THREAD_LOST').expectQuiet();
});

test('a task that kills three engines is quarantined with its history', () => {
  const t = cluster({ workers: 1, threads: 2 }).submit('a -> b');
  for (let kill = 1; kill <= 3; kill++) {
    t.runOn(kill - 1, 'a')
      .lose(kill - 1)
      .saw('fault worker-lost', 'fault task-retried a');
    const running = [{ ...t.ref('a'), attempt: kill }];
    const death = {
      exitCode: null,
      signal: 'SIGKILL',
      rssBytes: 5e9,
      running,
      worker: kill as never,
      pid: 99,
    };
    t.join({ death }).saw('fault engine-crashed');
  }
  t.saw('fault task-quarantined a', 'dead-letter a#4');
  t.saw('client a failed TASK_QUARANTINED', 'client b failed TASK_QUARANTINED').expectQuiet();
  expect(t.explain('a').history.filter(line => line.includes('SIGKILL'))).toHaveLength(3);
  expect(t.explain('b').reason).toContain('3 engines died');
});

// Goal: with other workers at hand the attempts outrun what supervisors tell of the deaths.
test('deaths that are told late still lead to quarantine, not to exhausted retries', () => {
  const t = cluster({ workers: 2 }).submit('a');
  const die = (worker: number) =>
    t.runOn(worker, 'a').lose(worker).saw('fault worker-lost', 'fault task-retried a');
  const tell = (worker: number) => {
    const running = [{ ...t.ref('a'), attempt: worker + 1 }];
    const death = {
      exitCode: 134,
      signal: null,
      rssBytes: 1,
      running,
      worker: (worker + 1) as never,
      pid: 99,
    };
    t.join({ death }).saw('fault engine-crashed');
  };
  die(0);
  die(1);
  tell(0);
  die(2);
  tell(1);
  die(3);
  tell(2);
  t.saw('fault task-quarantined a', 'dead-letter a#5', 'client a failed TASK_QUARANTINED').expectQuiet();
});

test('the same death told twice counts once', () => {
  const t = cluster({ workers: 1 })
    .submit('a')
    .runOn(0, 'a')
    .lose(0)
    .saw('fault worker-lost', 'fault task-retried a');
  const running = [{ ...t.ref('a'), attempt: 1 }];
  const death = { exitCode: 134, signal: null, rssBytes: 1, running, worker: 1 as never, pid: 99 };
  t.join({ death }).saw('fault engine-crashed').runOn(1, 'a');
  t.join({ death }).expectQuiet();
  expect(t.count('engines-crashed')).toBe(1);
});
