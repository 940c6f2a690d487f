import { afterEach, expect, type Mock, test, vi } from 'vitest';
import { formatTask, type JobId } from '../../core/base/ids.js';
import { createInProcessNotifier } from '../../core/notify/in-process.js';
import type { FaultEvent } from '../../core/notify/notifier.js';
import type { BulkClient, BulkTransport } from '../../core/rpc/bulk.js';
import { createMemoryBulk } from '../../core/rpc/bulk-memory.js';
import { createNodeBulk } from '../../core/rpc/bulk-node.js';
import type { PeerSecurity } from '../../core/rpc/transport.js';
import { packData } from '../../core/wire/msgpack.js';
import { decodeValue, encodePayload, InputSlot } from '../../core/wire/payload.js';
import { batchesToRecords, recordsToBatch } from '../../dataframe/column/records.js';
import { decodeBatch, encodeBatch } from '../../dataframe/column/slab.js';
import type { Fragment } from '../../dataframe/physical/fragment.js';
import { HandHead, handEngine, inputTable } from '../testing/head.js';
import type { Engine } from './engine.js';

// Two engines, each with a hand-driven head of its own: what crosses between them is the data plane.

const open: { head: HandHead; engine: Engine }[] = [];

async function node(
  more: Parameters<typeof handEngine>[1] = {},
): Promise<{ head: HandHead; engine: Engine }> {
  const head = await HandHead.start();
  const engine = await handEngine(head, more);
  const both = { head, engine };
  open.push(both);
  return both;
}

afterEach(async () => {
  for (const { head, engine } of open.splice(0)) {
    await engine.close();
    await head.close();
  }
});

/** Tells `to` where `from` is. */
function introduce(to: HandHead, from: HandHead, engine: Engine): void {
  const { address, name, threads, memoryBytes, labels, supervisorPid, enginePid } = from.hellos[0]!;
  const peer = {
    worker: engine.worker,
    address,
    name,
    threads,
    memoryBytes,
    labels,
    supervisorPid,
    enginePid,
  };
  to.say({ kind: 'peers', workers: [peer] });
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);

test('results are pulled from the peer that holds them, once for all who read them', async () => {
  const a = await node();
  const make = a.head.install(1, (n: number) => new Float64Array(n).fill(0.5));
  a.head.assign(1, make, [[50_000]], { inlineResult: false });
  await a.head.until(() => a.head.finished(1).size === 1);

  const b = await node();
  introduce(b.head, a.head, a.engine);
  const add = b.head.install(1, sum);
  const inputs = [inputTable([{ job: 1, index: 0, holder: a.engine.worker }])];
  b.head.assign(1, add, [[new InputSlot(0)], [new InputSlot(0)]], { first: 10, inputs });
  await b.head.until(() => b.head.finished(1).size === 2);
  expect([...b.head.finished(1).values()].map(bytes => decodeValue(bytes!))).toEqual([25_000, 25_000]);
  const replicas = b.head.heard.filter(message => message.kind === 'replicas-changed');
  expect(replicas).toEqual([{ kind: 'replicas-changed', added: [{ job: 1, index: 0 }], dropped: [] }]);
});

// FAULTS 9: fewer rows than announced is an error, never a short answer.
test('an input with the wrong number of rows is corrupt: tried again, reported, lost', async () => {
  const events: FaultEvent[] = [];
  const notifier = createInProcessNotifier();
  notifier.subscribe(event => events.push(event));
  const a = await node();
  const make = a.head.install(1, () => new Float64Array(10_000));
  a.head.assign(1, make, [[]], { inlineResult: false });
  await a.head.until(() => a.head.finished(1).size === 1);

  const b = await node({ notifier });
  introduce(b.head, a.head, a.engine);
  const add = b.head.install(1, sum);
  const inputs = [inputTable([{ job: 1, index: 0, holder: a.engine.worker, rows: 2 }])];
  b.head.assign(1, add, [[new InputSlot(0)]], { first: 10, inputs });
  await b.head.until(() => b.head.failures().length === 1);
  const [failed] = b.head.failures();
  expect(failed).toMatchObject({ reason: 'input-lost', lostInputs: [{ job: 1, index: 0 }] });
  expect(failed!.failure.message).toMatch(/has 1 rows at worker \d+, 2 were announced/);
  const seen = b.head.heard.filter(message => message.kind === 'fault-seen');
  expect(seen.map(message => message.fault)).toEqual(Array(3).fill('partition-corrupt'));
  await notifier.flush();
  expect(events.map(event => event.kind)).toEqual(Array(3).fill('partition-corrupt'));
  expect(events[0]).toMatchObject({ source: 'tester', task: '1/0', worker: a.engine.worker });
});

