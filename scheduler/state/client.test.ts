import { expect, test } from 'vitest';
import type { ClientId, JobId } from '../../core/base/ids.js';
import { defaultTaskOptions } from '../../core/graph/layer.js';
import { cluster } from './testing/kit.js';

const small = new Uint8Array([1, 2, 3]);

test('cancel during run: the client hears at once, the late report is dropped and its result freed', () => {
  const t = cluster({ workers: 1, threads: 2 }).submit('a*2 -> b*2').runOn(0, 'a', 'a.1');
  t.cancel('a').saw('client a cancelled', 'client b cancelled', 'w0 cancel a#1');
  t.saw('client a.1 cancelled', 'client b.1 cancelled', 'w0 cancel a.1#1').expectQuiet();
  t.hits('stale-failure', () => t.fail('a', 'cancelled')).expectQuiet();
  t.hits('stale-finish', () => t.finish('a.1'))
    .saw('w0 free a.1')
    .expectQuiet();
  t.cancel('a').expectQuiet();
});

test('cancel takes waiting, ready and held-back tasks alike', () => {
  const t = cluster({ workers: 1 }).submit('a', { retries: 1 }).runOn(0, 'a').fail('a');
  t.saw('fault task-retried a', 'retry a#2 in 100').submit('a -> b').cancel('a');
  t.saw('client a cancelled', 'client b cancelled', 'settle a#2').expectQuiet();
  const lonely = cluster().submit('r').cancel('r').saw('client r cancelled');
  lonely.join().expectQuiet();
});

test('a cancelled task its worker gives back or loses stays cancelled', () => {
  const t = cluster({ workers: 1 })
    .submit('a')
    .runOn(0, 'a')
    .cancel('a')
    .saw('client a cancelled', 'w0 cancel a#1');
  t.hits('stale-return', () => t.giveBack('a'));
  t.lose(0).saw('fault worker-lost').expectQuiet();
});

test('a released result is freed, and computed again when a lost reader needs it', () => {
  const t = cluster({ workers: 2 })
    .submit('a -> b -> c')
    .runOn(0, 'a')
    .finish('a')
    .saw('client a done')
    .runOn(0, 'b');
  t.release('a').expectQuiet().finish('b').saw('client b done', 'w0 free a').runOn(0, 'c').expectQuiet();
  expect(t.explain('a').state).toBe('released');
  t.lose(0)
    .saw('fault worker-lost', 'fault partition-lost b', 'fault task-retried c')
    .runOn(1, 'a')
    .expectQuiet();
  t.finish('a')
    .runOn(1, 'b')
    .finish('b')
    .saw('w1 free a')
    .runOn(1, 'c')
    .finish('c')
    .saw('client c done')
    .expectQuiet();
  expect(t.count('tasks-recomputed')).toBe(2);
});

test('a lost result nobody needs stays lost', () => {
  const t = cluster({ workers: 2 })
    .submit('a -> b')
    .runOn(0, 'a')
    .finish('a')
    .saw('client a done')
    .runOn(0, 'b');
  t.release('a').finish('b').saw('client b done', 'w0 free a').release('b').saw('w0 free b');
  t.lose(0).saw('fault worker-lost').expectQuiet();
  expect(t.state.slots.used).toBe(0);
});

test('a wanted result is computed again though nobody reads it, and its client finds it by asking', () => {
  const t = cluster({ workers: 2 }).submit('a').runOn(0, 'a').finish('a').saw('client a done');
  t.lose(0).saw('fault worker-lost', 'fault partition-lost a').runOn(1, 'a').finish('a').expectQuiet();
  t.client({ kind: 'ask', request: 1, question: { about: 'locate', task: t.ref('a'), lost: 0 } }).saw(
    'client answer',
  );
  t.client({ kind: 'ask', request: 2, question: { about: 'locate', task: t.ref('a'), lost: 2 } });
  t.saw('client answer', 'w1 free a').runOn(1, 'a').expectQuiet();
});

test('put: readers wait for it; when its holder dies the client is asked to put it again', () => {
  const t = cluster({ workers: 2 }).submit('put p*2 -> b*2').expectQuiet();
  expect(t.explain('p').reason).toContain('its client');
  t.put(0, 'p', 'p.1').saw('client p done', 'client p.1 done').runOn(0, 'b').runOn(1, 'b.1');
  t.lose(0).saw('fault worker-lost', 'fault partition-lost p', 'fault task-retried b');
  t.saw('client put-lost p', 'client put-lost p.1').expectQuiet();
  t.put(1, 'p', 'p.1')
    .runOn(1, 'b')
    .finish('b')
    .saw('client b done')
    .finish('b.1')
    .saw('client b.1 done')
    .expectQuiet();
  t.release('p').saw('w1 free p', 'w1 free p.1').expectQuiet();
});

