import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { afterEach, expect, test } from 'vitest';
import { type NatsOptions, type NatsServer, startNats } from '../../test/services/nats.js';
import { isVolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';
import { connectNats, type NatsSettings } from './nats.js';
import type { FaultEvent, Notifier, RetryQueue, RetryTicket } from './notifier.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function server(options?: NatsOptions): Promise<NatsServer> {
  const started = await startNats(options);
  cleanups.push(() => started.kill());
  return started;
}

/** A folder that outlives its server, for tests that start another on it. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'volley-nats-test-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Keeps what was said, and lets a test wait for a line. */
class TestLog implements Log {
  readonly lines: string[] = [];
  #wake = () => {};
  info = (message: string) => this.#add(`info ${message}`);
  warn = (message: string) => this.#add(`warn ${message}`);
  error = (message: string) => this.#add(`error ${message}`);
  #add(line: string): void {
    this.lines.push(line);
    this.#wake();
  }
  async until(text: string, times = 1): Promise<void> {
    while (this.lines.filter(line => line.includes(text)).length < times) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }
}

function head(
  url: string,
  settings: Partial<NatsSettings> = {},
): { notifier: Notifier; retryQueue: RetryQueue; log: TestLog } {
  const log = new TestLog();
  const { notifier, retryQueue } = connectNats({ url, cluster: 'test-1', source: 'head', log, ...settings });
  cleanups.push(async () => {
    await retryQueue?.close();
    await notifier.close();
  });
  return { notifier, retryQueue: retryQueue!, log };
}

async function plainClient(url: string, token?: string): Promise<NatsConnection> {
  const connection = await connect({ servers: url, token });
  cleanups.push(() => connection.close());
  return connection;
}

function fault(detail: string): FaultEvent {
  return {
    version: 1,
    kind: 'worker-lost',
    cluster: 'test-1',
    source: 'head',
    at: '2026-01-01T00:00:00.000Z',
    worker: 3,
    workerName: 'w3',
    pid: 123,
    detail,
  };
}

/** Asks again and again: an acknowledgement has no answer of its own. */
async function emptied(manager: JetStreamManager): Promise<void> {
  while ((await manager.streams.info('VOLLEY_RETRY_test-1')).state.messages > 0);
}

function nextTicket(queue: RetryQueue): Promise<RetryTicket> {
  return new Promise(resolve => queue.consume(resolve));
}

// Goal: people, dashboards and peers that know nothing of Volley see the documented JSON on the documented subject.
test('an independent subscriber sees every fault event', async () => {
  const { url } = await server();
  const plain = await plainClient(url);
  const subscription = plain.subscribe('volley.*.fault.>', { max: 2 });
  await plain.flush();
  const { notifier } = head(url);
  notifier.publish(fault('one'));
  notifier.publish({ ...fault('two'), kind: 'task-failed', task: '65536/3', attempt: 2 });
  await notifier.flush();
  const seen: [string, unknown][] = [];
  for await (const message of subscription) seen.push([message.subject, message.json()]);
  expect(seen).toEqual([
    ['volley.test-1.fault.worker-lost', fault('one')],
    [
      'volley.test-1.fault.task-failed',
      { ...fault('two'), kind: 'task-failed', task: '65536/3', attempt: 2 },
    ],
  ]);
});

test('processes hear each other, themselves once, and nobody of another cluster', async () => {
  const { url } = await server();
  const [a, b, other] = [
    head(url, { source: 'a' }),
    head(url, { source: 'b' }),
    head(url, { source: 'c', cluster: 'test-2' }),
  ];
  const heard: Record<string, string[]> = { a: [], b: [], other: [] };
  const bHeardBoth = new Promise<void>(resolve => {
    b.notifier.subscribe(event => heard.b!.push(event.detail) === 2 && resolve());
  });
  a.notifier.subscribe(event => heard.a!.push(event.detail));
  other.notifier.subscribe(event => heard.other!.push(event.detail));
  for (const each of [a, b, other]) await each.notifier.flush();
  a.notifier.publish(fault('one'));
  b.notifier.publish(fault('two'));
  await Promise.all([a.notifier.flush(), b.notifier.flush(), bHeardBoth]);
  await a.notifier.flush(); // Everything the server has sent to a is handled before this answer.
  expect(heard).toEqual({ a: ['one', 'two'], b: expect.arrayContaining(['one', 'two']), other: [] });
});

test('long texts are cut, and what is no fault event is passed over', async () => {
  const { url } = await server();
  const { notifier } = head(url);
  const heard: FaultEvent[] = [];
  notifier.subscribe(event => heard.push(event));
  await notifier.flush();
  const plain = await plainClient(url);
  plain.publish('volley.test-1.fault.worker-lost', 'no json');
  plain.publish('volley.test-1.fault.worker-lost', '{"version":1,"kind":"no-such-kind"}');
  plain.publish(
    'volley.test-1.fault.worker-lost',
    JSON.stringify({ ...fault('good'), __proto__: { x: 1 }, more: 1 }),
  );
  await plain.flush();
  const subscription = plain.subscribe('volley.test-1.fault.*', { max: 1 });
  await plain.flush();
  await notifier.flush();
  expect(heard).toEqual([fault('good')]);
  notifier.publish(fault('x'.repeat(100_000)));
  for await (const message of subscription)
    expect(message.data.length).toBeLessThan(limits.faultDetailBytes + 500);
});