test('a peer that is gone is reported, and its results are lost', async () => {
  const a = await node();
  const b = await node();
  introduce(b.head, a.head, a.engine);
  await a.engine.close();
  const add = b.head.install(1, sum);
  const inputs = [inputTable([{ job: 1, index: 0, holder: a.engine.worker }])];
  b.head.assign(1, add, [[new InputSlot(0)]], { first: 10, inputs });
  await b.head.until(() => b.head.failures().length === 1);
  expect(b.head.failures()[0]).toMatchObject({ reason: 'input-lost' });
  const seen = b.head.heard.filter(message => message.kind === 'fault-seen');
  expect(seen.map(message => message.fault)).toEqual(['peer-unreachable']);
});

/** A client whose slices in place are heard of. */
function spied(bulk: BulkTransport, security: PeerSecurity, reach: Mock<BulkClient['reach']>): BulkClient {
  const client = bulk.client(security);
  reach.mockImplementation(client.reach.bind(client));
  client.reach = reach;
  return client;
}

test.each([
  ['pulled by its reader', createMemoryBulk, 30_000],
  // Engines of one process are peers of one machine.
  ['read by its reader where it lies', createNodeBulk, 200_000],
])('a dataframe shuffle: one slab with a slice per destination, each %s', async (_, makeBulk, count) => {
  const bulk = makeBulk();
  const a = await node({ bulk });
  const reach = vi.fn<BulkClient['reach']>();
  const b = await node({ bulk: { serve: bulk.serve, client: security => spied(bulk, security, reach) } });
  introduce(b.head, a.head, a.engine);
  const rows = Array.from({ length: count }, (_, i) => ({ key: i % 100, value: i }));
  const batch = recordsToBatch(rows);
  const fanOut = 3;
  const spread: Fragment = {
    source: { kind: 'input', input: 0 },
    ops: [],
    sink: { kind: 'hash', keys: ['key'], fanOut },
    inputs: [batch.schema],
  };
  const { header, bytes } = encodeBatch(batch, byteLength => new Uint8Array(byteLength));
  const client = bulk.client({ token: null, tls: null });
  await client.put(a.head.hellos[0]!.address, { job: 1 as JobId, index: 0 }, header, bytes);
  const map = a.head.installBody(1, 'fragment', 'spread', packData(spread));
  const source = inputTable([{ job: 1, index: 0, holder: a.engine.worker, rows: rows.length }]);
  const stored = { args: null, inlineResult: false };
  a.head.assign(1, map, [[]], { first: 10, inputs: [source], slices: fanOut, ...stored });
  await a.head.until(() => a.head.finished(1).size + a.head.failures().length === 1);
  expect(a.head.failures()).toEqual([]);

  const gather: Fragment = { ...spread, sink: { kind: 'partition' } };
  const reduce = b.head.installBody(1, 'fragment', 'gather', packData(gather));
  const slices = inputTable([{ job: 1, index: 10, holder: a.engine.worker, rows: rows.length }], {
    sliced: true,
    bytes: Float64Array.of(16 * count),
  });
  b.head.assign(1, reduce, [[], [], []], { first: 20, inputs: [slices], ...stored });
  await b.head.until(() => b.head.finished(1).size + b.head.failures().length === 3);
  expect(b.head.failures()).toEqual([]);

  const reached = await Promise.all(reach.mock.results.map(({ value }) => value));
  const inPlace = makeBulk === createNodeBulk && process.platform === 'linux';
  expect(reached.length).toBe(1); // In one message.
  expect(reached.flat().filter(lease => lease !== null).length).toBe(inPlace ? fanOut : 0);

  const seen: number[] = [];
  for (let i = 0; i < fanOut; i++) {
    let memory = new Uint8Array(0);
    const task = { job: 1 as JobId, index: 20 + i };
    const got = await client.fetch(
      b.head.hellos[0]!.address,
      task,
      0,
      of => (memory = new Uint8Array(of.byteLength)),
    );
    const part = decodeBatch(got, memory);
    const records = batchesToRecords(part.schema, [part]) as { key: number; value: number }[];
    expect(records.length).toBe(got.rows);
    seen.push(...records.map(record => record.value));
  }
  expect(seen.sort((x, y) => x - y)).toEqual(rows.map(row => row.value));
  client.close();
});

