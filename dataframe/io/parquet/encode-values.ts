import type { Column } from '../../column/column.js';
import { codedDecimal } from '../../column/decimal-builder.js';
import { entryBytes } from '../../column/decimal-entries.js';
import { compareBytes } from '../../column/string-table.js';
import { distinctColumn } from '../../kernels/distinct-text.js';
import { FileType } from './encode.js';

/** Entries of a dictionary page; codes of more bits are not packed. */
const maxEntries = 2 ** 20;
/** Bytes of a dictionary page. */
const maxDictionaryBytes = 8 * 1024 * 1024;
/** A bound of text longer than that is left out of the statistics: it is optional, and a cut one is not exact. */
const maxBoundBytes = 256;

/** The values of one column of one row group in the file's form, without the null ones. */
export interface FileValues {
  /** PLAIN values of rows [from, to). */
  plain(from: number, to: number): Uint8Array;
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

export function fileValues(column: Column, type: FileType): FileValues {
  if (type === FileType.FixedBytes) return textValues(codedDecimal(column), true);
  return type === FileType.ByteArray ? textValues(column) : numberValues(column, type);
}

const isValid = ({ validity }: Column, row: number) =>
  validity === null || ((validity[row >> 3]! >> (row & 7)) & 1) === 1;

/** `decimals`: entries of huge decimals, which files have with their sign bit as it is and without a length. */
function textValues(given: Column, decimals = false): FileValues {
  const prefix = decimals ? 0 : 4;
  const column = given.dictionary!.repeats === true ? distinctColumn(given) : given;
  const codes = column.values as Int32Array;
  const { offsets, bytes } = column.dictionary!;
  const used = usedEntries(column);
  let usedBytes = 0;
  let allBytes = 0;
  for (const code of used.list) usedBytes += prefix + offsets[code + 1]! - offsets[code]!;
  for (let i = 0; i < column.length; i++) {
    if (isValid(column, i)) allBytes += prefix + offsets[codes[i]! + 1]! - offsets[codes[i]!]!;
  }
  const coded = usedBytes + (column.length * Math.ceil(Math.log2(used.list.length + 1))) / 8;
  const worth = coded < allBytes && used.list.length <= maxEntries && usedBytes <= maxDictionaryBytes;
  const write = (entries: Int32Array | number[], size: number) => {
    const out = new Uint8Array(size);
    const view = new DataView(out.buffer);
    let at = 0;
    for (const code of entries) {
      const from = offsets[code]!;
      const length = offsets[code + 1]! - from;
      if (!decimals) view.setInt32(at, length, true);
      at += prefix;
      if (length > 32) out.set(bytes.subarray(from, from + length), at);
      else for (let k = 0; k < length; k++) out[at + k] = bytes[from + k]!;
      if (decimals) out[at]! ^= 0x80;
      at += length;
    }
    return out;
  };
  const entryOf = (code: number) => {
    // A copy: bounds stay until the footer is written, and a view would keep all of its partition.
    if (!decimals) return bytes.slice(offsets[code]!, offsets[code + 1]!);
    return write([code], entryBytes);
  };
  return {
    plain(from, to) {
      const rows = validCodes(column, from, to);
      let size = 0;
      for (let i = 0; i < rows.length; i++) size += prefix + offsets[rows[i]! + 1]! - offsets[rows[i]!]!;
      return write(rows, size);
    },
    bounds(from, to) {
      if (column.type.kind === 'binary') return null;
      let least = -1;
      let most = -1;
      const seen = new Uint8Array(column.dictionary!.length);
      for (let i = from; i < to; i++) {
        const code = codes[i]!;
        if (!isValid(column, i) || seen[code] === 1) continue;
        seen[code] = 1;
        const [a, b] = [offsets[code]!, offsets[code + 1]!];
        if (least < 0 || compareBytes(bytes, a, b, bytes, offsets[least]!, offsets[least + 1]!) < 0)
          least = code;
        if (most < 0 || compareBytes(bytes, a, b, bytes, offsets[most]!, offsets[most + 1]!) > 0) most = code;
      }
      if (least < 0) return null;
      const found = [entryOf(least), entryOf(most)] as const;
      return found.some(bound => bound.length > maxBoundBytes) ? null : found;
    },
    dictionary: worth
      ? {
          page: write(used.list, usedBytes),
          entries: used.list.length,
          codes: Int32Array.from(codes, code => used.place[code]!),
        }
      : null,
  };
}

/** Entries that a row refers to, in dictionary order, and the place of each. */
function usedEntries(column: Column): { list: number[]; place: Int32Array } {
  const codes = column.values as Int32Array;
  const place = new Int32Array(column.dictionary!.length);
  for (let i = 0; i < column.length; i++) if (isValid(column, i)) place[codes[i]!] = 1;
  const list: number[] = [];
  place.forEach((is, code) => {
    if (is === 0) return;
    place[code] = list.length;
    list.push(code);
  });
  return { list, place };
}

function validCodes(column: Column, from: number, to: number): Int32Array {
  const codes = column.values as Int32Array;
  if (column.validity === null) return codes.subarray(from, to);
  const out = new Int32Array(to - from);
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

function numberValues(column: Column, type: FileType): FileValues {
  const put = writer(column, type);
  if (type === FileType.Boolean) return { plain: bits(column), bounds: boolBounds(column), dictionary: null };
  const size = sizes[type]!;
  const compare = comparer(column);
  return {
    plain(from, to) {
      const out = new Uint8Array((to - from) * size);
      const view = new DataView(out.buffer);
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
    dictionary: numberDictionary(column, size, put),
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
function numberDictionary(column: Column, size: number, put: Put): FileDictionary | null {
  const most = Math.min(maxNumbers, Math.floor(column.length * numbersPerRow));
  const scratch = new Int32Array(2);
  const view = new DataView(scratch.buffer);
  const slots = new Int32Array(4 * maxNumbers).fill(-1);
  const entries = new Int32Array(2 * most);
  const codes = new Int32Array(column.length);
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
  const page = new Uint8Array(count * size);
  const out = new DataView(page.buffer);
  for (let c = 0; c < count; c++) {
    out.setInt32(c * size, entries[2 * c]!, true);
    if (size === 8) out.setInt32(c * size + 4, entries[2 * c + 1]!, true);
  }
  return { page, entries: count, codes };
}
