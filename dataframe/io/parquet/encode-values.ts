import type { Column, Dictionary } from '../../column/column.js';
import { copyInto } from '../../column/copy-bytes.js';
import { codedDecimal } from '../../column/decimal-builder.js';
import { entryBytes } from '../../column/decimal-entries.js';
import { compareBytes } from '../../column/string-table.js';
import { distinctColumn } from '../../kernels/distinct-text.js';
import { type Lent, lending } from '../../kernels/lent.js';
import { fill } from '../../kernels/scratch.js';
import { viewOf } from './bytes.js';
import { FileType } from './encode.js';

/** Entries of a dictionary page; codes of more bits are not packed. */
const maxEntries = 2 ** 20;
/** Bytes of a dictionary page. */
const maxDictionaryBytes = 8 * 1024 * 1024;
/** A bound of text longer than that is left out of the statistics: it is optional, and a cut one is not exact. */
const maxBoundBytes = 256;
/** Bytes of a text up to which a loop is the fastest copy. */
const fewBytes = 32;

/** The values of one column of one row group in the file's form, without the null ones. */
export interface FileValues {
  /** PLAIN values of rows [from, to), lent. */
  plain(from: number, to: number, lent: Lent): Uint8Array;
  /** Least and greatest of rows [from, to) in PLAIN form without length; null: none, or not comparable. */
  bounds(from: number, to: number): readonly [Uint8Array, Uint8Array] | null;
  /** The dictionary page and the code of every row; null: plain values are shorter. */
  readonly dictionary: FileDictionary | null;
}

export interface FileDictionary {
  readonly page: Uint8Array;
  readonly entries: number;
  /** By row; of null rows anything. */
  readonly codes: Int32Array;
}

export function fileValues(column: Column, type: FileType, lent: Lent): FileValues {
  if (type === FileType.FixedBytes) return new TextValues(codedDecimal(column), lent, true);
  return type === FileType.ByteArray ? new TextValues(column, lent) : numberValues(column, type, lent);
}

const isValid = ({ validity }: Column, row: number) =>
  validity === null || ((validity[row >> 3]! >> (row & 7)) & 1) === 1;

/** `decimals`: entries of huge decimals, which files have with their sign bit as it is and without a length. */
class TextValues implements FileValues {
  readonly dictionary: FileDictionary | null;
  readonly #column: Column;
  readonly #codes: Int32Array;
  readonly #texts: Dictionary;
  readonly #decimals: boolean;
  /** Bytes in front of each, for its length. */
  readonly #prefix: number;
  /** By entry: the last call of `bounds` that has looked at it. */
  readonly #seen: Int32Array;
  #looks = 0;

  constructor(given: Column, lent: Lent, decimals = false) {
    const column = given.dictionary!.repeats === true ? distinctColumn(given) : given;
    this.#column = column;
    this.#codes = column.values as Int32Array;
    this.#texts = column.dictionary!;
    this.#decimals = decimals;
    this.#prefix = decimals ? 0 : 4;
    this.#seen = lent.ints(this.#texts.length);
    this.dictionary = this.#dictionaryIn(lent);
  }

