import { createHash } from 'node:crypto';
import { VolleyError } from '../../core/base/errors.js';
import { rankEntries } from '../kernels/rank.js';
import type { Dictionary } from './column.js';

/** Bytes of one dictionary: its offsets are Int32. */
const maxDictionaryBytes = 2 ** 31 - 1;

/** FNV-1a with a final mix, over UTF-8 bytes: the hash of a string everywhere in Volley. */
export function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let h = (to - from) | 0;
  for (let k = from; k < to; k++) h = Math.imul(h ^ bytes[k]!, 0x01000193);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85ebca6b);
  return h ^ (h >>> 13);
}

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

const interned = new WeakSet<Dictionary>();

/** True for what a StringTable of this thread made: its entries need no check whether they are distinct. */
export function isInterned(dictionary: Dictionary): boolean {
  return interned.has(dictionary);
}

/** Interns UTF-8 strings: equal bytes get equal codes, 0, 1, 2 … in order of first appearance. */
export class StringTable {
  /** Code and hash, next to each other: one miss of the cache a lookup. Code -1: free. */
  #slots: Int32Array;
  #offsets: Int32Array;
  #bytes: Uint8Array;
  #count = 0;
  #used = 0;
  #scratch = Buffer.alloc(256);

  constructor(entries = 16, bytes = entries * 8) {
    let capacity = 16;
    while (capacity < entries) capacity *= 2;
    this.#slots = new Int32Array(capacity * 4).fill(-1);
    this.#offsets = new Int32Array(capacity + 1);
    this.#bytes = new Uint8Array(Math.max(64, bytes));
  }

  get length(): number {
    return this.#count;
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
    const dictionary = {
      length: this.#count,
      offsets: this.#offsets.slice(0, this.#count + 1),
      bytes: this.#bytes.slice(0, this.#used),
    };
    interned.add(dictionary);
    return dictionary;
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
    const hash = wordHash(bytes, from, to);
    const slots = this.#slots;
    const mask = slots.length - 1;
    const own = this.#bytes;
    const offsets = this.#offsets;
    let at = (hash << 1) & mask;
    for (;;) {
      const code = slots[at]!;
      if (code < 0) break;
      if (slots[at + 1] === hash) {
        const start = offsets[code]!;
        if (offsets[code + 1]! - start === size) {
          let q = 0;
          while (q < size && own[start + q] === bytes[from + q]) q++;
          if (q === size) return code;
        }
      }
      at = (at + 2) & mask;
    }
    return add ? this.#add(bytes, from, to, hash, at) : -1;
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

/** For tables of one thread only: four bytes a step, twice as fast as the hash that is the same everywhere. */
function wordHash(bytes: Uint8Array, from: number, to: number): number {
  let h = to - from;
  let k = from;
  for (; k + 4 <= to; k += 4) {
    const word = bytes[k]! | (bytes[k + 1]! << 8) | (bytes[k + 2]! << 16) | (bytes[k + 3]! << 24);
    h = Math.imul(h ^ word, 0x9e3779b1);
    h ^= h >>> 15;
  }
  for (; k < to; k++) h = Math.imul(h ^ bytes[k]!, 0x01000193);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85ebca6b);
  return h ^ (h >>> 13);
}

/** Entry i as a JavaScript string. */
export function entryText(dictionary: Dictionary, i: number): string {
  const { bytes, offsets } = dictionary;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    'utf8',
    offsets[i]!,
    offsets[i + 1]!,
  );
}

/** All entries as JavaScript strings. */
export function entryTexts(dictionary: Dictionary): string[] {
  const { bytes, offsets, length } = dictionary;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out: string[] = new Array(length);
  for (let i = 0; i < length; i++) out[i] = buffer.toString('utf8', offsets[i]!, offsets[i + 1]!);
  return out;
}

/** A dictionary of these strings and, for each of them, its code. */
export function dictionaryOf(texts: readonly string[]): { dictionary: Dictionary; codes: Int32Array } {
  const table = new StringTable(texts.length);
  const codes = new Int32Array(texts.length);
  for (let i = 0; i < texts.length; i++) codes[i] = table.internString(texts[i]!);
  return { dictionary: table.toDictionary(), codes };
}

/** Entries interned at a time where the event loop must turn: about 3 ms. */
const entriesPerStep = 32_768;

export interface Unified {
  readonly dictionary: Dictionary;
  /** New code of each old code, by input; null: unchanged. */
  readonly maps: readonly (Int32Array | null)[];
}

/** True when codes of one are codes of the other. */
export function sameDictionary(a: Dictionary, b: Dictionary): boolean {
  return a === b || (a.id !== undefined && a.id === b.id);
}

