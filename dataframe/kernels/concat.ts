import { bitmapBytes } from '../column/bitmap.js';
import type { Batch, Column, Dictionary, ValueRange } from '../column/column.js';
import { copyInto } from '../column/copy-bytes.js';
import type { Schema } from '../column/datatype.js';
import { codedDecimal } from '../column/decimal-builder.js';
import { compact, oneDictionary, type Unified, unify } from '../column/dictionary.js';
import { allocateValues, emptyBatch, isHuge, isNested, isWide } from '../column/layout.js';
import type { Lent } from './lent.js';

/**
 * One batch of all rows, in order. Physical forms may differ from batch to batch; dictionaries are unified. With `lent`
 * its values are lent.
 */
export function concatBatches(schema: Schema, batches: readonly Batch[], lent?: Lent): Batch {
  return concatWith(schema, batches, () => unify, lent);
}

/**
 * As concatBatches, for rows that are moved on: but in the columns named, text of which there are nearly as many entries as
 * rows may repeat entries.
 */
export function concatMoved(schema: Schema, batches: readonly Batch[], compared: readonly string[]): Batch {
  return concatWith(schema, batches, name => (compared.includes(name) ? unify : oneDictionary));
}

/** Of dictionaries, for so many rows. */
type Uniting = (dictionaries: readonly Dictionary[], rows: number) => Unified;

function concatWith(
  schema: Schema,
  batches: readonly Batch[],
  unitingOf: (name: string) => Uniting,
  lent?: Lent,
): Batch {
  const filled = batches.filter(batch => batch.rows > 0);
  if (filled.length === 1) return filled[0]!;
  if (filled.length === 0) return batches[0] ?? emptyBatch(schema);
  let rows = 0;
  for (const batch of filled) rows += batch.rows;
  const columns = schema.map(({ name }, c) =>
    concatColumns(
      filled.map(batch => batch.columns[c]!),
      rows,
      lent,
      unitingOf(name),
    ),
  );
  return { schema, rows, columns };
}

/** One column of the values of several columns of one type; `rows` is their total length. */
export function concatColumns(
  columns: readonly Column[],
  rows: number,
  lent?: Lent,
  unite: Uniting = unify,
): Column {
  const first = columns[0]!;
  if (columns.length === 1) return first;
  if (first.physical === 'list') return concatLists(columns, rows);
  if (first.physical === 'struct') return concatStructs(columns, rows);
  const parts = alike(columns);
  const physical = parts[0]!.physical;
  const values = lent?.values(physical, rows) ?? allocateValues(physical, rows);
  let dictionary: Dictionary | null = null;
  if (physical === 'code') {
    const unified = unite(
      parts.map(column => column.dictionary!),
      rows,
    );
    dictionary = unified.dictionary;
    concatCodes(parts, unified.maps, values as Int32Array);
  } else {
    let at = 0;
    for (const part of parts) {
      copyInto(values, at, part.values);
      at += part.values.length;
    }
  }
  const validity = concatValidity(parts, rows);
  return {
    type: first.type,
    physical,
    length: rows,
    ...validity,
    values,
    dictionary,
    ...rangeOfAll(columns),
  };
}

/** Columns of one type in one physical form: the widest that one of them has. */
export function alike(columns: readonly Column[]): readonly Column[] {
  const { physical, type } = columns[0]!;
  if (columns.every(column => column.physical === physical)) return columns;
  return columns.map(isHuge(type) ? codedDecimal : widen);
}

/** The bounds of all, where each is known. */
export function rangeOfAll(columns: readonly Column[]): { readonly range?: ValueRange } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const { range, length } of columns) {
    if (length === 0) continue;
    if (range === undefined) return {};
    min = Math.min(min, range.min);
    max = Math.max(max, range.max);
  }
  return min > max ? {} : { range: { min, max } };
}

function concatLists(columns: readonly Column[], rows: number): Column {
  const offsets = new Int32Array(rows + 1);
  let at = 0;
  let total = 0;
  for (const { values, length } of columns) {
    for (let i = 0; i <= length; i++) offsets[at + i] = total + values[i]!;
    at += length;
    total = offsets[at]!;
  }
  const items = concatColumns(
    columns.map(column => column.items!),
    total,
  );
  const { type } = columns[0]!;
  const validity = concatValidity(columns, rows);
  return { type, physical: 'list', length: rows, ...validity, values: offsets, dictionary: null, items };
}

function concatStructs(columns: readonly Column[], rows: number): Column {
  const fields = columns[0]!.fields!.map((_, f) =>
    concatColumns(
      columns.map(column => column.fields![f]!),
      rows,
    ),
  );
  return { ...columns[0]!, length: rows, ...concatValidity(columns, rows), fields };
}