test('a put that names a dead worker is asked for again', () => {
  const t = cluster({ workers: 1 }).submit('put p').lose(0).saw('fault worker-lost');
  t.put(0, 'p').saw('client put-lost p').expectQuiet();
});

test('what is evicted is free, still wanted, and put or made again for who needs or asks for it', () => {
  const t = cluster({ workers: 1 }).submit('put p -> b').put(0, 'p').saw('client p done').runOn(0, 'b');
  t.evict('p').expectQuiet().finish('b').saw('client b done');
  t.evict('p').evict('b').saw('w0 free p', 'w0 free b').evict('p').expectQuiet();
  expect([t.explain('p').state, t.explain('b').state]).toEqual(['released', 'released']);
  // Its client was told of both before.
  t.submit('b -> c').saw('client put-lost p').put(0, 'p').runOn(0, 'b');
  t.finish('b').runOn(0, 'c').finish('c').saw('client c done').expectQuiet();
  t.evict('c').saw('w0 free c').locate('c').saw('client answer').runOn(0, 'c').expectQuiet();
});

test('a lost put its client has released is lost data, and names the way out', () => {
  const t = cluster({ workers: 2 }).submit('put p -> b').put(0, 'p').saw('client p done').runOn(0, 'b');
  t.release('p')
    .lose(0)
    .saw('fault worker-lost', 'fault partition-lost p', 'client b failed DATA_LOST')
    .expectQuiet();
  expect(t.explain('b').reason).toContain('keep the reference');
});

test('a copy on another worker saves a result', () => {
  const t = cluster({ workers: 2 })
    .submit('put p -> b')
    .put(0, 'p')
    .put(1, 'p')
    .saw('client p done')
    .runOn(0, 'b');
  t.lose(0).saw('fault worker-lost', 'fault task-retried b').runOn(1, 'b').expectQuiet();
  expect([...t.assignment('b').inputs[0]!.holders]).toEqual([2]);
});

test('inline results stay until they are acknowledged, and longer for readers that wait', () => {
  const t = cluster({ workers: 1 }).submit('a -> b').runOn(0, 'a');
  t.finish('a', { inline: small }).saw('client a done').runOn(0, 'b').expectQuiet();
  expect(t.assignment('b').inputs[0]!.inline).toEqual([small]);
  // The submit came before the acknowledgement: the head still has it.
  t.submit('a -> c').runOn(0, 'c').ack().expectQuiet();
  expect(t.state.payloads.size).toBe(1);
  t.finish('b').saw('client b done').finish('c').saw('client c done').expectQuiet();
  expect(t.state.payloads.size).toBe(0);
  expect(t.state.clients.get(1)!.unackedBytes).toBe(0);
});

test('an acknowledged inline result nobody reads gives its slot back', () => {
  const t = cluster({ workers: 1 })
    .submit('a')
    .runOn(0, 'a')
    .finish('a', { inline: small })
    .saw('client a done');
  t.ack().expectQuiet();
  expect(t.state.slots.used).toBe(0);
});

test('a reader of a result the head has forgotten fails with RELEASED', () => {
  const t = cluster({ workers: 1 }).submit('a').runOn(0, 'a').finish('a').saw('client a done');
  t.release('a').saw('w0 free a').submit('a -> b').saw('client b failed RELEASED').expectQuiet();
});

test('a client that leaves in order takes its jobs with it', () => {
  const t = cluster({ workers: 1 })
    .submit('a*3 -> b*3')
    .runOn(0, 'a', 'a.1')
    .finish('a')
    .saw('client a done');
  t.runOn(0, 'b')
    .send({ kind: 'client-left', client: 1 as ClientId, clean: true })
    .saw('w0 drop-job 1')
    .expectQuiet();
  expect(t.state.slots.used).toBe(0);
  expect(t.state.jobs.size).toBe(0);
  t.hits('stale-finish', () => t.finish('a.1')).expectQuiet();
});

