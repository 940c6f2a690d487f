import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isVolleyError } from '../base/errors.js';
import { allocateNodeMemory } from '../base/kernel-memory.js';
import { noChecksum } from '../graph/partition.js';
import { addressOf, ProofPage, readMemoryNow } from './bulk-address.js';
import {
  decodeLend,
  decodeReturn,
  encodeMemory,
  encodePlace,
  encodePlaces,
  type MemoryRegion,
} from './bulk-frames.js';
import { createNodeBulk } from './bulk-node.js';
import { type PeerLease, PeerMemories } from './bulk-peer-memory.js';
import { FrameReader, frame, Kind } from './bulk-socket-wire.js';
import { open } from './testing/links.js';
import { headerOf, sharedBytes, TestStore, task, until } from './testing/store.js';

const MiB = 1024 * 1024;
/** A slice that lies elsewhere. */
const away = 99;
const at = (...slices: number[]) => slices.map(slice => ({ task: task(1), slice }));

/** Answers as a node would, and as these tests want it to. */
class FakePeer {
  readonly path: string;
  readonly sockets = new Set<Socket>();
  readonly returned: number[] = [];
  /** What it says of its memory; null: hangs up. */
  memory: (proof: Buffer) => { region: MemoryRegion; proofAt: number } | null | Promise<never>;
  byteLength = 1000;
  offset = 0;
  /** Slices of each message that asked for some. */
  readonly asked: number[] = [];
  answers = (id: number, places: (Buffer | null)[]): Buffer => frame(Kind.Places, encodePlaces(id, places));
  private readonly server: Server;

  constructor(path: string) {
    this.path = path;
    this.memory = () => null;
    this.server = createServer(socket => this.serve(socket)).listen(path);
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    const frames = new FrameReader();
    socket.on('data', bytes => {
      for (let at = 0; at < bytes.byteLength; ) {
        at += frames.feed(bytes.subarray(at));
        const next = frames.take();
        if (next !== null) void this.answer(socket, next.kind, next.body);
      }
    });
  }

  private async answer(socket: Socket, kind: number, body: Buffer): Promise<void> {
    if (kind === Kind.Enter) {
      const said = await this.memory(Buffer.from(body));
      if (said === null) socket.destroy();
      else socket.write(frame(Kind.Memory, encodeMemory(said.region, said.proofAt)));
    } else if (kind === Kind.Lend) {
      const { byteLength, offset } = this;
      const header = { rows: 1, byteLength, checksum: noChecksum, meta: new Uint8Array(1) };
      const { id, slices } = decodeLend(body);
      const places = slices.map(({ slice }) => (slice === away ? null : encodePlace({ offset, header })));
      this.asked.push(slices.length);
      socket.write(this.answers(id, places));
    } else if (kind === Kind.Return) this.returned.push(...decodeReturn(body));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** A process whose memory holds 7 everywhere, and what it is told to put there. */
const program = `
  const fs = require('node:fs');
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 1024, shared: true });
  const bytes = Buffer.from(memory.buffer).fill(7);
  const mark = require('node:crypto').randomBytes(32);
  bytes.set(mark, 0);
  const own = fs.openSync('/proc/self/mem', 'r');
  const found = Buffer.alloc(32);
  for (const line of fs.readFileSync('/proc/self/maps', 'latin1').split('\\n')) {
    const region = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (region === null) continue;
    const from = parseInt(region[1], 16);
    if (parseInt(region[2], 16) - from < bytes.length) continue;
    try { fs.readSync(own, found, 0, 32, from); } catch { continue; }
    if (found.equals(mark)) process.send({ address: from, byteLength: bytes.length });
  }
  process.on('message', proof => { bytes.set(Buffer.from(proof, 'hex'), 64); process.send('there'); });
`;

async function otherProcess(): Promise<{ child: ChildProcess; region: MemoryRegion }> {
  const folder = await mkdtemp(join(tmpdir(), 'volley-test-'));
  const file = join(folder, 'peer.cjs');
  writeFileSync(file, program);
  const child = fork(file);
  const [{ address, byteLength }] = await once(child, 'message');
  await rm(folder, { recursive: true });
  return { child, region: { pid: child.pid!, address, byteLength } };
}

test('where the memory is not shown, or a slice lies elsewhere, it comes over the socket', async () => {
  const bytes = sharedBytes(100_000);
  for (const memory of [null, allocateNodeMemory(MiB, 1, 0)]) {
    const store = new TestStore();
    const sealed = store.add(task(1), 0, bytes);
    const server = await createNodeBulk().serve(store, {
      host: '127.0.0.1',
      port: 0,
      security: open,
      socket: true,
      memory,
    });
    const client = createNodeBulk().client(open);
    const target = new Uint8Array(100_000);
    const from = { ...server.address, grpc: '127.0.0.1:1' };
    expect(await client.reach(from, at(0))).toEqual([null]);
    expect(await client.fetch(from, task(1), 0, () => target)).toEqual(sealed);
    expect(Buffer.compare(target, bytes)).toBe(0);
    client.close();
    await server.close();
  }
});

// No other system has such files.
if (process.platform === 'linux') {
  describe('memory of a peer', () => {
    const own = allocateNodeMemory(4 * MiB, 1, 0)!;
    const region = { pid: process.pid, address: addressOf(own)!, byteLength: own.memory.buffer.byteLength };
    const proofs = new ProofPage(own);
    let folder: string;
    let peer: FakePeer;
    let memories: PeerMemories;
    let children: ChildProcess[] = [];

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'volley-test-'));
      writeFileSync(join(folder, 'token'), 'x'.repeat(64));
      peer = new FakePeer(join(folder, 's'));
      memories = new PeerMemories();
    });
    afterEach(async () => {
      memories.close();
      await peer.close();
      for (const child of children) child.kill('SIGKILL');
      children = [];
      await rm(folder, { recursive: true });
    });

