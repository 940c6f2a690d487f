import { connect, type Socket } from 'node:net';
import { VolleyError } from '../base/errors.js';
import { formatTask, type TaskRef } from '../base/ids.js';
import { limits } from '../base/limits.js';
import type { PartitionHeader } from '../graph/partition.js';
import { abortError, corrupt } from './bulk-check.js';
import { decodeHeader, encodeFetch, encodePut } from './bulk-frames.js';
import { Receiver, StallWatch } from './bulk-receiver.js';
import { sendBytes } from './bulk-sender.js';
import { readSocketToken } from './bulk-socket-place.js';
import { FrameReader, frame, Kind, replyCodes } from './bulk-socket-wire.js';

type Accept = (header: PartitionHeader) => Promise<Uint8Array> | Uint8Array;

/** The socket could not even begin the transfer: gRPC may. */
export class SocketUnavailable extends Error {}

/** Bytes read at a time before the destination is known. */
const scratchBytes = 64 * 1024;

interface Transfer {
  onFrame(kind: number, body: Buffer): void;
  onEnd(error: Error): void;
}

/**
 * One connection, one transfer at a time. Node reads into the buffer we name (`onread`): a scratch buffer for
 * frames, and the destination itself for the bytes of a partition.
 */
export class SocketConnection {
  readonly path: string;
  /** Transfers it has carried; an old one may have been closed by its server meanwhile. */
  uses = 0;
  private readonly socket: Socket;
  private readonly frames = new FrameReader();
  private readonly scratch = Buffer.allocUnsafe(scratchBytes);
  /** Where the next read goes. */
  private reading: Uint8Array = this.scratch;
  private transfer: Transfer | null = null;
  private receiver: Receiver | null = null;
  private received: (() => void) | null = null;
  private paused = false;
  private watch: StallWatch | null = null;
  private idleTimer: NodeJS.Timeout | null = null;

  /** Throws when the token beside the socket cannot be read. */
  constructor(path: string) {
    this.path = path;
    const token = readSocketToken(path);
    this.socket = connect({
      path,
      onread: {
        buffer: () => this.nextBuffer(),
        callback: count => this.onRead(count),
      },
    });
    this.socket.on('error', error => this.end(error));
    this.socket.on('close', () => this.end(new Error('the connection closed')));
    this.socket.write(frame(Kind.Hello, Buffer.from(token, 'latin1')));
  }

  get usable(): boolean {
    return !this.socket.destroyed && !this.transfer;
  }

  /** Neither holds the process nor is kept for ever. */
  rest(): void {
    this.socket.unref();
    this.idleTimer = setTimeout(() => this.destroy(), limits.idleSocketMs).unref();
  }

  destroy(): void {
    this.socket.destroy();
  }

  async fetch(task: TaskRef, slice: number, accept: Accept, signal?: AbortSignal): Promise<PartitionHeader> {
    const what = `${formatTask(task.job, task.index)} slice ${slice}`;
    let begun = false;
    const run = this.run<PartitionHeader>(what, signal, () => begun, (kind, body, resolve, reject) => {
      if (kind !== Kind.Header || begun) return reject(this.refusal(kind, body, what));
      begun = true;
      this.fill(body, what, accept, reject).then(() => {
        try {
          resolve(this.receiver!.finish());
        } catch (error) {
          reject(error);
        }
      }, reject);
    });
    this.socket.write(frame(Kind.Fetch, encodeFetch({ task, slice })));
    return run;
  }

  async put(task: TaskRef, header: PartitionHeader, bytes: Uint8Array): Promise<void> {
    const what = formatTask(task.job, task.index);
    let begun = false;
    const run = this.run<void>(what, undefined, () => begun, (kind, body, resolve, reject) => {
      if (kind === Kind.Done && begun) return resolve();
      if (kind !== Kind.Go || begun) return reject(this.refusal(kind, body, what));
      begun = true;
      this.watch?.pause();
      void sendBytes(this.socket, 'close', bytes, limits.lendStallMs).then(whole => {
        this.watch?.resume();
        if (!whole) this.destroy();
      });
    });
    this.socket.write(frame(Kind.Put, encodePut({ task, header })));
    return run;
  }