test('a client whose stream broke keeps its work for a while, and hears nothing', () => {
  const t = cluster({ workers: 1 }).submit('a*2').runOn(0, 'a', 'a.1');
  t.send({ kind: 'client-left', client: 1 as ClientId, clean: false })
    .finish('a')
    .expectQuiet();
  t.pass(59_000, [0]).expectQuiet().pass(1_000, [0]).saw('w0 drop-job 1').expectQuiet();
  expect(t.state.slots.used).toBe(0);
});

test('a dropped job stays as far as another job reads it', () => {
  const t = cluster({ workers: 1, threads: 4 }).submit('a*2; x').runOn(0, 'a', 'a.1', 'x');
  t.finish('a').finish('a.1').saw('client a done', 'client a.1 done');
  const range = { job: 1 as JobId, first: 0, count: 2 };
  t.addLayer('b', 1, false, [{ rule: 'all', from: range }], {}, 2).runOn(0, 'b');
  t.dropJob(1).saw('w0 cancel x#1').expectQuiet();
  t.finish('b')
    .saw('client b done', 'w0 free a', 'w0 free a.1')
    .dropJob(2)
    .saw('w0 drop-job 2', 'w0 drop-job 1');
  t.expectQuiet();
  expect(t.state.slots.used).toBe(0);
});

test('dropping a job frees its slots for the next', () => {
  const t = cluster({ workers: 1 });
  for (let round = 0; round < 5; round++) {
    t.addLayer(`a${round}`, 1000, false, [], {}, round + 1).dropJob(round + 1);
    t.lines.length = 0;
  }
  expect(t.state.slots.capacity).toBeLessThanOrEqual(1024);
  expect(t.state.layers.length).toBe(2);
});

test('a client that breaks the protocol is cut off', () => {
  const t = cluster({ workers: 1 }).submit('a*2').runOn(0, 'a', 'a.1');
  const options = { ...defaultTaskOptions, name: 'bad' };
  const layer = {
    job: 1 as JobId,
    first: 1,
    count: 5,
    template: null,
    dependencies: [],
    args: null,
    slices: 1,
    options,
  };
  t.client({ kind: 'submit', layer }).saw('w0 drop-job 1');
  expect(t.lines.join()).toContain('overlaps tasks that were submitted before');
});

test('edges within a layer go forwards only', () => {
  const t = cluster({ workers: 1 });
  const edges = (sources: number[]) => ({
    rule: 'explicit' as const,
    offsets: Uint32Array.of(0, 0, 1),
    jobs: Uint32Array.from(sources, () => 1),
    indices: Uint32Array.from(sources),
  });
  t.addLayer('a', 2, false, [edges([0])])
    .runOn(0, 'a')
    .finish('a')
    .saw('client a done')
    .runOn(0, 'a.1')
    .expectQuiet();
  t.addLayer('b', 2, false, [edges([3])]);
  expect(t.lines.join()).toContain('points at itself or ahead');
});

test('tasks of a layer that is reported together: their client hears of them with the last, or of a failure at once', () => {
  const together = { reportedTogether: true };
  const t = cluster({ workers: 1, threads: 3 }).submit('a*3', together).runOn(0, 'a', 'a.1', 'a.2');
  t.finish('a').expectQuiet().finish('a.2').expectQuiet();
  t.finish('a.1').saw('client a done', 'client a.1 done', 'client a.2 done').expectQuiet();

  const failing = cluster({ workers: 1, threads: 3 }).submit('a*3', together).runOn(0, 'a', 'a.1', 'a.2');
  failing.finish('a.1').expectQuiet();
  failing.fail('a').saw('fault task-failed a', 'client a failed Boom', 'client a.1 done').expectQuiet();
  failing.finish('a.2').saw('client a.2 done').expectQuiet();

  const enclosed = cluster({ workers: 1, threads: 2 }).submit('a*2', { ...together, inlineResult: true });
  enclosed.runOn(0, 'a', 'a.1').finish('a', { inline: small }).saw('client a done');
});

test('one of those that is lost before the last is done is made again, and told with the others', () => {
  const t = cluster({ workers: 2 }).submit('a*2', { reportedTogether: true });
  t.runOn(0, 'a')
    .runOn(1, 'a.1')
    .finish('a')
    .expectQuiet()
    .lose(0)
    .saw('fault worker-lost', 'fault partition-lost a');
  t.finish('a.1').saw('client a done', 'client a.1 done').runOn(1, 'a').finish('a').expectQuiet();
});
