import { connect } from 'nats';
import { afterEach, expect, test } from 'vitest';
import { silentLog } from '../../core/base/log.js';
import { connectNats } from '../../core/notify/nats.js';
import { createGrpcTransport } from '../../core/rpc/grpc.js';
import { ownVersions } from '../../core/rpc/handshake.js';
import { startNats } from '../../test/services/nats.js';
import { startHead } from './head.js';

const open = { token: null, tls: null };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

// Goal: a dashboard or a person who knows only docs/nats.md sees a worker's loss.
test('a plain NATS subscriber sees a lost worker', async () => {
  const server = await startNats();
  cleanups.push(() => server.kill());
  const plain = await connect({ servers: server.url });
  cleanups.push(() => plain.close());
  const events = plain.subscribe('volley.*.fault.>', { max: 1 });
  await plain.flush();
  const { notifier, retryQueue } = connectNats({
    url: server.url,
    cluster: 'seen',
    source: 'head',
    log: silentLog,
  });
  const head = await startHead({
    transport: createGrpcTransport(),
    address: '127.0.0.1:0',
    security: open,
    clusterName: 'seen',
    leaseMs: 10_000,
    notifier,
    retryQueue: retryQueue!,
    natsUrl: server.url,
    log: silentLog,
  });
  cleanups.push(async () => {
    await head.close();
    await retryQueue!.close();
    await notifier.close();
  });
  const link = await createGrpcTransport({ limits: { messageBytes: 20_000 } }).joinAsWorker(
    head.address,
    open,
  );
  const welcomed = new Promise(resolve => link.onBatch(resolve));
  link.send({
    kind: 'worker-hello',
    versions: ownVersions(),
    name: 'by-hand',
    threads: 1,
    memoryBytes: 1e9,
    labels: {},
    resources: {},
    address: { grpc: '127.0.0.1:1', socket: '', bootId: '', uid: 0 },
    supervisorPid: 11,
    enginePid: 12,
    death: null,
  });
  await welcomed;
  link.send({ kind: 'worker-bye', reason: 'x'.repeat(30_000) }); // Over the limit: breaks the stream.
  for await (const message of events) {
    expect(message.subject).toBe('volley.seen.fault.worker-lost');
    expect(message.json()).toMatchObject({
      version: 1,
      cluster: 'seen',
      source: 'head',
      worker: 1,
      workerName: 'by-hand',
    });
  }
});
