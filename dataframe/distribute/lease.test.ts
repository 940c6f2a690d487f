import { expect, test } from 'vitest';
import { collectGarbage } from '../../core/base/collect-garbage.js';
import { limits } from '../../core/base/limits.js';
import { noChecksum } from '../../core/graph/partition.js';
import { collectLeftBehind, keepBytes } from './lease.js';

function leaseOf(bytes: Uint8Array) {
  const lease = {
    header: { rows: 1, byteLength: bytes.byteLength, checksum: noChecksum, meta: new Uint8Array(0) },
    bytes,
    released: 0,
    release() {
      lease.released++;
    },
  };
  return lease;
}

async function collected(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise(resolve => setImmediate(resolve));
    await new Promise(resolve => setImmediate(resolve));
  }
}

test('the lease ends when the last view of its bytes is gone, not before', async () => {
  const arena = new SharedArrayBuffer(4096);
  new Uint8Array(arena).fill(7, 64, 128);
  const lease = leaseOf(new Uint8Array(arena, 64, 64));
  const views: Uint8Array[] = [];
  // In a function of its own: nothing of it stays on the stack.
  (() => {
    const bytes = keepBytes({ ...lease, release: () => lease.release() });
    views.push(bytes.subarray(8, 16));
  })();
  await collected();
  expect(lease.released).toBe(0);
  expect([...views[0]!]).toEqual(new Array(8).fill(7));
  views.pop();
  while (lease.released === 0) await collected();
  expect(lease.released).toBe(1);
});

test('heap memory is given back at once: the collector sees it', () => {
  const lease = leaseOf(new Uint8Array(10));
  expect(keepBytes(lease)).toBe(lease.bytes);
  expect(lease.released).toBe(1);
});

test('what was left behind comes back before the next answer is computed, when it is much', async () => {
  const lease = leaseOf(new Uint8Array(new SharedArrayBuffer(limits.leasedBeforeBytes + 1)));
  // In a function of its own: nothing of it stays on the stack.
  (() => {
    keepBytes({ ...lease, release: () => lease.release() });
  })();
  collectLeftBehind();
  while (lease.released === 0) await new Promise(resolve => setImmediate(resolve));
  expect(lease.released).toBe(1);
});

test('an answer so large that a collection came amid it comes back like others', async () => {
  const lease = leaseOf(new Uint8Array(new SharedArrayBuffer(limits.leasedBytes + 1)));
  const views: Uint8Array[] = [];
  (() => {
    views.push(keepBytes({ ...lease, release: () => lease.release() }));
  })();
  await new Promise(resolve => setImmediate(resolve));
  await new Promise(resolve => setImmediate(resolve));
  expect(lease.released).toBe(0);
  views.pop();
  collectLeftBehind();
  while (lease.released === 0) await new Promise(resolve => setImmediate(resolve));
  expect(lease.released).toBe(1);
});
