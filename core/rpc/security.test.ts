import { connect as connectTcp } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Clock } from '../base/clock.js';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';
import { createNodeBulk } from './bulk-node.js';
import { createGrpcTransport } from './grpc.js';
import { checkBind, isLoopback, refusal, refusalLog, sameSecret, splitAddress } from './security.js';
import { type Authority, makeAuthority } from './testing/certificates.js';
import { type EarHead, earHead, open } from './testing/links.js';
import { TestStore } from './testing/store.js';
import type { TlsFiles } from './transport.js';

const longToken = 'a secret of at least thirty-two bytes';
const accept = { worker: () => undefined, client: () => undefined };

describe('FAULTS 1: binding beyond loopback', () => {
  const transport = createGrpcTransport();

  test.each(['0.0.0.0:0', '[::]:0', '10.1.2.3:0', 'somewhere.example:0', ':0'])(
    'the head refuses %s without a token or mutual TLS, naming the flags',
    async address => {
      const refused = { code: 'INSECURE_BIND', message: expect.stringMatching(/--token-file.*--tls-ca/) };
      await expect(transport.listen(address, accept, open)).rejects.toMatchObject(refused);
      await expect(
        transport.listen(address, accept, { token: null, tls: { ca: null, cert: 'c', key: 'k' } }),
      ).rejects.toMatchObject(refused);
    },
  );

  test('a token shorter than 32 bytes is refused there, and 32 bytes are enough', async () => {
    const short = { token: 'x'.repeat(31), tls: null };
    await expect(transport.listen('0.0.0.0:0', accept, short)).rejects.toMatchObject({
      code: 'INSECURE_BIND',
      message: expect.stringContaining('31 bytes'),
    });
    const listening = await transport.listen('0.0.0.0:0', accept, { token: 'x'.repeat(32), tls: null });
    expect(listening.address).toMatch(/^0\.0\.0\.0:\d+$/);
    await listening.close();
  });

  test('data servers obey the same rule', async () => {
    const serve = createNodeBulk().serve(new TestStore(), {
      host: '0.0.0.0',
      port: 0,
      security: open,
      socket: false,
      memory: null,
    });
    await expect(serve).rejects.toMatchObject({ code: 'INSECURE_BIND' });
  });

  test('loopback needs nothing', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1', '[::1]', '::ffff:127.0.0.1']) {
      expect(isLoopback(host), host).toBe(true);
      checkBind(host, open, 'the head');
    }
    for (const host of ['', '0.0.0.0', '::', '127.0.0.1.evil.example', '128.0.0.1', 'localhost.example']) {
      expect(isLoopback(host), host).toBe(false);
    }
  });
});

