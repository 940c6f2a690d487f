import { VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import type { PartitionHeader } from '../../core/graph/partition.js';
import { InterleavedBatch, interleavedRecord, type RecordSource } from '../kernels/interleaved.js';
import { bitmapBytes, countValid } from './bitmap.js';
import type { Batch, Column, Dictionary, ValueRange, Values } from './column.js';
import {
  type DataType,
  type Field,
  formatType,
  isDecimal,
  isPlainType,
  type Schema,
  sameType,
} from './datatype.js';
import { entryBytes } from './decimal-entries.js';
import { knownDictionary, rememberDictionary, type SharedDictionaries } from './dictionary-cache.js';
import { bytesOfValues, emptyDictionary, isPhysicalOf, viewValues } from './layout.js';
import { isNarrow, keepNarrow } from './narrow.js';
import { hasRange } from './range.js';
import type { BufferRange, ColumnMeta, DictionaryMeta, PartitionMeta } from './slab.js';
import { unpackMeta } from './slab-meta.js';

/**
 * The batch in `bytes`, without copying: columns are views, valid as long as the bytes are. Everything that a later
 * read relies on is checked here, before the first read; what does not hold is CORRUPT_PARTITION. Flipped values
 * are the checksum's business. Dictionaries of one id are one object: in the whole thread when small, else in all that
 * is decoded with the same `shared`, whose bytes must live as long as it does. `read` names the columns that will be
 * looked at (null: all); the others only keep their places. `trusted`: this process wrote the bytes, from columns that
 * were checked or computed, and they never left its memory; then only the layout is checked, not value by value.
 */
export function decodeBatch(
  header: PartitionHeader,
  bytes: Uint8Array,
  shared: SharedDictionaries | null = null,
  read: ReadonlySet<string> | null = null,
  trusted = false,
): Batch {
  const layout = layoutOf(header);
  const { meta, schema, unread } = layout;
  if (bytes.byteLength < header.byteLength) {
    throw corrupt(`${header.byteLength} bytes were promised, ${bytes.byteLength} came`);
  }
  const exact = bytes.subarray(0, header.byteLength);
  // Views of 64-bit values need aligned memory; arenas and receivers give it, anything else is copied once.
  const base = exact.byteOffset % 8 === 0 ? exact : exact.slice();
  if (meta.interleaved === true) {
    return interleavedBatch(layout, header.byteLength, offset => ({
      bytes: base.subarray(offset),
      read: (target, from) => target.set(base.subarray(offset + from, offset + from + target.byteLength)),
    }));
  }
  const from: Source = { bytes: base, shared, trusted };
  const columns: Column[] = [];
  described(() => {
    for (let c = 0; c < meta.columns.length; c++) {
      const column = meta.columns[c]!;
      if (read === null || read.has(column.name)) columns.push(decodeColumn(column, meta.rows, from));
      else columns.push((unread[c] ??= unreadColumn(column, meta.rows)));
    }
  });
  const batch: Batch = { schema, rows: meta.rows, columns };
  return meta.parts === undefined ? batch : { ...batch, parts: checkedParts(meta.parts, meta.rows) };
}

/**
 * The batch of a slice that is not in memory: `read` fills its target with the bytes from an offset of the slice on, and `make`
 * makes a column whose values begin at an offset. Null where a column is more than plain values.
 */
export function decodeUnread(
  header: PartitionHeader,
  read: (target: Uint8Array, offset: number) => void,
  make: (column: Omit<Column, 'values'>, offset: number) => Column,
): Batch | null {
  const layout = layoutOf(header);
  const { meta, schema } = layout;
  if (meta.interleaved === true) {
    return interleavedBatch(layout, header.byteLength, offset => ({
      bytes: null,
      read: (target, from) => read(target, offset + from),
    }));
  }
  if (!meta.columns.every(({ physical }) => physical !== 'code' && physical !== 'list')) return null;
  if (meta.parts !== undefined || meta.columns.some(({ fields }) => fields !== undefined)) return null;
  const columns = meta.columns.map(column => {
    const { name, type, physical, nullCount } = column;
    checkColumn(column, meta.rows, false);
    let validity: Uint8Array | null = null;
    if (column.validity !== null) {
      const size = bitmapBytes(meta.rows);
      const offset = offsetOf(column.validity, size, header.byteLength, `${name}: validity`);
      validity = new Uint8Array(size);
      read(validity, offset);
      checkNulls(validity, meta.rows, nullCount, name);
    }
    if (column.dictionary !== null) throw corrupt(`${name}: dictionary`);
    const size = bytesOfValues(physical, meta.rows);
    const offset = offsetOf(column.values, size, header.byteLength, `${name}: values`);
    const range = decodeRange(column);
    const plain = { type, physical, length: meta.rows, nullCount, validity, dictionary: null };
    return make(range === null ? plain : { ...plain, range }, offset);
  });
  return { schema, rows: meta.rows, columns };
}

/** Rows as records, which all columns have for their values. */
function interleavedBatch(
  { meta, schema }: Layout,
  byteLength: number,
  sourceAt: (offset: number) => RecordSource,
): Batch {
  const { rows } = meta;
  const columns = described(() => meta.columns.map(column => partOfRecord(column, rows)));
  const record = interleavedRecord(columns);
  if (record === null || meta.parts !== undefined) throw corrupt('its columns do not make records');
  const offsets = meta.columns.map(({ name, values }) =>
    offsetOf(values, rows * record.bytes, byteLength, `${name}: records`),
  );
  if (offsets.some(offset => offset !== offsets[0])) throw corrupt('its columns are in different records');
  return new InterleavedBatch(schema, rows, columns, sourceAt(offsets[0]!));
}

function partOfRecord(column: ColumnMeta, length: number): Omit<Column, 'values'> {
  checkColumn(column, length, false);
  const { name, type, physical, validity, dictionary, items, fields } = column;
  const plain = physical !== 'code' && physical !== 'list' && items === undefined && fields === undefined;
  if (!plain || validity !== null || dictionary !== null) throw corrupt(`${name}: no part of a record`);
  const range = decodeRange(column);
  const found = { type, physical, length, nullCount: 0, validity: null, dictionary: null };
  return range === null ? found : { ...found, range };
}

/** Reads what describes columns: errors that it was not written to meet say that it is damaged. */
function described<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof VolleyError && error.code === 'CORRUPT_PARTITION') throw error;
    throw corrupt(`column layout: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What columns are decoded from. */
interface Source {
  readonly bytes: Uint8Array;
  readonly shared: SharedDictionaries | null;
  /** Values were checked before: see decodeBatch. */
  readonly trusted: boolean;
}

/** Row numbers that ascend from 0 to the last row. */
function checkedParts(parts: readonly number[], rows: number): readonly number[] {
  const ascend =
    Array.isArray(parts) &&
    parts.length > 1 &&
    parts[0] === 0 &&
    parts.at(-1) === rows &&
    parts.every((part, p) => Number.isInteger(part) && (p === 0 || part >= parts[p - 1]!));
  if (!ascend) throw corrupt('its parts do not add up to its rows');
  return parts;
}

const noValues = new Uint8Array(0);

/** A column of the right type and length that nobody looks into. */
function unreadColumn({ type, physical }: ColumnMeta, length: number): Column {
  const dictionary = physical === 'code' ? emptyDictionary : null;
  return { type, physical, length, nullCount: 0, validity: null, values: noValues, dictionary };
}

function corrupt(detail: string): VolleyError {
  return new VolleyError('CORRUPT_PARTITION', `a partition is not what its header says: ${detail}`, {
    detail,
  });
}

function isCount(value: unknown, most = 2 ** 31): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}

/** What the layout of a partition says without its bytes. */
interface Layout {
  readonly meta: PartitionMeta;
  /** One object for all partitions of this layout. */
  readonly schema: Schema;
  /** Columns that nobody looked into, by position. */
  readonly unread: (Column | undefined)[];
}

/**
 * Layouts this thread has read, by their text; least recently used first. A table is asked about again and again, and a
 * query that is asked again makes partitions of the same layouts.
 */
const layouts = new Map<string, Layout>();

function layoutOf({ byteLength, rows, meta: packed }: PartitionHeader): Layout {
  if (!isCount(byteLength, Number.MAX_SAFE_INTEGER)) throw corrupt('byte length');
  let layout: Layout | undefined;
  if (packed.byteLength > limits.cachedLayoutBytes) {
    layout = readLayout(packed);
  } else {
    const key = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength).toString('latin1');
    layout = layouts.get(key);
    if (layout === undefined) layout = readLayout(packed);
    else layouts.delete(key);
    layouts.set(key, layout);
    if (layouts.size > limits.cachedLayouts) layouts.delete(layouts.keys().next().value!);
  }
  if (layout.meta.rows !== rows) {
    throw corrupt(`${rows} rows in the header, ${layout.meta.rows} in the layout`);
  }
  return layout;
}

function readLayout(packed: Uint8Array): Layout {
  const meta = unpackMeta<PartitionMeta>(packed);
  if (!isCount(meta.rows) || !Array.isArray(meta.columns)) {
    throw corrupt('its layout is not one of a dataframe');
  }
  if (meta.columns.length > limits.partitionColumns) throw corrupt(`${meta.columns.length} columns`);
  const schema = meta.columns.map((column): Field => {
    if (typeof column !== 'object' || column === null || typeof column.name !== 'string')
      throw corrupt('column');
    return { name: column.name, type: column.type };
  });
  return { meta, schema, unread: [] };
}

/** A range of the slab as bytes, if it lies inside and is aligned for elements of 8 bytes. */
function rangeOf(range: BufferRange, length: number, bytes: Uint8Array, what: string): Uint8Array {
  const offset = offsetOf(range, length, bytes.byteLength, what);
  return bytes.subarray(offset, offset + length);
}

/** Where it begins. */
function offsetOf(range: BufferRange, length: number, byteLength: number, what: string): number {
  if (!Array.isArray(range) || !isCount(range[0]) || !isCount(range[1])) throw corrupt(`${what}: no range`);
  const [offset, size] = range;
  if (offset % 8 !== 0) throw corrupt(`${what}: offset ${offset} is not aligned`);
  if (size !== length) throw corrupt(`${what}: ${size} bytes instead of ${length}`);
  if (offset + size > byteLength) throw corrupt(`${what}: ${offset} + ${size} is beyond ${byteLength}`);
  return offset;
}

/** What a column says of itself, without a look at its bytes. */
function checkColumn(meta: ColumnMeta, rows: number, trusted: boolean): void {
  if (typeof meta !== 'object' || meta === null || typeof meta.name !== 'string') throw corrupt('column');
  const { name, type, physical, nullCount } = meta;
  if (!(trusted || isType(type)) || !isPhysicalOf(type, physical)) throw corrupt(`${name}: unknown type`);
  if (!isCount(nullCount, rows)) throw corrupt(`${name}: null count`);
  if (nullCount > 0 !== (meta.validity !== null)) throw corrupt(`${name}: nulls without a bitmap`);
}

function checkNulls(validity: Uint8Array, rows: number, nullCount: number, name: string): void {
  if (countValid(validity, rows) !== rows - nullCount) throw corrupt(`${name}: null count`);
}

function decodeColumn(meta: ColumnMeta, rows: number, from: Source): Column {
  const { bytes, trusted } = from;
  checkColumn(meta, rows, trusted);
  const { name, type, physical, nullCount } = meta;
  let validity: Uint8Array | null = null;
  if (meta.validity !== null) {
    validity = rangeOf(meta.validity, bitmapBytes(rows), bytes, `${name}: validity`);
    if (!trusted) checkNulls(validity, rows, nullCount, name);
  }
  const raw = rangeOf(meta.values, bytesOfValues(physical, rows), bytes, `${name}: values`);
  const values = viewValues(physical, raw.buffer, raw.byteOffset, rows);
  if ((physical === 'code') !== (meta.dictionary !== null)) throw corrupt(`${name}: dictionary`);
  let dictionary: Dictionary | null = null;
  if (meta.dictionary !== null) {
    dictionary = decodeDictionary(meta.dictionary, name, from);
    if (!trusted) checkCodes(values as Int32Array, dictionary.length, rows, nullCount, name);
    if (!trusted && type.kind === 'decimal') checkEntries(dictionary, name);
  }
  const range = decodeRange(meta);
  // What came from elsewhere would have to be compared.
  if (trusted && meta.narrow !== undefined) decodeNarrow(meta.narrow, values, name, bytes);
  // Spread objects are a shape of their own each time, and cost more than what they hold.
  const column: Column =
    range === null
      ? { type, physical, length: rows, nullCount, validity, values, dictionary }
      : { type, physical, length: rows, nullCount, validity, values, dictionary, range };
  if ((type.kind === 'list') !== (meta.items !== undefined)) throw corrupt(`${name}: items`);
  if (type.kind === 'struct') return { ...column, fields: decodeFields(meta, rows, type.fields, from) };
  return type.kind === 'list' ? { ...column, items: decodeItems(meta, rows, type.item, from) } : column;
}

function decodeNarrow(
  { physical, values: range }: NonNullable<ColumnMeta['narrow']>,
  values: Values,
  name: string,
  bytes: Uint8Array,
): void {
  if (!isNarrow(physical)) throw corrupt(`${name}: a narrow form of ${physical}`);
  const raw = rangeOf(range, bytesOfValues(physical, values.length), bytes, `${name}: narrow values`);
  keepNarrow(values, viewValues(physical, raw.buffer, raw.byteOffset, values.length));
}

function decodeRange(meta: ColumnMeta): ValueRange | null {
  const { name, range } = meta;
  if (range === null) return null;
  if (!Array.isArray(range) || range.length !== 2 || !hasRange(meta)) throw corrupt(`${name}: range`);
  const [min, max] = range as [number, number];
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || min > max) throw corrupt(`${name}: range`);
  return { min, max };
}

/** The items of a list column, whose offsets must ascend from 0 to the last item. */
function decodeItems(meta: ColumnMeta, rows: number, item: DataType, from: Source): Column {
  const { name, items } = meta;
  if (typeof items !== 'object' || !isCount(items.length)) throw corrupt(`${name}: items`);
  const column = decodeColumn(items.column, items.length, from);
  if (!sameType(column.type, item)) throw corrupt(`${name}: items of another type`);
  if (from.trusted) return column;
  const raw = rangeOf(meta.values, (rows + 1) * 4, from.bytes, `${name}: offsets`);
  const offsets = new Int32Array(raw.buffer, raw.byteOffset, rows + 1);
  let bad = offsets[0] === 0 && offsets[rows] === items.length ? 0 : 1;
  for (let i = 0; i < rows; i++) bad |= offsets[i + 1]! < offsets[i]! ? 1 : 0;
  if (bad !== 0) throw corrupt(`${name}: offsets do not ascend to the ${items.length} items`);
  return column;
}

/** The fields of a struct column: those of its type, each of as many rows. */
function decodeFields(
  { name, fields }: ColumnMeta,
  rows: number,
  types: readonly Field[],
  from: Source,
): Column[] {
  if (!Array.isArray(fields) || fields.length !== types.length) throw corrupt(`${name}: fields`);
  return types.map((field, f) => {
    const column = decodeColumn(fields[f] as ColumnMeta, rows, from);
    if (!sameType(column.type, field.type)) throw corrupt(`${name}: field ${field.name} of another type`);
    return column;
  });
}

function isType(type: DataType): boolean {
  if (typeof type !== 'object' || type === null || typeof type.kind !== 'string') return false;
  if (type.kind === 'timestamp' || type.kind === 'duration') {
    if (!['s', 'ms', 'us', 'ns'].includes(type.unit)) return false;
  }
  if (type.kind === 'decimal') return isDecimal(type.precision, type.scale);
  return isPlainType(type) || formatType(type).length > 0;
}

function decodeDictionary(meta: DictionaryMeta, name: string, from: Source): Dictionary {
  const { bytes, shared, trusted } = from;
  if (typeof meta !== 'object' || !isCount(meta.length)) throw corrupt(`${name}: dictionary`);
  const { length, id } = meta;
  if (id !== null && (typeof id !== 'string' || id.length > 64)) throw corrupt(`${name}: dictionary id`);
  const rawOffsets = rangeOf(meta.offsets, (length + 1) * 4, bytes, `${name}: dictionary offsets`);
  const offsets = new Int32Array(rawOffsets.buffer, rawOffsets.byteOffset, length + 1);
  const size = Array.isArray(meta.bytes) ? meta.bytes[1] : -1;
  const text = rangeOf(meta.bytes, size, bytes, `${name}: dictionary bytes`);
  const known = id === null ? null : knownDictionary(id, length, size, shared);
  if (known !== null) return known;
  if (!trusted) checkOffsets(offsets, text.byteLength, name);
  if (meta.repeats === true) return { length, offsets, bytes: text, repeats: true };
  return id === null
    ? { length, offsets, bytes: text }
    : rememberDictionary({ id, length, offsets, bytes: text }, shared);
}

function checkOffsets(offsets: Int32Array, byteLength: number, name: string): void {
  const length = offsets.length - 1;
  if (offsets[0]! < 0) throw corrupt(`${name}: dictionary offset below zero`);
  for (let i = 0; i < length; i++) {
    if (offsets[i + 1]! < offsets[i]!) throw corrupt(`${name}: dictionary offsets do not ascend`);
  }
  if (offsets[length]! > byteLength) throw corrupt(`${name}: dictionary offset beyond its bytes`);
}

/** Entries of decimals are integers of one size. */
function checkEntries({ offsets, length }: Dictionary, name: string): void {
  let bad = 0;
  for (let i = 0; i < length; i++) bad |= offsets[i + 1]! - offsets[i]! === entryBytes ? 0 : 1;
  if (bad !== 0) throw corrupt(`${name}: a decimal that is not of ${entryBytes} bytes`);
}

function checkCodes(codes: Int32Array, length: number, rows: number, nullCount: number, name: string): void {
  // A column of nothing but nulls may have an empty dictionary: its codes are all 0.
  const bound = length === 0 && nullCount === rows ? 1 : length;
  if (!areBelow(bound, codes, rows)) throw corrupt(`${name}: a code beyond its dictionary of ${length}`);
}

/** Nothing follows its loop: code that V8 made in the middle of one would be given up at its end, each time. */
function areBelow(bound: number, codes: Int32Array, rows: number): boolean {
  let bad = 0;
  for (let i = 0; i < rows; i++) bad |= codes[i]! >>> 0 < bound ? 0 : 1;
  return bad === 0;
}