test('what a client puts here is an input like any other; what it frees is gone', async () => {
  const a = await node();
  const client = createMemoryBulk().client({ token: null, tls: null });
  const { header, bytes } = encodePayload(new Float64Array(20_000).fill(2));
  const put = { job: 3 as JobId, index: 0 };
  const { address } = a.head.hellos[0]!;
  await client.put(address, put, header, bytes);
  const add = a.head.install(1, sum);
  const inputs = [inputTable([{ job: 3, index: 0, holder: a.engine.worker }])];
  a.head.assign(1, add, [[new InputSlot(0)]], { inputs });
  await a.head.until(() => a.head.finished(1).size === 1);
  expect(decodeValue(a.head.finished(1).get(0)!)).toBe(40_000);
  const fetched = await client.fetch(address, put, 0, head => new Uint8Array(head.byteLength));
  expect(fetched.checksum).toBe(header.checksum);
  a.head.say({ kind: 'free-results', job: 3 as JobId, indices: Uint32Array.of(0) });
  await new Promise(resolve => setImmediate(resolve));
  await expect(client.fetch(address, put, 0, head => new Uint8Array(head.byteLength))).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  client.close();
});

test('a data set of several times the memory budget finishes, through the disk', async () => {
  const a = await node({ memoryBytes: 16 * 1024 * 1024 });
  const count = 40;
  const make = a.head.install(1, (mark: number) => new Float64Array(250_000).fill(mark));
  const marks = Array.from({ length: count }, (_, i) => [i]);
  a.head.assign(1, make, marks, { inlineResult: false });
  await a.head.until(() => a.head.finished(1).size === count);
  const add = a.head.install(1, sum);
  const entries = marks.map(([index]) => ({ job: 1, index: index!, holder: a.engine.worker }));
  const offsets = Uint32Array.from({ length: count + 1 }, (_, i) => i);
  const inputs = [inputTable(entries, { offsets })];
  a.head.assign(1, add, Array(count).fill([new InputSlot(0)]), { first: 100, inputs });
  await a.head.until(() => a.head.finished(1).size === 2 * count || a.head.failures().length > 0);
  expect(a.head.failures().map(f => `${formatTask(f.task.job, f.task.index)} ${f.failure.message}`)).toEqual(
    [],
  );
  for (let i = 0; i < count; i++) {
    expect(decodeValue(a.head.finished(1).get(100 + i)!)).toBe(250_000 * i);
  }
  await a.head.until(() => a.head.heard.some(m => m.kind === 'heartbeat' && m.spilledBytes > 0));
  a.head.say({ kind: 'drop-job', job: 1 as JobId });
  await a.head.until(() => {
    const last = a.head.heard.findLast(message => message.kind === 'heartbeat');
    return last !== undefined && last.storedBytes === 0 && last.spilledBytes === 0;
  });
});

test('a result that can never fit fails its task for want of memory; others go on', async () => {
  const a = await node({ memoryBytes: 4 * 1024 * 1024 });
  const make = a.head.install(1, (n: number) => new Float64Array(n));
  a.head.assign(1, make, [[1_000_000], [10]], { inlineResult: false });
  await a.head.until(() => a.head.failures().length === 1 && a.head.finished(1).size === 1);
  expect(a.head.failures()[0]).toMatchObject({ reason: 'thread-lost', failure: { code: 'OUT_OF_MEMORY' } });
});
