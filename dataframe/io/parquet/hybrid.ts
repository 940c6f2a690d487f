import { compile } from '../../codegen/compile.js';
import type { Physical, Values } from '../../column/column.js';
import { viewOf } from './bytes.js';
import { unpackInWasm } from './hybrid-wasm.js';

/** Unpacks `groups` groups of 8 fields from bytes[p...] to out[q...]. All bytes must be there; `v` is a view of them. */
type Unpack = (
  b: Uint8Array,
  v: DataView,
  p: number,
  o: Int32Array | Uint8Array,
  q: number,
  groups: number,
) => void;

/**
 * Decodes `count` values of Parquet's RLE / bit-packed hybrid in bytes[from, to) to out[at...].
 * Reads past `to` never happen: a run that claims more than there is raises RangeError.
 */
export function decodeHybrid(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  out: Int32Array | Uint8Array,
  at: number,
  count: number,
): void {
  if (unpackInWasm(bytes, from, to, width, null, 0, out, at, count) !== null) return;
  const end = at + count;
  const runs = new Runs(bytes, from, to, width);
  const view = viewOf(bytes);
  while (at < end) {
    const values = Math.min(runs.next(), end - at);
    if (runs.packed) {
      unpackBits(bytes, runs.start, to, width, out, at, values, view);
    } else {
      out.fill(runs.value, at, at + values);
    }
    at += values;
  }
}

/** Codes up to this width are looked up while they are unpacked: the table of all of them stays in a core's own cache. */
export const lookedUpBits = 12;

/**
 * As decodeHybrid, but gives table[code], where `table` has an entry for every code of `width` bits. One element a value.
 * @returns false when a code was `entries` or more
 */
export function decodeThrough(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  table: Values,
  entries: number,
  physical: Physical,
  out: Values,
  at: number,
  count: number,
): boolean {
  const done = unpackInWasm(bytes, from, to, width, table, entries, out, at, count);
  if (done !== null) return done;
  const end = at + count;
  const runs = new Runs(bytes, from, to, width);
  const unpack = lookup(width, physical);
  const view = viewOf(bytes);
  let valid = true;
  const rest = new Int32Array(8);
  while (at < end) {
    const values = Math.min(runs.next(), end - at);
    if (runs.packed) {
      const { start } = runs;
      if (start + Math.ceil((values * width) / 8) > to)
        throw new RangeError('bit-packed data ends too early');
      const groups = values >>> 3;
      if (!unpack(bytes, view, start, out, at, groups, table, entries)) valid = false;
      if ((values & 7) > 0) unpackBits(bytes, start + groups * width, to, width, rest, 0, values & 7, view);
      for (let i = 0; i < (values & 7); i++) {
        if (rest[i]! >= entries) valid = false;
        out[at + groups * 8 + i] = table[rest[i]!]!;
      }
    } else {
      if (runs.value >>> 0 >= entries) return false;
      out.fill(table[runs.value]!, at, at + values);
    }
    at += values;
  }
  return valid;
}

/**
 * Of `count` values for rows from `at` on, those of the ascending rows `picked`, by their place in it. Runs between them
 * are stepped over, and of packed ones only the asked-for fields are looked at.
 */
export function pickHybrid(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  at: number,
  count: number,
  picked: Int32Array,
  out: Int32Array,
): void {
  const runs = new Runs(bytes, from, to, width);
  const end = at + count;
  for (let k = 0; k < picked.length; ) {
    const values = Math.min(runs.next(), end - at);
    if (values <= 0) throw new RangeError(`row ${picked[k]} lies behind its page`);
    const { packed, start, value } = runs;
    if (packed && start + Math.ceil((values * width) / 8) > to)
      throw new RangeError('bit-packed data ends too early');
    for (; k < picked.length && picked[k]! < at + values; k++) {
      out[k] = packed ? fieldAt(bytes, start, to, width, picked[k]! - at) : value;
    }
    at += values;
  }
}

