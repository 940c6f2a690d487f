import { assert } from '../base/assert.js';
import { RunningChecksum } from '../base/checksum.js';
import type { PartitionHeader } from '../graph/partition.js';
import { corrupt } from './bulk-check.js';

/** Fills memory of known size with what arrives, and checks it: length as it goes, checksum at the end. */
export class Receiver {
  readonly header: PartitionHeader;
  private readonly target: Uint8Array;
  private readonly what: string;
  private at = 0;
  private readonly sum: RunningChecksum;

  constructor(header: PartitionHeader, target: Uint8Array, what: string) {
    assert(target.byteLength === header.byteLength, 'a destination has the size announced');
    this.header = header;
    this.target = target;
    this.what = what;
    this.sum = new RunningChecksum(target);
  }

  get missing(): number {
    return this.target.byteLength - this.at;
  }

  /** Copies bytes that were read elsewhere. */
  push(bytes: Uint8Array): void {
    if (bytes.byteLength > this.missing) {
      throw corrupt(this.what, `${bytes.byteLength - this.missing} bytes more than announced`);
    }
    copyIn(this.target, this.at, bytes);
    this.advance(bytes.byteLength);
  }

  /** Where the next bytes may be read to directly, at most `most` of them; then call advance(). */
  room(most: number): Uint8Array {
    return this.target.subarray(this.at, this.at + Math.min(most, this.missing));
  }

  /** `count` bytes are in place. */
  advance(count: number): void {
    this.at += count;
    this.sum.advance(this.at);
  }

  /** After the last byte. */
  finish(): PartitionHeader {
    if (this.missing > 0)
      throw corrupt(this.what, `${this.missing} of ${this.target.byteLength} bytes are missing`);
    if (this.sum.value !== this.header.checksum) {
      throw corrupt(this.what, `checksum ${this.sum.value}, not ${this.header.checksum}`);
    }
    return this.header;
  }
}

const wordBytes = 8;
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * V8 copies into shared memory by words where both sides lie alike in theirs, and byte by byte where they do not, which
 * takes four times as long. Such bytes go by way of memory that is not shared, where they are moved to lie alike.
 */
function copyIn(target: Uint8Array, at: number, bytes: Uint8Array): void {
  const phase = (target.byteOffset + at) % wordBytes;
  if (bytes.byteOffset % wordBytes === phase) {
    target.set(bytes, at);
    return;
  }
  const step = scratch.byteLength - wordBytes;
  for (let from = 0; from < bytes.byteLength; from += step) {
    const part = bytes.subarray(from, from + step);
    scratch.set(part, phase);
    target.set(scratch.subarray(phase, phase + part.byteLength), at + from);
  }
}

/** Steps a stall takes. Several, so that a process whose own event loop was busy does not blame its peer. */
const steps = 4;

/** Calls `stalled` when nothing moved for about `stallMs` although this process was listening. */
export class StallWatch {
  private readonly timer: NodeJS.Timeout;
  private idleSteps = 0;
  private paused = false;

  constructor(stallMs: number, stalled: () => void) {
    this.timer = setInterval(() => {
      if (this.paused || ++this.idleSteps <= steps) return;
      this.stop();
      stalled();
    }, stallMs / steps);
  }

  /** Something moved. */
  moved(): void {
    this.idleSteps = 0;
  }

  /** It is this side's turn: the peer is not to blame for silence. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.idleSteps = 0;
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

/** A Buffer over the same memory, shared or not: what streams write without copying. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
