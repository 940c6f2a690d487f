import { expect, test } from 'vitest';
import type { JobId, WorkerId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import { silentLog } from '../../core/base/log.js';
import { seededRng } from '../../core/base/rng.js';
import { createInProcessNotifier } from '../../core/notify/in-process.js';
import type { DeadLetter, FaultEvent, RetryQueue, RetryTicket } from '../../core/notify/notifier.js';
import { createEffects } from './effects.js';
import { Peers } from './peers.js';

/** Writes down what it is asked. */
function recordingQueue(): RetryQueue & { readonly did: [string, RetryTicket | DeadLetter, number?][] } {
  const did: [string, RetryTicket | DeadLetter, number?][] = [];
  return {
    did,
    push: (ticket, delayMs) => did.push(['push', ticket, delayMs]),
    settle: ticket => did.push(['settle', ticket]),
    deadLetter: letter => did.push(['dead', letter]),
    consume() {},
    async close() {},
  };
}

function effects(queue: RetryQueue, seed = 1) {
  const peers = new Peers({ cluster: 'test', leaseMs: 1, natsUrl: '', log: silentLog, push() {} });
  const notifier = createInProcessNotifier();
  return { notifier, out: createEffects('test', peers, notifier, queue, seededRng(seed), silentLog) };
}

test('a retry waits its time and up to half as long again, equally for equal seeds', () => {
  const ticket = { job: 1, index: 2, attempt: 3 };
  const delaysOf = (seed: number) => {
    const queue = recordingQueue();
    const { out } = effects(queue, seed);
    for (let i = 0; i < 200; i++) out.pushRetry(ticket, 1000);
    return queue.did.map(([, , delayMs]) => delayMs!);
  };
  const delays = delaysOf(1);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(1000);
  expect(Math.max(...delays)).toBeLessThanOrEqual(1000 * (1 + limits.retryJitter));
  expect(new Set(delays).size).toBeGreaterThan(100);
  expect(delaysOf(1)).toEqual(delays);
  expect(delaysOf(2)).not.toEqual(delays);
});

test('settled tickets and dead letters are passed on', () => {
  const queue = recordingQueue();
  const { out } = effects(queue);
  const letter = { job: 1, index: 2, attempt: 3, name: 'f', reason: 'r', history: [] };
  out.settleRetry({ job: 1, index: 2, attempt: 3 });
  out.deadLetter(letter);
  expect(queue.did).toEqual([
    ['settle', { job: 1, index: 2, attempt: 3 }],
    ['dead', letter],
  ]);
});

test('a fault is published with what concerns it, and no more', async () => {
  const { notifier, out } = effects(recordingQueue());
  const heard: FaultEvent[] = [];
  notifier.subscribe(event => heard.push(event));
  const nothing = { worker: null, workerName: '', pid: 0, task: null, taskName: '', attempt: 0 };
  out.fault({
    ...nothing,
    kind: 'worker-lost',
    worker: 3 as WorkerId,
    workerName: 'w',
    pid: 9,
    detail: 'gone',
  });
  const task = { job: 65_536 as JobId, index: 4 };
  out.fault({ ...nothing, kind: 'task-failed', task, taskName: 'f', attempt: 2, detail: 'boom' });
  await notifier.flush();
  const common = { version: 1, cluster: 'test', source: 'head', at: expect.stringMatching(/^\d{4}-.*Z$/) };
  expect(heard).toEqual([
    { ...common, kind: 'worker-lost', worker: 3, workerName: 'w', pid: 9, detail: 'gone' },
    { ...common, kind: 'task-failed', task: '65536/4', taskName: 'f', attempt: 2, detail: 'boom' },
  ]);
});

test('effects for peers that are gone are dropped', () => {
  const { out } = effects(recordingQueue());
  out.toWorker(7 as WorkerId, { kind: 'shutdown', reason: 'late' });
  out.closeWorker(7 as WorkerId, 'late');
});
