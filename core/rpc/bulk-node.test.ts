import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { DataAddress } from '../wire/messages.js';
import type { BulkServer } from './bulk.js';
import { decodeHeader, encodeFetch, encodePut } from './bulk-frames.js';
import { dataPaths, MessageReader, message } from './bulk-grpc-wire.js';
import { createNodeBulk } from './bulk-node.js';
import { Receiver, StallWatch } from './bulk-receiver.js';
import { sweepSocketPlaces } from './bulk-socket-place.js';
import { FrameReader, frame, Kind, maxFrameBytes } from './bulk-socket-wire.js';
import { open } from './testing/links.js';
import { headerOf, sharedBytes, TestStore, task } from './testing/store.js';

const servers: BulkServer[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  for (const server of servers.splice(0)) await server.close();
});

async function serve(store = new TestStore(), socket = true): Promise<DataAddress> {
  const server = await createNodeBulk().serve(store, {
    host: '127.0.0.1',
    port: 0,
    security: open,
    socket,
    memory: null,
  });
  servers.push(server);
  return server.address;
}

async function fetchOne(address: DataAddress, store: TestStore): Promise<boolean> {
  const bytes = sharedBytes(100_000);
  store.add(task(1), 0, bytes);
  const client = createNodeBulk().client(open);
  const target = new Uint8Array(100_000);
  await client.fetch(address, task(1), 0, () => target);
  client.close();
  return Buffer.compare(target, bytes) === 0;
}

