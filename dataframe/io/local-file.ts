import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { SourceHandle } from './source.js';

/**
 * A file of this machine, read where the call is made: a task's thread has nothing else to do meanwhile, and a trip through
 * the threads that Node reads with costs more than copying a column chunk out of the page cache.
 */
export class LocalFile implements SourceHandle {
  readonly status: BigIntStats;
  readonly #file: number;

  /** @throws what the system says. Does not wait for a writer at the other end of a pipe. */
  constructor(path: string) {
    this.#file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      this.status = fstatSync(this.#file, { bigint: true });
    } catch (error) {
      closeSync(this.#file);
      throw error;
    }
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }> {
    return { bytesRead: readSync(this.#file, buffer, offset, length, position) };
  }

  async close(): Promise<void> {
    closeSync(this.#file);
  }
}
