import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { assert } from '../base/assert.js';
import { isVolleyError, VolleyError } from '../base/errors.js';
import { formatTask } from '../base/ids.js';
import { limits } from '../base/limits.js';
import {
  noChecksum,
  type PartitionHeader,
  type ReachedPartition,
  type SlicePlace,
} from '../graph/partition.js';
import type { Reached } from './bulk.js';
import { holds, openMemory, proofBytes, readMemory } from './bulk-address.js';
import { abortError, corrupt } from './bulk-check.js';
import {
  decodeMemory,
  decodePlace,
  decodePlaces,
  encodeLend,
  encodeReturn,
  type FetchRequest,
  type MemoryRegion,
} from './bulk-frames.js';
import { StallWatch } from './bulk-receiver.js';
import { readSocketToken } from './bulk-socket-place.js';
import { FrameReader, frame, Kind, writeInTurn } from './bulk-socket-wire.js';
import { sealed } from './seal.js';

/** Memory of the peers that let this process read there, by the path of their socket. */
export class PeerMemories {
  private readonly known = new Map<string, Promise<PeerMemory | null>>();

  /** Asked once of each peer; null: it is not to be read. */
  async of(path: string): Promise<PeerMemory | null> {
    let opening = this.known.get(path);
    if (opening === undefined) {
      opening = openPeer(path);
      if (this.known.size >= limits.dataPeers) this.forget(this.known.keys().next().value!);
      this.known.set(path, opening);
    }
    const memory = await opening;
    if (memory === null || memory.isUsable) return memory;
    if (this.known.get(path) === opening) this.known.delete(path);
    return this.of(path);
  }

  close(): void {
    for (const path of [...this.known.keys()]) this.forget(path);
  }

  private forget(path: string): void {
    void this.known.get(path)?.then(memory => memory?.leave());
    this.known.delete(path);
  }
}

/**
 * Null where the peer does not answer, has no such memory, or the system does not show it. That it is the peer's own, and of
 * this machine, is shown by a number which is made up here, sent to the peer, and found where the peer says that it put it: so
 * nobody can make this process read the memory of a third.
 */
async function openPeer(path: string): Promise<PeerMemory | null> {
  const frames = new FrameReader();
  let socket: Socket | null = null;
  let file: number | null = null;
  try {
    const token = readSocketToken(path);
    socket = connect({ path });
    const proof = randomBytes(proofBytes);
    socket.write(Buffer.concat([frame(Kind.Hello, Buffer.from(token, 'latin1')), frame(Kind.Enter, proof)]));
    const { kind, body } = await firstFrame(socket, frames);
    if (kind === Kind.Memory) {
      const { region, proofAt } = decodeMemory(body);
      file = openMemory(region.pid);
      if (holds(file, region.address + proofAt, proof))
        return new PeerMemory(path, socket, frames, region, file);
    }
  } catch {
    // Silently: there are other ways.
  }
  if (file !== null) closeSync(file);
  socket?.destroy();
  return null;
}

function firstFrame(socket: Socket, frames: FrameReader): Promise<{ kind: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const end = (error: Error) => {
      socket.removeAllListeners('data');
      clearTimeout(timer);
      reject(error);
    };
    const timer = setTimeout(() => end(new Error('no answer')), limits.handshakeMs);
    socket.on('error', end);
    socket.once('close', () => end(new Error('the connection closed')));
    socket.on('data', (bytes: Buffer) => {
      try {
        const used = frames.feed(bytes);
        const first = frames.take();
        if (first === null) return;
        if (used < bytes.byteLength) throw corrupt('answer', 'bytes nobody asked for');
        socket.removeAllListeners('data');
        clearTimeout(timer);
        resolve(first);
      } catch (error) {
        end(error as Error);
      }
    });
  });
}

/** Slices that were asked for together. */
interface Asking {
  /** Number of the first. */
  readonly first: number;
  readonly slices: readonly FetchRequest[];
  /** What was answered, in order. */
  readonly found: Reached<PeerLease>[];
  resolve(found: readonly Reached<PeerLease>[]): void;
  reject(error: Error): void;
  /** Nobody waits any more: what comes is given back. */
  over: boolean;
}

