import { VolleyError } from '../../core/base/errors.js';
import type { Dictionary } from './column.js';

/** Bytes of one dictionary: its offsets are Int32. */
const maxDictionaryBytes = 2 ** 31 - 1;

/** Negative, zero or positive, in UTF-8 byte order. */
export function compareBytes(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): number {
  const n = Math.min(aTo - aFrom, bTo - bFrom);
  for (let i = 0; i < n; i++) {
    const d = a[aFrom + i]! - b[bFrom + i]!;
    if (d !== 0) return d;
  }
  return aTo - aFrom - (bTo - bFrom);
}

const noBytes: DataView = new DataView(new ArrayBuffer(0));
const interned = new WeakSet<Dictionary>();

/** True for what a StringTable, or the like, of this thread made: its entries need no check whether they are distinct. */
export function isInterned(dictionary: Dictionary): boolean {
  return interned.has(dictionary);
}

/** Marks a dictionary whose maker saw to it that its entries are distinct. */
export function distinctEntries(dictionary: Dictionary): Dictionary {
  interned.add(dictionary);
  return dictionary;
}

/** Interns UTF-8 strings: equal bytes get equal codes, 0, 1, 2 … in order of first appearance. */
export class StringTable {
  /** Code and hash, next to each other: one miss of the cache a lookup. Code -1: free. */
  #slots: Int32Array;
  #offsets: Int32Array;
  #bytes: Uint8Array;
  #view: DataView;
  #lastBytes: Uint8Array | null = null;
  #lastView: DataView = noBytes;
  #count = 0;
  #used = 0;
  #scratch = Buffer.alloc(256);

  constructor(entries = 16, bytes = entries * 8) {
    let capacity = 16;
    while (capacity < entries) capacity *= 2;
    this.#slots = new Int32Array(capacity * 4).fill(-1);
    this.#offsets = new Int32Array(capacity + 1);
    this.#bytes = new Uint8Array(Math.max(64, bytes));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#count;
  }

  /** Bytes of the strings so far. */
  get bytes(): number {
    return this.#used;
  }

  /** The code of bytes[from, to), added if it is new. */
  intern(bytes: Uint8Array, from: number, to: number): number {
    return this.#lookup(bytes, from, to, true);
  }

  /** The code of bytes[from, to), or -1. */
  find(bytes: Uint8Array, from: number, to: number): number {
    return this.#lookup(bytes, from, to, false);
  }

  internString(text: string): number {
    const n = this.#encode(text);
    return this.#lookup(this.#scratch, 0, n, true);
  }

  findString(text: string): number {
    const n = this.#encode(text);
    return this.#lookup(this.#scratch, 0, n, false);
  }

  /** Codes of all entries of a dictionary. */
  internAll(dictionary: Dictionary): Int32Array {
    const map = new Int32Array(dictionary.length);
    this.internRange(dictionary, 0, dictionary.length, map);
    return map;
  }

  /** Codes of entries [from, to), into `map`. */
  internRange({ offsets, bytes }: Dictionary, from: number, to: number, map: Int32Array): void {
    for (let i = from; i < to; i++) map[i] = this.#lookup(bytes, offsets[i]!, offsets[i + 1]!, true);
  }

