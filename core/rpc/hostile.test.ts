import { type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../base/limits.js';
import { seededRng } from '../base/rng.js';
import { controlPaths } from '../wire/proto.js';
import type { BulkServer } from './bulk.js';
import { encodePut } from './bulk-frames.js';
import { dataPaths } from './bulk-grpc-wire.js';
import { createNodeBulk } from './bulk-node.js';
import { readSocketToken } from './bulk-socket-place.js';
import { frame, Kind } from './bulk-socket-wire.js';
import { createGrpcTransport } from './grpc.js';
import { type EarHead, earHead, open } from './testing/links.js';
import { headerOf, sharedBytes, TestStore, task, until } from './testing/store.js';

const MiB = 1024 * 1024;
const seed = Number(process.env.VOLLEY_TEST_SEED ?? 20_261_127);
console.log(`hostile.test seed ${seed} (VOLLEY_TEST_SEED)`);
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

const transport = createGrpcTransport();
let head: EarHead;
let store: TestStore;
let data: BulkServer;

beforeAll(async () => {
  head = await earHead(transport, '127.0.0.1:0');
  store = new TestStore();
  data = await createNodeBulk().serve(store, {
    host: '127.0.0.1',
    port: 0,
    security: open,
    socket: true,
    memory: null,
  });
});
afterAll(async () => {
  await head.listening.close();
  await data.close();
  expect([store.lent, store.reserved]).toEqual([0, 0]);
});

/** Both servers still do their work. */
async function stillServing(): Promise<void> {
  const [near, far] = await head.join(transport);
  near.link.send({ kind: 'worker-bye', reason: 'well' });
  near.link.close();
  expect((await far.closed).clean).toBe(true);
  expect(far.count).toBe(1);
  for (const forceGrpc of [true, false]) {
    const client = createNodeBulk().client(open, { forceGrpc });
    const bytes = sharedBytes(1000);
    await client.put(data.address, task(1), headerOf(bytes), bytes);
    client.close();
  }
}

/** Sends raw bytes, gives the server a few turns, and hangs up. */
async function raw(socket: Socket, bytes: Buffer): Promise<void> {
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(bytes);
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
  socket.destroySoon();
  await closed;
}

function tcp(address: string): Socket {
  return connect(Number(address.split(':')[1]), '127.0.0.1');
}

/** One gRPC call made by hand. Resolves with its grpc-status. */
function call(
  address: string,
  path: string,
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://${address}`);
    session.on('error', reject);
    const stream: ClientHttp2Stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    let code = -1;
    const note = (seen: NodeJS.Dict<string | string[]>) => {
      if (seen['grpc-status'] !== undefined) code = Number(seen['grpc-status']);
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', () => undefined);
    stream.on('end', () => stream.close());
    stream.on('close', () => {
      session.close();
      resolve(code);
    });
    stream.resume();
    stream.write(body);
  });
}

/** gRPC's five bytes in front of a message. */
function message(body: Buffer, length = body.byteLength, compressed = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(compressed, 0);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, body]);
}

describe.each(['head', 'data'] as const)('FAULTS 5: the %s port', which => {
  const address = () => (which === 'head' ? head.listening.address : data.address.grpc);

  test('survives a port scan', async () => {
    await Promise.all(Array.from({ length: 50 }, () => raw(tcp(address()), Buffer.alloc(0))));
    await raw(tcp(address()), Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    await raw(tcp(address()), Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]));
    await stillServing();
  });

  test('survives noise, with and without an HTTP/2 beginning', async () => {
    const rng = seededRng(seed);
    for (let i = 0; i < 60; i++) {
      const noise = Buffer.from(
        Array.from({ length: 1 + Math.floor(rng() * 500) }, () => Math.floor(rng() * 256)),
      );
      await raw(tcp(address()), i % 2 ? noise : Buffer.concat([preface, settings, noise]));
    }
    await stillServing();
  });

  test('answers unknown methods and foreign content types with a status', async () => {
    expect(await call(address(), '/volley.v1.Nothing/At', message(Buffer.alloc(0)))).toBe(
      status.UNIMPLEMENTED,
    );
    await call(address(), '/', message(Buffer.alloc(0)), { 'content-type': 'text/html' });
    await stillServing();
  });
});

