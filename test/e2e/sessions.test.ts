import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { airportsFile } from '../../examples/flights-queries.js';
import { col, connect, delayed, LocalCluster, type Session, wait } from '../../index.js';
import { add, busyDouble, increment, loopForever, ramp, total, waitForAbort, whereAmI } from './tasks.js';
import { until } from './until.js';

/** What a session promises beside answers: cancelling, labels, stored data that goes away, an end that leaves nothing. */

let cluster: LocalCluster;
const sessions = new Map<string, Session>();
beforeAll(async () => {
  cluster = await LocalCluster.start({ workers: 2, labels: [{ nodeType: 'vm' }, { nodeType: 'bm' }] });
  sessions.set('cluster', await cluster.connect());
  sessions.set('embedded', await connect({ threads: 2, labels: { nodeType: 'bm' } }));
});
afterAll(async () => {
  await sessions.get('embedded')?.close();
  await cluster?.close();
});

async function storedBytes(session: Session): Promise<number> {
  return (await session.status()).workers.reduce((sum, worker) => sum + worker.storedBytes, 0);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What nobody refers to any more is found by the collector, whose time has not come by itself. */
async function isEmpty(session: Session): Promise<boolean> {
  collectGarbage();
  return (await storedBytes(session)) === 0;
}

/** Its futures are out of reach when it returns. */
async function useAndForget(session: Session): Promise<void> {
  const futures = session.map(ramp, [300_000, 300_001]);
  expect(await session.gather(session.map(total, futures))).toHaveLength(2);
  await until(async () => (await storedBytes(session)) >= 300_000 * 16);
}

describe.each(['embedded', 'cluster'])('%s', where => {
  const session = () => sessions.get(where)!;

  test('cancel: a running task, in a loop or listening to its signal, and one that waits', async () => {
    const looping = session().submit(loopForever);
    const running = [looping, session().submit(waitForAbort, 60_000)];
    const states = () => Promise.all(running.map(async f => (await session().explain(f)).reason));
    await until(async () => (await states()).every(reason => reason.startsWith('running')));
    const waiting = session().submit(add, looping, 1);
    const queued = session().submit(increment, 1);
    for (const future of [waiting, queued, ...running]) future.cancel();
    for (const future of [waiting, queued, ...running]) {
      await expect(future).rejects.toMatchObject({ name: 'VolleyError', code: 'CANCELLED' });
      expect(future.status).toBe('cancelled');
    }
    // Both slots are free again.
    const jobs = Array.from({ length: 6 }, (_, i) => ({ i, ms: 5 }));
    expect(await session().gather(session().map(busyDouble, jobs))).toEqual(jobs.map(({ i }) => i * 2));
    queued.cancel(); // Too late and twice: nothing happens.
    expect(queued.status).toBe('cancelled');
  });

  test('scatter, broadcast, persist: passed to many, and gone from memory once released', async () => {
    await until(() => isEmpty(session()));
    const values = Float64Array.from({ length: 250_000 }, (_, i) => i);
    const sum = (values.length * (values.length - 1)) / 2;
    const once = await session().scatter(values);
    const everywhere = await session().broadcast(values);
    const kept = await session().persist(delayed(ramp)(250_000));
    const frame = await session().scanCSV(airportsFile).persist();
    const nodes = (await session().status()).workers.length;
    const stored = 2e6 * (2 + nodes);
    await until(async () => (await storedBytes(session())) >= stored + 3000 * 8);
    const refs = [once, everywhere, kept, once, everywhere, kept];
    expect(await session().gather(session().map(total, refs))).toEqual(refs.map(() => sum));
    expect(await frame.count()).toBeGreaterThan(3000);
    expect((await once.get()).length).toBe(values.length);
    await Promise.all([once, everywhere, kept, frame].map(held => held.release()));
    await until(async () => (await storedBytes(session())) === 0);
    await expect(session().submit(total, once)).rejects.toMatchObject({
      code: expect.stringMatching(/RELEASED|DATA_LOST|NOT_FOUND/),
    });
    await expect(frame.count()).rejects.toMatchObject({ code: 'RELEASED' });
  });

  test('a table that is persisted is there once; the frame it came from, and what was kept, still answer', async () => {
    await until(() => isEmpty(session()));
    const records = Array.from({ length: 100_000 }, (_, i) => ({ i, half: i / 2 }));
    const frame = session().fromRecords(records, { partitions: 4 });
    const kept = await frame.persist();
    const bytes = records.length * 16;
    await until(async () => (await storedBytes(session())) >= bytes);
    await until(async () => (await storedBytes(session())) < 1.5 * bytes);
    expect(await kept.select(col('half').sum()).toRecords()).toEqual([{ half: 2_499_975_000 }]);
    expect(await frame.count()).toBe(100_000);
    await kept.release();
  });

  test('results nobody holds a future of go away by themselves', async () => {
    await useAndForget(session());
    await until(() => isEmpty(session()));
  });

  test('wait() is bounded', async () => {
    const endless = session().submit(loopForever);
    const { done, notDone } = await wait([endless], { timeoutMs: 20 });
    expect([done, notDone]).toEqual([[], [endless]]);
    endless.cancel();
    await expect(endless).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('a label nobody has: explain says which there are, and cancelling ends the wait', async () => {
    const picky = session()
      .with({ labels: { nodeType: 'mainframe' } })
      .submit(increment, 1);
    const { state, reason } = await session().explain(picky);
    expect(state).toBe('ready');
    expect(reason).toMatch(/nodeType/);
    expect(reason).toMatch(/mainframe/);
    expect(reason).toMatch(/bm/);
    picky.cancel();
    await expect(picky).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

test('labels: tasks go only where they may', async () => {
  const session = sessions.get('cluster')!;
  const names = new Map(
    (await session.status()).workers.map(worker => [worker.labels.nodeType, worker.name]),
  );
  const items = Array.from({ length: 30 }, (_, i) => i);
  for (const nodeType of ['vm', 'bm']) {
    const places = session.with({ labels: { nodeType } }).map(whereAmI, items as never[]);
    for (const place of await session.gather(places)) {
      expect(place).toMatchObject({ node: names.get(nodeType), labels: { nodeType }, attempt: 1 });
    }
  }
});

test('close() with work pending: futures say so, the work stops, others go on', async () => {
  const watcher = sessions.get('cluster')!;
  const leaving = await cluster.connect();
  const running = leaving.submit(loopForever);
  const waiting = leaving.submit(add, running, 1);
  const held = await leaving.scatter(new Float64Array(100_000));
  const frame = leaving.fromRecords([{ a: 1 }]);
  await until(async () => (await leaving.explain(running)).reason.startsWith('running'));
  await leaving.close();
  await leaving.close();
  for (const future of [running, waiting])
    await expect(future).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  expect(() => leaving.submit(increment, 1)).toThrow(/session was closed/);
  await expect(held.get()).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  await expect(frame.count()).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  await until(async () => {
    const { tasks, clients } = await watcher.status();
    return tasks.assigned === 0 && tasks.waiting === 0 && clients === 1;
  });
  await until(async () => (await storedBytes(watcher)) === 0);
  expect(await watcher.gather(watcher.map(increment, [1, 2, 3, 4]))).toEqual([2, 3, 4, 5]);
});

test('two sessions of one cluster, and a second cluster at the same time, do not disturb each other', async () => {
  await using other = await LocalCluster.start({ workers: 1, clusterName: 'second' });
  const [mine, mate, theirs] = await Promise.all([
    sessions.get('cluster')!,
    cluster.connect(),
    other.connect(),
  ]);
  expect((await theirs.status()).cluster).toBe('second');
  expect(other.address).not.toBe(cluster.address);
  const jobs = Array.from({ length: 40 }, (_, i) => ({ i, ms: 1 }));
  const all = await Promise.all([mine, mate, theirs].map(s => s.gather(s.map(busyDouble, jobs))));
  for (const values of all) expect(values).toEqual(jobs.map(({ i }) => i * 2));
  await mate.close();
  expect(await mine.submit(increment, 1)).toBe(2);
});

test('a head that is gone is told by everything that waits', async () => {
  const lonely = await LocalCluster.start({ workers: 1 });
  const session = await connect(lonely.address);
  const running = session.submit(loopForever);
  await until(async () => (await session.explain(running)).reason.startsWith('running'));
  await lonely.close();
  await expect(running).rejects.toMatchObject({ code: 'UNREACHABLE' });
  await expect(session.status()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  await session.close();
  await expect(connect(lonely.address)).rejects.toMatchObject({ code: 'UNREACHABLE' });
});
