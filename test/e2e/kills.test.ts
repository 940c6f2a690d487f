import { expect, test } from 'vitest';
import { asCompleted, LocalCluster, type LocalWorker, type Session } from '../../index.js';
import { rowsIn, shuffledTotals, totals } from './frames.js';
import { busyDouble, ramp, total } from './tasks.js';
import { lives, until } from './until.js';

/** Real processes, real signals. Every test has a cluster of its own, since it breaks it. */

test('SIGKILL during a map: every value arrives', async () => {
  await using cluster = await LocalCluster.start({ workers: 3 });
  const session = await cluster.connect();
  const jobs = Array.from({ length: 150 }, (_, i) => ({ i, ms: 10 }));
  const futures = session.map(busyDouble, jobs);
  let ended = 0;
  for await (const _ of asCompleted(futures)) if (++ended === 40) break;
  cluster.workers[1]!.kill('SIGKILL');
  expect(await session.gather(futures)).toEqual(jobs.map(({ i }) => i * 2));
  expect((await session.status()).counters['workers-lost']).toBe(1);
});

test('SIGKILL of the only holder of a result somebody still wants: it is made again', async () => {
  await using cluster = await LocalCluster.start({ workers: 3 });
  const session = await cluster.connect();
  const parts = session.map(ramp, [200_000, 200_001, 200_002, 200_003, 200_004, 200_005]);
  await Promise.all(parts.map(part => new Promise<void>(done => part.whenSettled(done))));
  (await holderIn(cluster, session)).kill('SIGKILL');
  await until(async () => ((await session.status()).counters['workers-lost'] ?? 0) === 1);
  const sums = await session.gather(session.map(total, parts));
  expect(sums).toEqual([0, 1, 2, 3, 4, 5].map(k => ((200_000 + k) * (199_999 + k)) / 2));
  expect((await session.gather(parts)).map(p => p.length)).toEqual([0, 1, 2, 3, 4, 5].map(k => 200_000 + k));
  expect((await session.status()).counters['tasks-recomputed']).toBeGreaterThanOrEqual(1);
});

test('SIGKILL after the map outputs are written: only the lost ones are made again', async () => {
  await using cluster = await LocalCluster.start({ workers: 3 });
  const session = await cluster.connect();
  await using mapped = await rowsIn(session, 60_000, 12).persist();
  const expected = await totals(mapped).toRecords();
  (await holderIn(cluster, session)).kill('SIGKILL');
  expect(await totals(mapped).toRecords()).toEqual(expected);
});

test('SIGKILL during a shuffle: the same answer', async () => {
  await using cluster = await LocalCluster.start({ workers: 3 });
  const session = await cluster.connect();
  const expected = await shuffledTotals(session);
  const before = (await session.status()).counters['tasks-finished'] ?? 0;
  const running = shuffledTotals(session);
  await until(async () => ((await session.status()).counters['tasks-finished'] ?? 0) > before + 14);
  cluster.workers[0]!.kill('SIGKILL');
  expect(await running).toEqual(expected);
});

test('SIGKILL while a large shuffle reads the memory of its peers: the same rows', async () => {
  await using cluster = await LocalCluster.start({ workers: 3 });
  const session = await cluster.connect();
  await using source = await rowsIn(session, 200_000, 12).select('g', 'v').persist();
  const expected = await totals(source).toRecords();
  for (const worker of [0, 1]) {
    const before = (await session.status()).counters['tasks-finished'] ?? 0;
    const shuffled = source.repartition({ by: 'g', n: 6 }).persist();
    await until(async () => ((await session.status()).counters['tasks-finished'] ?? 0) > before + 12);
    cluster.workers[worker]!.kill('SIGKILL');
    await using kept = await shuffled;
    expect(await totals(kept).toRecords()).toEqual(expected);
  }
});

test('SIGSTOP past the lease, then SIGCONT: fenced off, and nothing is done twice', async () => {
  await using cluster = await LocalCluster.start({ workers: 2, leaseMs: 1500 });
  const session = await cluster.connect();
  const jobs = Array.from({ length: 60 }, (_, i) => ({ i, ms: 20 }));
  const futures = session.map(busyDouble, jobs);
  await futures[0];
  const stopped = cluster.workers[0]!;
  const oldId = stopped.id;
  stopped.kill('SIGSTOP');
  await until(async () => ((await session.status()).counters['workers-lost'] ?? 0) === 1);
  stopped.kill('SIGCONT');
  expect(await session.gather(futures)).toEqual(jobs.map(({ i }) => i * 2));
  // It comes back as a new incarnation.
  await until(async () => (await session.status()).workers.length === 2);
  expect((await session.status()).workers.map(w => w.worker)).not.toContain(oldId);
  expect(
    await session.gather(
      session.map(busyDouble, [
        { i: 1, ms: 0 },
        { i: 2, ms: 0 },
      ]),
    ),
  ).toEqual([2, 4]);
});

test('no engine is left after its supervisor was killed', async () => {
  await using cluster = await LocalCluster.start({ workers: 1 });
  const { pid, enginePid } = cluster.workers[0]!;
  expect(lives(enginePid)).toBe(true);
  process.kill(pid, 'SIGKILL');
  const start = performance.now();
  await until(() => !lives(enginePid));
  // A promise of the product (5 s), not a measurement.
  expect(performance.now() - start).toBeLessThan(5000);
});

/** A worker that stores results, as heartbeats tell. */
async function holderIn(cluster: LocalCluster, session: Session): Promise<LocalWorker> {
  let holder: LocalWorker | undefined;
  await until(async () => {
    const full = (await session.status()).workers.find(w => w.storedBytes > 0);
    holder = cluster.workers.find(w => w.id === full?.worker);
    return holder !== undefined;
  });
  return holder!;
}