/** A slice where it lies in a peer's memory. */
export interface PeerLease extends ReachedPartition {
  /**
   * Copies it to memory of its size. A checksum it has is checked; it gets none for this way, which is a copy from memory to
   * memory as within a process. Rejects with UNREACHABLE, CORRUPT_PARTITION or CANCELLED.
   */
  read(target: Uint8Array, signal?: AbortSignal): Promise<void>;
}

/** One peer's memory, and the connection that slices of it are lent over: any number at a time. */
export class PeerMemory {
  private readonly path: string;
  private readonly socket: Socket;
  private readonly frames: FrameReader;
  private readonly region: MemoryRegion;
  private readonly file: number;
  /** In the order in which the peer answers. */
  private readonly asked: Asking[] = [];
  /** To be told at the end of the turn. */
  private returned: number[] = [];
  private nextId = 0;
  private lent = 0;
  private ended = false;
  private leaving = false;
  private watch: StallWatch | null = null;
  private idleTimer: NodeJS.Timeout | null = null;

  constructor(path: string, socket: Socket, frames: FrameReader, region: MemoryRegion, file: number) {
    this.path = path;
    this.socket = socket;
    this.frames = frames;
    this.region = region;
    this.file = file;
    socket.on('close', () => this.end());
    socket.on('data', (bytes: Buffer) => {
      try {
        this.receive(bytes);
      } catch {
        socket.destroy();
      }
    });
    this.rest();
    if (socket.destroyed) this.end();
  }

  get isUsable(): boolean {
    return !this.ended && !this.leaving && !this.socket.destroyed;
  }

  /** Null: the slice has to be sent. Rejects with UNREACHABLE (no answer) or CANCELLED. */
  lend(slices: readonly FetchRequest[], signal?: AbortSignal): Promise<readonly Reached<PeerLease>[]> {
    if (signal?.aborted) return Promise.reject(abortError(signal));
    if (!this.isUsable) return Promise.resolve(slices.map(() => null));
    const first = this.nextId;
    this.nextId = (first + slices.length) >>> 0;
    return new Promise((resolve, reject) => {
      const asking: Asking = { first, slices, found: [], resolve, reject, over: false };
      if (signal !== undefined) {
        const abort = () => this.giveUp(asking, abortError(signal));
        const settled = () => signal.removeEventListener('abort', abort);
        signal.addEventListener('abort', abort, { once: true });
        asking.resolve = found => {
          settled();
          resolve(found);
        };
        asking.reject = error => {
          settled();
          reject(error);
        };
      }
      this.begin(asking);
      writeInTurn(this.socket, frame(Kind.Lend, encodeLend(first, slices)));
    });
  }

  /** Ends when the last slice is given back. */
  leave(): void {
    this.leaving = true;
    if (this.lent === 0) this.socket.destroy();
  }

  private begin(asking: Asking): void {
    if (this.idleTimer !== null) clearTimeout(this.idleTimer);
    this.idleTimer = null;
    this.socket.ref();
    this.watch ??= new StallWatch(limits.transferStallMs, () => {
      const error = new VolleyError('UNREACHABLE', `${this.path} does not answer`);
      for (const each of this.asked.splice(0)) this.giveUp(each, error);
      this.socket.destroy();
    });
    this.asked.push(asking);
  }

  private giveUp(asking: Asking, error: Error): void {
    asking.over = true;
    asking.reject(error);
    this.releaseAll(asking);
  }

  private releaseAll({ found }: Asking): void {
    for (const lease of found) if (lease !== null && !isVolleyError(lease)) lease.release();
  }

  /** Nothing is asked and nothing lent: the connection neither holds the process nor stays for ever. */
  private rest(): void {
    if (this.asked.length === 0) {
      this.watch?.stop();
      this.watch = null;
    }
    if (this.asked.length > 0 || this.lent > 0 || this.ended) return;
    this.socket.unref();
    if (this.leaving) this.socket.destroy();
    else this.idleTimer ??= setTimeout(() => this.socket.destroy(), limits.idleSocketMs).unref();
  }

