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
/** While it is not known how long a frame is. */
const leastScratchBytes = 4096;

interface Transfer {
  onFrame(kind: number, body: Buffer): void;
  onEnd(error: Error): void;
}

/** How a transfer says what became of it. */
interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
  /** From here on a broken connection is the transfer's failure, no longer a reason to try gRPC. */
  begin(): void;
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
  private readonly scratch = Buffer.allocUnsafeSlow(scratchBytes);
  /** Where the read under way goes. */
  private reading: Uint8Array = this.scratch;
  private transfer: Transfer | null = null;
  private receiver: Receiver | null = null;
  /** Called when the receiver has its last byte. */
  private filled: (() => void) | null = null;
  /** `accept` is making room: reading is paused, and what was read too far waits in `early`. */
  private accepting = false;
  private early: Buffer | null = null;
  private endedBy: Error | null = null;
  private watch: StallWatch | null = null;
  private idleTimer: NodeJS.Timeout | null = null;

  /** Throws when the token beside the socket cannot be read. */
  constructor(path: string) {
    this.path = path;
    const token = readSocketToken(path);
    this.socket = connect({
      path,
      onread: { buffer: () => this.nextBuffer(), callback: count => this.onRead(count) },
    });
    this.socket.on('error', error => this.end(error));
    this.socket.on('close', () => this.end(new Error('the connection closed')));
    this.socket.write(frame(Kind.Hello, Buffer.from(token, 'latin1')));
  }

  get isUsable(): boolean {
    return this.endedBy === null && !this.socket.destroyed && this.transfer === null;
  }

  /** Between transfers: neither holds the process nor is kept for ever. */
  rest(): void {
    this.socket.unref();
    this.idleTimer = setTimeout(() => this.destroy(), limits.idleSocketMs).unref();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Rejects with SocketUnavailable when the connection fails before the transfer began. */
  fetch(task: TaskRef, slice: number, accept: Accept, signal?: AbortSignal): Promise<PartitionHeader> {
    const what = `${formatTask(task.job, task.index)} slice ${slice}`;
    const request = frame(Kind.Fetch, encodeFetch({ task, slice }));
    return this.run<PartitionHeader>(what, request, signal, (kind, body, settle) => {
      if (kind !== Kind.Header || this.receiver || this.accepting) {
        return settle.reject(refusal(kind, body, what));
      }
      settle.begin();
      this.fill(body, what, accept).then(settle.resolve, settle.reject);
    });
  }

  /** Rejects like fetch. */
  put(task: TaskRef, header: PartitionHeader, bytes: Uint8Array): Promise<void> {
    const what = formatTask(task.job, task.index);
    const request = frame(Kind.Put, encodePut({ task, header }));
    let sending = false;
    return this.run<void>(what, request, undefined, (kind, body, settle) => {
      if (kind === Kind.Done && sending) return settle.resolve();
      if (kind !== Kind.Go || sending) return settle.reject(refusal(kind, body, what));
      sending = true;
      settle.begin();
      // While this side sends, the server's silence is in order.
      this.watch?.pause();
      void sendBytes(this.socket, 'close', bytes, limits.lendStallMs).then(whole => {
        if (whole) this.watch?.resume();
        else this.destroy();
      });
    });
  }

  /** One transfer from its request to its last byte. A failure costs the connection unless the server answered it. */
  private async run<T>(
    what: string,
    request: Buffer,
    signal: AbortSignal | undefined,
    onFrame: (kind: number, body: Buffer, settle: Settle<T>) => void,
  ): Promise<T> {
    if (signal?.aborted) throw abortError(signal);
    if (this.idleTimer) clearTimeout(this.idleTimer);
    this.socket.ref();
    this.uses++;
    let begun = false;
    const abort = () => this.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    this.watch = new StallWatch(limits.transferStallMs, abort);
    try {
      return await new Promise<T>((resolve, reject) => {
        const settle: Settle<T> = {
          resolve,
          reject,
          begin: () => {
            begun = true;
          },
        };
        this.transfer = { onFrame: (kind, body) => onFrame(kind, body, settle), onEnd: reject };
        if (this.endedBy) reject(this.endedBy);
        else this.socket.write(request);
      });
    } catch (error) {
      const answered = error instanceof VolleyError && error.data.answered === true;
      if (!answered) this.destroy();
      if (signal?.aborted) throw abortError(signal);
      if (error !== this.endedBy || !(error instanceof Error) || error instanceof VolleyError) throw error;
      if (!begun) throw new SocketUnavailable(error.message);
      const story = `${this.path} broke off ${what}: ${error.message}`;
      throw new VolleyError('UNREACHABLE', story, { what }, { cause: error });
    } finally {
      signal?.removeEventListener('abort', abort);
      this.watch.stop();
      this.transfer = null;
      this.receiver = null;
    }
  }

  /** Settles only after `accept` has, so that the memory it gives has one owner at any time. */
  private async fill(body: Buffer, what: string, accept: Accept): Promise<PartitionHeader> {
    const header = decodeHeader(body, what);
    this.accepting = true;
    this.watch?.pause();
    // When `accept` throws, reading stays paused: the connection is at the start of bytes nobody takes.
    const receiver = new Receiver(header, await accept(header), what);
    this.accepting = false;
    if (this.endedBy) throw this.endedBy;
    this.receiver = receiver;
    this.watch?.resume();
    if (receiver.missing > 0) {
      const filled = new Promise<void>(resolve => {
        this.filled = resolve;
      });
      const early = this.early;
      this.early = null;
      if (early) this.consume(early);
      this.socket.resume();
      await filled;
    } else {
      this.socket.resume();
    }
    return receiver.finish();
  }

  private nextBuffer(): Uint8Array {
    const { receiver } = this;
    if (receiver && receiver.missing > 0) this.reading = receiver.room(limits.chunkBytes);
    // What comes with a header has to be copied once it has a place: a large frame is read as a whole, but little beyond one.
    else this.reading = this.scratch.subarray(0, Math.max(leastScratchBytes, this.frames.missing));
    return this.reading;
  }

  /** Node has read `count` bytes into the last buffer given. False pauses reading. */
  private onRead(count: number): boolean {
    this.watch?.moved();
    try {
      if (this.reading.buffer === this.scratch.buffer) this.consume(this.scratch.subarray(0, count));
      else this.advance(this.receiver!, count);
    } catch (error) {
      this.socket.destroy(error as Error);
    }
    return !this.accepting;
  }

  private consume(bytes: Buffer): void {
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.accepting) {
        this.early = Buffer.from(bytes.subarray(at));
        return;
      }
      if (this.receiver && this.receiver.missing > 0) {
        const part = bytes.subarray(at, at + this.receiver.missing);
        this.receiver.room(part.byteLength).set(part);
        this.advance(this.receiver, part.byteLength);
        at += part.byteLength;
        continue;
      }
      at += this.frames.feed(bytes.subarray(at));
      const next = this.frames.take();
      if (!next) continue;
      if (!this.transfer) throw corrupt('answer', 'one nobody asked for');
      this.transfer.onFrame(next.kind, next.body);
    }
  }

  private advance(receiver: Receiver, count: number): void {
    receiver.advance(count);
    if (receiver.missing === 0) this.filled?.();
  }

  private end(error: Error): void {
    this.endedBy ??= error;
    if (this.idleTimer) clearTimeout(this.idleTimer);
    // While `accept` makes room the transfer is settled by fill().
    if (!this.accepting) this.transfer?.onEnd(this.endedBy);
  }
}

function refusal(kind: number, body: Buffer, what: string): Error {
  const code = kind === Kind.Error ? replyCodes[body[0] ?? -1] : undefined;
  if (!code) return corrupt(what, `an answer of kind ${kind}`);
  return new VolleyError(code, body.toString('utf8', 1), { what, answered: true });
}
