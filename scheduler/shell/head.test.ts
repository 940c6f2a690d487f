import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Clock } from '../../core/base/clock.js';
import { limits } from '../../core/base/limits.js';
import { createInProcessNotifier, createInProcessRetryQueue } from '../../core/notify/in-process.js';
import type { FaultEvent } from '../../core/notify/notifier.js';
import { createGrpcTransport } from '../../core/rpc/grpc.js';
import { ownVersions } from '../../core/rpc/handshake.js';
import { createMemoryTransport } from '../../core/rpc/memory.js';
import type { CloseReason, Link, Transport } from '../../core/rpc/transport.js';
import type {
  ClientToHead,
  HeadToClient,
  HeadToWorker,
  WorkerHello,
  WorkerToHead,
} from '../../core/wire/messages.js';
import { type Head, type HeadOptions, startHead } from './head.js';

const open = { token: null, tls: null };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A peer made by hand: what it got, awaited message by message. */
class Peer<In extends { readonly kind: string }, Out> {
  readonly link: Link<In, Out>;
  readonly got: In[] = [];
  readonly closed: Promise<CloseReason>;
  #wake = () => {};

  constructor(link: Link<In, Out>) {
    this.link = link;
    link.onBatch(batch => {
      this.got.push(...batch);
      this.#wake();
    });
    this.closed = new Promise(resolve => link.onClose(resolve));
    cleanups.push(() => link.close());
  }

