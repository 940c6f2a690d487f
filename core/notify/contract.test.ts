import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type NatsServer, startNats } from '../../test/services/nats.js';
import { silentLog } from '../base/log.js';
import { createInProcessNotifier, createInProcessRetryQueue } from './in-process.js';
import { connectNats } from './nats.js';
import type { FaultEvent, Notifier, RetryQueue, RetryTicket } from './notifier.js';

interface Pair {
  readonly notifier: Notifier;
  readonly retryQueue: RetryQueue;
}

let server: NatsServer;
let nextCluster = 1;
beforeAll(async () => {
  server = await startNats();
});
afterAll(() => server.stop());

const implementations: Record<string, () => Pair> = {
  'in-process': () => ({ notifier: createInProcessNotifier(), retryQueue: createInProcessRetryQueue() }),
  nats: () => {
    const cluster = `contract-${nextCluster++}`;
    const { notifier, retryQueue } = connectNats({
      url: server.url,
      cluster,
      source: 'head',
      log: silentLog,
    });
    return { notifier, retryQueue: retryQueue! };
  },
};

function faultOf(detail: string): FaultEvent {
  return {
    version: 1,
    kind: 'worker-lost',
    cluster: 'c',
    source: 'head',
    at: '2026-01-01T00:00:00.000Z',
    detail,
  };
}

/** Tickets as they come, awaited one by one. */
function inboxOf(queue: RetryQueue): { next(): Promise<RetryTicket>; readonly all: RetryTicket[] } {
  const all: RetryTicket[] = [];
  let taken = 0;
  let wake = () => {};
  queue.consume(ticket => {
    all.push(ticket);
    wake();
  });
  return {
    all,
    async next() {
      while (taken === all.length) await new Promise<void>(resolve => (wake = resolve));
      return all[taken++]!;
    },
  };
}

describe.each(Object.keys(implementations))('%s', name => {
  let pair: Pair;
  const open = async () => {
    pair = implementations[name]!();
    await pair.notifier.flush();
    return pair;
  };
  afterEach(async () => {
    await pair.retryQueue.close();
    await pair.notifier.close();
  });

  // Goal: whoever listens in the publishing process hears each event exactly once, in order.
  test('local listeners hear each event once, until they stop', async () => {
    const { notifier } = await open();
    const heard: string[] = [];
    const stop = notifier.subscribe(event => heard.push(event.detail));
    notifier.publish(faultOf('one'));
    notifier.publish(faultOf('two'));
    expect(heard).toEqual([]); // Never inside the publisher's turn.
    await notifier.flush();
    stop();
    notifier.publish(faultOf('three'));
    await notifier.flush();
    expect(heard).toEqual(['one', 'two']);
  });

  test('a listener that throws hurts neither the publisher nor the others', async () => {
    const { notifier } = await open();
    const heard: string[] = [];
    notifier.subscribe(() => {
      throw new Error('a listener of the test');
    });
    notifier.subscribe(event => heard.push(event.detail));
    notifier.publish(faultOf('one'));
    await notifier.flush();
    expect(heard).toEqual(['one']);
  });

  test('tickets come in the order of their times, not of their pushes', async () => {
    const { retryQueue } = await open();
    const inbox = inboxOf(retryQueue);
    const late = { job: 1, index: 1, attempt: 2 };
    const soon = { job: 1, index: 2, attempt: 2 };
    const now = { job: 1, index: 3, attempt: 2 };
    retryQueue.push(late, 600);
    retryQueue.push(soon, 150);
    retryQueue.push(now, 0);
    expect([await inbox.next(), await inbox.next(), await inbox.next()]).toEqual([now, soon, late]);
    for (const ticket of inbox.all) retryQueue.settle(ticket);
  });

  test('a ticket pushed twice is one ticket', async () => {
    const { retryQueue } = await open();
    const inbox = inboxOf(retryQueue);
    const twice = { job: 1, index: 1, attempt: 2 };
    const last = { job: 1, index: 2, attempt: 2 };
    retryQueue.push(twice, 10);
    retryQueue.push(twice, 10);
    retryQueue.push(last, 300);
    expect([await inbox.next(), await inbox.next()]).toEqual([twice, last]);
  });

  test('a ticket settled before its time never comes', async () => {
    const { retryQueue } = await open();
    const inbox = inboxOf(retryQueue);
    const void_ = { job: 1, index: 1, attempt: 2 };
    const last = { job: 1, index: 2, attempt: 2 };
    retryQueue.push(void_, 100);
    retryQueue.push(last, 400);
    retryQueue.settle(void_);
    expect(await inbox.next()).toEqual(last);
  });

  test('a ticket due before there is a consumer waits for it', async () => {
    const { retryQueue } = await open();
    const ticket = { job: 1, index: 1, attempt: 2 };
    retryQueue.push(ticket, 0);
    await new Promise(resolve => setTimeout(resolve, 5));
    expect(await inboxOf(retryQueue).next()).toEqual(ticket);
  });

  test('nothing comes after close, and close twice is fine', async () => {
    const { retryQueue, notifier } = await open();
    const inbox = inboxOf(retryQueue);
    retryQueue.push({ job: 1, index: 1, attempt: 2 }, 0);
    await retryQueue.close();
    await retryQueue.close();
    await notifier.close();
    await notifier.close();
    expect(inbox.all).toEqual([]);
  });
});
