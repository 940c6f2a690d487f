import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checksumOf } from '../../core/base/checksum.js';
import type { JobId, TaskRef } from '../../core/base/ids.js';
import { noChecksum } from '../../core/graph/partition.js';
import { slabBytes } from './slabs.js';
import { Store } from './store.js';

const MiB = 1024 * 1024;
let store: Store;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'volley-lease-test-'));
  store = new Store({ memoryBytes: 8 * MiB, spillDir: folder });
});

afterEach(async () => {
  await store.close();
  expect(store.storedBytes).toBe(0);
  rmSync(folder, { recursive: true });
});

const task = (index: number): TaskRef => ({ job: 1 as JobId, index });
const meta = Uint8Array.of(1, 2, 3);

/** Stores slices of `byteLength`, each filled with its number plus `mark`, as threads do: without checksums. */
async function keep(index: number, byteLength: number, slices = 1, mark = index): Promise<void> {
  const slab = await store.memory.allocate(byteLength * slices);
  const bytes = slabBytes(slab);
  const headers = Array.from({ length: slices }, (_, i) => {
    bytes.subarray(i * byteLength, (i + 1) * byteLength).fill(mark + i);
    return { header: { rows: 1, byteLength, checksum: noChecksum, meta }, offset: i * byteLength };
  });
  store.keep(task(index), { slab, bytes: null, slices: headers });
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise(resolve => setImmediate(resolve));
}

test('a checksum is made when bytes leave the process, once', async () => {
  await keep(1, 1000, 2);
  const here = await store.lendHere(task(1), 1);
  expect(here!.header.checksum).toBe(noChecksum);
  here!.release();
  const away = await store.lend(task(1), 1);
  expect(away!.header.checksum).toBe(checksumOf(away!.bytes));
  away!.release();
  const again = await store.lendHere(task(1), 1);
  expect(again!.header).toBe(away!.header);
  again!.release();
});

test('spilled bytes carry a checksum, and come back only when it holds', async () => {
  for (let i = 1; i <= 8; i++) await keep(i, MiB);
  await until(() => store.spilledBytes > 0);
  const pin = await store.pin(task(1), 0);
  expect(pin!.header.checksum).toBe(checksumOf(new Uint8Array(MiB).fill(1)));
  pin!.release();
});

test('a lease is the memory itself, counted until it is released', async () => {
  await keep(1, MiB);
  const lease = (await store.lendHere(task(1), 0))!;
  expect(lease.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  store.drop(task(1));
  expect(store.storedBytes).toBe(MiB);
  expect(lease.bytes[5]).toBe(1);
  lease.release();
  lease.release();
  expect(store.storedBytes).toBe(0);
});

test('beyond its share of the budget a result is copied', async () => {
  for (let i = 1; i <= 5; i++) await keep(i, MiB);
  const leases = await Promise.all([1, 2, 3, 4, 5].map(i => store.lendHere(task(i), 0)));
  const shared = leases.filter(lease => lease!.bytes.buffer instanceof SharedArrayBuffer);
  expect(shared).toHaveLength(4);
  expect(leases.map(lease => lease!.bytes[7])).toEqual([1, 2, 3, 4, 5]);
  for (const lease of leases) lease!.release();
  const next = await store.lendHere(task(5), 0);
  expect(next!.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  next!.release();
});

test("a copy is its taker's whole buffer, from memory and from disk, and holds nothing", async () => {
  for (let i = 1; i <= 8; i++) await keep(i, MiB);
  await until(() => store.spilledBytes > 0);
  for (const i of [1, 8]) {
    const copy = (await store.copy(task(i), 0))!;
    expect(copy.bytes.buffer).toBeInstanceOf(ArrayBuffer);
    expect(copy.bytes.buffer.byteLength).toBe(MiB);
    expect(copy.bytes[MiB - 1]).toBe(i);
    // It may be given to another thread.
    structuredClone(copy.bytes, { transfer: [copy.bytes.buffer as ArrayBuffer] });
    expect((await store.copy(task(i), 0))!.bytes[7]).toBe(i);
  }
  expect(await store.copy(task(99), 0)).toBeNull();
});

test('slices of spilled results are read into one slab, which lives until the last is released', async () => {
  for (let i = 1; i <= 8; i++) await keep(i, MiB / 4, 4, 10 * i);
  await until(() => store.spilledBytes >= MiB);
  const before = store.storedBytes;
  const wanted = [1, 2, 3].map(i => ({ task: task(i), slice: 2 }));
  const pins = await store.pinSpilled([...wanted, { task: task(99), slice: 0 }]);
  expect(pins.map(pin => pin?.bytes[100] ?? null)).toEqual([12, 22, 32, null]);
  expect(new Set(pins.slice(0, 3).map(pin => pin!.slab)).size).toBe(1);
  for (const pin of pins) pin?.release();
  expect(store.storedBytes).toBeLessThanOrEqual(before);
});

test('a running task gets its memory before those that are to run', async () => {
  const held = await store.memory.allocate(6 * MiB);
  const order: string[] = [];
  const input = store.memory.allocate(4 * MiB).then(slab => {
    order.push('input');
    return slab;
  });
  const output = store.memory.allocate(3 * MiB, true).then(slab => {
    order.push('output');
    return slab;
  });
  store.memory.free(held);
  const slabs = await Promise.all([input, output]);
  expect(order).toEqual(['output', 'input']);
  for (const slab of slabs) store.memory.free(slab);
});

test('free memory in pieces still serves who waits for it, when nothing can be spilled', async () => {
  const slabs = await Promise.all(Array.from({ length: 8 }, () => store.memory.allocate(MiB)));
  for (const [i, slab] of slabs.entries()) if (i % 2 === 0) store.memory.free(slab);
  const large = await store.memory.allocate(3 * MiB);
  expect(large.byteLength).toBe(3 * MiB);
  expect(store.storedBytes).toBe(7 * MiB);
  store.memory.free(large);
  expect(store.memory.slabs.arenaBytes).toBe(8 * MiB);
  for (const [i, slab] of slabs.entries()) if (i % 2 === 1) store.memory.free(slab);
});
