import { badData } from './errors.js';
import { readRange } from './paths.js';
import type { OpenSource } from './source.js';

/** Bytes read at a time. */
const readBytes = 4 * 1024 * 1024;
/** Read beyond where a range ends, so that its last record mostly comes along. */
const aheadBytes = 64 * 1024;

/** The bytes of a source that are looked at. `at` is moved by whoever is done with what is before it. */
export class Window {
  bytes: Buffer = Buffer.alloc(0);
  /** Where in the source the bytes begin. */
  start: number;
  at = 0;
  readonly #source: OpenSource;
  readonly #file: string;
  /** Where the range ends that is read; more is read only when it is needed. */
  readonly #end: number;

  constructor(source: OpenSource, file: string, start: number, end: number) {
    this.#source = source;
    this.#file = file;
    this.start = start;
    this.#end = end;
  }

  /** Whether nothing comes behind these bytes. */
  get isFinal(): boolean {
    return this.start + this.bytes.length >= this.#source.size;
  }

  /** Lets go of what is before `at` and reads on: as much as there still is, so that a long record is not looked at often. */
  async more(): Promise<void> {
    const rest = this.bytes.subarray(this.at);
    const position = this.start + this.bytes.length;
    const useful = Math.max(this.#end - position, 0) + aheadBytes;
    const wanted = Math.min(Math.max(Math.min(readBytes, useful), rest.length), this.#source.size - position);
    const chunk = await readRange(this.#source.handle, position, wanted);
    if (chunk.length < wanted) {
      throw badData(
        { file: this.#file },
        `ends at byte ${position + chunk.length}, not ${this.#source.size}: the file changed`,
      );
    }
    this.start += this.at;
    this.at = 0;
    this.bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
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
