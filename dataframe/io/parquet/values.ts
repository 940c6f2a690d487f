import type { Encoding, ParquetType } from 'hyparquet';
import { limits } from '../../../core/base/limits.js';
import type { Dictionary, Physical, Values } from '../../column/column.js';
import { StringTable } from '../../column/dictionary.js';
import { unpackDeltas } from './delta.js';
import { decodeHybrid } from './hybrid.js';

/** Raised inside this folder: a value beyond 2^53 was met, so the column is decoded again as 'i64'. */
export class BeyondSafe extends Error {}

const julianDayOfEpoch = 2_440_588;
const microsPerDay = 86_400_000_000;

/**
 * Turns the values of pages into rows of one column. Values come densely (nulls left out); the caller spreads them.
 * A sink lives for one column of one row group.
 */
export interface ValueSink {
  readonly values: Values;
  /** Elements of `values` per row. */
  readonly width: number;
  dictionaryPage(page: Uint8Array, count: number): void;
  /** Decodes `count` values of page[from...] to rows [at, at + count). */
  dataPage(page: Uint8Array, from: number, encoding: Encoding, at: number, count: number): void;
  /** For text. */
  dictionary(): Dictionary | null;
}

/** A sink for flat values of a file type and the physical form they take. */
export function createSink(
  type: ParquetType,
  physical: Physical,
  unsigned: boolean,
  values: Values,
): ValueSink {
  if (type === 'BYTE_ARRAY') {
    return new TextSink(values as Int32Array);
  }
  return new NumberSink(type, physical, unsigned, values);
}

class NumberSink implements ValueSink {
  readonly values: Values;
  readonly width: number;
  #type: ParquetType;
  #physical: Physical;
  #unsigned: boolean;
  #entries: Values | null = null;
  #codes = new Int32Array(0);

  constructor(type: ParquetType, physical: Physical, unsigned: boolean, values: Values) {
    this.#type = type;
    this.#physical = physical;
    this.#unsigned = unsigned;
    this.values = values;
    this.width = physical === 'i64' ? 2 : 1;
  }