  /** One transfer from its first frame to its last; rejecting destroys the connection unless the server answered. */
  private async run<T>(
    what: string,
    signal: AbortSignal | undefined,
    begun: () => boolean,
    onFrame: (kind: number, body: Buffer, resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    if (signal?.aborted) throw abortError(signal);
    if (this.idleTimer) clearTimeout(this.idleTimer);
    this.socket.ref();
    this.uses++;
    const abort = () => this.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    this.watch = new StallWatch(limits.transferStallMs, () => this.destroy());
    try {
      return await new Promise<T>((resolve, reject) => {
        this.transfer = {
          onFrame: (kind, body) => onFrame(kind, body, resolve, reject),
          onEnd: error => reject(this.broken(error, what, begun(), signal)),
        };
        if (this.socket.destroyed) this.end(new Error('the connection closed'));
      });
    } catch (error) {
      if (!(error instanceof VolleyError && error.data.answered)) this.destroy();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.watch.stop();
      this.transfer = null;
      this.receiver = null;
    }
  }

  private broken(error: Error, what: string, begun: boolean, signal: AbortSignal | undefined): Error {
    if (signal?.aborted) return abortError(signal);
    if (!begun) return new SocketUnavailable(error.message);
    return new VolleyError('UNREACHABLE', `${this.path} broke off ${what}: ${error.message}`, { what });
  }

  private refusal(kind: number, body: Buffer, what: string): Error {
    const code = kind === Kind.Error ? replyCodes[body[0] ?? -1] : undefined;
    if (!code) return corrupt(what, `an answer of kind ${kind}`);
    return new VolleyError(code, body.toString('utf8', 1), { what, answered: true });
  }

  /** Resolves when the last byte is in; settles only after `accept` has, so that its memory has one owner. */
  private async fill(body: Buffer, what: string, accept: Accept, reject: (e: unknown) => void): Promise<void> {
    const header = decodeHeader(body, what);
    this.paused = true;
    this.watch?.pause();
    let ended: Error | null = null;
    const transfer = this.transfer!;
    const onEnd = transfer.onEnd;
    transfer.onEnd = error => {
      ended = error;
    };
    try {
      const target = await accept(header);
      this.receiver = new Receiver(header, target, what);
    } finally {
      transfer.onEnd = onEnd;
    }
    if (ended || this.socket.destroyed) return onEnd(ended ?? new Error('the connection closed'));
    this.paused = false;
    this.watch?.resume();
    const whole = new Promise<void>(resolve => {
      this.received = resolve;
    });
    if (this.pendingBytes) this.consume(this.pendingBytes);
    if (this.receiver.missing === 0) this.received?.();
    this.socket.resume();
    void reject;
    return whole;
  }

  /** Bytes of the partition that came in the same read as its header. */
  private pendingBytes: Buffer | null = null;

  private nextBuffer(): Uint8Array {
    this.reading =
      this.receiver && this.receiver.missing > 0 ? this.receiver.room(limits.chunkBytes) : this.scratch;
    return this.reading;
  }

  /** False pauses reading: the destination is not known yet. */
  private onRead(count: number): boolean {
    this.watch?.moved();
    try {
      if (this.reading !== this.scratch) {
        this.receiver!.advance(count);
        if (this.receiver!.missing === 0) this.received?.();
      } else {
        this.consume(this.scratch.subarray(0, count));
      }
    } catch (error) {
      this.socket.destroy(error as Error);
    }
    return !this.paused;
  }

  private consume(bytes: Buffer): void {
    this.pendingBytes = null;
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.paused) {
        this.pendingBytes = Buffer.from(bytes.subarray(at));
        return;
      }
      if (this.receiver && this.receiver.missing > 0) {
        const part = bytes.subarray(at, at + this.receiver.missing);
        this.receiver.push(part);
        at += part.byteLength;
        if (this.receiver.missing === 0) this.received?.();
        continue;
      }
      at += this.frames.feed(bytes.subarray(at));
      const next = this.frames.take();
      if (!next) continue;
      if (!this.transfer) throw corrupt('answer', 'one nobody asked for');
      this.transfer.onFrame(next.kind, next.body);
    }
  }

  private end(error: Error): void {
    if (this.idleTimer) clearTimeout(this.idleTimer);
    this.transfer?.onEnd(error);
  }
}
