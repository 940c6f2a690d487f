import { compile } from '../../codegen/compile.js';
import type { Dictionary, Physical, ValueRange, Values } from '../../column/column.js';
import { copyInto } from '../../column/copy-bytes.js';
import { Lent } from '../../kernels/lent.js';
import { requireBytes, viewOf } from './bytes.js';
import {
  type CodedEntries,
  decodeCodes,
  decodeEntries,
  isCoded,
  isFew,
  joinStreams,
  paddedTable,
  pickCodes,
  requireCode,
} from './codes.js';
import { unpackDeltas } from './delta.js';
import { decodeHybrid } from './hybrid.js';
import type { Encoding, ParquetType } from './metadata.js';

/** Raised inside this folder: a value beyond 2^53 was met, so the column is decoded again as 'i64'. */
export class BeyondSafe extends Error {}

const julianDayOfEpoch = 2_440_588;
const microsPerDay = 86_400_000_000;

/**
 * Turns the values of pages into rows of one column. Values come densely (nulls left out); the caller spreads them.
 * A sink lives for one column of one batch.
 */
export interface ValueSink {
  readonly values: Values;
  /** Elements of `values` per row. */
  readonly width: number;
  /** Of text, before anything else: these, which are distinct, get the first codes. */
  startWith?(texts: Dictionary): void;
  /** Before the first page of a chunk. `lent` is for what is needed until its last one is decoded. */
  begin(lent: Lent): void;
  /** As of every page: its bytes last until the next one. */
  dictionaryPage(page: Uint8Array, count: number): void;
  /** Bytes of a value that pages of this encoding hold as it is stored; 0: it is another one. */
  bytesAsStored(encoding: Encoding): number;
  /** The values of such a page lie where they belong. */
  stored(): void;
  /** Decodes `count` values of page[from...] to rows [at, at + count). */
  dataPage(page: Uint8Array, from: number, encoding: Encoding, at: number, count: number): void;
  /** Decodes only the picked rows of a page without nulls. False: it cannot, and nothing was done. */
  pick(
    page: Uint8Array,
    from: number,
    encoding: Encoding,
    at: number,
    count: number,
    picked: Int32Array,
  ): boolean;
  /** Value of each code in pages of this encoding; null: they have no codes, or the values are not to be had so. */
  entriesOf(encoding: Encoding): CodedEntries | null;
  /** For text. */
  dictionary(): Dictionary | null;
  /** Bounds of all values, where they are known without a look at each of them. */
  range(): ValueRange | undefined;
}

