import { expect, test } from 'vitest';
import { limits } from '../../core/base/limits.js';
import { cluster } from './testing/kit.js';

test("a task's own exception is not retried unless asked, and fails its dependents with the root failure", () => {
  const t = cluster({ workers: 1 }).submit('a -> b => c').runOn(0, 'a').fail('a');
  t.saw(
    'fault task-failed a',
    'client a failed Boom',
    'client b failed Boom',
    'client c failed Boom',
  ).expectQuiet();
  t.submit('a; late').runOn(0, 'late').finish('late').saw('client late done');
});

test('a layer submitted after its input failed fails with the same failure', () => {
  const t = cluster({ workers: 1 })
    .submit('a')
    .runOn(0, 'a')
    .fail('a')
    .saw('fault task-failed a', 'client a failed Boom');
  t.submit('a -> b').saw('client b failed Boom').submit('a => c*2');
  t.saw('client c failed Boom', 'client c.1 failed Boom').expectQuiet();
});

test('retry exhaustion: back-off doubles, then the task fails and goes to the dead letters', () => {
  const t = cluster({ workers: 1 }).submit('a -> b', { retries: 2 }).runOn(0, 'a');
  t.fail('a').saw('fault task-retried a', 'retry a#2 in 100').expectQuiet();
  expect(t.explain('a').state).toBe('retry-wait');
  t.send({ kind: 'retry-due', ticket: { ...t.ref('a'), attempt: 2 } })
    .runOn(0, 'a')
    .saw('settle a#2');
  t.fail('a').saw('fault task-retried a', 'retry a#3 in 200').expectQuiet();
  t.send({ kind: 'retry-due', ticket: { ...t.ref('a'), attempt: 3 } })
    .runOn(0, 'a')
    .saw('settle a#3');
  t.fail('a')
    .saw('fault task-failed a', 'dead-letter a#3', 'client a failed Boom', 'client b failed Boom')
    .expectQuiet();
  expect(t.explain('a').history).toHaveLength(3);
});

test('the back-off has an upper bound', () => {
  const t = cluster({ workers: 1 }).submit('a', { retries: 20 }).runOn(0, 'a');
  for (let attempt = 2; attempt <= 15; attempt++) {
    const delayMs = Math.min(limits.retryMaxMs, limits.retryBaseMs * 2 ** (attempt - 2));
    t.fail('a').saw('fault task-retried a', `retry a#${attempt} in ${delayMs}`);
    t.send({ kind: 'retry-due', ticket: { ...t.ref('a'), attempt } })
      .runOn(0, 'a')
      .saw(`settle a#${attempt}`);
  }
  t.expectQuiet();
});

test('only failures that were named are retried: by class or by code', () => {
  const t = cluster({ workers: 3 }).submit('a*3', { retries: 1, retryOn: ['Flaky', 'TIMEOUT', '503'] });
  t.runOn(0, 'a').runOn(1, 'a.1').runOn(2, 'a.2');
  t.fail('a').saw('fault task-failed a', 'client a failed Boom');
  t.fail('a.1', 'timeout', { failure: { code: 'TIMEOUT' } }).saw(
    'fault task-retried a.1',
    'retry a.1#2 in 100',
  );
  t.fail('a.2', 'application', { failure: { code: 503 } })
    .saw('fault task-retried a.2', 'retry a.2#2 in 100')
    .expectQuiet();
});

test('a ticket that comes twice, early or for a task that ended is settled and does nothing', () => {
  const t = cluster({ workers: 1 }).submit('a', { retries: 1 }).runOn(0, 'a').fail('a');
  t.saw('fault task-retried a', 'retry a#2 in 100');
  const ticket = { ...t.ref('a'), attempt: 2 };
  t.send({ kind: 'retry-due', ticket }).runOn(0, 'a').saw('settle a#2');
  t.hits('stale-retry', () => t.send({ kind: 'retry-due', ticket })).saw('settle a#2');
  t.finish('a').saw('client a done');
  t.hits('stale-retry', () => t.send({ kind: 'retry-due', ticket: { ...ticket, job: 9 } }));
  t.saw('settle a#2').expectQuiet();
});

