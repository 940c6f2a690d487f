import { assertNever } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import type { Batch, Column, Dictionary, Physical, Values } from './column.js';
import type { DataType, Schema } from './datatype.js';
import { maxPrecision64 } from './decimal.js';

/** The physical form a column of this type has unless its values demand another ('i64' beyond 2^53). */
export function physicalOf(type: DataType): Physical {
  switch (type.kind) {
    case 'null':
    case 'bool':
      return 'bool';
    case 'int8':
      return 'i8';
    case 'uint8':
      return 'u8';
    case 'int16':
      return 'i16';
    case 'uint16':
      return 'u16';
    case 'int32':
    case 'date':
      return 'i32';
    case 'uint32':
      return 'u32';
    case 'float32':
      return 'f32';
    case 'float64':
    case 'int64':
    case 'uint64':
    case 'timestamp':
    case 'duration':
    case 'decimal':
      return 'f64';
    case 'utf8':
    case 'binary':
      return 'code';
    case 'list':
      return 'list';
    case 'struct':
      return 'struct';
    default:
      return assertNever(type);
  }
}

/** True for types whose values are 64-bit integers: 'f64' while safe, else 'i64'. */
export function isWide(type: DataType): boolean {
  const kind = type.kind;
  if (kind === 'decimal') return type.precision <= maxPrecision64;
  return kind === 'int64' || kind === 'uint64' || kind === 'timestamp' || kind === 'duration';
}

/** True for decimals that may need 128 bits: 'f64' while all values of a column are safe integers, else 'code'. */
export function isHuge(type: DataType): boolean {
  return type.kind === 'decimal' && type.precision > maxPrecision64;
}

/** True for types that keys, extremes and orders know by dictionary codes (comparableColumn of kernels/distinct-text.ts makes them so). */
export function isCoded(type: DataType): boolean {
  return type.kind === 'utf8' || type.kind === 'binary' || isHuge(type);
}

/** True for types whose columns are made of other columns: they are carried and taken apart, never compared. */
export function isNested(type: DataType): boolean {
  return type.kind === 'list' || type.kind === 'struct';
}

/** True where `physical` may hold values of `type`. */
export function isPhysicalOf(type: DataType, physical: Physical): boolean {
  if (physical === physicalOf(type)) return true;
  return (physical === 'i64' && isWide(type)) || (physical === 'code' && isHuge(type));
}

const constructors = {
  bool: Uint8Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
  i64: Int32Array,
  code: Int32Array,
  list: Int32Array,
  struct: Uint8Array,
} as const;

/** Array elements per value: 2 for 'i64', else 1. */
export function elementsPerValue(physical: Physical): number {
  return physical === 'i64' ? 2 : 1;
}

/** Array elements of so many values: a list has one offset more, a struct has none. */
export function elementsOf(physical: Physical, length: number): number {
  if (physical === 'struct') return 0;
  return physical === 'list' ? length + 1 : length * elementsPerValue(physical);
}

/** Bytes of so many values. */
export function bytesOfValues(physical: Physical, length: number): number {
  return constructors[physical].BYTES_PER_ELEMENT * elementsOf(physical, length);
}

/** Zeroed values. */
export function allocateValues(physical: Physical, length: number): Values {
  return new constructors[physical](elementsOf(physical, length));
}

/** A view of `length` values. The offset must be aligned. */
export function viewValues(
  physical: Physical,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): Values {
  const View = constructors[physical] as new (b: ArrayBufferLike, offset: number, length: number) => Values;
  return new View(buffer, byteOffset, elementsOf(physical, length));
}

export const emptyDictionary: Dictionary = {
  length: 0,
  offsets: new Int32Array(1),
  bytes: new Uint8Array(0),
};

/** A column without nulls. */
export function denseColumn(
  type: DataType,
  physical: Physical,
  length: number,
  values: Values,
  dictionary: Dictionary | null = null,
): Column {
  return { type, physical, length, nullCount: 0, validity: null, values, dictionary };
}

/** A column of `length` nulls. */
export function nullColumn(type: DataType, length: number): Column {
  const physical = physicalOf(type);
  return {
    type,
    physical,
    length,
    nullCount: length,
    validity: length === 0 ? null : new Uint8Array((length + 7) >>> 3),
    values: allocateValues(physical, length),
    dictionary: physical === 'code' ? emptyDictionary : null,
    ...(type.kind === 'list' ? { items: nullColumn(type.item, 0) } : {}),
    ...(type.kind === 'struct' ? { fields: type.fields.map(field => nullColumn(field.type, length)) } : {}),
  };
}

/** No rows of this schema. */
export function emptyBatch(schema: Schema): Batch {
  return { schema, rows: 0, columns: schema.map(field => nullColumn(field.type, 0)) };
}

/** The position of a column; unknown names are an error that lists what there is. */
export function columnIndex(schema: Schema, name: string): number {
  const index = schema.findIndex(field => field.name === name);
  if (index < 0) {
    const names = schema.map(field => field.name);
    throw new VolleyError('COLUMN_NOT_FOUND', `no column "${name}"; there are: ${names.join(', ')}`, {
      column: name,
      nearest: names,
    });
  }
  return index;
}

/** The column of that name. */
export function columnOf(batch: Batch, name: string): Column {
  return batch.columns[columnIndex(batch.schema, name)]!;
}
