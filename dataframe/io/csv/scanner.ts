import { type Dialect, lineFeed } from './dialect.js';

const atRecordStart = 0;
const atFieldStart = 1;
const inPlain = 2;
const inQuoted = 3;
/** After a quote within a quoted field: it closes the field, or doubles. */
const afterQuote = 4;
/** After an escape other than the quote. */
const afterEscape = 5;
const inComment = 6;
/** States a scanner may be in. */
export const scannerStates = 7;

/**
 * Finds where records start. Agrees byte for byte with the tokeniser, malformed input included, so that splits can be
 * cut anywhere. Chunks must follow each other without gaps.
 */
export class RecordScanner {
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #escape: number;
  readonly #comment: number;
  #state: number;
  #checked: Buffer | null = null;
  #found = false;

  constructor({ delimiter, quote, escape: before, comment }: Dialect, state: number = atRecordStart) {
    this.#delimiter = delimiter;
    this.#quote = quote;
    this.#escape = before === quote ? -1 : before;
    this.#comment = comment;
    this.#state = state;
  }

  get state(): number {
    return this.#state;
  }

  /** What it saw so far ends with a whole record. */
  get betweenRecords(): boolean {
    return this.#state === atRecordStart;
  }

  /** Consumes a chunk whatever is in it. */
  pass(chunk: Buffer): void {
    this.find(chunk, 0, Number.POSITIVE_INFINITY);
  }

  /**
   * The first record start in chunk[from...] that is `wanted` or more, as a position in the chunk, or -1: then all of
   * it was consumed. After a find, go on with the same chunk from that position.
   */
  find(chunk: Buffer, from: number, wanted: number): number {
    // Native search covers what has no quotes: most files.
    if (
      this.#comment < 0 &&
      this.#state !== inQuoted &&
      this.#state !== afterEscape &&
      !this.#hasQuote(chunk)
    ) {
      return this.#findUnquoted(chunk, from, wanted);
    }
    let state = this.#state;
    for (let p = from; p < chunk.length; p++) {
      const byte = chunk[p]!;
      state = this.#after(state, byte);
      if (state === atRecordStart && p + 1 >= wanted) {
        this.#state = state;
        return p + 1;
      }
    }
    this.#state = state;
    return -1;
  }

  #after(state: number, byte: number): number {
    if (state === inQuoted) {
      return byte === this.#quote ? afterQuote : byte === this.#escape ? afterEscape : inQuoted;
    }
    if (state === afterEscape) return inQuoted;
    if (byte === lineFeed) return atRecordStart;
    if (state === inComment || (state === atRecordStart && byte === this.#comment)) return inComment;
    if (byte === this.#delimiter) return atFieldStart;
    if (byte !== this.#quote || state === inPlain) return inPlain;
    // A closing quote is doubled only where there is no other escape.
    return state === afterQuote && this.#escape >= 0 ? inPlain : inQuoted;
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
      this.#state = atRecordStart;
      return newline + 1;
    }
    const last = chunk[chunk.length - 1]!;
    this.#state = last === lineFeed ? atRecordStart : last === this.#delimiter ? atFieldStart : inPlain;
    return -1;
  }
}

/** Bytes of a UTF-8 byte order mark at the beginning of a file: 3 or 0. */
export function markBytes(chunk: Buffer): number {
  return chunk.length >= 3 && chunk.readUIntBE(0, 3) === 0xefbbbf ? 3 : 0;
}