/** True when the first run is one of `value` that covers `count` values, as levels are where nothing is null. */
export function isOneRun(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  value: number,
  count: number,
): boolean {
  const runs = new Runs(bytes, from, to, width);
  return count === 0 || (runs.next() >= count && !runs.packed && runs.value === value);
}

/** Walks the runs. */
class Runs {
  /** The last run is bit-packed, from `start` on; else it repeats `value`. */
  packed = false;
  start = 0;
  value = 0;
  readonly #bytes: Uint8Array;
  readonly #to: number;
  readonly #width: number;
  #p: number;

  constructor(bytes: Uint8Array, from: number, to: number, width: number) {
    this.#bytes = bytes;
    this.#p = from;
    this.#to = to;
    this.#width = width;
  }

  /** Values of the next run: at least one. A packed one may claim padding that is not there. */
  next(): number {
    const header = this.#header();
    this.packed = (header & 1) === 1;
    const claimed = header >>> 1;
    if (claimed === 0) throw new RangeError('run-length data ends too early');
    if (this.packed) {
      this.start = this.#p;
      this.#p = Math.min(this.#p + claimed * this.#width, this.#to);
      return claimed * 8;
    }
    const valueBytes = (this.#width + 7) >> 3;
    if (this.#p + valueBytes > this.#to) throw new RangeError('run-length data ends too early');
    this.value = 0;
    for (let i = 0; i < valueBytes; i++) this.value |= this.#bytes[this.#p++]! << (i * 8);
    return claimed;
  }

  #header(): number {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (this.#p >= this.#to || shift > 28) throw new RangeError('run-length data ends too early');
      const byte = this.#bytes[this.#p++]!;
      header |= (byte & 0x7f) << shift;
      if (byte < 0x80) return header;
    }
  }
}

/** Little-endian bit fields of `width` <= 32 bits in bytes[from, to). @throws RangeError when they are not all there */
export function unpackBits(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  out: Int32Array | Uint8Array,
  at: number,
  count: number,
  view = viewOf(bytes),
): void {
  if (from + Math.ceil((count * width) / 8) > to) throw new RangeError('bit-packed data ends too early');
  const groups = count >>> 3;
  unpacker(width, out)(bytes, view, from, out, at, groups);
  for (let i = groups * 8; i < count; i++) out[at + i] = fieldAt(bytes, from, to, width, i);
}

/** Field i of `width` bits from byte `from` on. */
function fieldAt(bytes: Uint8Array, from: number, to: number, width: number, i: number): number {
  const p = from + Math.floor((i * width) / 8);
  const shift = (i * width) & 7;
  let value = byteAt(bytes, p, to) >>> shift;
  for (let got = 8 - shift, k = 1; got < width; got += 8, k++) value |= byteAt(bytes, p + k, to) << got;
  return value & (width === 32 ? -1 : (1 << width) - 1);
}

/** The old form of levels, without runs: fields of `width` bits from the highest bit of each byte on. */
export function unpackBigEndian(
  bytes: Uint8Array,
  from: number,
  width: number,
  out: Uint8Array,
  at: number,
  count: number,
): void {
  if (from + Math.ceil((count * width) / 8) > bytes.length)
    throw new RangeError('bit-packed data ends too early');
  for (let i = 0; i < count; i++) {
    let value = 0;
    for (let b = i * width; b < (i + 1) * width; b++) {
      value = (value << 1) | ((bytes[from + (b >> 3)]! >> (7 - (b & 7))) & 1);
    }
    out[at + i] = value;
  }
}

function byteAt(bytes: Uint8Array, index: number, to: number): number {
  return index < to ? bytes[index]! : 0;
}

const unpackers = { words: new Array<Unpack | undefined>(33), bytes: new Array<Unpack | undefined>(33) };