  dictionaryPage(page: Uint8Array, count: number): void {
    requireBytes(page, 0, count * sizeOf(this.#type));
    const Entries = this.values.constructor as new (length: number) => Values;
    const entries = new Entries(count * this.width);
    this.#plain(page, 0, entries, 0, count);
    this.#entries = entries;
  }

  dataPage(page: Uint8Array, from: number, encoding: Encoding, at: number, count: number): void {
    // Nothing but nulls: writers may leave out the values altogether.
    if (count === 0) {
      return;
    }
    if (encoding === 'PLAIN') {
      this.#plain(page, from, this.values, at, count);
    } else if (encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY') {
      this.#coded(page, from, at, count);
    } else if (encoding === 'RLE' && this.#type === 'BOOLEAN') {
      requireBytes(page, from, 4);
      const length = viewOf(page).getInt32(from, true);
      requireBytes(page, from + 4, length);
      decodeHybrid(page, from + 4, from + 4 + length, 1, this.values as Uint8Array, at, count);
    } else if (encoding === 'DELTA_BINARY_PACKED' && (this.#type === 'INT32' || this.#type === 'INT64')) {
      const words = this.#type === 'INT32' ? 1 : 2;
      const out = new Int32Array(count * words);
      unpackDeltas(page, from, count, out, words);
      this.#plain(new Uint8Array(out.buffer), 0, this.values, at, count);
    } else if (encoding === 'BYTE_STREAM_SPLIT') {
      const size = sizeOf(this.#type);
      requireBytes(page, from, count * size);
      this.#plain(joinStreams(page, from, count, size), 0, this.values, at, count);
    } else {
      throw new RangeError(`encoding ${encoding} of ${this.#type} is not supported`);
    }
  }

  dictionary(): null {
    return null;
  }

  #coded(page: Uint8Array, from: number, at: number, count: number): void {
    const entries = this.#entries;
    if (entries === null) {
      throw new RangeError('a page of dictionary codes comes before its dictionary');
    }
    if (this.#codes.length < count) {
      this.#codes = new Int32Array(count);
    }
    const { values, width } = this;
    const codes = this.#codes;
    decodeCodes(page, from, codes, 0, count, entries.length / width);
    if (width === 1) {
      gather(values, at, entries, codes, count);
      return;
    }
    for (let i = 0; i < count; i++) {
      values[2 * (at + i)] = entries[2 * codes[i]!]!;
      values[2 * (at + i) + 1] = entries[2 * codes[i]! + 1]!;
    }
  }

  /** PLAIN little-endian values into `out`. */
  #plain(page: Uint8Array, from: number, out: Values, at: number, count: number): void {
    if (this.#type === 'BOOLEAN') {
      requireBytes(page, from, (count + 7) >> 3);
      for (let i = 0; i < count; i++) {
        out[at + i] = (page[from + (i >> 3)]! >> (i & 7)) & 1;
      }
      return;
    }
    const size = sizeOf(this.#type);
    requireBytes(page, from, count * size);
    if (this.#type === 'INT96') {
      plainInt96(viewOf(page), from, out, at, count, this.#physical);
      return;
    }
    if (this.#type === 'INT64' && this.#physical === 'f64') {
      plainInt64(page, from, out as Float64Array, at, count, this.#unsigned);
      return;
    }
    // Same bits in the file and in memory: bytes are copied, which needs no alignment.
    if (out.BYTES_PER_ELEMENT * this.width === size) {
      const to = new Uint8Array(out.buffer, out.byteOffset + at * size, count * size);
      to.set(page.subarray(from, from + count * size));
      return;
    }
    const view = viewOf(page);
    for (let i = 0; i < count; i++) {
      out[at + i] = view.getInt32(from + 4 * i, true);
    }
  }
}

class TextSink implements ValueSink {
  readonly values: Int32Array;
  readonly width = 1;
  #table = new StringTable();
  /** Code in #table of each entry of the file's dictionary; null: there is none. */
  #map: Int32Array | null = null;
  #identity = true;
  #decoded = 0;

  constructor(values: Int32Array) {
    this.values = values;
  }

  dictionaryPage(page: Uint8Array, count: number): void {
    // A lying count must not allocate: each entry takes at least its length prefix.
    requireBytes(page, 0, count * 4);
    const map = new Int32Array(count);
    this.#intern(page, 0, map, 0, count);
    this.#map = map;
    this.#identity = map.every((code, i) => code === i);
  }

  dataPage(page: Uint8Array, from: number, encoding: Encoding, at: number, count: number): void {
    // Nothing but nulls: writers may leave out the values altogether.
    if (count === 0) {
      return;
    }
    if (encoding === 'PLAIN') {
      this.#intern(page, from, this.values, at, count);
    } else if (encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY') {
      this.#coded(page, from, at, count);
    } else if (encoding === 'DELTA_LENGTH_BYTE_ARRAY' || encoding === 'DELTA_BYTE_ARRAY') {
      this.#deltas(page, from, encoding === 'DELTA_BYTE_ARRAY', at, count);
    } else {
      throw new RangeError(`encoding ${encoding} of BYTE_ARRAY is not supported`);
    }
  }

  dictionary(): Dictionary {
    return this.#table.toDictionary();
  }

  #coded(page: Uint8Array, from: number, at: number, count: number): void {
    const map = this.#map;
    if (map === null) {
      throw new RangeError('a page of dictionary codes comes before its dictionary');
    }
    const values = this.values;
    decodeCodes(page, from, values, at, count, map.length);
    for (let i = at; !this.#identity && i < at + count; i++) {
      values[i] = map[values[i]!]!;
    }
  }

  /**
   * Lengths first, then all bytes. With `prefixed`, each text shares a prefix with the one before, so a small file
   * can stand for any amount of text: it is built in one buffer and counted.
   */
  #deltas(page: Uint8Array, from: number, prefixed: boolean, at: number, count: number): void {
    const prefixes = new Int32Array(count);
    const lengths = new Int32Array(count);
    let p = prefixed ? unpackDeltas(page, from, count, prefixes, 1) : from;
    p = unpackDeltas(page, p, count, lengths, 1);
    let text = new Uint8Array(256);
    let before = 0;
    for (let i = 0; i < count; i++) {
      const prefix = prefixes[i]!;
      const length = lengths[i]!;
      requireBytes(page, p, length);
      this.#decoded += prefix + length;
      if (prefix < 0 || prefix > before || this.#decoded > limits.parquetDecodedBytes) {
        throw new RangeError(`its text is damaged or exceeds ${limits.parquetDecodedBytes} decoded bytes`);
      }
      before = prefix + length;
      if (before > text.length) {
        const grown = new Uint8Array(before * 2);
        grown.set(text.subarray(0, prefix));
        text = grown;
      }
      text.set(page.subarray(p, p + length), prefix);
      p += length;
      this.values[at + i] = this.#table.intern(text, 0, before);
    }
  }

  #intern(page: Uint8Array, from: number, out: Int32Array, at: number, count: number): void {
    let p = from;
    for (let i = 0; i < count; i++) {
      requireBytes(page, p, 4);
      const length = page[p]! | (page[p + 1]! << 8) | (page[p + 2]! << 16) | (page[p + 3]! << 24);
      p += 4;
      requireBytes(page, p, length);
      out[at + i] = this.#table.intern(page, p, p + length);
      p += length;
    }
  }
}

/** BYTE_STREAM_SPLIT: first all lowest bytes, then all second ones, … */
function joinStreams(page: Uint8Array, from: number, count: number, size: number): Uint8Array {
  const out = new Uint8Array(count * size);
  for (let b = 0; b < size; b++) {
    for (let i = 0; i < count; i++) {
      out[i * size + b] = page[from + b * count + i]!;
    }
  }
  return out;
}

/** Codes of a dictionary page: one byte bit width, then the hybrid. Every code is checked against the dictionary. */
function decodeCodes(
  page: Uint8Array,
  from: number,
  codes: Int32Array,
  at: number,
  count: number,
  entries: number,
): void {
  requireBytes(page, from, 1);
  const width = page[from]!;
  if (width > 32) {
    throw new RangeError(`dictionary codes of ${width} bits`);
  }
  if (width === 0) {
    codes.fill(0, at, at + count);
  } else {
    decodeHybrid(page, from + 1, page.length, width, codes, at, count);
  }
  let largest = 0;
  for (let i = at; i < at + count; i++) {
    // Unsigned: a negative code is a huge one.
    const code = codes[i]! >>> 0;
    largest = code > largest ? code : largest;
  }
  if (largest >= entries) {
    throw new RangeError(`dictionary code ${largest} of ${entries} entries`);
  }
}

function gather(out: Values, at: number, entries: Values, codes: Int32Array, count: number): void {
  if (out instanceof Float64Array) {
    for (let i = 0; i < count; i++) {
      out[at + i] = entries[codes[i]!]!;
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    out[at + i] = entries[codes[i]!]!;
  }
}

/** 64-bit integers to float64 by their halves. @throws BeyondSafe */
function plainInt64(
  page: Uint8Array,
  from: number,
  out: Float64Array,
  at: number,
  count: number,
  unsigned: boolean,
): void {
  const halves = new Int32Array(2 * count);
  new Uint8Array(halves.buffer).set(page.subarray(from, from + 8 * count));
  let beyond = 0;
  for (let i = 0; i < count; i++) {
    const high = halves[2 * i + 1]!;
    const low = halves[2 * i]! >>> 0;
    // Safe integers have a high half in [-2^21, 2^21); -2^53 itself is the one in it that is not safe.
    beyond |= (high + 0x200000) & ~0x3fffff;
    beyond |= high === -0x200000 && low === 0 ? 1 : 0;
    beyond |= unsigned && high < 0 ? 1 : 0;
    out[at + i] = high * 4_294_967_296 + low;
  }
  if (beyond !== 0) {
    throw new BeyondSafe();
  }
}

/** INT96: nanoseconds of the day, then the Julian day. Cut to microseconds. @throws BeyondSafe */
function plainInt96(
  view: DataView,
  from: number,
  out: Values,
  at: number,
  count: number,
  physical: Physical,
): void {
  for (let i = 0; i < count; i++) {
    const p = from + 12 * i;
    const nanos = view.getUint32(p + 4, true) * 4_294_967_296 + view.getUint32(p, true);
    const days = view.getInt32(p + 8, true) - julianDayOfEpoch;
    const micros = days * microsPerDay + Math.floor(nanos / 1000);
    if (physical === 'f64') {
      if (!Number.isSafeInteger(micros)) {
        throw new BeyondSafe();
      }
      out[at + i] = micros;
    } else {
      const exact = BigInt(days) * BigInt(microsPerDay) + BigInt(Math.floor(nanos / 1000));
      if (BigInt.asIntN(64, exact) !== exact) {
        throw new RangeError('an INT96 timestamp is beyond 64 bits of microseconds');
      }
      out[2 * (at + i)] = Number(BigInt.asIntN(32, exact));
      out[2 * (at + i) + 1] = Number(BigInt.asIntN(32, exact >> 32n));
    }
  }
}

function sizeOf(type: ParquetType): number {
  switch (type) {
    case 'INT32':
    case 'FLOAT':
      return 4;
    case 'INT64':
    case 'DOUBLE':
      return 8;
    case 'INT96':
      return 12;
    case 'BOOLEAN':
      return 1;
    default:
      throw new RangeError(`type ${type} is not supported`);
  }
}

function requireBytes(page: Uint8Array, from: number, length: number): void {
  if (length < 0 || from + length > page.length) {
    throw new RangeError(`a page of ${page.length} bytes ends before its values`);
  }
}

function viewOf(page: Uint8Array): DataView {
  return new DataView(page.buffer, page.byteOffset, page.byteLength);
}