  async next<K extends In['kind']>(kind: K): Promise<Extract<In, { kind: K }>> {
    for (;;) {
      const at = this.got.findIndex(message => message.kind === kind);
      if (at >= 0) return this.got.splice(at, 1)[0] as Extract<In, { kind: K }>;
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }
}

type WorkerPeer = Peer<HeadToWorker, WorkerToHead>;
type ClientPeer = Peer<HeadToClient, ClientToHead>;

const hello: WorkerHello = {
  kind: 'worker-hello',
  versions: ownVersions(),
  name: 'by-hand',
  threads: 2,
  memoryBytes: 1e9,
  labels: { nodeType: 'vm' },
  resources: {},
  address: { grpc: '127.0.0.1:1', socket: '', bootId: 'b', uid: 0 },
  supervisorPid: 11,
  enginePid: 12,
  death: null,
};
const otherVersions = { ...ownVersions(), volley: '9.9.9' };

interface Scene {
  readonly head: Head;
  readonly faults: FaultEvent[];
  fault(kind: FaultEvent['kind']): Promise<FaultEvent>;
  worker(message?: WorkerToHead, transport?: Transport): Promise<WorkerPeer>;
  client(message?: ClientToHead): Promise<ClientPeer>;
}

const transports: Record<
  string,
  { make: (bounds?: { messageBytes: number }) => Transport; address: string }
> = {
  memory: { make: bounds => createMemoryTransport({ limits: bounds }), address: 'memory:0' },
  gRPC: { make: bounds => createGrpcTransport({ limits: bounds }), address: '127.0.0.1:0' },
};

async function scene(name: string, options: Partial<HeadOptions> = {}): Promise<Scene> {
  const { make, address } = transports[name]!;
  const transport = make();
  const notifier = createInProcessNotifier();
  const retryQueue = createInProcessRetryQueue();
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const head = await startHead({
    transport,
    address,
    security: open,
    clusterName: 'test',
    leaseMs: 10_000,
    notifier,
    retryQueue,
    natsUrl: 'nats://127.0.0.1:4222',
    log,
    onFatal: error => {
      throw error;
    },
    ...options,
  });
  cleanups.push(async () => {
    await head.close();
    await retryQueue.close();
    await notifier.close();
  });
  const faults: FaultEvent[] = [];
  let wake = () => {};
  notifier.subscribe(event => {
    faults.push(event);
    wake();
  });
  return {
    head,
    faults,
    async fault(kind) {
      for (;;) {
        const found = faults.find(event => event.kind === kind);
        if (found !== undefined) return found;
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
    },
    async worker(message: WorkerToHead = hello, through = transport) {
      const peer: WorkerPeer = new Peer(await through.joinAsWorker(head.address, open));
      peer.link.send(message);
      return peer;
    },
    async client(message = { kind: 'client-hello', versions: ownVersions(), name: 'c' }) {
      const peer: ClientPeer = new Peer(await transport.attachAsClient(head.address, open));
      peer.link.send(message);
      return peer;
    },
  };
}

async function statusOf(client: ClientPeer): Promise<{ workers: { worker: number; name: string }[] }> {
  client.link.send({ kind: 'ask', request: 1, question: { about: 'status' } });
  return JSON.parse((await client.next('answer')).json);
}

describe.each(Object.keys(transports))('head over %s', name => {
  test('workers are welcomed with a number of their own', async () => {
    const { worker, head } = await scene(name);
    const first = await worker();
    expect(await first.next('worker-welcome')).toMatchObject({
      worker: 1,
      cluster: 'test',
      leaseMs: 10_000,
      heartbeatMs: limits.heartbeatMs,
      natsUrl: 'nats://127.0.0.1:4222',
    });
    expect((await first.next('peers')).workers.map(entry => entry.worker)).toEqual([1]);
    const second = await worker();
    expect(await second.next('worker-welcome')).toMatchObject({ worker: 2 });
    await second.next('peers');
    expect(head.status()).toMatchObject({
      cluster: 'test',
      address: head.address,
      workers: [
        { worker: 1, name: 'by-hand' },
        { worker: 2, name: 'by-hand' },
      ],
    });
  });

  test('clients are welcomed with a block of job ids each, and get answers', async () => {
    const { client } = await scene(name);
    const first = await client();
    const second = await client();
    expect(await first.next('client-welcome')).toMatchObject({ firstJob: limits.jobsPerClient });
    expect(await second.next('client-welcome')).toMatchObject({
      firstJob: 2 * limits.jobsPerClient,
      jobCount: limits.jobsPerClient,
    });
    expect(await statusOf(second)).toMatchObject({ cluster: 'test', workers: [], clients: 2 });
    second.link.send({
      kind: 'ask',
      request: 8,
      question: { about: 'explain', task: { job: 9 as never, index: 1 } },
    });
    const answer = await second.next('answer');
    expect(answer.request).toBe(8);
    expect(JSON.parse(answer.json)).toMatchObject({ task: '9/1', state: 'unknown' });
  });

  // FAULTS 26.
  test('another version is refused, naming both', async () => {
    const { worker, client, head } = await scene(name);
    const peers = [
      await worker({ ...hello, versions: otherVersions }),
      await client({ kind: 'client-hello', versions: otherVersions, name: 'c' }),
    ];
    for (const peer of peers as WorkerPeer[]) {
      const refused = await peer.next('refused');
      expect(refused.code).toBe('VERSION_MISMATCH');
      expect(refused.message).toContain('9.9.9');
      expect(refused.message).toContain(ownVersions().volley);
      await peer.closed;
    }
    expect(head.status()).toMatchObject({ workers: [], clients: 0 });
  });

  test('whoever does not begin with a hello is turned away, and others stay', async () => {
    const { worker, client } = await scene(name);
    const good = await client();
    await good.next('client-welcome');
    const garbage = await worker({ kind: 'worker-bye', reason: 'no hello before it' });
    expect(await garbage.next('refused')).toMatchObject({ code: 'PROTOCOL' });
    await garbage.closed;
    const early = await client({ kind: 'client-bye' });
    expect(await early.next('refused')).toMatchObject({ code: 'PROTOCOL' });
    await early.closed;
    expect(await statusOf(good)).toMatchObject({ workers: [] });
  });

  test('a second hello costs its sender the stream, and nobody else', async () => {
    const { worker, client, fault } = await scene(name);
    const [bad, good] = [await worker(), await worker({ ...hello, name: 'good' })];
    await bad.next('worker-welcome');
    await good.next('worker-welcome');
    bad.link.send(hello);
    await bad.closed;
    expect(await fault('worker-lost')).toMatchObject({ worker: 1, workerName: 'by-hand' });
    const asker = await client();
    expect((await statusOf(asker)).workers).toMatchObject([{ name: 'good' }]);
  });

  test('a broken stream is a lost worker at once, and is published', async () => {
    const { worker, fault } = await scene(name);
    const fragile = await worker(hello, transports[name]!.make({ messageBytes: 20_000 }));
    await fragile.next('worker-welcome');
    fragile.link.send({ kind: 'worker-bye', reason: 'x'.repeat(30_000) }); // Over the limit: breaks the link.
    const event = await fault('worker-lost');
    expect(event).toMatchObject({
      version: 1,
      cluster: 'test',
      source: 'head',
      worker: 1,
      workerName: 'by-hand',
    });
    expect(new Date(event.at).getTime()).toBeGreaterThan(0);
  });

  // FAULTS 22.
  test('a silent worker loses its lease, its stream, and its say', async () => {
    const { clock, run } = handClock();
    const { worker, client, fault, faults } = await scene(name, { clock, leaseMs: 1_000 });
    const silent = await worker();
    await silent.next('worker-welcome');
    const asker = await client();
    expect((await statusOf(asker)).workers).toHaveLength(1);
    run();
    expect((await fault('worker-lost')).detail).toContain('lease');
    await silent.closed;
    silent.link.send({ kind: 'worker-bye', reason: 'too late' });
    expect((await statusOf(asker)).workers).toHaveLength(0);
    expect(faults).toHaveLength(1);
  });

  test('close ends every stream and frees the address', async () => {
    const { worker, client, head } = await scene(name);
    const [w, c] = [await worker(), await client()];
    await w.next('worker-welcome');
    await c.next('client-welcome');
    await head.close();
    await Promise.all([w.closed, c.closed]);
    await expect(transports[name]!.make().joinAsWorker(head.address, open)).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
  });
});

/** A clock that stands still until told to run; then every look at it takes 20 ms. */
function handClock(): { clock: Clock; run(): void } {
  let [now, step] = [0, 0];
  return {
    clock: { nowMs: () => (now += step) },
    run() {
      step = 20;
    },
  };
}

test('a peer that says nothing is turned away when its time is up', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { head } = await scene('memory');
  const peer: WorkerPeer = new Peer(await createMemoryTransport().joinAsWorker(head.address, open));
  vi.advanceTimersByTime(limits.handshakeMs);
  expect(await peer.next('refused')).toMatchObject({ code: 'PROTOCOL' });
  await peer.closed;
});

test('a cluster name that cannot stand in a subject is refused', async () => {
  await expect(scene('memory', { clusterName: 'a.b' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

// Goal: a bug never leaves a head that looks alive and does nothing.
test('a bug in the scheduler is logged with its event, ends every stream, and is handed to onFatal', async () => {
  let broken = false;
  const clock: Clock = {
    nowMs() {
      if (broken) throw new Error('a planted bug');
      return 1;
    },
  };
  const lines: unknown[] = [];
  const log = {
    info() {},
    warn() {},
    error: (message: string, fields?: object) => lines.push({ message, ...fields }),
  };
  let onFatal: (error: unknown) => void = () => {};
  const fatal = new Promise(resolve => {
    onFatal = resolve;
  });
  const { worker } = await scene('memory', { clock, log, onFatal });
  const peer = await worker();
  await peer.next('peers');
  broken = true;
  expect(await fatal).toMatchObject({ message: 'a planted bug' });
  await peer.closed;
  expect(lines).toMatchObject([{ message: 'the scheduler stopped on a bug', event: 'tick' }]);
  expect(JSON.stringify(lines)).toContain('head.test.ts'); // The story is the stack.
});