/** One dictionary for several: the first one's codes stay as they are when it has no duplicates. */
export function unify(dictionaries: readonly Dictionary[]): Unified {
  const steps = unifySteps(dictionaries);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

/** As unify, yielding after so many entries. */
export function* unifySteps(dictionaries: readonly Dictionary[]): Generator<void, Unified> {
  const first = dictionaries.find(d => d.length > 0) ?? dictionaries[0]!;
  if (dictionaries.every(d => d.length === 0 || sameDictionary(d, first))) {
    return { dictionary: first, maps: dictionaries.map(() => null) };
  }
  let entries = 0;
  for (const d of dictionaries) entries = Math.max(entries, d.length);
  const table = new StringTable(entries);
  const known = new Map<Dictionary | string, Int32Array>();
  const maps: Int32Array[] = [];
  for (const d of dictionaries) {
    let map = known.get(d.id ?? d);
    if (map === undefined) {
      known.set(d.id ?? d, (map = new Int32Array(d.length)));
      for (let at = 0; at < d.length; at += entriesPerStep) {
        table.internRange(d, at, Math.min(at + entriesPerStep, d.length), map);
        yield;
      }
    }
    maps.push(map);
  }
  return { dictionary: table.toDictionary(), maps };
}

/**
 * Only the entries that `codes` refer to, in old order; null when the dictionary stays: all are referenced, or it is
 * known by an id (so others have codes over it too) and either small beside the rows or a quarter of it is in use.
 * Null slots hold code 0, so entry 0 may stay without need. `codes` must be below dictionary.length.
 */
export function compact(
  dictionary: Dictionary,
  codes: Int32Array,
  rows: number,
): { dictionary: Dictionary; map: Int32Array } | null {
  const { length, offsets, bytes } = dictionary;
  const shared = dictionary.id !== undefined;
  if (shared && length * 4 + bytes.length <= rows) return null;
  const map = new Int32Array(length);
  for (let i = 0; i < rows; i++) map[codes[i]!] = 1;
  let kept = 0;
  let size = 0;
  for (let i = 0; i < length; i++) {
    if (map[i] === 0) continue;
    kept++;
    size += offsets[i + 1]! - offsets[i]!;
  }
  if (kept === length || (shared && kept * 4 >= length)) return null;
  const newOffsets = new Int32Array(kept + 1);
  const newBytes = new Uint8Array(size);
  let code = 0;
  let p = 0;
  for (let i = 0; i < length; i++) {
    if (map[i] === 0) continue;
    const from = offsets[i]!;
    const to = offsets[i + 1]!;
    if (to - from > 32) newBytes.set(bytes.subarray(from, to), p);
    else for (let k = from; k < to; k++) newBytes[p + k - from] = bytes[k]!;
    p += to - from;
    map[i] = code++;
    newOffsets[code] = p;
  }
  const smaller = { length: kept, offsets: newOffsets, bytes: newBytes };
  return { dictionary: dictionary.repeats === true ? { ...smaller, repeats: true } : smaller, map };
}

const rankCache = new WeakMap<Dictionary, Int32Array>();

/** Position of each entry in UTF-8 byte order: codes compare as their ranks. Equal entries share a rank. */
export function ranks(dictionary: Dictionary): Int32Array {
  const known = rankCache.get(dictionary);
  if (known !== undefined) return known;
  const out = rankEntries(dictionary);
  rankCache.set(dictionary, out);
  return out;
}

const hashCache = new WeakMap<Dictionary, Int32Array>();

/** Hash of each entry's bytes. */
export function entryHashes(dictionary: Dictionary): Int32Array {
  const known = hashCache.get(dictionary);
  if (known !== undefined) return known;
  const { length, offsets, bytes } = dictionary;
  const out = new Int32Array(length);
  for (let i = 0; i < length; i++) out[i] = hashBytes(bytes, offsets[i]!, offsets[i + 1]!);
  hashCache.set(dictionary, out);
  return out;
}

const idCache = new WeakMap<Dictionary, string>();
/** A dictionary with more entries than this share of its rows is seldom met again: no id is made for it. */
const entriesPerRow = 1 / 8;
/** Bytes up to which an id is made: a gigabyte a second. */
const idBytes = 16 * 1024 * 1024;

/** The content id: the one it has, or one made now; null when that would cost more than it saves. */
export function dictionaryId(dictionary: Dictionary, rows: number): string | null {
  if (dictionary.id !== undefined) return dictionary.id;
  if (dictionary.repeats === true) return null;
  const { length, bytes } = dictionary;
  if (length > rows * entriesPerRow || length * 4 + bytes.length > idBytes) return null;
  return contentId(dictionary);
}

/** 128 bits of SHA-256 over the entries: files are not trusted, so a cheaper hash could be made to collide. */
export function contentId(dictionary: Dictionary): string {
  let id = dictionary.id ?? idCache.get(dictionary);
  if (id !== undefined) return id;
  const { length, offsets, bytes } = dictionary;
  const first = offsets[0]!;
  // Offsets are hashed as they are; only those that begin at 0 are equal for equal entries, and all writers' do.
  id = createHash('sha256')
    .update(new Uint8Array(offsets.buffer, offsets.byteOffset, (length + 1) * 4))
    .update(bytes.subarray(first, offsets[length]!))
    .digest('base64')
    .slice(0, 22);
  idCache.set(dictionary, id);
  return id;
}
