import { afterEach, describe, expect, test } from 'vitest';
import type { JobId } from '../base/ids.js';
import type { ClientToHead, HeadToWorker, WorkerToHead } from '../wire/messages.js';
import { createGrpcTransport } from './grpc.js';
import { createMemoryTransport } from './memory.js';
import type { LinkLimits } from './outbox.js';
import { type EarHead, earHead, open } from './testing/links.js';
import type { Transport } from './transport.js';

/** What every Transport promises. */
const kinds: {
  name: string;
  make(limits?: Partial<LinkLimits>): Transport;
  address: string;
  absent: string;
}[] = [
  {
    name: 'memory',
    make: limits => createMemoryTransport({ limits }),
    address: 'memory:0',
    absent: 'memory:nobody',
  },
  {
    name: 'grpc',
    make: limits => createGrpcTransport({ limits }),
    address: '127.0.0.1:0',
    absent: '127.0.0.1:1',
  },
];

const bye = (reason: string): WorkerToHead => ({ kind: 'worker-bye', reason });
const shutdown = (reason: string): HeadToWorker => ({ kind: 'shutdown', reason });
const ack = (sequence: number): ClientToHead => ({ kind: 'ack', sequence });

describe.each(kinds)('$name transport', ({ make, address, absent }) => {
  const heads: EarHead[] = [];
  afterEach(async () => {
    for (const head of heads.splice(0)) await head.listening.close();
  });
  async function start(transport: Transport): Promise<EarHead> {
    const head = await earHead(transport, address);
    heads.push(head);
    return head;
  }

  test('messages arrive whole, in order, in batches, in both directions', async () => {
    const transport = make();
    const head = await start(transport);
    const [worker, far] = await head.join(transport);
    for (let i = 0; i < 10_000; i++) worker.link.send(bye(`${i}`));
    for (let i = 0; i < 100; i++) far.link.send(shutdown(`${i}`));
    await Promise.all([far.heard(10_000), worker.heard(100)]);
    expect(far.messages).toEqual(Array.from({ length: 10_000 }, (_, i) => bye(`${i}`)));
    expect(worker.messages).toEqual(Array.from({ length: 100 }, (_, i) => shutdown(`${i}`)));
    expect(worker.batches.length).toBe(1);
    expect(far.batches.length).toBe(3);
  });

  test('a message that is answered at once comes back', async () => {
    const transport = make();
    const head = await start(transport);
    const [client, far] = await head.attach(transport);
    for (let i = 1; i <= 50; i++) {
      client.link.send(ack(i));
      await far.heard(i);
      far.link.send({ kind: 'answer', request: i, json: '{}' });
      await client.heard(i);
    }
    expect(client.count).toBe(50);
  });

  test('no handler runs inside send, flush or close', async () => {
    const transport = make();
    const head = await start(transport);
    const [worker, far] = await head.join(transport);
    worker.link.send(bye('a'));
    worker.link.flush();
    expect(far.count).toBe(0);
    worker.link.close();
    expect(worker.reason).toBeNull();
    expect(far.reason).toBeNull();
    expect((await far.closed).clean).toBe(true);
    expect((await worker.closed).clean).toBe(true);
  });

  test('close sends what was queued, and both ends end cleanly', async () => {
    const transport = make();
    const head = await start(transport);
    const [worker, far] = await head.join(transport);
    for (let i = 0; i < 5_000; i++) worker.link.send(bye(`${i}`));
    worker.link.close();
    worker.link.send(bye('too late'));
    expect(await far.closed).toMatchObject({ clean: true });
    expect(await worker.closed).toMatchObject({ clean: true });
    expect(far.count).toBe(5_000);
  });

  test('the head may say a last word and close', async () => {
    const transport = make();
    const head = await start(transport);
    const [worker, far] = await head.join(transport);
    far.link.send({ kind: 'refused', code: 'VERSION_MISMATCH', message: 'no' });
    far.link.close();
    expect(await worker.closed).toMatchObject({ clean: true });
    expect(worker.messages).toEqual([{ kind: 'refused', code: 'VERSION_MISMATCH', message: 'no' }]);
    expect(await far.closed).toMatchObject({ clean: true });
  });

  test('closing the listener ends every link, and then nobody gets in', async () => {
    const transport = make();
    const head = await start(transport);
    const ends = await Promise.all(Array.from({ length: 5 }, () => head.attach(transport)));
    await head.listening.close();
    for (const [near] of ends) expect((await near.closed).clean).toBe(true);
    for (const far of head.clients) expect(far.reason?.clean).toBe(true);
    await expect(transport.attachAsClient(head.listening.address, open)).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
  });

  test('nobody there: UNREACHABLE', async () => {
    await expect(make().joinAsWorker(absent, open)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('a wrong or missing token is UNAUTHENTICATED, the right one enters', async () => {
    const transport = make();
    const token = 'a secret of at least thirty-two bytes';
    const head = await earHead(transport, address, { token, tls: null });
    heads.push(head);
    for (const wrong of [null, '', 'a secret of at least thirty-two bytez', token + token]) {
      await expect(
        transport.joinAsWorker(head.listening.address, { token: wrong, tls: null }),
      ).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    }
    expect(head.workers.length).toBe(0);
    const [near, far] = await head.join(transport, { token, tls: null });
    near.link.send(bye('in'));
    await far.heard(1);
  });

  test('a message over the limit closes the link: RESOURCE_EXHAUSTED', async () => {
    const transport = make({ messageBytes: 100_000 });
    const head = await start(transport);
    const [worker, far] = await head.join(transport);
    worker.link.send(bye('x'.repeat(90_000)));
    await far.heard(1);
    worker.link.send(bye('x'.repeat(110_000)));
    expect(await worker.closed).toMatchObject({ clean: false, code: 'RESOURCE_EXHAUSTED' });
    expect((await far.closed).clean).toBe(false);
    expect(far.count).toBe(1);
  });

  test('a slow consumer is cut off at the bound', async () => {
    const transport = make({ backlogBytes: 1_000_000 });
    const head = await start(transport);
    const [worker, far] = await head.join(transport);
    // Nothing can be read before this turn ends.
    for (let i = 0; i < 200; i++) far.link.send(shutdown('x'.repeat(10_000)));
    expect(await far.closed).toMatchObject({ clean: false, code: 'RESOURCE_EXHAUSTED' });
    expect((await worker.closed).clean).toBe(false);
    expect(worker.count).toBeLessThan(200);
  });

  test('a slow consumer below the bound loses nothing', async () => {
    const transport = make({ flushBytes: 10_000 });
    const head = await start(transport);
    const [worker, far] = await head.join(transport);
    for (let i = 0; i < 2_000; i++) far.link.send(shutdown(`${i}:${'x'.repeat(10_000)}`));
    await worker.heard(2_000);
    expect(worker.messages.map(m => m.kind === 'shutdown' && Number.parseInt(m.reason, 10))).toEqual(
      Array.from({ length: 2_000 }, (_, i) => i),
    );
  });

  test('many links at a time keep to themselves', async () => {
    const transport = make();
    const head = await start(transport);
    const ends = [];
    for (let i = 0; i < 40; i++) ends.push(await head.attach(transport));
    ends.forEach(([near], i) => {
      for (let k = 0; k < 20; k++) near.link.send({ kind: 'drop-job', job: (i * 100 + k) as JobId });
    });
    await Promise.all(ends.map(([, far]) => far.heard(20)));
    ends.forEach(([, far], i) => {
      expect(far.messages).toEqual(
        Array.from({ length: 20 }, (_, k) => ({ kind: 'drop-job', job: i * 100 + k })),
      );
    });
  });

  test('an address that is none is INVALID_ARGUMENT', async () => {
    await expect(make().joinAsWorker('what is this', open)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
