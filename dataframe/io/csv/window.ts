import { limits } from '../../../core/base/limits.js';
import type { Lent } from '../../kernels/lent.js';
import type { ByteSource } from '../source.js';
import { windowBytes } from './constants.js';

/** A piece of a source at a time, each beginning with what the consumer left of the one before. */
export class Window {
  /** What is there: valid until the next fill. */
  bytes: Buffer = Buffer.alloc(0);
  /** Set by the consumer: these bytes are done with. */
  consumed = 0;
  /** The source ends where the window does. */
  final = false;
  /** Of the source; of what is unpacked on the way, a guess. */
  readonly size: number;
  readonly #source: ByteSource;
  readonly #lent: Lent;
  #memory: Buffer;

  constructor(source: ByteSource, size: number, lent: Lent) {
    this.#source = source;
    this.#lent = lent;
    this.size = size;
    this.#memory = this.#take(Math.min(size, windowBytes));
  }

  /** Moves on. Nothing was consumed since the last fill: the window gets larger. @returns false at the end */
  async fill(): Promise<boolean> {
    const rest = this.bytes.subarray(this.consumed);
    if (this.final && rest.length === 0) return false;
    if (rest.length > this.#memory.length / 2) {
      const size = Math.min(this.#memory.length * 2, limits.lineBytes + windowBytes);
      const larger = this.#take(Math.max(size, this.#memory.length));
      rest.copy(larger);
      this.#memory = larger;
    } else rest.copy(this.#memory);
    let filled = rest.length;
    while (filled < this.#memory.length && !this.final) {
      const read = await this.#source.read(this.#memory, filled, this.#memory.length - filled);
      this.final = read === 0;
      filled += read;
    }
    this.bytes = this.#memory.subarray(0, filled);
    this.consumed = 0;
    return filled > 0;
  }

  #take(size: number): Buffer {
    const { buffer, byteOffset, length } = this.#lent.bytes(Math.max(size, 1));
    return Buffer.from(buffer, byteOffset, length);
  }
}