export class NumberSink implements ValueSink {
  readonly values: Values;
  readonly width: number;
  #type: ParquetType;
  #physical: Physical;
  #unsigned: boolean;
  #lent = new Lent();
  /** Padded, where it is short. */
  #entries: Values | null = null;
  #count = 0;
  /** Some pages were not coded: nothing is known of their values. */
  #plainPages = false;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(type: ParquetType, physical: Physical, unsigned: boolean, values: Values) {
    this.#type = type;
    this.#physical = physical;
    this.#unsigned = unsigned;
    this.values = values;
    this.width = physical === 'i64' ? 2 : 1;
  }

  begin(lent: Lent): void {
    this.#lent = lent;
    this.#entries = null;
  }

  dictionaryPage(page: Uint8Array, count: number): void {
    requireBytes(page, 0, count * sizeOf(this.#type));
    const Entries = this.values.constructor as new (length: number) => Values;
    const entries = new Entries(count * this.width);
    this.#plain(page, 0, entries, 0, count);
    this.#count = count;
    this.#entries = this.width === 1 ? paddedTable(entries, count, 0) : entries;
    for (let i = 0; i < entries.length; i++) {
      const value = entries[i]!;
      if (value < this.#min) this.#min = value;
      if (value > this.#max) this.#max = value;
    }
  }

  bytesAsStored(encoding: Encoding): number {
    const bytes = this.values.BYTES_PER_ELEMENT * this.width;
    const type = this.#type;
    if (encoding !== 'PLAIN' || type === 'BOOLEAN' || type === 'INT96') return 0;
    return (type === 'INT64' && this.#physical === 'f64') || bytes !== sizeOf(type) ? 0 : bytes;
  }

  stored(): void {
    this.#plainPages = true;
  }

  dataPage(page: Uint8Array, from: number, encoding: Encoding, at: number, count: number): void {
    // Nothing but nulls: writers may leave out the values altogether.
    if (count === 0) {
      return;
    }
    if (!isCoded(encoding)) this.#plainPages = true;
    if (encoding === 'PLAIN') {
      this.#plain(page, from, this.values, at, count);
    } else if (isCoded(encoding)) {
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

  pick(
    page: Uint8Array,
    from: number,
    encoding: Encoding,
    at: number,
    count: number,
    picked: Int32Array,
  ): boolean {
    if (!isFew(picked, count)) return false;
    if (encoding === 'PLAIN' && this.#type !== 'BOOLEAN') {
      const size = sizeOf(this.#type);
      this.#plainPages = true;
      for (const row of picked) this.#plain(page, from + (row - at) * size, this.values, row, 1);
      return true;
    }
    const entries = this.#entries;
    if (!isCoded(encoding) || entries === null) return false;
    const { values, width } = this;
    const codes = pickCodes(page, from, at, count, picked, this.#count);
    for (let k = 0; k < picked.length; k++) {
      for (let w = 0; w < width; w++) values[picked[k]! * width + w] = entries[codes[k]! * width + w]!;
    }
    return true;
  }

  entriesOf(encoding: Encoding): CodedEntries | null {
    const values = this.#entries;
    return isCoded(encoding) && values !== null && this.width === 1 ? { values, count: this.#count } : null;
  }

  dictionary(): null {
    return null;
  }

  range(): ValueRange | undefined {
    if (this.#plainPages || this.#min > this.#max) return undefined;
    return { min: this.#min, max: this.#max };
  }

  #coded(page: Uint8Array, from: number, at: number, count: number): void {
    const entries = this.#entries;
    if (entries === null) {
      throw new RangeError('a page of dictionary codes comes before its dictionary');
    }
    const { values, width } = this;
    if (width === 1 && decodeEntries(page, from, entries, this.#count, this.#physical, values, at, count))
      return;
    const codes = this.#lent.values('i32', count, false) as Int32Array;
    decodeCodes(page, from, codes, 0, count);
    const largest = gatherer(this.#physical)(values, at, entries, codes, count);
    requireCode(largest, this.#count);
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
      plainInt64(page, from, out as Float64Array, at, count, this.#unsigned, this.#lent);
      return;
    }
    // Same bits in the file and in memory: bytes are copied, which needs no alignment.
    if (out.BYTES_PER_ELEMENT * this.width === size) {
      const to = new Uint8Array(out.buffer, out.byteOffset + at * size, count * size);
      copyInto(to, 0, page.subarray(from, from + count * size));
      return;
    }
    const view = viewOf(page);
    for (let i = 0; i < count; i++) {
      out[at + i] = view.getInt32(from + 4 * i, true);
    }
  }
}

type Gather = (out: Values, at: number, entries: Values, codes: Int32Array, count: number) => number;

/** The entries of codes, and the largest code: a larger one than there are entries makes no difference until then. */
function gatherer(physical: Physical): Gather {
  const move =
    physical === 'i64'
      ? 'out[2*(at+i)]=entries[2*c];out[2*(at+i)+1]=entries[2*c+1];'
      : 'out[at+i]=entries[c];';
  return compile<Gather>(
    ['out', 'at', 'entries', 'codes', 'count'],
    `/* ${physical} */let m=0;for(let i=0;i<count;i++){const c=codes[i];const u=c>>>0;if(u>m)m=u;${move}}return m;`,
  );
}

/** 64-bit integers to float64 by their halves. @throws BeyondSafe */
function plainInt64(
  page: Uint8Array,
  from: number,
  out: Float64Array,
  at: number,
  count: number,
  unsigned: boolean,
  lent: Lent,
): void {
  const halves = alignedWords(page, from, 2 * count, lent);
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

/** Words of the page from byte `from` on: where they lie, or copied to where they can be read as words. */
function alignedWords(page: Uint8Array, from: number, words: number, lent: Lent): Int32Array {
  const offset = page.byteOffset + from;
  if ((offset & 3) === 0) return new Int32Array(page.buffer, offset, words);
  const copy = lent.values('i32', words, false) as Int32Array;
  const bytes = page.subarray(from, from + words * 4);
  copyInto(new Uint8Array(copy.buffer, copy.byteOffset, words * 4), 0, bytes);
  return copy;
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