    async function lent(): Promise<PeerLease> {
      const memory = await memories.of(peer.path);
      const [lease] = await memory!.lend(at(0));
      if (isVolleyError(lease)) throw lease;
      return lease!;
    }

    test.each<[string, (proof: Buffer) => { region: MemoryRegion; proofAt: number } | null]>([
      ['hangs up', () => null],
      ['does not put the proof there', () => ({ region, proofAt: 0 })],
      ['puts another proof there', proof => ({ region, proofAt: proofs.write(proof.reverse()) })],
      ['names a process that is not there', proof => claim(proof, { pid: 2 ** 31 })],
      ['names another process', proof => claim(proof, { pid: process.ppid })],
      ['says that its memory is at no address', proof => claim(proof, { address: 0 })],
      ['says that its memory is at a broken address', proof => claim(proof, { address: 0.5 })],
      ['says that its memory is endless', proof => claim(proof, { byteLength: Number.POSITIVE_INFINITY })],
      ['says that the proof is beyond its memory', proof => claim(proof, { byteLength: 1 })],
    ])('a peer that %s is not read, and left alone', async (_, memory) => {
      peer.memory = memory;
      expect(await memories.of(peer.path)).toBeNull();
      await until(() => peer.sockets.size === 0);
      peer.memory = proof => claim(proof, {});
      expect(await memories.of(peer.path)).toBeNull();
    });

    function claim(proof: Buffer, lie: Partial<MemoryRegion>): { region: MemoryRegion; proofAt: number } {
      return { region: { ...region, ...lie }, proofAt: proofs.write(proof) };
    }

    test('a slice that would reach beyond the memory is CORRUPT_PARTITION, and given back', async () => {
      peer.memory = proof => claim(proof, {});
      for (const offset of [-1, 0.5, region.byteLength - 999, Number.NaN]) {
        peer.offset = offset;
        await expect(lent()).rejects.toMatchObject({ code: 'CORRUPT_PARTITION' });
      }
      peer.offset = region.byteLength - 1000;
      (await lent()).release();
      await until(() => peer.returned.length === 5);
    });

    test('what comes after the wait was given up is given back', async () => {
      peer.memory = proof => claim(proof, {});
      const memory = await memories.of(peer.path);
      const controller = new AbortController();
      const lending = memory!.lend(at(0, 1), controller.signal);
      controller.abort();
      await expect(lending).rejects.toMatchObject({ code: 'CANCELLED' });
      await until(() => peer.returned.length === 2);
    });

    test('slices that are asked for together come in order, and go back together', async () => {
      peer.memory = proof => claim(proof, {});
      const memory = (await memories.of(peer.path))!;
      const [first, none, third] = await memory.lend(at(0, away, 2));
      expect([first, none, third].map(lease => isVolleyError(lease) || lease === null)).toEqual([
        false,
        true,
        false,
      ]);
      for (const lease of [first, third]) (lease as PeerLease).release();
      await until(() => peer.returned.length === 2);
      expect([peer.asked, peer.returned]).toEqual([[3], [0, 2]]);
      // One of them is not where its peer says: the others are.
      peer.answers = (id, [a, b]) => {
        a!.writeDoubleLE(-1, 0);
        return frame(Kind.Places, encodePlaces(id, [a!, b!]));
      };
      const [bad, good] = await memory.lend(at(0, 1));
      expect(bad).toMatchObject({ code: 'CORRUPT_PARTITION' });
      (good as PeerLease).release();
      await until(() => peer.returned.length === 4);
    });

