import { carriageReturn, type Dialect, lineFeed } from './dialect.js';

/** How a field was written. */
export const FieldKind = { Plain: 0, Quoted: 1, Escaped: 2 } as const;

/** What is wrong with a record, before its values are looked at. */
export const Problem = {
  None: 0,
  Ragged: 1,
  TextAfterQuote: 2,
  OpenQuote: 3,
  Nul: 4,
  NotUtf8: 5,
  Value: 6,
  Overlong: 7,
} as const;

/** Reads one field at a time. A field is quoted when its first byte is the quote; a quote elsewhere is text. */
export class FieldReader {
  /** Its text, without quotes. 'Escaped' fields still have their escapes. */
  start = 0;
  end = 0;
  kind: number = FieldKind.Plain;
  /** Where the byte that ends it is: a delimiter, a line feed, or the end of what there is. */
  next = 0;
  problem: number = Problem.None;
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #escape: number;

  constructor({ delimiter, quote, escape: before }: Dialect) {
    this.#delimiter = delimiter;
    this.#quote = quote;
    this.#escape = before;
  }

  /** The field that begins at `from`, in window[0, length). */
  read(window: Uint8Array, from: number, length: number): void {
    this.problem = Problem.None;
    if (from < length && window[from] === this.#quote) {
      this.#quoted(window, from + 1, length);
      return;
    }
    const p = this.#terminator(window, from, length);
    this.kind = FieldKind.Plain;
    this.start = from;
    this.end = p > from && this.#isLineEnd(window, p - 1, p, length) ? p - 1 : p;
    this.next = p;
  }

  #quoted(window: Uint8Array, start: number, length: number): void {
    this.kind = FieldKind.Quoted;
    this.start = start;
    const end = this.#closing(window, start, length);
    if (end < 0) {
      this.end = length;
      this.next = length;
      this.problem = Problem.OpenQuote;
      return;
    }
    this.end = end;
    const close = end + 1;
    const p = this.#terminator(window, close, length);
    // Only the carriage return of a line end may follow.
    if (p > close && !(p === close + 1 && this.#isLineEnd(window, close, p, length))) {
      this.problem = Problem.TextAfterQuote;
    }
    this.next = p;
  }

  #terminator(window: Uint8Array, from: number, length: number): number {
    const delimiter = this.#delimiter;
    let p = from;
    while (p < length && window[p] !== delimiter && window[p] !== lineFeed) p++;
    return p;
  }

  #isLineEnd(window: Uint8Array, at: number, p: number, length: number): boolean {
    return window[at] === carriageReturn && (p === length || window[p] === lineFeed);
  }

  /** The closing quote of a field whose text starts at `from`, or -1. */
  #closing(window: Uint8Array, from: number, length: number): number {
    const quote = this.#quote;
    const before = this.#escape;
    for (let p = from; p < length; p++) {
      const byte = window[p];
      if (byte === quote) {
        if (before !== quote || p + 1 >= length || window[p + 1] !== quote) return p;
        this.kind = FieldKind.Escaped;
        p++;
      } else if (byte === before) {
        this.kind = FieldKind.Escaped;
        p++;
      }
    }
    return -1;
  }
}

/** Copies a field without its escapes. @returns its length in `out`, which must be large enough */
export function dropEscapes(
  window: Uint8Array,
  from: number,
  to: number,
  dialect: Dialect,
  out: Uint8Array,
): number {
  let n = 0;
  for (let p = from; p < to; p++) {
    if (window[p] === dialect.escape && p + 1 < to) p++;
    out[n++] = window[p]!;
  }
  return n;
}