// Goal: NATS, not this process, holds a ticket back, and forgets it once it is settled.
test('a ticket waits in the work queue and is gone when settled', async () => {
  const { url } = await server();
  const { notifier, retryQueue } = head(url);
  await notifier.flush();
  const plain = await plainClient(url);
  const manager = await plain.jetstreamManager();
  const stored = plain.subscribe('volley.test-1.retry', { max: 1 });
  await plain.flush();
  const arrived = nextTicket(retryQueue);
  const ticket = { job: 65_536, index: 3, attempt: 2 };
  retryQueue.push(ticket, 400);
  for await (const message of stored) expect(message.json()).toMatchObject(ticket);
  const info = await manager.consumers.info('VOLLEY_RETRY_test-1', 'head');
  expect(info.config).toMatchObject({
    ack_policy: 'explicit',
    max_deliver: -1,
    max_ack_pending: limits.retryTickets,
  });
  expect((await manager.streams.info('VOLLEY_RETRY_test-1')).state.messages).toBe(1);
  expect(await arrived).toEqual(ticket);
  retryQueue.settle(ticket);
  await emptied(manager);
});

// Goal: a head that dies with tickets in hand does not take them along.
test('a ticket that was not settled goes to the next head', async () => {
  const { url } = await server();
  const first = head(url, { ackWaitMs: 300 });
  await first.notifier.flush();
  const ticket = { job: 65_536, index: 3, attempt: 2 };
  const arrived = nextTicket(first.retryQueue);
  first.retryQueue.push(ticket, 0);
  expect(await arrived).toEqual(ticket);
  await first.retryQueue.close(); // Without settling it.
  await first.notifier.close();
  const second = head(url, { ackWaitMs: 300 });
  expect(await nextTicket(second.retryQueue)).toEqual(ticket);
});

test('a ticket whose holder died without a word is delivered again', async () => {
  const { url } = await server();
  const first = head(url, { ackWaitMs: 300 });
  await first.notifier.flush(); // Makes stream and consumer.
  await first.retryQueue.close();
  await first.notifier.close();
  const plain = await plainClient(url);
  const ticket = { job: 65_536, index: 3, attempt: 2 };
  plain.publish('volley.test-1.retry', JSON.stringify({ ...ticket, notBefore: 0 }));
  await plain.flush();
  const consumer = await plain.jetstream().consumers.get('VOLLEY_RETRY_test-1', 'head');
  expect((await consumer.next())?.json()).toMatchObject(ticket); // Taken, and never acknowledged.
  await plain.close();
  const second = head(url, { ackWaitMs: 300 });
  expect(await nextTicket(second.retryQueue)).toEqual(ticket);
});

test('dead letters are kept', async () => {
  const { url } = await server();
  const { notifier, retryQueue } = head(url);
  await notifier.flush();
  const letter = {
    job: 1,
    index: 2,
    attempt: 4,
    name: 'fn',
    reason: 'killed 3 engines',
    history: ['a', 'b'],
  };
  retryQueue.deadLetter(letter);
  await retryQueue.close();
  const manager = await (await plainClient(url)).jetstreamManager();
  const kept = await manager.streams.getMessage('VOLLEY_DEAD_test-1', {
    last_by_subj: 'volley.test-1.dead-letter',
  });
  expect(kept.json()).toEqual(letter);
});

// FAULTS 24: down at the start.
test('server down at the start: tickets come anyway, it is said once, all is caught up when it starts', async () => {
  const probe = await startNats();
  await probe.stop(); // Its port is free now.
  const { notifier, retryQueue, log } = head(probe.url);
  await notifier.flush();
  notifier.publish(fault('early'));
  const ticket = { job: 1, index: 1, attempt: 2 };
  const arrived = nextTicket(retryQueue);
  retryQueue.push(ticket, 10);
  expect(await arrived).toEqual(ticket);
  retryQueue.settle(ticket);
  const waiting = { job: 1, index: 2, attempt: 2 };
  retryQueue.push(waiting, limits.retryMaxMs);
  await server({ port: probe.port });
  const plain = await plainClient(probe.url);
  const events = plain.subscribe('volley.test-1.fault.>', { max: 1 });
  const tickets = plain.subscribe('volley.test-1.retry', { max: 1 });
  await log.until('connected to NATS');
  for await (const message of tickets) expect(message.json()).toMatchObject(waiting);
  for await (const message of events) expect(message.json()).toEqual(fault('early'));
  expect(log.lines.filter(line => line.startsWith('warn'))).toHaveLength(1);
  expect(log.lines[0]).toContain('NATS cannot be reached');
});

