import { StringTable } from '../../column/string-table.js';
import { closeBrace, comma, Kind, type Lexer, noEntryEnd, openBrace, quote, unescapeText } from './lexer.js';

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
  /** All keys as they mostly stand in files, `"key":`; key k is [offsets[k], offsets[k + 1]). */
  readonly #quoted: Uint8Array;
  readonly #offsets: Int32Array;
  /** Place of each key; -1: nobody asks for it. */
  readonly #slots: Int32Array;
  /** Whether other keys are an error. */
  readonly #closed: boolean;
  #scratch = new Uint8Array(64);

  /** `asked`: positions in `keys` whose values are wanted, in order. */
  constructor(keys: readonly string[], asked: readonly number[], closed: boolean) {
    for (const key of keys) this.#table.internString(key);
    const quoted = keys.map(key => Buffer.from(`${JSON.stringify(key)}:`));
    this.#quoted = Buffer.concat(quoted);
    this.#offsets = new Int32Array(keys.length + 1);
    quoted.forEach(({ length }, k) => {
      this.#offsets[k + 1] = this.#offsets[k]! + length;
    });
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
      let key = expected;
      if (expected === this.#slots.length || !this.#stands(expected, bytes, p, end)) {
        const at = p + 1;
        p = lexer.skipKey(bytes, p, end);
        if (p < 0) return p;
        key = this.#find(bytes, lexer);
        if (key < 0 && this.#closed) return this.#unknown(lexer, bytes, at);
      } else {
        p += this.#offsets[key + 1]! - this.#offsets[key]!;
        if (p < end && bytes[p]! <= 32) p = lexer.skipSpace(bytes, p, end);
      }
      p =
        p < end && bytes[p] === quote ? lexer.skipText(bytes, p + 1, end) : lexer.skipValue(bytes, p, end, 1);
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

  /** Keys mostly come in one order: whether key `k` stands at `p`, in quotes and with its colon. */
  #stands(k: number, bytes: Uint8Array, p: number, end: number): boolean {
    const from = this.#offsets[k]!;
    const to = this.#offsets[k + 1]!;
    const own = this.#quoted;
    if (p + to - from > end) return false;
    for (let i = from; i < to; i++) if (own[i] !== bytes[p++]) return false;
    return true;
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
