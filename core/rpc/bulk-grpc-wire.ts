import type { Http2Stream } from 'node:http2';
import { collectYoung } from '../base/collect-garbage.js';
import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import type { ByteSink } from './bulk-sender.js';

/**
 * gRPC's framing on HTTP/2 streams, for the data plane only. grpc-js copies each message twice into memory of its own;
 * here the bytes of a partition are written from its slab and read into one (docs/decisions/0023).
 */

export const dataPaths = { fetch: '/volley.v1.Data/Fetch', put: '/volley.v1.Data/Put' } as const;

/** Largest message of the data plane: a chunk, or a header with its layout. */
export const dataMessageBytes = Math.max(limits.chunkBytes, limits.partitionMetaBytes) + 1024;

/** Whether the message is compressed (never), and its length, big-endian. */
const prefixBytes = 5;

function prefixOf(byteLength: number): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(byteLength, 1);
  return prefix;
}

/** A small message in one piece. */
export function message(body: Uint8Array): Buffer {
  return Buffer.concat([prefixOf(body.byteLength), body]);
}

/** A stream to which each chunk is a message. Emits 'close' like its stream. */
export function messageSink(stream: Http2Stream): ByteSink {
  return {
    once: (event, listener) => stream.once(event, listener),
    removeListener: (event, listener) => stream.removeListener(event, listener),
    write(chunk, taken) {
      stream.write(prefixOf(chunk.byteLength));
      stream.write(chunk, taken);
    },
  };
}

/**
 * Takes messages apart: the first comes as a whole, the bytes of those that follow as they arrive, in the memory they came in. After the first
 * one everything waits for `resume`; the stream has to be paused meanwhile.
 */
export class MessageReader {
  private readonly onFirst: (body: Buffer) => void;
  private readonly onBytes: (bytes: Buffer) => void;
  private readonly prefix = Buffer.alloc(prefixBytes);
  private prefixAt = 0;
  /** Bytes of the message under way that have not come. */
  private missing = 0;
  /** Pieces of the first message until it is whole. */
  private first: Buffer[] | null = [];
  private held = false;
  private early: Buffer[] = [];

  constructor(onFirst: (body: Buffer) => void, onBytes: (bytes: Buffer) => void) {
    this.onFirst = onFirst;
    this.onBytes = onBytes;
  }

  /** Throws RESOURCE_EXHAUSTED for messages that are too large, or compressed, as soon as they say so. */
  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.held) {
        this.early.push(Buffer.from(bytes.subarray(at)));
        return;
      }
      if (this.missing === 0) {
        const used = bytes.copy(this.prefix, this.prefixAt, at);
        this.prefixAt += used;
        at += used;
        if (this.prefixAt === prefixBytes) this.begin();
        continue;
      }
      const part = bytes.subarray(at, at + this.missing);
      at += part.byteLength;
      this.missing -= part.byteLength;
      this.take(part);
    }
  }

  resume(): void {
    this.held = false;
    for (const bytes of this.early.splice(0)) this.push(bytes);
  }

  private begin(): void {
    this.prefixAt = 0;
    this.missing = this.prefix.readUInt32BE(1);
    if (this.prefix[0] !== 0) throw new VolleyError('RESOURCE_EXHAUSTED', 'compressed messages are not read');
    if (this.missing > dataMessageBytes) {
      const story = `a message of ${this.missing} bytes, where at most ${dataMessageBytes} are read`;
      throw new VolleyError('RESOURCE_EXHAUSTED', story);
    }
    if (this.missing === 0) this.take(Buffer.alloc(0));
  }

  private take(part: Buffer): void {
    if (this.first === null) {
      this.onBytes(part);
      return;
    }
    this.first.push(Buffer.from(part));
    if (this.missing > 0) return;
    const body = Buffer.concat(this.first);
    this.first = null;
    this.held = true;
    this.onFirst(body);
  }
}

let readBytes = 0;

/** To be told of all that was read: Node reads into buffers of its own, a new one every 64 KiB. */
export function noteRead(bytes: Buffer): void {
  readBytes += bytes.byteLength;
  if (readBytes < limits.readBufferBytes) return;
  readBytes = 0;
  collectYoung();
}

/** The text of a status travels percent-encoded. */
export function encodeDetails(details: string): string {
  // By way of UTF-8: half a surrogate pair cannot be encoded.
  return encodeURI(Buffer.from(details.slice(0, limits.faultDetailBytes)).toString());
}

export function decodeDetails(details: string): string {
  try {
    return decodeURIComponent(details);
  } catch {
    return details;
  }
}
