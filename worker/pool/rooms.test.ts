import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { JobId, TemplateId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import { silentLog } from '../../core/base/log.js';
import { recordsToBatch } from '../../dataframe/column/records.js';
import { encodeBatch } from '../../dataframe/column/slab.js';
import type { Fragment } from '../../dataframe/physical/fragment.js';
import { packFragment } from '../../dataframe/physical/fragment-body.js';
import type { Event, LaneResult } from '../state/api.js';
import { Store } from '../store/store.js';
import { ThreadPool } from './pool.js';
import { Threads } from './threads.js';

// These start real threads, from dist/.

const [job, template] = [1 as JobId, 1 as TemplateId];
const spillDir = mkdtempSync(join(tmpdir(), 'volley-rooms-'));
const memoryBytes = 256 * 2 ** 20;
const threads = new Threads({ threads: 1, memoryBytes, name: 'node', labels: {}, allowPaths: null });
const store = new Store({ memoryBytes, node: threads.memory, spillDir });
const rowsOf = (count: number) =>
  recordsToBatch(Array.from({ length: count }, (_, i) => ({ value: i + 0.5 })));
const copying: Fragment = {
  source: { kind: 'input', input: 0 },
  ops: [],
  sink: { kind: 'partition' },
  inputs: [rowsOf(1).schema],
};
const spec = { job, template, kind: 'fragment', name: 'copy', body: packFragment(copying) } as const;
let heard: (event: Event) => void = () => {};
const pool = new ThreadPool({
  threads,
  store,
  log: silentLog,
  template: () => spec,
  emit: event => heard(event),
  onBroken: reason => {
    throw new Error(reason);
  },
});
afterAll(async () => {
  await pool.close();
  rmSync(spillDir, { recursive: true });
});

let batches = 0;
/** A batch of one task that gives back so many rows of 8 bytes. */
async function copy(rows: number, resultBytes: readonly number[] | null): Promise<LaneResult> {
  const [results] = await copyAll(1, rows, resultBytes, false);
  return results![0]!;
}

/** Results of a batch of such tasks, message by message. */
async function copyAll(
  count: number,
  rows: number,
  resultBytes: readonly number[] | null,
  together: boolean,
): Promise<LaneResult[][]> {
  const { header, bytes } = encodeBatch(rowsOf(rows), byteLength => new Uint8Array(byteLength));
  const batch = ++batches;
  const results: LaneResult[][] = [];
  const over = new Promise<void>(resolve => {
    heard = event => {
      if (event.kind === 'lane-results') results.push([...event.results]);
      if (event.kind === 'lane-free') resolve();
    };
  });
  const [indices, attempts] = [0, 1].map(value => new Uint32Array(count).fill(value));
  pool.run(
    {
      ...{ lane: 0, batch, job, template, name: 'copy', definition: null },
      ...{ inlineResult: false, announce: false, args: null, rooms: null, together },
      ...{ indices: indices!, attempts: attempts!, positions: indices! },
      inputs: Array.from({ length: count }, () => [[{ header, bytes, trusted: false }]]),
    },
    resultBytes,
    () => {},
  );
  await over;
  expect(results.flat().map(({ failure }) => failure)).toEqual(new Array(count).fill(null));
  return results;
}

const some = (2 * limits.inlineResultBytes) / 8;

test('a result goes into memory that was given for it, which is cut to what it takes', async () => {
  const { payload } = await copy(some, [limits.copiedResultBytes]);
  expect(payload!.bytes).toBeNull();
  const { slab } = payload!;
  expect(slab!.byteLength).toBeLessThan(limits.copiedResultBytes);
  expect(store.memory.slabs.usedBytes).toBe(slab!.byteLength);
  store.memory.free(slab!);
  expect(store.memory.slabs.usedBytes).toBe(0);
});

test('without such memory, or where it is very small, it is copied; memory that was given in vain is given back', async () => {
  for (const [rows, resultBytes] of [
    [some, null],
    [10, [limits.copiedResultBytes]],
  ] as const) {
    const { payload } = await copy(rows, resultBytes);
    expect(payload!.slab).toBeNull();
    expect(payload!.bytes!.byteLength).toBeGreaterThanOrEqual(8 * rows);
    expect(store.memory.slabs.usedBytes).toBe(0);
  }
});

test('a result that is larger than the memory given for it asks for its own', async () => {
  const rows = (4 * limits.copiedResultBytes) / 8;
  const { payload } = await copy(rows, [limits.copiedResultBytes]);
  const { slab } = payload!;
  expect(slab!.byteLength).toBeGreaterThanOrEqual(8 * rows);
  expect(store.memory.slabs.usedBytes).toBe(slab!.byteLength);
  store.memory.free(slab!);
});

test('tasks that are reported together are told at once, but before the engine is asked for memory', async () => {
  const positions = (results: LaneResult[][]) => results.map(part => part.map(({ position }) => position));
  expect(positions(await copyAll(3, some, null, true))).toEqual([[0, 1, 2]]);
  const large = await copyAll(3, (4 * limits.copiedResultBytes) / 8, null, true);
  expect(positions(large)).toEqual([[0], [1], [2]]);
  for (const { payload } of large.flat()) store.memory.free(payload!.slab!);
  expect(store.memory.slabs.usedBytes).toBe(0);
});