describe('where the socket lies', () => {
  test('a folder of mode 0700 with a token file of mode 0600, removed on close', async () => {
    const { socket } = await serve();
    const folder = dirname(socket);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'token')).mode & 0o777).toBe(0o600);
    await servers.pop()!.close();
    expect(existsSync(folder)).toBe(false);
  });

  test('a temporary folder too deep for a socket address is passed over', async () => {
    const root = mkdtempSync(join(tmpdir(), 'volley-test-'));
    const deep = join(root, 'x'.repeat(120));
    mkdirSync(deep);
    vi.stubEnv('TMPDIR', deep);
    const store = new TestStore();
    const address = await serve(store);
    expect(address.socket.startsWith(deep)).toBe(false);
    expect(readdirSync(deep)).toEqual([]);
    expect(await fetchOne(address, store)).toBe(true);
    rmSync(root, { recursive: true });
  });

  test('no socket when none was asked for', async () => {
    expect((await serve(new TestStore(), false)).socket).toBe('');
  });

  test('folders of killed nodes are swept, those of living ones stay', async () => {
    const alive = await serve();
    const dead = mkdtempSync(join(tmpdir(), 'volley-data-'));
    const script = `require('net').createServer().listen(${JSON.stringify(join(dead, 's'))}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    const foreign = mkdtempSync(join(tmpdir(), 'volley-data-'));
    writeFileSync(join(foreign, 'token'), 'a node that is just starting');
    await sweepSocketPlaces();
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(foreign)).toBe(true);
    expect(existsSync(alive.socket)).toBe(true);
    rmSync(foreign, { recursive: true });
  });
});

describe('what the socket cannot do goes over gRPC', () => {
  test.each<[string, (address: DataAddress) => DataAddress]>([
    ['a socket that is not there', address => ({ ...address, socket: '/tmp/volley-data-nothing/s' })],
    ['another machine', address => ({ ...address, bootId: 'another boot' })],
    ['another user', address => ({ ...address, uid: address.uid + 1 })],
    ['a platform without boot id', address => ({ ...address, bootId: '' })],
    ['no socket', address => ({ ...address, socket: '' })],
  ])('%s', async (_, change) => {
    const store = new TestStore();
    expect(await fetchOne(change(await serve(store)), store)).toBe(true);
  });

  test('a token that changed', async () => {
    const store = new TestStore();
    const address = await serve(store);
    writeFileSync(join(dirname(address.socket), 'token'), 'x'.repeat(64));
    expect(await fetchOne(address, store)).toBe(true);
  });

  test('a node that restarted under the kept connection is asked again', async () => {
    const store = new TestStore();
    const bytes = sharedBytes(1000);
    store.add(task(1), 0, bytes);
    const address = await serve(store);
    const client = createNodeBulk().client(open);
    const target = new Uint8Array(1000);
    await client.fetch(address, task(1), 0, () => target);
    await servers.pop()!.close();
    const again = await serve(store);
    // The old socket is gone, the new gRPC port answers.
    await client.fetch({ ...again, socket: address.socket }, task(1), 0, () => target.fill(0));
    expect(Buffer.compare(target, bytes)).toBe(0);
    client.close();
  });
});

describe('the framing is that of gRPC: grpc-js understands it', () => {
  const asIs = (bytes: Buffer) => bytes;

  test('fetch', async () => {
    const store = new TestStore();
    const bytes = sharedBytes(3_000_000);
    const header = store.add(task(1), 0, bytes);
    const client = new Client((await serve(store)).grpc, credentials.createInsecure());
    const request = encodeFetch({ task: task(1), slice: 0 });
    const messages: Buffer[] = [];
    for await (const each of client.makeServerStreamRequest(dataPaths.fetch, asIs, asIs, request)) {
      messages.push(each);
    }
    expect(decodeHeader(messages.shift()!, 'x')).toEqual(header);
    expect(Buffer.compare(Buffer.concat(messages), bytes)).toBe(0);
    const missing = client.makeServerStreamRequest(
      dataPaths.fetch,
      asIs,
      asIs,
      encodeFetch({ task: task(2), slice: 0 }),
    );
    await expect(missing.toArray()).rejects.toMatchObject({ code: 5, details: '1/2 slice 0 is not here' });
    client.close();
  });

  test('put', async () => {
    const store = new TestStore();
    const bytes = sharedBytes(3_000_000);
    const client = new Client((await serve(store)).grpc, credentials.createInsecure());
    await new Promise<void>((resolve, reject) => {
      const call = client.makeClientStreamRequest(dataPaths.put, asIs, asIs, error =>
        error ? reject(error) : resolve(),
      );
      call.write(encodePut({ task: task(1), header: headerOf(bytes) }));
      call.write(Buffer.from(bytes.subarray(0, 1_000_000)));
      call.end(Buffer.from(bytes.subarray(1_000_000)));
    });
    expect(Buffer.compare(store.held.get('1/1/0')!.bytes, bytes)).toBe(0);
    client.close();
  });
});

test('the socket server asks for a hello before anything else', async () => {
  const { socket } = await serve();
  const peer = connect(socket);
  peer.write(frame(Kind.Fetch, Buffer.alloc(12)));
  await new Promise(resolve => peer.once('close', resolve));
});

describe('FrameReader', () => {
  test('cuts frames out of any pieces', () => {
    const stream = Buffer.concat([
      frame(1, Buffer.from('ab')),
      frame(2, Buffer.alloc(0)),
      frame(3, Buffer.alloc(999)),
    ]);
    for (const step of [1, 2, 3, 7, 5000]) {
      const reader = new FrameReader();
      const seen: [number, number][] = [];
      for (let from = 0; from < stream.length; from += step) {
        const piece = stream.subarray(from, from + step);
        for (let at = 0; at < piece.length; ) {
          at += reader.feed(piece.subarray(at));
          const next = reader.take();
          if (next) seen.push([next.kind, next.body.length]);
        }
      }
      expect(seen).toEqual([
        [1, 2],
        [2, 0],
        [3, 999],
      ]);
    }
  });

  test('refuses lengths that cannot be', () => {
    for (const length of [0, maxFrameBytes + 1, 0xffff_ffff]) {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32LE(length);
      expect(() => new FrameReader().feed(bytes)).toThrow(
        expect.objectContaining({ code: 'CORRUPT_PARTITION' }),
      );
    }
  });
});

describe('MessageReader', () => {
  const stream = Buffer.concat([
    message(Buffer.from('first')),
    message(Buffer.alloc(0)),
    message(Buffer.from('ab')),
  ]);

  test('gives the first message whole, then bytes as they come, out of any pieces', () => {
    for (const step of [1, 2, 5, 6, 100]) {
      const seen: string[] = [];
      let bytes = '';
      const reader = new MessageReader(
        first => void seen.push(first.toString()),
        part => {
          bytes += part.toString();
        },
      );
      for (let at = 0; at < stream.length; at += step) reader.push(stream.subarray(at, at + step));
      expect([seen, bytes]).toEqual([['first'], '']);
      reader.resume();
      expect([seen, bytes]).toEqual([['first'], 'ab']);
    }
  });

  test('refuses what is compressed or too large before it has come', () => {
    for (const prefix of [
      [1, 0, 0, 0, 5],
      [0, 0xff, 0xff, 0xff, 0xff],
    ]) {
      const reader = new MessageReader(
        () => undefined,
        () => undefined,
      );
      expect(() => reader.push(Buffer.from(prefix))).toThrow(
        expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }),
      );
    }
  });
});

describe('Receiver', () => {
  const bytes = sharedBytes(10);

  test('checks length and checksum', () => {
    const make = (header = headerOf(bytes)) => new Receiver(header, new Uint8Array(10), 'x');
    const good = make();
    good.push(bytes.subarray(0, 4));
    good.room(100).set(bytes.subarray(4));
    good.advance(6);
    expect(good.finish()).toEqual(headerOf(bytes));
    expect(() => make().finish()).toThrow('10 of 10 bytes are missing');
    expect(() => make().push(new Uint8Array(11))).toThrow('1 bytes more than announced');
    const bad = make({ ...headerOf(bytes), checksum: 5 });
    bad.push(bytes);
    expect(() => bad.finish()).toThrow('checksum');
  });

  test('bytes end up in their places however both sides lie', () => {
    const source = sharedBytes(200_000);
    for (let shift = 0; shift < 9; shift++) {
      const target = new Uint8Array(new SharedArrayBuffer(200_100)).subarray(shift, shift + 200_000);
      const receiver = new Receiver(headerOf(source), target, 'x');
      for (const [from, to] of [
        [0, 3],
        [3, 70_000],
        [70_000, 70_001],
        [70_001, 200_000],
      ]) {
        receiver.push(Uint8Array.from(source.subarray(from, to)));
      }
      receiver.finish();
      expect(Buffer.compare(target, source)).toBe(0);
    }
  });
});

describe('StallWatch', () => {
  test('calls once when nothing moves, and not while it is this side’s turn', () => {
    vi.useFakeTimers();
    let stalls = 0;
    const watch = new StallWatch(1000, () => stalls++);
    vi.advanceTimersByTime(900);
    watch.moved();
    vi.advanceTimersByTime(900);
    expect(stalls).toBe(0);
    watch.pause();
    vi.advanceTimersByTime(10_000);
    expect(stalls).toBe(0);
    watch.resume();
    vi.advanceTimersByTime(10_000);
    expect(stalls).toBe(1);
  });
});