describe('FAULTS 2: tokens', () => {
  test('secrets are equal only to themselves', () => {
    expect(sameSecret('abc', 'abc')).toBe(true);
    for (const other of ['', 'ab', 'abd', 'abcd']) expect(sameSecret('abc', other)).toBe(false);
  });

  test('the reason never repeats what was shown', () => {
    const reason = refusal('Bearer my-other-secret', { token: longToken, tls: null });
    expect(reason).toContain('token');
    expect(reason).not.toContain('my-other-secret');
    expect(reason).not.toContain(longToken);
    expect(refusal(`Bearer ${longToken}`, { token: longToken, tls: null })).toBeNull();
    expect(refusal(undefined, open)).toBeNull();
  });

  test('refused peers are logged, but no flood of them', async () => {
    const lines: unknown[] = [];
    const log: Log = { info() {}, error() {}, warn: (_, fields) => void lines.push(fields) };
    let nowMs = 0;
    const clock: Clock = { nowMs: () => nowMs };
    const report = refusalLog(log, clock);
    for (let i = 0; i < 1000; i++) report('1.2.3.4:5', 'wrong token');
    nowMs = limits.authLogEveryMs;
    report('1.2.3.4:5', 'wrong token');
    expect(lines).toMatchObject([{ unsaid: 0 }, { unsaid: 999 }]);

    const transport = createGrpcTransport({ log });
    const head = await earHead(transport, '127.0.0.1:0', { token: longToken, tls: null });
    await expect(transport.joinAsWorker(head.listening.address, open)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(lines.length).toBe(3);
    await head.listening.close();
  });
});

describe('FAULTS 2: certificates', () => {
  const transport = createGrpcTransport();
  let ours: Authority;
  let theirs: Authority;
  let head: EarHead;

  beforeAll(() => {
    ours = makeAuthority('our cluster');
    theirs = makeAuthority('another cluster');
  });
  afterEach(() => head.listening.close());

  async function join(server: TlsFiles, client: TlsFiles | null): Promise<void> {
    head = await earHead(transport, '127.0.0.1:0', { token: null, tls: server });
    const [near, far] = await head.join(transport, { token: null, tls: client });
    near.link.send({ kind: 'worker-bye', reason: 'in' });
    await far.heard(1);
  }

  test('mutual TLS lets a node of the same authority in', async () => {
    await join(ours.issue('head'), ours.issue('worker'));
  });

  test('TLS without a client certificate works where none is asked for', async () => {
    await join({ ...ours.issue('head'), ca: null }, { ca: ours.ca, cert: null, key: null });
  });

  test('a head of another authority: UNAUTHENTICATED, naming the certificate', async () => {
    await expect(join(theirs.issue('head'), ours.issue('worker'))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('certificate problem: Error: self-signed certificate'),
    });
  });

  test('a worker of another authority: UNAUTHENTICATED, naming the certificate', async () => {
    const stranger = { ...theirs.issue('worker'), ca: ours.ca };
    await expect(join(ours.issue('head'), stranger)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('certificate'),
    });
    expect(head.workers.length).toBe(0);
  });

  test('a worker without a certificate: UNAUTHENTICATED', async () => {
    const bare = { ca: ours.ca, cert: null, key: null };
    await expect(join(ours.issue('head'), bare)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('a worker without TLS stays out and is told about it', async () => {
    await expect(join(ours.issue('head'), null)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('--tls-ca'),
    });
  });

  test('unreadable files are named', async () => {
    head = await earHead(transport, '127.0.0.1:0');
    const broken = { ca: 'no pem', cert: 'no pem', key: 'no pem' };
    await expect(
      transport.joinAsWorker(head.listening.address, { token: null, tls: broken }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(transport.listen('127.0.0.1:0', accept, { token: null, tls: broken })).rejects.toMatchObject(
      {
        code: 'INVALID_ARGUMENT',
      },
    );
  });

  test('partitions travel under mutual TLS too', async () => {
    head = await earHead(transport, '127.0.0.1:0');
    const bulk = createNodeBulk();
    const store = new TestStore();
    const security = { token: null, tls: ours.issue('worker') };
    const server = await bulk.serve(store, {
      host: '127.0.0.1',
      port: 0,
      security,
      socket: false,
      memory: null,
    });
    const bytes = new Uint8Array(100).fill(3);
    const header = { rows: 1, byteLength: 100, checksum: 0, meta: new Uint8Array(0) };
    const friend = bulk.client({ token: null, tls: ours.issue('peer') });
    await expect(
      friend.put(server.address, { job: 1 as never, index: 1 }, header, bytes),
    ).rejects.toMatchObject({
      code: 'CORRUPT_PARTITION',
    });
    const stranger = bulk.client({ token: null, tls: { ...theirs.issue('peer'), ca: ours.ca } });
    await expect(
      stranger.put(server.address, { job: 1 as never, index: 1 }, header, bytes),
    ).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    friend.close();
    stranger.close();
    await server.close();
  });
});

test('a head that accepts and says nothing is given up', async () => {
  const { createServer } = await import('node:net');
  const silent = createServer(socket => socket.on('error', () => undefined));
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  const transport = createGrpcTransport({ limits: { handshakeMs: 100 } });
  await expect(transport.joinAsWorker(`127.0.0.1:${port}`, open)).rejects.toMatchObject({
    code: 'UNREACHABLE',
  });
  const probe = connectTcp(port, '127.0.0.1');
  await new Promise(resolve => probe.once('connect', resolve));
  probe.destroy();
  silent.close();
});

test('addresses', () => {
  expect(splitAddress('grpc://10.0.0.5:7460')).toEqual({ host: '10.0.0.5', port: 7460 });
  expect(splitAddress('[::1]:1')).toEqual({ host: '::1', port: 1 });
  expect(splitAddress(':80')).toEqual({ host: '', port: 80 });
  for (const wrong of ['', 'host', 'host:', 'host:99999', '::1:5', 'http://x:1', 'a:b:1']) {
    expect(() => splitAddress(wrong), wrong).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  }
});
