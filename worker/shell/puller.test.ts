import { expect, test } from 'vitest';
import { VolleyError } from '../../core/base/errors.js';
import type { JobId, TemplateId, WorkerId } from '../../core/base/ids.js';
import { noChecksum, type ReachedPartition } from '../../core/graph/partition.js';
import type { BulkClient, Reached } from '../../core/rpc/bulk.js';
import type { Event, Pull } from '../state/api.js';
import type { Store } from '../store/store.js';
import { AwaySlices } from './away.js';
import { Puller } from './puller.js';
import type { Templates } from './templates.js';

const [job, template] = [1 as JobId, 1 as TemplateId];
const task = { job, index: 0 };

/** A puller whose peers answer as `answer` says; what has to be fetched is not found. */
function puller(answer: (slice: number) => Reached<ReachedPartition>) {
  const asked: string[] = [];
  const said: string[] = [];
  const away = new AwaySlices();
  const client: Partial<BulkClient> = {
    reach: async (from, slices) => {
      asked.push(`${from.socket}: ${slices.map(({ slice }) => slice).join(' ')}`);
      await null;
      if (from.socket === 'gone') throw new VolleyError('UNREACHABLE', 'gone');
      return slices.map(({ slice }) => answer(slice));
    },
    fetch: async (from, _, slice) => {
      asked.push(`${from.socket}: fetch ${slice}`);
      throw new VolleyError('NOT_FOUND', 'not here');
    },
  };
  const emit = (event: Event) => {
    if (event.kind === 'pull-done') said.push(`${event.pull} done`);
    if (event.kind === 'pull-failed') said.push(`${event.pull} ${event.code}`);
  };
  const parts = { client: client as BulkClient, store: {} as Store, away, emit };
  const templates = { moves: () => ({ how: 'together', narrowBytes: 0 }) } as unknown as Templates;
  return { puller: new Puller({ ...parts, templates }), asked, said, away };
}

function pull(id: number, slice: number, socket: string): Pull {
  const from = { grpc: '', socket, bootId: '', uid: 0 };
  const peer = socket.length as WorkerId;
  return { id, task, slice, peer, from, rows: -1, bytes: -1, small: false, reader: { job, template } };
}

function leases(checksum = noChecksum) {
  const released: number[] = [];
  const lease = (slice: number): ReachedPartition => ({
    header: { rows: 1, byteLength: 8, checksum, meta: new Uint8Array(0) },
    place: { pid: 1, file: 1, address: 1 },
    alive: true,
    release: () => released.push(slice),
  });
  return { lease, released };
}

const settled = () => new Promise(resolve => setImmediate(resolve));

test('slices that are pulled in one turn are asked for in one message a peer', async () => {
  const { lease } = leases();
  const t = puller(lease);
  t.puller.start(pull(1, 0, 'a'));
  t.puller.start(pull(2, 0, 'gone'));
  t.puller.start(pull(3, 1, 'a'));
  t.puller.start(pull(4, 1, 'gone'));
  await settled();
  expect(t.asked).toEqual(['a: 0 1', 'gone: 0 1']);
  expect(t.said.sort()).toEqual(['1 done', '2 UNREACHABLE', '3 done', '4 UNREACHABLE']);
  expect([t.away.pin(task, 0), t.away.pin(task, 1)]).not.toContain(null);
});

test('one that is given up meanwhile is given back; the others stay', async () => {
  const { lease, released } = leases();
  const t = puller(lease);
  for (const [id, slice] of [0, 1, 2].entries()) t.puller.start(pull(id, slice, 'a'));
  t.puller.abort(1);
  await settled();
  expect([t.said, released]).toEqual([['0 done', '2 done'], [1]]);
  expect(t.away.pin(task, 1)).toBeNull();
});

test('what lies elsewhere, or is to be checked, is fetched; a place that is no place is an error', async () => {
  const { lease, released } = leases(7);
  const bad = new VolleyError('CORRUPT_PARTITION', 'beyond the memory');
  const t = puller(slice => (slice === 0 ? null : slice === 1 ? bad : lease(slice)));
  for (const slice of [0, 1, 2]) t.puller.start(pull(slice, slice, 'a'));
  await settled();
  expect(t.asked).toEqual(['a: 0 1 2', 'a: fetch 0', 'a: fetch 2']);
  expect(t.said.sort()).toEqual(['0 NOT_FOUND', '1 CORRUPT_PARTITION', '2 NOT_FOUND']);
  expect(released).toEqual([2]);
});
