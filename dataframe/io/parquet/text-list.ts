import type { Dictionary } from '../../column/column.js';
import { copyInto } from '../../column/copy-bytes.js';
import type { Lent } from '../../kernels/lent.js';
import { requireBytes, viewOf } from './bytes.js';

/** Up to this length copying word by word is faster than a call. */
const shortText = 64;
/** Bytes past the last value that a copy by words may write. */
const slack = 4;

/** Entries one after another as they come, equal ones too: a fifth of what looking each of them up costs. */
export class TextList {
  readonly #lent: Lent;
  #offsets: Int32Array;
  #bytes: Uint8Array;
  #count: number;
  #used: number;

  /** Begins with these entries, in lent memory. `entries` and `bytes` are expected in all. */
  constructor({ offsets, bytes, length }: Dictionary, lent: Lent, entries: number, size: number) {
    this.#lent = lent;
    this.#count = length;
    this.#used = offsets[length]!;
    this.#offsets = lent.values('i32', Math.max(entries, length) + 1, false) as Int32Array;
    this.#offsets.set(offsets.subarray(0, length + 1));
    this.#bytes = lent.bytes(Math.max(size, this.#used) + slack);
    this.#bytes.set(bytes.subarray(0, this.#used));
  }

  /** The code of a new entry. */
  intern(bytes: Uint8Array, from: number, to: number): number {
    this.#reserve(1, to - from);
    copyInto(this.#bytes, this.#used, bytes.subarray(from, to));
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
    const source = viewOf(page);
    const target = viewOf(bytes);
    const end = page.length;
    let code = this.#count;
    let used = this.#used;
    let p = from;
    for (let i = 0; i < count; i++) {
      if (p + 4 > end) throw new RangeError(`a page of ${end} bytes ends before its values`);
      const length = source.getInt32(p, true);
      p += 4;
      if (length < 0 || p + length > end)
        throw new RangeError(`a page of ${end} bytes ends before its values`);
      // Whole words: what is written past the value is written again by the next.
      if (length <= shortText && p + length + slack <= end) {
        for (let k = 0; k < length; k += 4) target.setInt32(used + k, source.getInt32(p + k, true), true);
      } else bytes.set(page.subarray(p, p + length), used);
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

  #reserve(entries: number, size: number): void {
    if (this.#count + entries >= this.#offsets.length) {
      const length = Math.max(2 * this.#offsets.length, this.#count + entries + 1);
      const grown = this.#lent.values('i32', length, false) as Int32Array;
      grown.set(this.#offsets.subarray(0, this.#count + 1));
      this.#offsets = grown;
    }
    if (this.#used + size + slack > this.#bytes.length) {
      const grown = this.#lent.bytes(Math.max(2 * this.#bytes.length, this.#used + size + slack));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
  }
}
