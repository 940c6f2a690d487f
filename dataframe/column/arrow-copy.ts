import * as arrow from 'apache-arrow';
import { packValidity } from './bitmap.js';
import type { Column, Dictionary, Values } from './column.js';
import type { DataType } from './datatype.js';
import { decimalColumn } from './decimal-builder.js';
import { dictionaryId } from './dictionary.js';
import { allocateValues, physicalOf } from './layout.js';
import { distinctEntries, StringTable } from './string-table.js';
import { columnOfWords } from './words.js';

/** Rows [from, from + count) of one chunk. */
export interface Segment {
  readonly data: arrow.Data;
  readonly from: number;
  readonly count: number;
}

/** Makes a column of the rows of some segments, as a whole instead of value by value. May share memory with them. */
export type BulkCopier = (segments: readonly Segment[], rows: number) => Column;

/** For types that lie in Arrow as they do here, or nearly so; null: they go through a builder. */
export function bulkCopier(
  vector: arrow.Vector,
  arrowType: arrow.DataType,
  type: DataType,
): BulkCopier | null {
  if (arrow.DataType.isDictionary(arrowType)) return dictionaryCopier(vector, arrowType, type);
  if (arrow.DataType.isFloat(arrowType)) return arrowType.precision === 0 ? null : plainCopier(type);
  if (type.kind === 'decimal') {
    return (segments, rows) => decimalColumn(type, wordsOf(segments, rows, 4), flagsOf(segments, rows));
  }
  if (physicalOf(type) === 'f64') return (segments, rows) => wordsColumn(type, segments, rows);
  const plain = arrow.DataType.isInt(arrowType) || arrow.DataType.isDate(arrowType);
  return plain ? plainCopier(type) : null;
}

/** 1 = valid, by row; null when all are. Slicing a chunk moves its values but not its bitmap: it is read at data.offset. */
function flagsOf(segments: readonly Segment[], rows: number): Uint8Array | null {
  if (segments.every(({ data }) => data.nullCount === 0)) return null;
  const flags = new Uint8Array(rows).fill(1);
  let at = 0;
  for (const { data, from, count } of segments) {
    const bits = data.nullCount > 0 ? data.nullBitmap : null;
    const first = data.offset + from;
    if (bits != null) {
      for (let i = 0; i < count; i++) flags[at + i] = (bits[(first + i) >> 3]! >> ((first + i) & 7)) & 1;
    }
    at += count;
  }
  return flags;
}

function validityOf(flags: Uint8Array | null, rows: number) {
  return flags === null ? { validity: null, nullCount: 0 } : packValidity(flags, rows);
}

function plainCopier(type: DataType): BulkCopier {
  const physical = physicalOf(type);
  return (segments, rows) => {
    const flags = flagsOf(segments, rows);
    let values: Values;
    if (flags === null && segments.length === 1) {
      const { data, from, count } = segments[0]!;
      values = (data.values as Values).subarray(from, from + count) as Values;
    } else {
      values = allocateValues(physical, rows);
      let at = 0;
      for (const { data, from, count } of segments) {
        values.set((data.values as Values).subarray(from, from + count) as never, at);
        at += count;
      }
      // Null slots hold 0.
      if (flags !== null) for (let i = 0; i < rows; i++) if (flags[i] === 0) values[i] = 0;
    }
    return { type, physical, length: rows, ...validityOf(flags, rows), values, dictionary: null };
  };
}

/** 64-bit integers: null slots are set to 0 in a copy, and what is kept is no part of the table. */
function wordsColumn(type: DataType, segments: readonly Segment[], rows: number): Column {
  const flags = flagsOf(segments, rows);
  const words = wordsOf(segments, rows, 2);
  if (flags !== null) {
    for (let i = 0; i < rows; i++) if (flags[i] === 0) words[2 * i] = words[2 * i + 1] = 0;
  }
  const column = columnOfWords(type, words, validityOf(flags, rows));
  return column.values === words && flags === null ? { ...column, values: words.slice() } : column;
}

/** The words of all segments, one after another: a view where there is one without nulls. */
function wordsOf(segments: readonly Segment[], rows: number, perValue: 2 | 4): Int32Array {
  const views = segments.map(({ data, from, count }) => {
    const values = data.values as BigInt64Array | Int32Array;
    return new Int32Array(values.buffer, values.byteOffset + 4 * perValue * from, perValue * count);
  });
  if (views.length === 1 && segments[0]!.data.nullCount === 0) return views[0]!;
  const words = new Int32Array(perValue * rows);
  let at = 0;
  for (const view of views) {
    words.set(view, at);
    at += view.length;
  }
  return words;
}

