import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { limits } from '../base/limits.js';

/** HTTP/2's framing (RFC 9113, 4.1): length in 24 bits, kind, flags, stream. */
const headBytes = 9;
const Kind = { data: 0, windowUpdate: 8 } as const;
const Flag = { endStream: 1, padded: 8 } as const;
/** Bytes of a frame, as nobody was told otherwise. */
const frameBytes = 16_384;

/** A stream whose data are taken out. */
interface Taken {
  readonly take: (bytes: Buffer) => void;
  /** Bytes its peer may still send. */
  window: number;
  /** Bytes that were used and of which the peer was not told. */
  untold: number;
}

/**
 * The connection below an HTTP/2 session of Node's, which sees all frames but the data of the streams that are taken out:
 * those go from the buffer they are read into, always the same one, to whoever takes them. Node's session would read
 * into a new buffer every 64 KiB and wrap each frame of 16; flow control of what it does not see is kept here.
 */
export class DataSplitter extends Duplex {
  private readonly socket: Socket;
  private readonly streams = new Map<number, Taken>();
  private readonly head = Buffer.alloc(headBytes);
  private headAt = 0;
  /** Of the frame under way: bytes that have not come, who takes them (null: the session), whether it ends its stream. */
  private left = 0;
  private taken: Taken | null = null;
  private last = false;
  /** Of the whole connection, as in Taken. */
  private untold = 0;
  /** The session takes no more for now. */
  private full = false;

  constructor(peer: string) {
    super();
    const { hostname, port } = new URL(`http://${peer}`);
    const buffer = Buffer.allocUnsafeSlow(limits.dataReadBytes);
    this.socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 80),
      noDelay: true,
      onread: {
        buffer,
        callback: count => {
          this.split(buffer.subarray(0, count));
          return !this.full;
        },
      },
    });
    this.socket.on('error', error => this.destroy(error));
    this.socket.on('end', () => this.push(null));
    this.socket.on('close', () => this.destroy());
  }

  /** Whether the connection keeps the process. */
  hold(held: boolean): void {
    if (held) this.socket.ref();
    else this.socket.unref();
  }

  /** Data of this stream go to `take` from now on, in memory that is its for the length of the call. */
  takeOut(stream: number, take: (bytes: Buffer) => void): void {
    this.streams.set(stream, { take, window: limits.fetchWindowBytes, untold: 0 });
  }

  /** So many of them were used: the peer may send as many more. */
  used(stream: number, bytes: number): void {
    const taken = this.streams.get(stream);
    if (taken === undefined) return;
    taken.untold += bytes;
    if (taken.untold < limits.fetchWindowBytes / 2) return;
    this.update(stream, taken.untold);
    taken.window += taken.untold;
    taken.untold = 0;
  }

  forget(stream: number): void {
    this.streams.delete(stream);
  }

  override _read(): void {
    if (!this.full) return;
    this.full = false;
    this.socket.resume();
  }

  /**
   * At once and whole: between a frame's head and its payload nothing else may be written. What a session that only asks
   * has to say is small.
   */
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.socket.write(chunk);
    done();
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    for (const { chunk } of chunks) this.socket.write(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.streams.clear();
    this.socket.destroy();
    done(error);
  }

  private split(bytes: Buffer): void {
    for (let at = 0; at < bytes.byteLength && !this.destroyed; ) {
      if (this.headAt < headBytes) {
        const used = bytes.copy(this.head, this.headAt, at, at + headBytes - this.headAt);
        this.headAt += used;
        at += used;
        if (this.headAt === headBytes) this.beginFrame();
      } else {
        const part = bytes.subarray(at, at + this.left);
        at += part.byteLength;
        this.left -= part.byteLength;
        if (this.taken === null) this.pass(Buffer.from(part));
        else this.taken.take(part);
      }
      if (this.headAt === headBytes && this.left === 0) this.endFrame();
    }
  }

  /** The head of a frame is in. */
  private beginFrame(): void {
    const { head } = this;
    this.left = head.readUIntBE(0, 3);
    const flags = head[4]!;
    const taken = head[3] === Kind.data ? this.streams.get(streamOf(head)) : undefined;
    this.taken = taken ?? null;
    this.last = false;
    if (taken === undefined) {
      this.pass(Buffer.from(head));
      return;
    }
    this.last = (flags & Flag.endStream) !== 0;
    taken.window -= this.left;
    if ((flags & Flag.padded) !== 0 || this.left > frameBytes || taken.window < 0) {
      this.destroy(new Error('the peer broke the rules of HTTP/2'));
      return;
    }
    this.untold += this.left;
    if (this.untold < limits.fetchWindowBytes / 2) return;
    this.update(0, this.untold);
    this.untold = 0;
  }

  private endFrame(): void {
    this.headAt = 0;
    if (!this.last) return;
    // The session is told that its stream has ended, by a frame without data.
    const frame = Buffer.from(this.head);
    frame.writeUIntBE(0, 0, 3);
    this.pass(frame);
  }

  private pass(bytes: Buffer): void {
    if (!this.push(bytes)) this.full = true;
  }

  /** The peer may send so many more bytes on a stream, or (0) on all together. */
  private update(stream: number, bytes: number): void {
    const frame = Buffer.alloc(headBytes + 4);
    frame.writeUIntBE(4, 0, 3);
    frame[3] = Kind.windowUpdate;
    frame.writeUInt32BE(stream, 5);
    frame.writeUInt32BE(bytes, headBytes);
    this.socket.write(frame);
  }
}

function streamOf(head: Buffer): number {
  return head.readUInt32BE(5) & 0x7fff_ffff;
}