function concatCodes(
  parts: readonly Column[],
  maps: readonly (Int32Array | null)[],
  values: Int32Array,
): void {
  let at = 0;
  parts.forEach((part, p) => {
    const map = maps[p]!;
    const codes = part.values as Int32Array;
    if (map === null || map.length === 0) copyInto(values, at, codes);
    else for (let i = 0; i < codes.length; i++) values[at + i] = map[codes[i]!]!;
    if (map !== null && part.validity !== null) zeroNulls(values, at, part.validity, codes.length);
    at += codes.length;
  });
}

/** Null slots hold 0, whatever entry 0 of their old dictionary was mapped to. */
function zeroNulls(values: Int32Array, at: number, validity: Uint8Array, rows: number): void {
  for (let i = 0; i < rows; i++) {
    if (((validity[i >> 3]! >> (i & 7)) & 1) === 0) values[at + i] = 0;
  }
}

export function concatValidity(
  parts: readonly Column[],
  rows: number,
): { validity: Uint8Array | null; nullCount: number } {
  let nullCount = 0;
  for (const part of parts) nullCount += part.nullCount;
  if (nullCount === 0) return { validity: null, nullCount };
  const out = new Uint8Array(bitmapBytes(rows));
  let at = 0;
  for (const { validity, length } of parts) {
    for (let i = 0; i < length; i++) {
      const bit = validity === null ? 1 : (validity[i >> 3]! >> (i & 7)) & 1;
      out[(at + i) >> 3]! |= bit << ((at + i) & 7);
    }
    at += length;
  }
  return { validity: out, nullCount };
}

/** A column of 64-bit integers as pairs of words. */
export function widen(column: Column): Column {
  if (column.physical === 'i64') return column;
  const { values, length } = column;
  const words = new Int32Array(2 * length);
  for (let i = 0; i < length; i++) {
    const v = values[i]!;
    words[2 * i] = v | 0;
    words[2 * i + 1] = Math.floor(v / 4294967296);
  }
  return { ...column, physical: 'i64', values: words };
}

/** Every column of 64-bit integers as pairs of words. */
export function widenBatch(batch: Batch): Batch {
  const columns = batch.columns.map(column => (isWide(column.type) ? widen(column) : column));
  return { ...batch, columns };
}

/** Pairs of words as f64 when every value is a safe integer; else the column as it is. */
export function narrow(column: Column): Column {
  if (column.physical !== 'i64') return column;
  const { length } = column;
  const words = column.values as Int32Array;
  const unsigned = column.type.kind === 'uint64';
  const out = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const high = words[2 * i + 1]!;
    const v = (unsigned ? high >>> 0 : high) * 4294967296 + (words[2 * i]! >>> 0);
    if (v > Number.MAX_SAFE_INTEGER || v < Number.MIN_SAFE_INTEGER) return column;
    out[i] = v;
  }
  return { ...column, physical: 'f64', values: out };
}

/** Drops dictionary entries that no row refers to. */
export function compactBatch(batch: Batch): Batch {
  let changed = false;
  const columns = batch.columns.map(column => {
    const smaller = withoutUnused(column);
    changed ||= smaller !== column;
    return smaller;
  });
  return changed ? { ...batch, columns } : batch;
}

function withoutUnused(column: Column): Column {
  if (column.items !== undefined) {
    const items = withoutUnused(column.items);
    return items === column.items ? column : { ...column, items };
  }
  if (column.fields !== undefined) {
    const fields = column.fields.map(withoutUnused);
    return fields.every((field, f) => field === column.fields![f]) ? column : { ...column, fields };
  }
  if (column.physical !== 'code') return column;
  const codes = column.values as Int32Array;
  const smaller = compact(column.dictionary!, codes, column.length);
  if (smaller === null) return column;
  const values = new Int32Array(column.length);
  const { map } = smaller;
  // Null slots hold code 0; an all-null column keeps it although its dictionary may be empty.
  for (let i = 0; i < values.length; i++) values[i] = map[codes[i]!]!;
  return { ...column, values, dictionary: smaller.dictionary };
}

/** The rows in memory of their own, as far as columns are flat: what they are a slice of need not be kept for them. */
export function detachBatch(batch: Batch): Batch {
  const columns = batch.columns.map(column => {
    if (isNested(column.type)) return column;
    const { values, validity, ...rest } = compactColumn(column);
    return { ...rest, values: values.slice(), validity: validity?.slice() ?? null };
  });
  return { ...batch, columns };
}

/** The column with a dictionary of only what it refers to, when the dictionary is more than twice its rows. */
export function compactColumn(column: Column): Column {
  if (column.dictionary === null || column.dictionary.length <= 2 * column.length) return column;
  const codes = column.values as Int32Array;
  const smaller = compact(column.dictionary, codes, column.length);
  if (smaller === null) return column;
  const values = new Int32Array(column.length);
  for (let i = 0; i < values.length; i++) values[i] = smaller.map[codes[i]!]!;
  return { ...column, values, dictionary: smaller.dictionary };
}
