import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allocateNodeMemory } from '../base/kernel-memory.js';
import type { PartitionHeader } from '../graph/partition.js';
import type { BulkClient, BulkServer, BulkTransport } from './bulk.js';
import { createMemoryBulk } from './bulk-memory.js';
import { createNodeBulk } from './bulk-node.js';
import { headerOf, sharedBytes, TestStore, task, until } from './testing/store.js';

const MiB = 1024 * 1024;
const peerMemory = 'memory of a peer';
const security = { token: 'a secret of at least thirty-two bytes', tls: null };

const memory = allocateNodeMemory(128 * MiB, 1, 0);
const kinds: { name: string; make(): BulkTransport; forceGrpc: boolean }[] = [
  { name: 'gRPC', make: createNodeBulk, forceGrpc: true },
  { name: 'Unix socket', make: createNodeBulk, forceGrpc: false },
  // Linux only, where a process may always read its own memory.
  ...(process.platform === 'linux' ? [{ name: peerMemory, make: createNodeBulk, forceGrpc: false }] : []),
  { name: 'memory', make: createMemoryBulk, forceGrpc: false },
];

describe.each(kinds)('bulk over $name', ({ name, make, forceGrpc }) => {
  let store: TestStore;
  let server: BulkServer;
  let client: BulkClient;

  beforeEach(async () => {
    const bulk = make();
    const own = name === peerMemory ? memory : null;
    store = new TestStore(own);
    server = await bulk.serve(store, { host: '127.0.0.1', port: 0, security, socket: true, memory: own });
    client = bulk.client(security, { forceGrpc });
    if (name === 'Unix socket' || name === peerMemory) expect(server.address.socket).not.toBe('');
  });
  afterEach(async () => {
    client.close();
    await server.close();
    await until(() => store.lent === 0 && store.reserved === 0);
  });

  /** On the socket nothing may quietly have gone over gRPC: there, gRPC points nowhere. */
  function address() {
    return name === 'Unix socket' || name === peerMemory
      ? { ...server.address, grpc: '127.0.0.1:1' }
      : server.address;
  }
  async function pull(index: number, slice = 0): Promise<{ header: PartitionHeader; bytes: Uint8Array }> {
    let bytes: Uint8Array = new Uint8Array(0);
    const header = await client.fetch(address(), task(index), slice, announced => {
      bytes = new Uint8Array(new SharedArrayBuffer(announced.byteLength));
      return bytes;
    });
    return { header, bytes };
  }

  test.each([0, 1, MiB - 1, MiB, MiB + 1, 40 * MiB])(
    'a partition of %i bytes arrives whole',
    async length => {
      const source = sharedBytes(length);
      const meta = new Uint8Array(length % 1000).fill(7);
      const header = store.add(task(5), 3, source, headerOf(source, 17, meta));
      const got = await pull(5, 3);
      expect(got.header).toEqual(header);
      expect(Buffer.compare(got.bytes, source)).toBe(0);
      expect(store.placed).toBe(name === peerMemory ? 1 : 0);
      await until(() => store.lent === 0);
    },
  );

  test('what is not there is NOT_FOUND, and accept is not asked', async () => {
    let asked = false;
    const fetching = client.fetch(address(), task(9), 0, () => {
      asked = true;
      return new Uint8Array(0);
    });
    await expect(fetching).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(asked).toBe(false);
  });

  test('bytes that do not match the checksum are CORRUPT_PARTITION, and the next pull is well', async () => {
    const bytes = sharedBytes(3 * MiB);
    const header = headerOf(bytes);
    bytes[2 * MiB]! ^= 1;
    store.add(task(1), 0, bytes, header);
    await expect(pull(1)).rejects.toMatchObject({ code: 'CORRUPT_PARTITION' });
    const good = sharedBytes(1000);
    store.add(task(2), 0, good);
    expect(Buffer.compare((await pull(2)).bytes, good)).toBe(0);
  });

  test('a lender whose header lies about the length is CORRUPT_PARTITION', async () => {
    const bytes = sharedBytes(1000);
    store.add(task(1), 0, bytes, { ...headerOf(bytes), byteLength: 999 });
    await expect(pull(1)).rejects.toMatchObject({ code: 'CORRUPT_PARTITION' });
    store.add(task(1), 0, bytes, { ...headerOf(bytes), rows: -1 });
    await expect(pull(1)).rejects.toMatchObject({ code: 'CORRUPT_PARTITION' });
  });

  test('what accept throws comes out, also when it throws late', async () => {
    store.add(task(1), 0, sharedBytes(2 * MiB));
    for (const accept of [
      () => {
        throw new Error('no memory');
      },
      async () => {
        await new Promise(resolve => setImmediate(resolve));
        throw new Error('no memory');
      },
    ]) {
      await expect(client.fetch(address(), task(1), 0, accept)).rejects.toThrow('no memory');
    }
    expect((await pull(1)).bytes.byteLength).toBe(2 * MiB);
  });

  test('accept may take its time', async () => {
    const source = sharedBytes(5 * MiB);
    store.add(task(1), 0, source);
    const target = new Uint8Array(5 * MiB);
    await client.fetch(address(), task(1), 0, async () => {
      for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve));
      return target;
    });
    expect(Buffer.compare(target, source)).toBe(0);
  });

  test('a peer that dies mid-transfer is UNREACHABLE', async () => {
    store.add(task(1), 0, sharedBytes(40 * MiB));
    const fetching = client.fetch(address(), task(1), 0, async header => {
      await server.close();
      return new Uint8Array(header.byteLength);
    });
    await expect(fetching).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('a peer that is not there is UNREACHABLE', async () => {
    const gone = address();
    await server.close();
    await expect(client.fetch(gone, task(1), 0, () => new Uint8Array(0))).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    const bytes = sharedBytes(10);
    await expect(client.put(gone, task(1), headerOf(bytes), bytes)).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
  });

  test('abort ends a transfer, before and amid, and the lease is returned', async () => {
    store.add(task(1), 0, sharedBytes(40 * MiB));
    const before = AbortSignal.abort();
    const accept = (header: PartitionHeader) => new Uint8Array(header.byteLength);
    await expect(client.fetch(address(), task(1), 0, accept, before)).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    const amid = new AbortController();
    const fetching = client.fetch(
      address(),
      task(1),
      0,
      header => {
        setImmediate(() => amid.abort());
        return new Uint8Array(header.byteLength);
      },
      amid.signal,
    );
    await expect(fetching).rejects.toMatchObject({ code: 'CANCELLED' });
    await until(() => store.lent === 0);
  });

  test('pulls run side by side, and many after another', async () => {
    const sources = Array.from({ length: 12 }, (_, i) => sharedBytes(i * 300_000, i));
    sources.forEach((bytes, i) => void store.add(task(i), i, bytes));
    const got = await Promise.all(sources.map((_, i) => pull(i, i)));
    got.forEach(({ bytes }, i) => {
      expect(Buffer.compare(bytes, sources[i]!)).toBe(0);
    });
    for (let i = 0; i < 60; i++) await pull(1, 1);
  });

  test.each([0, 1, 3 * MiB + 1])('put of %i bytes stores them', async length => {
    const bytes = sharedBytes(length);
    await client.put(address(), task(7), headerOf(bytes), bytes);
    const stored = store.held.get('1/7/0')!;
    expect(Buffer.compare(stored.bytes, bytes)).toBe(0);
    expect(stored.header).toEqual(headerOf(bytes));
  });

  test('a full node refuses a put: RESOURCE_EXHAUSTED, and takes the next', async () => {
    const bytes = sharedBytes(20 * MiB);
    store.isFull = true;
    await expect(client.put(address(), task(7), headerOf(bytes), bytes)).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
    });
    store.isFull = false;
    await client.put(address(), task(7), headerOf(bytes), bytes);
    expect(store.held.size).toBe(1);
  });

  test('a put whose bytes changed on the way is CORRUPT_PARTITION and stores nothing', async () => {
    const bytes = sharedBytes(2 * MiB);
    const header = { ...headerOf(bytes), checksum: 1 };
    await expect(client.put(address(), task(7), header, bytes)).rejects.toMatchObject({
      code: 'CORRUPT_PARTITION',
    });
    expect(store.held.size).toBe(0);
    expect(store.aborted).toBe(1);
    await expect(client.put(address(), task(7), { ...header, byteLength: 5 }, bytes)).rejects.toMatchObject({
      code: 'CORRUPT_PARTITION',
    });
  });

  test('a peer without the token gets nothing', async () => {
    const stranger = make().client({ token: 'x'.repeat(40), tls: null }, { forceGrpc: true });
    store.add(task(1), 0, sharedBytes(10));
    const accept = (header: PartitionHeader) => new Uint8Array(header.byteLength);
    await expect(stranger.fetch(server.address, task(1), 0, accept)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    const bytes = sharedBytes(10);
    await expect(stranger.put(server.address, task(1), headerOf(bytes), bytes)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    stranger.close();
  });
});