// FAULTS 24: lost mid-job.
test('server stopped and started again: tickets come at their time, and both are said once', async () => {
  const storeDir = folder();
  const first = await server({ storeDir });
  const { notifier, retryQueue, log } = head(first.url, { ackWaitMs: 300 });
  await log.until('connected to NATS');
  const ticket = { job: 1, index: 1, attempt: 2 };
  const early: RetryTicket[] = [];
  const arrived = new Promise<RetryTicket>(resolve => {
    retryQueue.consume(got => (got.index === 1 ? resolve(got) : early.push(got)));
  });
  retryQueue.push(ticket, 600);
  await first.stop();
  await log.until('NATS cannot be reached');
  notifier.publish(fault('meanwhile'));
  expect(await arrived).toEqual(ticket);
  retryQueue.settle(ticket); // Its copy in NATS is still there, and has to go when NATS is back.
  await server({ storeDir, port: first.port });
  const plain = await plainClient(first.url);
  await log.until('connected to NATS', 2);
  await notifier.flush();
  const manager = await plain.jetstreamManager();
  await emptied(manager);
  expect(early).toEqual([]);
  // The server may have gone before it took the ticket, which is said by itself; nothing is said twice.
  const warnings = log.lines.filter(line => line.startsWith('warn'));
  expect(warnings.filter(line => line.includes('NATS cannot be reached'))).toHaveLength(1);
  expect(new Set(warnings).size).toBe(warnings.length);
});

// FAULTS 24: wrong token.
test('wrong token: said once with the way out, and jobs go on', async () => {
  const { url } = await server({ token: 'the-right-token' });
  const { notifier, retryQueue, log } = head(url, { token: 'a-wrong-token' });
  await notifier.flush();
  notifier.publish(fault('one'));
  await notifier.flush();
  const ticket = { job: 1, index: 1, attempt: 2 };
  const arrived = nextTicket(retryQueue);
  retryQueue.push(ticket, 10);
  expect(await arrived).toEqual(ticket);
  expect(log.lines).toHaveLength(1);
  expect(log.lines[0]).toContain('--nats-token-file');
  expect(JSON.stringify(log.lines)).not.toContain('a-wrong-token');
});

test('the token can stand in the URL', async () => {
  const { url } = await server({ token: 'the-right-token' });
  const { notifier, log } = head(url.replace('nats://', 'nats://the-right-token@'));
  const plain = await plainClient(url, 'the-right-token');
  const subscription = plain.subscribe('volley.test-1.fault.>', { max: 1 });
  await plain.flush();
  notifier.publish(fault('one'));
  for await (const message of subscription) expect(message.json()).toEqual(fault('one'));
  await log.until('connected to NATS');
  expect(log.lines).toEqual(['info connected to NATS']);
});

// FAULTS 24: slow. A server that answers nothing at all must not hold up anybody.
test('server stopped in its tracks: publishing returns, tickets come, close ends', async () => {
  const started = await server();
  const { notifier, retryQueue } = head(started.url);
  await notifier.flush();
  process.kill(started.pid, 'SIGSTOP');
  for (let i = 0; i < 2 * limits.notifyBacklog; i++) notifier.publish(fault('many'));
  const ticket = { job: 1, index: 1, attempt: 2 };
  const arrived = nextTicket(retryQueue);
  retryQueue.push(ticket, 10);
  expect(await arrived).toEqual(ticket);
  await retryQueue.close();
  await notifier.close();
});

test('server without JetStream: events leave, tickets stay here, said once', async () => {
  const { url } = await server({ jetstream: false });
  const plain = await plainClient(url);
  const subscription = plain.subscribe('volley.test-1.fault.>', { max: 1 });
  await plain.flush();
  const { notifier, retryQueue, log } = head(url);
  notifier.publish(fault('one'));
  for await (const message of subscription) expect(message.json()).toEqual(fault('one'));
  const ticket = { job: 1, index: 1, attempt: 2 };
  const arrived = nextTicket(retryQueue);
  retryQueue.push(ticket, 10);
  expect(await arrived).toEqual(ticket);
  await log.until('does not take the retry tickets');
  expect(log.lines).toHaveLength(1);
});

test.each([
  [{ url: 'http://x' }, 'nats://host:4222'],
  [{ url: 'nonsense' }, 'nats://host:4222'],
  [{ cluster: 'a.b' }, "letters, digits and '-'"],
  [{ cluster: '' }, "letters, digits and '-'"],
])('%o is refused with the way out', (settings, wayOut) => {
  const log = new TestLog();
  const open = () => connectNats({ url: 'nats://127.0.0.1', cluster: 'c', source: 'head', log, ...settings });
  expect(open).toThrowError(wayOut);
  try {
    open();
  } catch (error) {
    expect(isVolleyError(error, 'INVALID_ARGUMENT')).toBe(true);
  }
});