  private receive(bytes: Buffer): void {
    this.watch?.moved();
    for (let at = 0; at < bytes.byteLength; ) {
      at += this.frames.feed(bytes.subarray(at));
      const next = this.frames.take();
      if (next !== null) this.answer(next.kind, next.body);
    }
  }

  private answer(kind: number, body: Buffer): void {
    if (kind !== Kind.Places) throw corrupt('answer', `kind ${kind} that nobody asked for`);
    const { id, places } = decodePlaces(body);
    places.forEach((place, i) => {
      const asking = this.asked[0];
      const next = (id + i) >>> 0;
      if (asking === undefined || next !== (asking.first + asking.found.length) >>> 0) {
        throw corrupt('answer', `slice ${next} that nobody asked for`);
      }
      asking.found.push(place === null ? null : this.place(next, place, asking));
      if (asking.found.length < asking.slices.length) return;
      this.asked.shift();
      asking.resolve(asking.found);
    });
    this.rest();
  }

  private place(id: number, body: Buffer, { slices, found, over }: Asking): Reached<PeerLease> {
    this.lent++;
    let held = true;
    const release = () => {
      if (held) this.giveBack(id);
      held = false;
    };
    const { task, slice } = slices[found.length]!;
    const what = `${formatTask(task.job, task.index)} slice ${slice}`;
    try {
      const { offset, header } = decodePlace(body, what, this.region);
      const { pid, address } = this.region;
      if (!over)
        return this.lease(header, { pid, file: this.file, address: address + offset }, what, release);
    } catch (error) {
      if (!isVolleyError(error)) throw error;
      release();
      return error;
    }
    release();
    return null;
  }

  private lease(header: PartitionHeader, place: SlicePlace, what: string, release: () => void): PeerLease {
    const isAlive = () => !this.ended;
    return {
      header,
      place,
      get alive() {
        return isAlive();
      },
      read: (target, signal) => this.read(place, header, target, what, signal),
      release,
    };
  }

  private async read(
    place: SlicePlace,
    header: PartitionHeader,
    target: Uint8Array,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { byteLength, checksum } = header;
    assert(target.byteLength === byteLength, 'a destination has the size announced');
    const goesOn = () => {
      if (signal?.aborted) throw abortError(signal);
      if (this.ended) throw new VolleyError('UNREACHABLE', `${this.path} broke off ${what}`, { what });
    };
    goesOn();
    try {
      await readMemory(place, target, goesOn);
    } catch (error) {
      if (error instanceof VolleyError) throw error;
      const story = `${this.path} broke off ${what}: ${(error as Error).message}`;
      throw new VolleyError('UNREACHABLE', story, { what }, { cause: error });
    }
    if (checksum === noChecksum) return;
    const found = await sealed({ ...header, checksum: noChecksum }, target);
    if (found.checksum !== checksum) throw corrupt(what, `checksum ${found.checksum}, not ${checksum}`);
  }

  /** What is given back in a turn is told together. */
  private giveBack(id: number): void {
    this.lent--;
    if (!this.ended) {
      if (this.returned.length === 0) process.nextTick(() => this.tellReturned());
      this.returned.push(id);
    } else if (this.lent === 0) closeSync(this.file);
    this.rest();
  }

  private tellReturned(): void {
    const ids = this.returned;
    this.returned = [];
    if (!this.ended) writeInTurn(this.socket, frame(Kind.Return, encodeReturn(ids)));
  }

  /** What is lent can still be open: the file is closed with the last of it, so that its number is nobody else's before. */
  private end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.idleTimer !== null) clearTimeout(this.idleTimer);
    this.watch?.stop();
    const unused = this.lent === 0;
    // Not begun: the slices may come another way.
    for (const asking of this.asked.splice(0)) {
      this.releaseAll(asking);
      asking.resolve(asking.slices.map(() => null));
    }
    if (unused) closeSync(this.file);
  }
}