/** Written out for one width and kind of array: a fraction of a nanosecond a value where a loop over bits takes three. */
function unpacker(width: number, out: Int32Array | Uint8Array): Unpack {
  const kind = out instanceof Int32Array ? 'words' : 'bytes';
  return (unpackers[kind][width] ??= compile<Unpack>(
    ['b', 'v', 'p', 'o', 'q', 'groups'],
    `/* ${kind} */${groupLoops(width, (i, field) => `o[q+${i}]=${field};`)}`,
  ));
}

/** False when a code was `entries` or more. */
type Lookup = (
  b: Uint8Array,
  v: DataView,
  p: number,
  o: Values,
  q: number,
  groups: number,
  t: Values,
  entries: number,
) => boolean;
const lookups = new Map<string, Lookup>();

function lookup(width: number, physical: Physical): Lookup {
  const key = `${width} ${physical}`;
  let known = lookups.get(key);
  if (known === undefined) {
    // Behind its entries a table of codes holds -1, so that a look at what is stored anyway will do.
    const [start, store, valid] =
      physical === 'code'
        ? ['0', (i: number, field: string) => `c=t[${field}];o[q+${i}]=c;s|=c;`, 's>=0']
        : ['-1', (i: number, field: string) => `c=${field};o[q+${i}]=t[c];s&=c-entries;`, 's<0'];
    known = compile<Lookup>(
      ['b', 'v', 'p', 'o', 'q', 'groups', 't', 'entries'],
      `/* ${physical} */let s=${start},c=0;${groupLoops(width, store)}return ${valid};`,
    );
    lookups.set(key, known);
  }
  return known;
}

/** Four groups at a time by words, which need fewer loads and shifts; the last ones by bytes. */
function groupLoops(width: number, store: (i: number, field: string) => string): string {
  const words = Array.from({ length: width }, (_, k) => `w${k}=v.getInt32(p+${4 * k},true)`);
  const load = width === 0 ? '' : `const ${words.join()};`;
  const step = (groups: number) => `p+=${groups * width};q+=${groups * 8};`;
  return (
    `for(;groups>3;groups-=4){${load}${fieldsOf(32, i => store(i, wordField(width, i)))}${step(4)}}` +
    `for(;groups>0;groups--){${fieldsOf(8, i => store(i, byteField(width, i)))}${step(1)}}`
  );
}

function fieldsOf(count: number, text: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => text(i)).join('');
}

/** Field i of the words w0, w1, … */
function wordField(width: number, i: number): string {
  if (width === 0) return '0';
  const word = (i * width) >> 5;
  const shift = (i * width) & 31;
  if (shift + width === 32) return shift === 0 ? `w${word}` : `w${word}>>>${shift}`;
  const parts =
    shift + width < 32 ? `w${word}>>>${shift}` : `(w${word}>>>${shift}|w${word + 1}<<${32 - shift})`;
  return `${parts}&${2 ** width - 1}`;
}

/** Field i of the bytes from p on. */
function byteField(width: number, i: number): string {
  if (width === 0) return '0';
  const byte = (i * width) >> 3;
  const shift = (i * width) & 7;
  const parts = [`b[p+${byte}]>>>${shift}`];
  for (let got = 8 - shift, k = 1; got < width; got += 8, k++) parts.push(`b[p+${byte + k}]<<${got}`);
  return `(${parts.join('|')})&${width === 32 ? -1 : 2 ** width - 1}`;
}

/**
 * Where the values of a page of version 1 begin behind levels that say that none of `count` is null; -1: they do not say so.
 * @param most the largest level; 0: there are none
 */
export function valuesWithoutNulls(page: Uint8Array, most: number, encoding: string, count: number): number {
  if (most === 0) return 0;
  if (encoding === 'BIT_PACKED' || page.length < 4) return -1;
  const end = 4 + (page[0]! | (page[1]! << 8) | (page[2]! << 16) | (page[3]! << 24));
  if (end < 4 || end > page.length) return -1;
  return isOneRun(page, 4, end, 32 - Math.clz32(most), most, count) ? end : -1;
}