describe('FAULTS 6: a stream that breaks is not a stream that was closed', () => {
  async function joinByHand() {
    const joined = head.workers.length;
    const session = connectHttp2(`http://${head.listening.address}`);
    session.on('error', () => undefined);
    const stream = session.request({
      ':method': 'POST',
      ':path': controlPaths.join,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    await until(() => head.workers.length > joined);
    return { session, stream, far: head.workers[joined]! };
  }

  test('the connection is cut', async () => {
    const { session, far } = await joinByHand();
    session.destroy();
    expect(await far.closed).toMatchObject({ clean: false, code: 'UNREACHABLE' });
  });

  test('the stream is reset', async () => {
    const { session, stream, far } = await joinByHand();
    stream.close(8);
    expect(await far.closed).toMatchObject({ clean: false, code: 'UNREACHABLE' });
    session.close();
  });

  test('it ends without a farewell', async () => {
    const { session, stream, far } = await joinByHand();
    stream.end();
    expect(await far.closed).toMatchObject({ clean: false, code: 'UNREACHABLE' });
    session.close();
  });
});

describe('FAULTS 4: too much', () => {
  test('a message that claims 4 GB is RESOURCE_EXHAUSTED before it is stored', async () => {
    const claim = message(Buffer.alloc(10), 0xffff_ffff);
    expect(await call(head.listening.address, controlPaths.join, claim)).toBe(status.RESOURCE_EXHAUSTED);
    expect(await call(data.address.grpc, dataPaths.put, claim)).toBe(status.RESOURCE_EXHAUSTED);
    expect(await call(data.address.grpc, dataPaths.fetch, claim)).toBe(status.RESOURCE_EXHAUSTED);
    await stillServing();
  });

  test('a gzip bomb is RESOURCE_EXHAUSTED, and memory stays bounded', async () => {
    const bomb = message(gzipSync(Buffer.alloc(512 * MiB)), undefined, 1);
    const before = process.memoryUsage().rss;
    const gzip = { 'grpc-encoding': 'gzip' };
    expect(await call(head.listening.address, controlPaths.join, bomb, gzip)).toBe(status.RESOURCE_EXHAUSTED);
    expect(await call(data.address.grpc, dataPaths.put, bomb, gzip)).toBe(status.RESOURCE_EXHAUSTED);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * MiB);
    await stillServing();
  });

  test('a frame that is no message closes that link only', async () => {
    const joined = head.workers.length;
    const noise = message(Buffer.from('this is not protobuf'));
    expect(await call(head.listening.address, controlPaths.join, noise)).toBe(status.INVALID_ARGUMENT);
    expect(await head.workers[joined]!.closed).toMatchObject({ clean: false, code: 'DECODE' });
    await stillServing();
  });

  test('a put that announces more than a slab, or sends more than it announced, stores nothing', async () => {
    const bytes = sharedBytes(100);
    const huge = { ...headerOf(bytes), byteLength: limits.slabBytes + 1 };
    const request = { task: task(50), header: huge };
    expect(await call(data.address.grpc, dataPaths.put, message(encodePut(request)))).toBe(status.DATA_LOSS);
    const honest = message(encodePut({ task: task(50), header: headerOf(bytes) }));
    const tooMuch = Buffer.concat([honest, message(Buffer.alloc(101))]);
    expect(await call(data.address.grpc, dataPaths.put, tooMuch)).toBe(status.DATA_LOSS);
    expect(store.held.has('1/50/0')).toBe(false);
    await until(() => store.reserved === 0);
    await stillServing();
  });
});

describe('the Unix socket', () => {
  const dial = () => connect(data.address.socket);
  const hello = () => frame(Kind.Hello, Buffer.from(readSocketToken(data.address.socket)));

  test('ends connections without the token, and noise', async () => {
    const rng = seededRng(seed);
    await raw(dial(), frame(Kind.Hello, Buffer.from('x'.repeat(64))));
    await raw(dial(), frame(Kind.Fetch, Buffer.alloc(12)));
    await raw(dial(), Buffer.from([0xff, 0xff, 0xff, 0xff]));
    for (let i = 0; i < 60; i++) {
      const noise = Buffer.from(
        Array.from({ length: 1 + Math.floor(rng() * 100) }, () => Math.floor(rng() * 256)),
      );
      await raw(dial(), i % 2 ? noise : Buffer.concat([hello(), noise]));
    }
    await stillServing();
  });

  test('a put broken off gives its memory back', async () => {
    const aborted = store.aborted;
    const put = frame(Kind.Put, encodePut({ task: task(60), header: headerOf(sharedBytes(5 * MiB)) }));
    const socket = dial();
    socket.write(Buffer.concat([hello(), put]));
    await new Promise(resolve => socket.once('data', resolve));
    socket.write(Buffer.alloc(MiB), () => socket.destroy());
    await until(() => store.aborted === aborted + 1);
    expect(store.held.has('1/60/0')).toBe(false);
  });

  test('a reader that vanishes gives the lease back', async () => {
    store.add(task(61), 0, sharedBytes(40 * MiB));
    const request = Buffer.alloc(12);
    request.writeUInt32LE(1, 0);
    request.writeUInt32LE(61, 4);
    const socket = dial();
    socket.write(Buffer.concat([hello(), frame(Kind.Fetch, request)]));
    await new Promise(resolve => socket.once('data', resolve));
    expect(store.lent).toBe(1);
    socket.destroy();
    await until(() => store.lent === 0);
  });
});
