import type { Socket } from 'node:net';
import { limits } from '../base/limits.js';
import { corrupt } from './bulk-check.js';

/** Frames on the Unix socket: u32 length of what follows, u8 kind, body. Bulk bytes follow their header unframed. */
export const Kind = {
  /** First on every connection: the token beside the socket. */
  Hello: 1,
  Fetch: 2,
  Put: 3,
  /** Once, and then only Lend and Return: 32 bytes that the node is to show in its memory. */
  Enter: 4,
  Lend: 5,
  Return: 6,
  /** A slice follows: header.byteLength bytes. */
  Header: 16,
  /** u8 index into replyCodes, then text. */
  Error: 17,
  /** There is room: send the bytes of the put. */
  Go: 18,
  Done: 19,
  /** Where the node's memory lies, and where in it what came with Enter. */
  Memory: 20,
  /** Where slices lie until their Return, or that they do not lie in that memory: those are to be fetched. */
  Places: 21,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** What a server may answer with. The order is the wire format. */
export const replyCodes = ['NOT_FOUND', 'RESOURCE_EXHAUSTED', 'CORRUPT_PARTITION', 'UNREACHABLE'] as const;
export type ReplyCode = (typeof replyCodes)[number];

export const maxFrameBytes = limits.partitionMetaBytes + 256;

export function frame(kind: Kind, body: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(5 + body.byteLength);
  out.writeUInt32LE(1 + body.byteLength, 0);
  out.writeUInt8(kind, 4);
  out.set(body, 5);
  return out;
}

/** Writes a frame; those of one turn leave together, in one call of the system, and wake the peer once. */
export function writeInTurn(socket: Socket, bytes: Buffer): void {
  if (socket.writableCorked === 0) {
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
  socket.write(bytes);
}

export function errorFrame(code: ReplyCode, message: string): Buffer {
  const text = Buffer.from(message.slice(0, 4096));
  return frame(Kind.Error, Buffer.concat([Buffer.from([replyCodes.indexOf(code)]), text]));
}

/** Cuts frames out of a byte stream. Holds at most one frame, and no more memory than has arrived for it. */
export class FrameReader {
  private parts: Buffer[] = [];
  private have = 0;

  /** Bytes of a frame that has begun; 0 while its length is not known. */
  get missing(): number {
    return this.have < 4 ? 0 : 4 + this.head().readUInt32LE(0) - this.have;
  }

  /** Takes bytes up to the end of the next frame and returns how many; `ready` is set when it is complete. */
  feed(bytes: Buffer): number {
    let used = 0;
    if (this.have < 4) used = this.keep(bytes, 0, 4 - this.have);
    if (this.have < 4) return used;
    const length = this.head().readUInt32LE(0);
    if (length < 1 || length > maxFrameBytes) throw corrupt('frame', `a frame of ${length} bytes`);
    return this.keep(bytes, used, 4 + length - this.have);
  }

  /** The complete frame, which is then forgotten; null while bytes are missing. */
  take(): { kind: number; body: Buffer } | null {
    if (this.have < 5 || this.have < 4 + this.head().readUInt32LE(0)) return null;
    const whole = this.head();
    this.parts = [];
    this.have = 0;
    return { kind: whole.readUInt8(4), body: whole.subarray(5) };
  }

  /** Copies: the caller's buffer is reused. */
  private keep(bytes: Buffer, from: number, most: number): number {
    const part = Buffer.from(bytes.subarray(from, from + most));
    if (part.byteLength > 0) this.parts.push(part);
    this.have += part.byteLength;
    return from + part.byteLength;
  }

  private head(): Buffer {
    if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts)];
    return this.parts[0] ?? Buffer.alloc(0);
  }
}
