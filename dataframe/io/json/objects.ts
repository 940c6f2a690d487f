import { StringTable } from '../../column/string-table.js';
import {
  closeBrace,
  colon,
  comma,
  Kind,
  type Lexer,
  noEntryEnd,
  openBrace,
  quote,
  unescapeText,
} from './lexer.js';

/** Where the values of objects lie: that of key k of object r at [k * stride + r]. */
export interface Places {
  readonly stride: number;
  readonly kinds: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

export function placesFor(keys: number, stride: number): Places {
  const size = keys * stride;
  return { stride, kinds: new Uint8Array(size), starts: new Int32Array(size), ends: new Int32Array(size) };
}

/** The keys that objects have, and where the values of those that are asked for go. */
export class ObjectReader {
  readonly #table = new StringTable();
  /** Bytes of all keys; key k is [offsets[k], offsets[k + 1]). */
  readonly #bytes: Uint8Array;
  readonly #offsets: Int32Array;
  /** Place of each key; -1: nobody asks for it. */
  readonly #slots: Int32Array;
  /** Keys up to the first one that is written with escapes: those are looked up. */
  readonly #plain: number;
  /** Whether other keys are an error. */
  readonly #closed: boolean;
  #scratch = new Uint8Array(64);

  /** `asked`: positions in `keys` whose values are wanted, in order. */
  constructor(keys: readonly string[], asked: readonly number[], closed: boolean) {
    for (const key of keys) this.#table.internString(key);
    const { bytes, offsets } = this.#table.toDictionary();
    this.#bytes = bytes;
    this.#offsets = offsets;
    const escaped = keys.findIndex(key => JSON.stringify(key).length !== key.length + 2);
    this.#plain = escaped < 0 ? keys.length : escaped;
    this.#closed = closed;
    this.#slots = new Int32Array(keys.length).fill(-1);
    asked.forEach((k, slot) => {
      this.#slots[k] = slot;
    });
  }

  /**
   * Steps over the object that begins at `p`; places of keys that are there are set, the others stay as they are. The
   * last value of a key counts. @returns where it ends, or -1 as the lexer
   */
  read(lexer: Lexer, bytes: Uint8Array, p: number, end: number, row: number, places: Places): number {
    if (p >= end) return lexer.ends();
    if (bytes[p] !== openBrace) return lexer.fails('no JSON object');
    const { stride, kinds, starts, ends } = places;
    p = lexer.skipSpace(bytes, p + 1, end);
    if (p < end && bytes[p] === closeBrace) return p + 1;
    for (let expected = 0; ; ) {
      const at = p + 1;
      let key = this.#expects(bytes, p, end, expected);
      if (key < 0) {
        p = lexer.skipKey(bytes, p, end);
        if (p < 0) return p;
        key = this.#find(bytes, lexer);
        if (key < 0 && this.#closed) return this.#unknown(lexer, bytes, at);
      } else {
        p = at + this.#offsets[key + 1]! - this.#offsets[key]! + 2;
        if (p < end && bytes[p]! <= 32) p = lexer.skipSpace(bytes, p, end);
      }
      p = lexer.skipValue(bytes, p, end, 1);
      if (p < 0) return p;
      if (key >= 0) {
        expected = key + 1;
        const slot = this.#slots[key]!;
        if (slot >= 0) {
          const i = slot * stride + row;
          kinds[i] = lexer.kind;
          starts[i] = lexer.from;
          ends[i] = lexer.to;
        }
      }
      if (p < end && bytes[p]! <= 32) p = lexer.skipSpace(bytes, p, end);
      if (p >= end) return lexer.ends();
      const byte = bytes[p]!;
      p++;
      if (byte === closeBrace) return p;
      if (byte !== comma) return lexer.fails(noEntryEnd);
      if (p < end && bytes[p]! <= 32) p = lexer.skipSpace(bytes, p, end);
    }
  }

  /** Keys mostly come in one order: `k` where it stands at `p`, quoted and with its colon; else -1. */
  #expects(bytes: Uint8Array, p: number, end: number, k: number): number {
    const offsets = this.#offsets;
    if (k >= this.#plain) return -1;
    const from = offsets[k]!;
    const size = offsets[k + 1]! - from;
    const last = p + size + 1;
    if (last + 1 >= end || bytes[p] !== quote || bytes[last] !== quote || bytes[last + 1] !== colon)
      return -1;
    const own = this.#bytes;
    for (let i = from, q = p + 1; q < last; i++, q++) if (own[i] !== bytes[q]) return -1;
    return k;
  }

  #find(bytes: Uint8Array, { kind, from, to }: Lexer): number {
    if (kind === Kind.Plain) return this.#table.find(bytes, from, to);
    if (this.#scratch.length < to - from) this.#scratch = new Uint8Array(2 * (to - from));
    return this.#table.find(this.#scratch, 0, unescapeText(bytes, from, to, this.#scratch));
  }

  #unknown(lexer: Lexer, bytes: Uint8Array, from: number): number {
    const key = Buffer.from(bytes.subarray(from, Math.min(lexer.to, from + 80))).toString();
    return lexer.fails(`key ${JSON.stringify(key)} is in no record that the schema was inferred from`);
  }
}
