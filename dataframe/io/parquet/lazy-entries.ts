import { requireBytes, viewOf } from './bytes.js';

/** The entries of a file's dictionary of text, of which each is interned when a picked row first refers to it. */
export class LazyEntries {
  readonly page: Uint8Array;
  /** Where the bytes of each entry begin and end. */
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  /** -1: not interned yet. */
  readonly #codes: Int32Array;

  /** @throws RangeError where the page ends before its entries */
  constructor(page: Uint8Array, count: number, fixedBytes: number | null) {
    this.page = page;
    this.#from = new Int32Array(count);
    this.#to = new Int32Array(count);
    this.#codes = new Int32Array(count).fill(-1);
    const view = viewOf(page);
    let p = 0;
    for (let i = 0; i < count; i++) {
      if (fixedBytes === null) requireBytes(page, p, 4);
      const length = fixedBytes ?? view.getInt32(p, true);
      if (fixedBytes === null) p += 4;
      requireBytes(page, p, length);
      this.#from[i] = p;
      p += length;
      this.#to[i] = p;
    }
  }

  code(entry: number, intern: (from: number, to: number) => number): number {
    const known = this.#codes[entry]!;
    if (known >= 0) return known;
    const code = intern(this.#from[entry]!, this.#to[entry]!);
    this.#codes[entry] = code;
    return code;
  }
}