test('a retry whose ticket was lost becomes ready by itself', () => {
  const t = cluster({ workers: 1 }).submit('a', { retries: 1 }).runOn(0, 'a').fail('a');
  t.saw('fault task-retried a', 'retry a#2 in 100').pass(2_000, [0]).expectQuiet();
  t.pass(1_000, [0]).saw('settle a#2').runOn(0, 'a').expectQuiet();
});

test('a late failure report of another attempt is dropped', () => {
  const t = cluster({ workers: 2 }).submit('a').runOn(0, 'a').lose(0);
  t.saw('fault worker-lost', 'fault task-retried a').runOn(1, 'a');
  t.hits('stale-failure', () => t.fail('a', 'application', { worker: 0, attempt: 1 }));
  t.hits('stale-failure', () => t.fail('a', 'application', { worker: 1, attempt: 1 })).expectQuiet();
});

//  m*2 ~> r*2     w0 holds m.0; it dies after the reducers were assigned
test('shuffle output lost after its consumers were assigned: they give up, wait, and run again', () => {
  const t = cluster({ workers: 2 }).submit('m*2 ~> r*2').runOn(0, 'm').runOn(1, 'm.1');
  t.finish('m')
    .saw('client m done')
    .finish('m.1')
    .saw('client m.1 done')
    .runOn(0, 'r')
    .runOn(1, 'r.1')
    .expectQuiet();
  t.lose(0)
    .saw('fault worker-lost', 'fault partition-lost m', 'fault task-retried r')
    .runOn(1, 'm')
    .expectQuiet();
  // Its table named a holder that is gone: this says nothing of m.1.
  t.fail('r.1', 'input-lost', { lost: ['m', 'm.1'] }).expectQuiet();
  expect(t.explain('m.1').state).toBe('done');
  t.finish('m')
    .runOn(1, 'r', 'r.1')
    .finish('r')
    .saw('client r done')
    .finish('r.1')
    .saw('client r.1 done')
    .expectQuiet();
});

test('an input its holder cannot give is computed again, and the reader is charged nothing', () => {
  const t = cluster({ workers: 1 })
    .submit('a -> b')
    .runOn(0, 'a')
    .finish('a')
    .saw('client a done')
    .runOn(0, 'b');
  t.fail('b', 'input-lost', { lost: ['a'], failure: { code: 'CORRUPT_PARTITION' } });
  t.saw('w0 free a', 'fault partition-lost a').runOn(0, 'a').expectQuiet();
  t.finish('a').runOn(0, 'b').finish('b').saw('client b done').expectQuiet();
});

test('a holder out of reach gets a second chance', () => {
  const t = cluster({ workers: 1 })
    .submit('a -> b')
    .runOn(0, 'a')
    .finish('a')
    .saw('client a done')
    .runOn(0, 'b');
  const lost = { lost: ['a'], failure: { code: 'UNREACHABLE' } };
  t.fail('b', 'input-lost', lost).runOn(0, 'b').expectQuiet();
  t.fail('b', 'input-lost', lost).saw('w0 free a', 'fault partition-lost a').runOn(0, 'a').expectQuiet();
});

test('inputs that are lost for ever end the task, not the head', () => {
  const t = cluster({ workers: 1 }).submit('a -> b').runOn(0, 'a').finish('a').saw('client a done');
  for (let loss = 1; loss <= limits.inputLosses; loss++) {
    t.runOn(0, 'b')
      .fail('b', 'input-lost', { lost: ['a'] })
      .saw('w0 free a', 'fault partition-lost a');
    t.runOn(0, 'a').finish('a');
  }
  t.runOn(0, 'b').fail('b', 'input-lost', { lost: ['a'] });
  t.saw(
    'fault task-failed b',
    `dead-letter b#${limits.inputLosses + 1}`,
    'client b failed DATA_LOST',
  ).expectQuiet();
});
