import { readRange } from '../paths.js';
import type { SourceHandle } from '../source.js';
import { windowBytes } from './constants.js';
import { type Dialect, lineFeed } from './dialect.js';

const atFieldStart = 0;
const inPlain = 1;
const inQuoted = 2;
/** After a quote within a quoted field: it closes the field, or doubles. */
const afterQuote = 3;

/**
 * Finds where records start. Agrees byte for byte with the tokeniser, malformed input included, so that splits can be
 * cut anywhere. Chunks must follow each other without gaps.
 */
export class RecordScanner {
  #delimiter: number;
  #quote: number;
  #state: number = atFieldStart;
  #checked: Buffer | null = null;
  #found = false;

  constructor(dialect: Dialect) {
    this.#delimiter = dialect.delimiter;
    this.#quote = dialect.quote;
  }

  /**
   * The first record start in chunk[from...] that is `wanted` or more, as a position in the chunk, or -1: then all of
   * it was consumed. After a find, go on with the same chunk from that position.
   */
  find(chunk: Buffer, from: number, wanted: number): number {
    // Native search covers what has no quotes: most files.
    if (this.#state !== inQuoted && !this.#hasQuote(chunk)) {
      return this.#findUnquoted(chunk, from, wanted);
    }
    const delimiter = this.#delimiter;
    const quote = this.#quote;
    let state = this.#state;
    for (let p = from; p < chunk.length; p++) {
      const byte = chunk[p]!;
      if (state === inQuoted) {
        state = byte === quote ? afterQuote : inQuoted;
      } else if (byte === lineFeed) {
        state = atFieldStart;
        if (p + 1 >= wanted) {
          this.#state = state;
          return p + 1;
        }
      } else if (byte === delimiter) {
        state = atFieldStart;
      } else if (byte === quote && state !== inPlain) {
        state = inQuoted;
      } else {
        state = inPlain;
      }
    }
    this.#state = state;
    return -1;
  }

  #hasQuote(chunk: Buffer): boolean {
    if (this.#checked !== chunk) {
      this.#checked = chunk;
      this.#found = this.#quote >= 0 && chunk.indexOf(this.#quote) >= 0;
    }
    return this.#found;
  }

  #findUnquoted(chunk: Buffer, from: number, wanted: number): number {
    if (from >= chunk.length) {
      return -1;
    }
    const newline = chunk.indexOf(lineFeed, Math.max(from, wanted - 1));
    if (newline >= 0) {
      this.#state = atFieldStart;
      return newline + 1;
    }
    const last = chunk[chunk.length - 1]!;
    this.#state = last === lineFeed || last === this.#delimiter ? atFieldStart : inPlain;
    return -1;
  }
}

/**
 * Starts of records at which a file is cut: the first record that begins at or after every multiple of `splitBytes`
 * past `start`. One pass over the file: only that tells a line break from one within quotes. The native search makes it
 * as fast as reading where there are no quotes.
 */
export async function findSplits(
  handle: SourceHandle,
  start: number,
  size: number,
  splitBytes: number,
  dialect: Dialect,
): Promise<number[]> {
  const starts = [start];
  const scanner = new RecordScanner(dialect);
  let wanted = start + splitBytes;
  for (let base = start; base < size && wanted < size; base += windowBytes) {
    const chunk = await readRange(handle, base, Math.min(windowBytes, size - base));
    let p = 0;
    while ((p = scanner.find(chunk, p, wanted - base)) >= 0 && base + p < size) {
      starts.push(base + p);
      const passed = Math.floor((base + p - start) / splitBytes);
      wanted = start + (passed + 1) * splitBytes;
    }
  }
  return starts;
}

/** Records (blank lines too) in bytes [start, end) of a file. Only error messages need it. */
export async function countRecords(
  handle: SourceHandle,
  start: number,
  end: number,
  dialect: Dialect,
): Promise<number> {
  const scanner = new RecordScanner(dialect);
  let count = 0;
  for (let base = start; base < end; base += windowBytes) {
    const chunk = await readRange(handle, base, Math.min(windowBytes, end - base));
    let p = base === 0 ? markBytes(chunk) : 0;
    while ((p = scanner.find(chunk, p, 0)) >= 0) {
      count++;
    }
  }
  return count;
}

/** Bytes of a UTF-8 byte order mark at the beginning of a file: 3 or 0. */
export function markBytes(chunk: Buffer): number {
  return chunk.length >= 3 && chunk.readUIntBE(0, 3) === 0xefbbbf ? 3 : 0;
}