    test('answers may come in parts; the slices of an answer that never ends go another way', async () => {
      peer.memory = proof => claim(proof, {});
      const memory = (await memories.of(peer.path))!;
      const part = (id: number, places: (Buffer | null)[]) => frame(Kind.Places, encodePlaces(id, places));
      peer.answers = (id, [a, b]) => Buffer.concat([part(id, [a!]), part(id + 1, [b!])]);
      for (const lease of await memory.lend(at(0, 1))) (lease as PeerLease).release();
      await until(() => peer.returned.length === 2);
      peer.answers = (id, [a]) => part(id, [a!]);
      const lending = memory.lend(at(0, 1));
      await until(() => peer.asked.length === 2);
      await new Promise(resolve => setTimeout(resolve, 20));
      for (const socket of peer.sockets) socket.destroy();
      expect(await lending).toEqual([null, null]);
    });

    test.each<[string, (id: number, places: (Buffer | null)[]) => Buffer]>([
      ['of slices nobody asked for', (id, places) => frame(Kind.Places, encodePlaces(id + 1, places))],
      ['of more slices', (id, places) => frame(Kind.Places, encodePlaces(id, [...places, null]))],
      ['of another kind', () => frame(Kind.Go, Buffer.alloc(4))],
      ['without a number', () => frame(Kind.Places, Buffer.alloc(3))],
      ['that ends early', (id, places) => frame(Kind.Places, encodePlaces(id, places).subarray(0, 20))],
      ['that ends in a length', (id, places) => frame(Kind.Places, encodePlaces(id, places).subarray(0, 6))],
    ])('an answer %s ends the connection', async (_, answers) => {
      peer.memory = proof => claim(proof, {});
      const memory = (await memories.of(peer.path))!;
      peer.answers = answers;
      const found = await memory.lend(at(0, 1));
      for (const lease of found) if (lease !== null) (lease as PeerLease).release();
      await until(() => peer.sockets.size === 0);
      expect(memory.isUsable).toBe(false);
    });

    test('a process that is killed while it is read: UNREACHABLE, and nothing can be read any more', async () => {
      const { child, region: there } = await otherProcess();
      children.push(child);
      peer.memory = async proof => {
        child.send(proof.toString('hex'));
        await once(child, 'message');
        return { region: there, proofAt: 64 } as never;
      };
      peer.offset = MiB;
      peer.byteLength = 16 * MiB;
      const lease = await lent();
      const target = new Uint8Array(16 * MiB);
      await lease.read(target);
      expect(target.every(byte => byte === 7)).toBe(true);
      readMemoryNow(lease.place, MiB, target.fill(0));
      expect(target.every(byte => byte === 7)).toBe(true);
      const reading = (async () => {
        for (;;) await lease.read(target);
      })();
      child.kill('SIGKILL');
      await expect(reading).rejects.toMatchObject({ code: 'UNREACHABLE' });
      expect(() => readMemoryNow(lease.place, 0, target)).toThrow();
      lease.release();
    });

    test('a peer that hangs up: its slices are not alive, and a new connection is made', async () => {
      peer.memory = proof => claim(proof, {});
      const lease = await lent();
      expect(lease.alive).toBe(true);
      for (const socket of peer.sockets) socket.destroy();
      await until(() => !lease.alive);
      await expect(lease.read(new Uint8Array(1000))).rejects.toMatchObject({ code: 'UNREACHABLE' });
      lease.release();
      (await lent()).release();
    });

    test('a slice stays lent until it is given back, or its reader is gone', async () => {
      const store = new TestStore(own);
      store.add(task(1), 0, sharedBytes(1000), { ...headerOf(sharedBytes(1000)), checksum: noChecksum });
      const server = await createNodeBulk().serve(store, {
        host: '127.0.0.1',
        port: 0,
        security: open,
        socket: true,
        memory: own,
      });
      const client = createNodeBulk().client(open);
      const [first, second] = (await client.reach(server.address, at(0, 0))) as PeerLease[];
      expect(store.lent).toBe(2);
      first!.release();
      first!.release();
      await until(() => store.lent === 1);
      // A closed client keeps what is still read.
      client.close();
      const target = new Uint8Array(1000);
      readMemoryNow(second!.place, 0, target);
      expect(Buffer.compare(target, sharedBytes(1000))).toBe(0);
      expect(store.lent).toBe(1);
      second!.release();
      await until(() => store.lent === 0);
      await server.close();
    });
  });
}