  plain(from: number, to: number, lent: Lent): Uint8Array {
    const codes = validOnly(this.#codes, this.#column, from, to, lent);
    return this.#write(codes, this.#sizeOf(codes), lent);
  }

  bounds(from: number, to: number): readonly [Uint8Array, Uint8Array] | null {
    if (this.#column.type.kind === 'binary') return null;
    const { offsets, bytes } = this.#texts;
    const seen = this.#seen;
    const looks = ++this.#looks;
    const isLess = (a: number, b: number) =>
      compareBytes(bytes, offsets[a]!, offsets[a + 1]!, bytes, offsets[b]!, offsets[b + 1]!) < 0;
    let least = -1;
    let most = -1;
    for (let i = from; i < to; i++) {
      const code = this.#codes[i]!;
      if (!isValid(this.#column, i) || seen[code] === looks) continue;
      seen[code] = looks;
      if (least < 0 || isLess(code, least)) least = code;
      if (most < 0 || isLess(most, code)) most = code;
    }
    if (least < 0) return null;
    const found = [this.#entry(least), this.#entry(most)] as const;
    return found.some(bound => bound.length > maxBoundBytes) ? null : found;
  }

  /** Null where plain values are shorter. */
  #dictionaryIn(lent: Lent): FileDictionary | null {
    const { length } = this.#column;
    const { list, place } = usedEntries(this.#column, lent);
    const usedBytes = this.#sizeOf(list);
    const coded = usedBytes + (length * Math.ceil(Math.log2(list.length + 1))) / 8;
    const allBytes = lending(all => this.#sizeOf(validOnly(this.#codes, this.#column, 0, length, all)));
    if (coded >= allBytes || list.length > maxEntries || usedBytes > maxDictionaryBytes) return null;
    const page = this.#write(list, usedBytes, lent);
    return { page, entries: list.length, codes: placesOf(this.#codes, place, lent) };
  }

  /** Bytes of these entries in PLAIN form. */
  #sizeOf(codes: Int32Array): number {
    const { offsets } = this.#texts;
    let size = codes.length * this.#prefix;
    for (let i = 0; i < codes.length; i++) size += offsets[codes[i]! + 1]! - offsets[codes[i]!]!;
    return size;
  }

  #write(codes: ArrayLike<number>, size: number, lent: Lent): Uint8Array {
    const { offsets, bytes } = this.#texts;
    const out = lent.bytes(size);
    const view = viewOf(out);
    let at = 0;
    for (let i = 0; i < codes.length; i++) {
      const from = offsets[codes[i]!]!;
      const length = offsets[codes[i]! + 1]! - from;
      if (!this.#decimals) view.setInt32(at, length, true);
      at += this.#prefix;
      if (length > fewBytes) copyInto(out, at, bytes.subarray(from, from + length));
      else for (let k = 0; k < length; k++) out[at + k] = bytes[from + k]!;
      if (this.#decimals) out[at]! ^= 0x80;
      at += length;
    }
    return out;
  }

  /** A copy: bounds stay until the footer is written, and a view would keep all of its partition. */
  #entry(code: number): Uint8Array {
    const { offsets, bytes } = this.#texts;
    if (!this.#decimals) return bytes.slice(offsets[code]!, offsets[code + 1]!);
    return lending(lent => this.#write([code], entryBytes, lent).slice());
  }
}

/** Entries that a row refers to, in dictionary order, and the place of each. */
function usedEntries(column: Column, lent: Lent): { list: Int32Array; place: Int32Array } {
  const codes = column.values as Int32Array;
  const entries = column.dictionary!.length;
  const place = lent.ints(entries);
  for (let i = 0; i < column.length; i++) if (isValid(column, i)) place[codes[i]!] = 1;
  const list = lent.ints(entries, false);
  let n = 0;
  for (let code = 0; code < entries; code++) {
    if (place[code] === 0) continue;
    place[code] = n;
    list[n++] = code;
  }
  return { list: list.subarray(0, n), place };
}

/** Of null rows anything, which may have any code. */
function placesOf(codes: Int32Array, place: Int32Array, lent: Lent): Int32Array {
  const out = lent.ints(codes.length, false);
  for (let i = 0; i < codes.length; i++) out[i] = place[codes[i]!]!;
  return out;
}

/** The codes of rows [from, to) that are not null. */
export function validOnly(
  codes: Int32Array,
  column: Column,
  from: number,
  to: number,
  lent: Lent,
): Int32Array {
  if (column.validity === null) return codes.subarray(from, to);
  const out = lent.ints(to - from, false);
  let n = 0;
  for (let i = from; i < to; i++) if (isValid(column, i)) out[n++] = codes[i]!;
  return out.subarray(0, n);
}

/** Bytes of a value. */
export const sizes: Readonly<Record<number, number>> = {
  [FileType.Int32]: 4,
  [FileType.Int64]: 8,
  [FileType.Float]: 4,
  [FileType.Double]: 8,
};

function numberValues(column: Column, type: FileType, lent: Lent): FileValues {
  const put = writer(column, type);
  if (type === FileType.Boolean) return { plain: bits(column), bounds: boolBounds(column), dictionary: null };
  const size = sizes[type]!;
  const compare = comparer(column);
  return {
    plain(from, to, lent) {
      const out = lent.bytes((to - from) * size);
      const view = viewOf(out);
      let at = 0;
      for (let i = from; i < to; i++) {
        if (!isValid(column, i)) continue;
        put(view, at, i);
        at += size;
      }
      return out.subarray(0, at);
    },
    bounds(from, to) {
      let least = -1;
      let most = -1;
      for (let i = from; i < to; i++) {
        if (!isValid(column, i) || Number.isNaN(column.values[i])) continue;
        if (least < 0 || compare(i, least) < 0) least = i;
        if (most < 0 || compare(i, most) > 0) most = i;
      }
      if (least < 0) return null;
      const bytes = (row: number) => {
        const out = new Uint8Array(size);
        put(new DataView(out.buffer), 0, row);
        return out;
      };
      const found = [bytes(least), bytes(most)] as const;
      // Zeros of either sign are equal: readers are to find both within the bounds.
      const float = type === FileType.Float || type === FileType.Double;
      if (float && column.values[least] === 0) found[0][size - 1] = 0x80;
      if (float && column.values[most] === 0) found[1][size - 1] = 0;
      return found;
    },
    dictionary: numberDictionary(column, size, put, lent),
  };
}

/** Writes the value of a row at a byte. */
type Put = (view: DataView, at: number, row: number) => void;

function writer({ type, physical, values }: Column, fileType: FileType): Put {
  // The format has no seconds.
  const factor = type.kind === 'timestamp' && type.unit === 's' ? 1000n : 1n;
  switch (fileType) {
    case FileType.Float:
      return (view, at, row) => view.setFloat32(at, values[row]!, true);
    case FileType.Double:
      return (view, at, row) => view.setFloat64(at, values[row]!, true);
    case FileType.Int64:
      if (physical === 'i64' && factor === 1n) {
        return (view, at, row) => {
          view.setInt32(at, values[2 * row]!, true);
          view.setInt32(at + 4, values[2 * row + 1]!, true);
        };
      }
      if (factor !== 1n) {
        return (view, at, row) => {
          const wide =
            physical === 'i64'
              ? (BigInt(values[2 * row + 1]!) << 32n) | BigInt(values[2 * row]! >>> 0)
              : BigInt(values[row]!);
          view.setBigInt64(at, wide * factor, true);
        };
      }
      return (view, at, row) => {
        const value = values[row]!;
        view.setInt32(at, value, true);
        view.setInt32(at + 4, Math.floor(value / 4_294_967_296), true);
      };
    default:
      return (view, at, row) => view.setInt32(at, values[row]!, true);
  }
}

function comparer({ physical, type, values }: Column): (a: number, b: number) => number {
  if (physical !== 'i64') return (a, b) => values[a]! - values[b]!;
  const unsigned = type.kind === 'uint64';
  const high = (row: number) => (unsigned ? values[2 * row + 1]! >>> 0 : values[2 * row + 1]!);
  return (a, b) => high(a) - high(b) || (values[2 * a]! >>> 0) - (values[2 * b]! >>> 0);
}

function bits(column: Column) {
  return (from: number, to: number) => {
    const out = new Uint8Array((to - from + 7) >> 3);
    let n = 0;
    for (let i = from; i < to; i++) {
      if (!isValid(column, i)) continue;
      out[n >> 3]! |= column.values[i]! << (n & 7);
      n++;
    }
    return out.subarray(0, (n + 7) >> 3);
  };
}

function boolBounds(column: Column) {
  return (from: number, to: number) => {
    let least = 2;
    let most = -1;
    for (let i = from; i < to; i++) {
      if (!isValid(column, i)) continue;
      least = Math.min(least, column.values[i]!);
      most = Math.max(most, column.values[i]!);
    }
    return most < 0 ? null : ([Uint8Array.of(least), Uint8Array.of(most)] as const);
  };
}

/** Distinct values up to which a dictionary of numbers is tried, and what share of the rows they may be. */
const maxNumbers = 65_536;
const numbersPerRow = 1 / 4;

/** By bits: zeros of both signs and every NaN keep theirs. */
function numberDictionary(column: Column, size: number, put: Put, lent: Lent): FileDictionary | null {
  const most = Math.min(maxNumbers, Math.floor(column.length * numbersPerRow));
  const scratch = new Int32Array(2);
  const view = new DataView(scratch.buffer);
  const slots = lent.ints(4 * maxNumbers, false);
  fill(slots, 255);
  const entries = lent.ints(2 * most, false);
  const codes = lent.ints(column.length, false);
  let count = 0;
  for (let i = 0; i < column.length; i++) {
    if (!isValid(column, i)) continue;
    put(view, 0, i);
    const low = scratch[0]!;
    const high = size === 8 ? scratch[1]! : 0;
    let at = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> 14;
    let code: number;
    while ((code = slots[at]!) >= 0 && (entries[2 * code] !== low || entries[2 * code + 1] !== high)) {
      at = (at + 1) & (slots.length - 1);
    }
    if (code < 0) {
      if (count === most) return null;
      code = slots[at] = count++;
      entries[2 * code] = low;
      entries[2 * code + 1] = high;
    }
    codes[i] = code;
  }
  if (count === 0) return null;
  const page = lent.bytes(count * size);
  const out = viewOf(page);
  for (let c = 0; c < count; c++) {
    out.setInt32(c * size, entries[2 * c]!, true);
    if (size === 8) out.setInt32(c * size + 4, entries[2 * c + 1]!, true);
  }
  return { page, entries: count, codes };
}
