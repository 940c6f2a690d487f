import type { Lent } from '../kernels/lent.js';
import type { ByteSource } from './source.js';

/** Bytes read at a time. */
const readBytes = 4 * 1024 * 1024;
/** Read beyond where a range ends, so that its last record mostly comes along. */
const aheadBytes = 64 * 1024;

/**
 * The bytes of a source that are looked at, in memory that is lent and used again: what is taken from them must be taken
 * before more is read. `at` is moved by whoever is done with what is before it.
 */
export class Window {
  bytes: Buffer = Buffer.alloc(0);
  /** Where in the file the bytes begin. */
  start: number;
  at = 0;
  /** Nothing comes behind these bytes: known once it was asked for. */
  isFinal = false;
  readonly #source: ByteSource;
  /** Where the range ends that is read; more is read only when it is needed. */
  readonly #end: number;
  readonly #lent: Lent;
  #memory: Buffer = this.bytes;

  /** @param start Where in the file the source begins. */
  constructor(source: ByteSource, start: number, end: number, lent: Lent) {
    this.#source = source;
    this.start = start;
    this.#end = end;
    this.#lent = lent;
  }

  /** Lets go of what is before `at` and reads on: as much as there still is, so that a long record is not looked at often. */
  async more(): Promise<void> {
    const kept = this.bytes.length - this.at;
    const useful = Math.max(this.#end - this.start - this.bytes.length, 0) + aheadBytes;
    const room = kept + Math.max(Math.min(readBytes, useful), kept);
    this.#makeRoom(kept, room);
    let filled = kept;
    while (filled < room && !this.isFinal) {
      const read = await this.#source.read(this.#memory, filled, room - filled);
      this.isFinal = read === 0;
      filled += read;
    }
    this.start += this.at;
    this.at = 0;
    this.bytes = this.#memory.subarray(0, filled);
  }

  /** Moves what is kept to the front of memory for so many bytes. */
  #makeRoom(kept: number, bytes: number): void {
    const before = this.#memory;
    if (before.length < bytes) {
      const { buffer, byteOffset, length } = this.#lent.bytes(bytes);
      this.#memory = Buffer.from(buffer, byteOffset, length);
    }
    before.copy(this.#memory, 0, this.at, this.at + kept);
  }

  /** Moves behind the next such byte, or to the end. */
  async skipPast(byte: number): Promise<void> {
    for (;;) {
      const found = this.bytes.indexOf(byte, this.at);
      this.at = found < 0 ? this.bytes.length : found + 1;
      if (found >= 0 || this.isFinal) return;
      await this.more();
    }
  }
}