  /** Compares two entries by bytes. */
  compare(a: number, b: number): number {
    const o = this.#offsets;
    return compareBytes(this.#bytes, o[a]!, o[a + 1]!, this.#bytes, o[b]!, o[b + 1]!);
  }

  /** What was interned so far. Later interning does not change it. */
  toDictionary(): Dictionary {
    return distinctEntries({
      length: this.#count,
      offsets: this.#offsets.slice(0, this.#count + 1),
      bytes: this.#bytes.slice(0, this.#used),
    });
  }

  #encode(text: string): number {
    const most = text.length * 3;
    if (most > this.#scratch.length) this.#scratch = Buffer.alloc(most * 2);
    const scratch = this.#scratch;
    if (text.length < 32) {
      let i = 0;
      for (; i < text.length; i++) {
        const c = text.charCodeAt(i);
        if (c > 127) break;
        scratch[i] = c;
      }
      if (i === text.length) return i;
    }
    return scratch.write(text, 0, 'utf8');
  }

  #lookup(bytes: Uint8Array, from: number, to: number, add: boolean): number {
    const size = to - from;
    const view = this.#viewOf(bytes);
    // Four bytes a step: twice as fast as the hash that is the same everywhere, which nobody else sees this one to be.
    let hash = size;
    let k = from;
    for (const end = to - 4; k <= end; k += 4) {
      hash = Math.imul(hash ^ view.getInt32(k, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (; k < to; k++) hash = Math.imul(hash ^ bytes[k]!, 0x01000193);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x85ebca6b);
    hash ^= hash >>> 13;
    const slots = this.#slots;
    const mask = slots.length - 1;
    const offsets = this.#offsets;
    let at = (hash << 1) & mask;
    for (;;) {
      const code = slots[at]!;
      if (code < 0) break;
      if (slots[at + 1] === hash) {
        const start = offsets[code]!;
        if (offsets[code + 1]! - start === size && this.#same(start, bytes, view, from, size)) return code;
      }
      at = (at + 2) & mask;
    }
    return add ? this.#add(bytes, from, to, hash, at) : -1;
  }

  #same(start: number, bytes: Uint8Array, view: DataView, from: number, size: number): boolean {
    const own = this.#bytes;
    const ownView = this.#view;
    let q = 0;
    for (; q + 4 <= size; q += 4) {
      if (ownView.getInt32(start + q, true) !== view.getInt32(from + q, true)) return false;
    }
    while (q < size && own[start + q] === bytes[from + q]) q++;
    return q === size;
  }

  /** Made once as long as the texts come from the same bytes. */
  #viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#lastBytes) {
      this.#lastBytes = bytes;
      this.#lastView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#lastView;
  }

  #add(bytes: Uint8Array, from: number, to: number, hash: number, slot: number): number {
    const code = this.#count;
    this.#reserve(to - from);
    const own = this.#bytes;
    let p = this.#used;
    if (to - from > 32) {
      own.set(bytes.subarray(from, to), p);
      p += to - from;
    } else {
      for (let k = from; k < to; k++) own[p++] = bytes[k]!;
    }
    this.#used = p;
    this.#offsets[code + 1] = p;
    this.#slots[slot] = code;
    this.#slots[slot + 1] = hash;
    this.#count = code + 1;
    if (this.#count === this.#offsets.length - 1) this.#grow();
    return code;
  }

  #reserve(more: number): void {
    const need = this.#used + more;
    if (need <= this.#bytes.length) return;
    if (need > maxDictionaryBytes) {
      throw new VolleyError(
        'RESOURCE_EXHAUSTED',
        'one column of one partition holds more than 2 GiB of distinct text: use more, smaller partitions',
        { bytes: need },
      );
    }
    const grown = new Uint8Array(Math.min(maxDictionaryBytes, Math.max(need, this.#bytes.length * 2)));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** Keeps the slots at most half full. */
  #grow(): void {
    const capacity = (this.#offsets.length - 1) * 2;
    const offsets = new Int32Array(capacity + 1);
    offsets.set(this.#offsets);
    const old = this.#slots;
    const slots = new Int32Array(capacity * 4).fill(-1);
    const mask = slots.length - 1;
    for (let from = 0; from < old.length; from += 2) {
      if (old[from]! < 0) continue;
      const hash = old[from + 1]!;
      let at = (hash << 1) & mask;
      while (slots[at]! >= 0) at = (at + 2) & mask;
      slots[at] = old[from]!;
      slots[at + 1] = hash;
    }
    this.#offsets = offsets;
    this.#slots = slots;
  }
}
