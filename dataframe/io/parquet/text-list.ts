import type { Dictionary } from '../../column/column.js';
import { requireBytes } from './codes.js';

/** Up to this length copying byte by byte is faster than a call. */
const shortText = 32;

/** Entries one after another as they come, equal ones too: a fifth of what looking each of them up costs. */
export class TextList {
  #offsets: Int32Array;
  #bytes: Uint8Array;
  #count: number;
  #used: number;

  /** Begins with these entries. */
  constructor({ offsets, bytes, length }: Dictionary) {
    this.#offsets = offsets;
    this.#bytes = bytes;
    this.#count = length;
    this.#used = offsets[length]!;
  }

  /** The code of a new entry. */
  intern(bytes: Uint8Array, from: number, to: number): number {
    this.#reserve(1, to - from);
    this.#bytes.set(bytes.subarray(from, to), this.#used);
    this.#used += to - from;
    this.#offsets[this.#count + 1] = this.#used;
    return this.#count++;
  }

  /** Values of a PLAIN page, their codes to out[at...]. */
  appendPlain(page: Uint8Array, from: number, out: Int32Array, at: number, count: number): void {
    requireBytes(page, from, 4 * count);
    this.#reserve(count, page.length - from - 4 * count);
    const offsets = this.#offsets;
    const bytes = this.#bytes;
    const end = page.length;
    let code = this.#count;
    let used = this.#used;
    let p = from;
    for (let i = 0; i < count; i++) {
      if (p + 4 > end) throw new RangeError(`a page of ${end} bytes ends before its values`);
      const length = page[p]! | (page[p + 1]! << 8) | (page[p + 2]! << 16) | (page[p + 3]! << 24);
      p += 4;
      if (length < 0 || p + length > end)
        throw new RangeError(`a page of ${end} bytes ends before its values`);
      if (length > shortText) bytes.set(page.subarray(p, p + length), used);
      else for (let k = 0; k < length; k++) bytes[used + k] = page[p + k]!;
      p += length;
      used += length;
      out[at + i] = code++;
      offsets[code] = used;
    }
    this.#count = code;
    this.#used = used;
  }

  toDictionary(): Dictionary {
    const length = this.#count;
    return {
      length,
      offsets: this.#offsets.subarray(0, length + 1),
      bytes: this.#bytes.subarray(0, this.#used),
      repeats: true,
    };
  }

  #reserve(entries: number, bytes: number): void {
    if (this.#count + entries >= this.#offsets.length) {
      const grown = new Int32Array(Math.max(2 * this.#offsets.length, this.#count + entries + 1));
      grown.set(this.#offsets.subarray(0, this.#count + 1));
      this.#offsets = grown;
    }
    if (this.#used + bytes > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#used + bytes));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
  }
}
