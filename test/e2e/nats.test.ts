import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterEach, expect, test } from 'vitest';
import { asCompleted, type FaultEvent, LocalCluster, type Session } from '../../index.js';
import { type NatsServer, startNats } from '../services/nats.js';
import { alwaysThrows, busyDouble, throwsBefore } from './tasks.js';
import { until } from './until.js';

/** Head and workers over a real nats-server, watched by a plain NATS client that knows only docs/nats.md. */

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function server(options: { port?: number; storeDir?: string } = {}): Promise<NatsServer> {
  const nats = await startNats(options);
  cleanups.push(() => nats.kill());
  return nats;
}

/** What an independent subscriber hears of all clusters. */
async function listen(
  url: string,
): Promise<{ events: FaultEvent[]; letters: unknown[]; plain: NatsConnection }> {
  const plain = await connect({ servers: url, reconnect: false });
  cleanups.push(() => plain.close());
  const events: FaultEvent[] = [];
  const letters: unknown[] = [];
  plain.subscribe('volley.*.fault.>', { callback: (_, message) => void events.push(message.json()) });
  plain.subscribe('volley.*.dead-letter', { callback: (_, message) => void letters.push(message.json()) });
  await plain.flush();
  return { events, letters, plain };
}

async function start(nats: string, clusterName: string, workers = 2): Promise<[LocalCluster, Session]> {
  const cluster = await LocalCluster.start({ workers, nats, clusterName });
  cleanups.push(() => cluster.close());
  return [cluster, await cluster.connect()];
}

const jobs = Array.from({ length: 90 }, (_, i) => ({ i, ms: 10 }));
const answers = jobs.map(({ i }) => i * 2);

test('a subscriber sees the loss of a worker that is killed in the middle of a job', async () => {
  const { url } = await server();
  const { events } = await listen(url);
  const [cluster, session] = await start(url, 'watched', 3);
  const futures = session.map(busyDouble, jobs);
  let ended = 0;
  for await (const _ of asCompleted(futures)) if (++ended === 20) break;
  const victim = cluster.workers[1]!;
  const { id, enginePid } = victim;
  victim.kill('SIGKILL');
  expect(await session.gather(futures)).toEqual(answers);
  await until(() => events.some(event => event.kind === 'worker-lost'));
  const lost = events.filter(event => event.kind === 'worker-lost');
  expect(lost).toHaveLength(1);
  expect(lost[0]).toMatchObject({
    version: 1,
    cluster: 'watched',
    source: 'head',
    worker: id,
    pid: enginePid,
  });
  expect(Date.parse(lost[0]!.at)).toBeGreaterThan(0);
});

test('retries travel as tickets through JetStream; exhausted ones end as dead letters', async () => {
  const { url } = await server();
  const { events, letters, plain } = await listen(url);
  const [, session] = await start(url, 'tickets');
  const manager = await plain.jetstreamManager();
  await until(async () => (await manager.streams.list().next()).length === 2);
  const retried = session.with({ retries: 3, name: 'third-time-lucky' }).map(throwsBefore, [
    { i: 1, attempt: 3 },
    { i: 2, attempt: 3 },
  ]);
  expect(await session.gather(retried)).toEqual([1, 2]);
  const exhausted = session.with({ retries: 1, name: 'hopeless' }).submit(alwaysThrows, 'no luck');
  await expect(exhausted).rejects.toMatchObject({ name: 'RangeError', message: 'no luck' });

  // Two retries of two tasks and one of the third went into the queue, were delivered, and are done with.
  const stream = 'VOLLEY_RETRY_tickets';
  await until(async () => (await manager.streams.info(stream)).state.messages === 0);
  expect((await manager.streams.info(stream)).state.last_seq).toBe(5);
  const consumer = await manager.consumers.info(stream, 'head');
  expect(consumer.delivered.stream_seq).toBe(5);
  expect(consumer.num_ack_pending).toBe(0);
  expect(await manager.consumers.list(stream).next()).toHaveLength(1);

  await until(() => letters.length > 0 && events.filter(e => e.kind === 'task-retried').length === 5);
  expect(letters).toMatchObject([{ name: 'hopeless', attempt: 2 }]);
  expect((letters[0] as { history: string[] }).history.join('\n')).toContain('no luck');
  await until(() => events.some(e => e.kind === 'task-failed'));
  expect(events.find(e => e.kind === 'task-failed')).toMatchObject({ taskName: 'hopeless', attempt: 2 });
});

test('NATS dies in the middle of a job with retries and a killed worker; it comes back and hears again', async () => {
  const storeDir = mkdtempSync(join(tmpdir(), 'volley-e2e-nats-'));
  cleanups.push(() => rmSync(storeDir, { recursive: true, force: true }));
  const first = await server({ storeDir });
  const [cluster, session] = await start(first.url, 'outage', 3);
  const { events: before } = await listen(first.url);
  const flaky = session.with({ retries: 3 });
  const items = jobs.map(({ i }) => ({ i, attempt: i % 9 === 0 ? 3 : 1, ms: 10 }));
  const futures = flaky.map(throwsBefore, items);
  await until(() => before.some(event => event.kind === 'task-retried'));
  await first.kill();
  cluster.workers[2]!.kill('SIGKILL');
  expect(await session.gather(futures)).toEqual(items.map(({ i }) => i));
  const { counters } = await session.status();
  expect(counters['workers-lost']).toBe(1);
  expect(counters['tasks-retried']).toBeGreaterThanOrEqual(20);

  // Work goes on without it, and it hears of what happens after its return (and of what it missed).
  expect(await session.gather(flaky.map(throwsBefore, items.slice(0, 10)))).toEqual([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ]);
  await server({ port: first.port, storeDir });
  const { events: after, plain } = await listen(first.url);
  let heardNew = false;
  await until(async () => {
    await flaky.submit(throwsBefore, { i: 7, attempt: 2 });
    heardNew = after.some(event => event.kind === 'task-retried');
    return heardNew;
  });
  const manager = await plain.jetstreamManager();
  await until(async () => (await manager.streams.info('VOLLEY_RETRY_outage')).state.messages === 0);
});

test('NATS down at the start: the cluster starts, jobs finish, and it is heard once NATS is there', async () => {
  const gone = await startNats();
  await gone.kill();
  const [cluster, session] = await start(gone.url, 'early');
  const flaky = session.with({ retries: 2 });
  expect(
    await session.gather(
      flaky.map(throwsBefore, [
        { i: 4, attempt: 2 },
        { i: 5, attempt: 1 },
      ]),
    ),
  ).toEqual([4, 5]);
  await server({ port: gone.port });
  const { events } = await listen(gone.url);
  // What was published meanwhile may arrive before the subscriber does: a new event tells that the wire is up.
  const third = await cluster.addWorker();
  third.kill('SIGKILL');
  await until(() => events.some(event => event.kind === 'worker-lost'));
  expect(events.find(event => event.kind === 'worker-lost')).toMatchObject({
    cluster: 'early',
    worker: third.id,
  });
});
