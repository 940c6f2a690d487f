import { createServer, type Socket } from 'node:net';
import { isVolleyError, VolleyError } from '../base/errors.js';
import { formatTask } from '../base/ids.js';
import type { NodeMemory } from '../base/kernel-memory.js';
import { limits } from '../base/limits.js';
import type { BulkSink, BulkStore } from './bulk.js';
import { corrupt } from './bulk-check.js';
import { decodeFetch, decodePut, encodeHeader, type FetchRequest, type PutRequest } from './bulk-frames.js';
import { type Lender, Lending } from './bulk-lender.js';
import { Receiver, StallWatch } from './bulk-receiver.js';
import { sendBytes } from './bulk-sender.js';
import { makeSocketPlace, sweepSocketPlaces } from './bulk-socket-place.js';
import { errorFrame, FrameReader, frame, Kind, type ReplyCode, replyCodes } from './bulk-socket-wire.js';
import { sameSecret } from './security.js';

export interface SocketServer {
  /** Path of the socket. */
  readonly path: string;
  close(): void;
}

/** Serves partitions to processes of this machine and user. Null where the platform has no place for a socket. */
export async function serveSocket(store: BulkStore, memory: NodeMemory | null): Promise<SocketServer | null> {
  if (process.platform === 'win32') return null;
  await sweepSocketPlaces();
  const place = makeSocketPlace();
  if (place === null) return null;
  const open = new Set<Socket>();
  const lending = memory === null ? null : new Lending(store, memory);
  const server = createServer(socket => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    new Session(socket, store, place.token, lending);
  });
  server.maxConnections = limits.socketConnections;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(place.socket, resolve);
    });
  } catch {
    place.remove();
    return null;
  }
  server.on('error', () => undefined);
  return {
    path: place.socket,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
      place.remove();
    },
  };
}

/**
 * One connection: a hello, then one request at a time, or after Enter slices in place. Whatever does not fit the protocol ends the connection;
 * nothing is ever reserved before the token was right.
 */
class Session {
  private readonly socket: Socket;
  private readonly store: BulkStore;
  private readonly token: string;
  private readonly frames = new FrameReader();
  private readonly lending: Lending | null;
  private state: 'hello' | 'idle' | 'busy' | 'body' | 'lending' = 'hello';
  private lender: Lender | null = null;
  private put: { receiver: Receiver; sink: BulkSink; watch: StallWatch } | null = null;

  constructor(socket: Socket, store: BulkStore, token: string, lending: Lending | null) {
    this.socket = socket;
    this.store = store;
    this.token = token;
    this.lending = lending;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.abortPut();
      this.lender?.close();
    });
    socket.setTimeout(limits.handshakeMs, () => socket.destroy());
    socket.on('data', bytes => {
      try {
        this.receive(bytes);
      } catch {
        socket.destroy();
      }
    });
  }

  private receive(bytes: Buffer): void {
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.state === 'busy') throw corrupt('request', 'bytes nobody asked for');
      if (this.state === 'body') {
        const part = bytes.subarray(at, at + this.put!.receiver.missing);
        at += part.byteLength;
        this.take(part);
        continue;
      }
      at += this.frames.feed(bytes.subarray(at));
      const next = this.frames.take();
      if (next) this.handle(next.kind, next.body);
    }
  }

  private handle(kind: number, body: Buffer): void {
    if (this.state === 'hello') {
      if (kind !== Kind.Hello || !sameSecret(body.toString('latin1'), this.token)) {
        throw new VolleyError('UNAUTHENTICATED', 'wrong socket token');
      }
      this.socket.setTimeout(0);
      this.state = 'idle';
      return;
    }
    if (this.lender !== null) {
      this.lender.receive(kind, body);
      return;
    }
    this.state = 'busy';
    if (kind === Kind.Enter) this.enter(body);
    else if (kind === Kind.Fetch) void this.answer(this.lend(decodeFetch(body)));
    else if (kind === Kind.Put) void this.answer(this.reserve(decodePut(body)));
    else throw corrupt('request', `kind ${kind}`);
  }

  private enter(proof: Buffer): void {
    this.lender = this.lending?.enter(proof, this.socket) ?? null;
    if (this.lender === null) this.reply(new VolleyError('NOT_FOUND', 'no memory to look into'));
    else this.state = 'lending';
  }

  /** Failures of a request are an answer; failures after its header went out end the connection. */
  private async answer(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.reply(error);
    }
  }

  private reply(error: unknown): void {
    const known = isVolleyError(error) && (replyCodes as readonly string[]).includes(error.code);
    const code: ReplyCode = known ? ((error as VolleyError).code as ReplyCode) : 'UNREACHABLE';
    this.state = 'idle';
    this.socket.write(errorFrame(code, error instanceof Error ? error.message : String(error)));
  }

  private async lend({ task, slice }: FetchRequest): Promise<void> {
    const what = `${formatTask(task.job, task.index)} slice ${slice}`;
    const lease = await this.store.lend(task, slice);
    if (lease === null) throw new VolleyError('NOT_FOUND', `${what} is not here`);
    try {
      const { header, bytes } = lease;
      if (bytes.byteLength !== header.byteLength) {
        throw corrupt(what, `${bytes.byteLength} bytes where its header says ${header.byteLength}`);
      }
      if (this.socket.destroyed) return;
      this.socket.write(frame(Kind.Header, encodeHeader(header)));
      // The reader may ask again as soon as it has the last byte, before this side hears that it was taken.
      this.state = 'idle';
      const whole = await sendBytes(this.socket, 'close', bytes, limits.lendStallMs);
      if (!whole) this.socket.destroy();
    } finally {
      lease.release();
    }
  }

  private async reserve({ task, header }: PutRequest): Promise<void> {
    const what = formatTask(task.job, task.index);
    const sink = await this.store.reserve(task, header);
    if (sink === null) throw new VolleyError('RESOURCE_EXHAUSTED', `no room for ${what}`);
    if (this.socket.destroyed) return sink.abort();
    const watch = new StallWatch(limits.lendStallMs, () => this.socket.destroy());
    this.put = { receiver: new Receiver(header, sink.bytes, what), sink, watch };
    this.state = 'body';
    this.socket.write(frame(Kind.Go, Buffer.alloc(0)));
    if (header.byteLength === 0) this.take(Buffer.alloc(0));
  }

  private take(part: Buffer): void {
    const { receiver, sink, watch } = this.put!;
    watch.moved();
    receiver.push(part);
    if (receiver.missing > 0) return;
    watch.stop();
    this.put = null;
    try {
      receiver.finish();
    } catch (error) {
      sink.abort();
      this.reply(error);
      return;
    }
    sink.commit();
    this.state = 'idle';
    this.socket.write(frame(Kind.Done, Buffer.alloc(0)));
  }

  private abortPut(): void {
    this.put?.watch.stop();
    this.put?.sink.abort();
    this.put = null;
  }
}