/** Keeps the dictionaries of the chunks as they are: one object, and so one id, for all partitions of the table. */
function dictionaryCopier(
  vector: arrow.Vector,
  arrowType: arrow.Dictionary,
  type: DataType,
): BulkCopier | null {
  const { dictionary: entryType, indices } = arrowType;
  if (!arrow.DataType.isUtf8(entryType) && !arrow.DataType.isBinary(entryType)) return null;
  if ((indices.bitWidth as number) === 64) return null;
  const chunks = vector.data as readonly arrow.Data[];
  const vectors = [...new Set(chunks.map(chunk => chunk.dictionary as arrow.Vector))];
  const entries = vectors.map(entriesOf);
  if (entries.some(each => each === null)) return null;
  const { dictionary: plain, maps } = distinct(entries as Dictionary[]);
  const id = dictionaryId(plain, vector.length);
  const dictionary: Dictionary = id === null ? plain : { ...plain, id };
  const lengths = entries.map(each => each!.length);
  return (segments, rows) => {
    let flags = flagsOf(segments, rows);
    const codes = codesOf(
      segments,
      rows,
      flags,
      maps.every(map => map === null),
    );
    let at = 0;
    for (const { data, count } of segments) {
      const v = vectors.indexOf(data.dictionary as arrow.Vector);
      if (!allBelow(codes, at, at + count, lengths[v]!)) {
        flags ??= new Uint8Array(rows).fill(1);
        nullBeyond(codes, at, at + count, lengths[v]!, flags);
      }
      const map = maps[v]!;
      if (map !== null)
        for (let i = at; i < at + count; i++) codes[i] = map.length === 0 ? 0 : map[codes[i]!]!;
      at += count;
    }
    // Null slots hold 0, whatever entry 0 was mapped to.
    if (flags !== null) for (let i = 0; i < rows; i++) if (flags[i] === 0) codes[i] = 0;
    return { type, physical: 'code', length: rows, ...validityOf(flags, rows), values: codes, dictionary };
  };
}

/** The keys of all segments. A view only where nothing has to be changed in it. */
function codesOf(
  segments: readonly Segment[],
  rows: number,
  flags: Uint8Array | null,
  asIs: boolean,
): Int32Array {
  const first = segments[0]!;
  const { values } = first.data;
  if (segments.length === 1 && flags === null && asIs && values instanceof Int32Array) {
    const view = values.subarray(first.from, first.from + first.count);
    if (allBelow(view, 0, rows, (first.data.dictionary as arrow.Vector).length)) return view;
  }
  const codes = new Int32Array(rows);
  let at = 0;
  for (const { data, from, count } of segments) {
    codes.set((data.values as Int32Array).subarray(from, from + count), at);
    at += count;
  }
  return codes;
}

function allBelow(codes: Int32Array, from: number, to: number, bound: number): boolean {
  let bad = 0;
  for (let i = from; i < to; i++) bad |= codes[i]! >>> 0 < bound ? 0 : 1;
  return bad === 0;
}

/** A key without an entry is null. */
function nullBeyond(codes: Int32Array, from: number, to: number, bound: number, flags: Uint8Array): void {
  for (let i = from; i < to; i++) {
    if (codes[i]! >>> 0 < bound) continue;
    codes[i] = 0;
    flags[i] = 0;
  }
}

/** The entries of a dictionary vector, their memory shared; null when it is in several pieces or has null entries. */
function entriesOf(vector: arrow.Vector | null): Dictionary | null {
  const data = vector?.data[0];
  if (vector == null || data === undefined || vector.data.length !== 1 || data.nullCount > 0) return null;
  const { length } = data;
  const offsets = (data.valueOffsets as Int32Array).subarray(0, length + 1);
  const first = offsets[0]!;
  const bytes = (data.values as Uint8Array).subarray(first, offsets[length]!);
  return { length, offsets: first === 0 ? offsets : offsets.map(offset => offset - first), bytes };
}

/** One dictionary of distinct entries; a map where codes change. */
function distinct(all: readonly Dictionary[]): {
  dictionary: Dictionary;
  maps: readonly (Int32Array | null)[];
} {
  const table = new StringTable(Math.max(...all.map(each => each.length)));
  const maps = all.map(each => table.internAll(each));
  if (all.length === 1 && table.length === all[0]!.length) {
    return { dictionary: distinctEntries(all[0]!), maps: [null] };
  }
  return { dictionary: table.toDictionary(), maps };
}
