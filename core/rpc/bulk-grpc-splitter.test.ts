import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { limits } from '../base/limits.js';
import { DataSplitter } from './bulk-grpc-splitter.js';
import { sharedBytes, until } from './testing/store.js';

let server: Server | null = null;
let splitter: DataSplitter | null = null;

afterEach(() => {
  splitter?.destroy();
  server?.close();
});

/** A splitter, the other end of its connection, and what each of them was sent. */
async function joined() {
  const far = { socket: null as Socket | null, heard: Buffer.alloc(0) };
  server = createServer(socket => {
    far.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', bytes => {
      far.heard = Buffer.concat([far.heard, bytes]);
    });
  });
  await new Promise<void>(resolve => server!.listen(0, '127.0.0.1', resolve));
  const made = new DataSplitter(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  splitter = made;
  const near = { splitter: made, passed: Buffer.alloc(0), failure: null as Error | null };
  made.on('error', error => {
    near.failure = error;
  });
  made.on('data', (bytes: Buffer) => {
    near.passed = Buffer.concat([near.passed, bytes]);
  });
  await until(() => far.socket !== null);
  return { far, near, socket: far.socket! };
}

/** One frame of HTTP/2. */
function frame(kind: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const data = 0;
const headers = 1;
const windowUpdate = 8;
const endStream = 1;
const padded = 8;

// Goal: the session sees all but the data of the streams that are taken out, however the bytes are cut.
test.each([1, 7, 9, 100, 100_000])('frames are told apart in pieces of %i bytes', async size => {
  const { near, socket } = await joined();
  const bytes = Buffer.from(sharedBytes(3000));
  let taken = Buffer.alloc(0);
  near.splitter.takeOut(1, part => {
    taken = Buffer.concat([taken, part]);
  });
  const kept = [
    frame(headers, 4, 1, bytes.subarray(0, 50)),
    frame(data, 0, 3, bytes.subarray(0, 200)),
    frame(4, 0, 0, Buffer.alloc(0)),
    frame(data, endStream, 1, Buffer.alloc(0)),
  ];
  const sent = Buffer.concat([
    kept[0]!,
    frame(data, 0, 1, bytes.subarray(0, 1000)),
    kept[1]!,
    frame(data, 0, 1, Buffer.alloc(0)),
    kept[2]!,
    frame(data, endStream, 1, bytes.subarray(1000)),
  ]);
  for (let at = 0; at < sent.byteLength; at += size) socket.write(sent.subarray(at, at + size));
  await until(() => near.passed.byteLength >= Buffer.concat(kept).byteLength);
  expect(near.passed).toEqual(Buffer.concat(kept));
  expect(taken).toEqual(bytes);
});

test('what a session writes goes out as it is, and a stream that is forgotten is the session’s again', async () => {
  const { far, near, socket } = await joined();
  near.splitter.takeOut(5, () => undefined);
  near.splitter.forget(5);
  near.splitter.cork();
  near.splitter.write(Buffer.from('head'));
  near.splitter.write(Buffer.from('body'));
  near.splitter.uncork();
  const again = frame(data, 0, 5, Buffer.from('late'));
  socket.write(again);
  await until(() => far.heard.byteLength === 8 && near.passed.byteLength === again.byteLength);
  expect([far.heard.toString(), near.passed]).toEqual(['headbody', again]);
});

// Goal: the peer may go on when half a window was used, and on one stream only as far as its data were used.
test('windows are opened again: of the connection by what came, of a stream by what was used', async () => {
  const { far, near, socket } = await joined();
  const half = limits.fetchWindowBytes / 2;
  let came = 0;
  near.splitter.takeOut(1, part => {
    came += part.byteLength;
  });
  const part = frame(data, 0, 1, Buffer.alloc(16_384));
  for (let sent = 0; sent < half; sent += 16_384) socket.write(part);
  await until(() => came === half && far.heard.byteLength > 0);
  const update = (stream: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(half);
    return frame(windowUpdate, 0, stream, bytes);
  };
  expect(far.heard).toEqual(update(0));
  near.splitter.used(1, half - 1);
  near.splitter.used(1, 1);
  near.splitter.used(3, half);
  await until(() => far.heard.byteLength > 13);
  expect(far.heard).toEqual(Buffer.concat([update(0), update(1)]));
});

test.each([
  ['padded', frame(data, padded, 1, Buffer.alloc(10))],
  ['larger than agreed', frame(data, 0, 1, Buffer.alloc(16_385))],
  [
    'more than the window',
    Buffer.concat(
      new Array(limits.fetchWindowBytes / 16_384 + 1).fill(frame(data, 0, 1, Buffer.alloc(16_384))),
    ),
  ],
])('data that are %s end the connection', async (_, bytes) => {
  const { near, socket } = await joined();
  near.splitter.takeOut(1, () => undefined);
  socket.write(bytes);
  await until(() => near.splitter.destroyed);
  expect(near.failure?.message).toContain('rules of HTTP/2');
});

test('a session that takes nothing makes its peer wait', async () => {
  const { near, socket } = await joined();
  near.splitter.pause();
  const much = Buffer.concat(new Array(2048).fill(frame(4, 0, 0, Buffer.alloc(16_000))));
  socket.write(much);
  for (let turn = 0; turn < 200; turn++) await new Promise(resolve => setImmediate(resolve));
  expect(near.splitter.readableLength).toBeLessThan(1024 * 1024);
  near.splitter.resume();
  await until(() => near.passed.byteLength > 1024 * 1024);
});
