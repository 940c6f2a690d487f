import { VolleyError } from '../../core/base/errors.js';
import type { ColumnBuilder } from './builder.js';
import { type DataType, formatType, type TimeUnit } from './datatype.js';
import { parseDecimal } from './decimal.js';
import type { DecimalBuilder } from './decimal-builder.js';
import { joinDay, words } from './int64.js';
import type { ListBuilder, StructBuilder } from './nested-builder.js';

/**
 * A record as users have it: numbers, bigints, strings, booleans, Dates, null or undefined by column name. A decimal is
 * text, `12.30`: exact, with all digits of its scale; numbers and bigints are taken where they are exactly such.
 */
export type RecordLike = Readonly<Record<string, unknown>>;

/** Units per millisecond: milliseconds = value / unitsPerMs. */
export const unitsPerMs: Readonly<Record<TimeUnit, number>> = { s: 0.001, ms: 1, us: 1e3, ns: 1e6 };

export const dayMs = 86_400_000;

export function isPlainObject(value: unknown): value is RecordLike {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function describe(value: unknown): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date';
  if (typeof value === 'object') return `an object (${value?.constructor?.name ?? 'null prototype'})`;
  return `a ${typeof value}`;
}

function mismatch(builder: ColumnBuilder, name: string, value: unknown, row: number): VolleyError {
  const type = formatType(builder.type);
  const found = describe(value);
  return new VolleyError(
    'TYPE_MISMATCH',
    `column "${name}" is ${type}, but row ${row} holds ${found} (${textOf(value)}): make the column one type, or declare it in a schema`,
    { column: name, row, expected: type, found },
  );
}

/** Also of objects without a prototype. */
function textOf(value: unknown): string {
  return isPlainObject(value) ? `with ${Object.keys(value).join(', ')}` : String(value);
}

const integerRange: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
};

/** Checks and appends one non-null value. */
export function appender(builder: ColumnBuilder, name: string): (value: unknown, row: number) => void {
  const type = builder.type;
  const refuse = (value: unknown, row: number) => mismatch(builder, name, value, row);
  switch (type.kind) {
    case 'bool':
      return (value, row) => {
        if (typeof value !== 'boolean') throw refuse(value, row);
        builder.appendBool(value);
      };
    case 'utf8':
      return (value, row) => {
        if (typeof value !== 'string') throw refuse(value, row);
        builder.appendString(value);
      };
    case 'binary':
      return (value, row) => {
        if (!(value instanceof Uint8Array)) throw refuse(value, row);
        builder.appendBytes(value, 0, value.length);
      };
    case 'date':
    case 'timestamp': {
      const perDay = type.kind === 'date' ? 1 : unitsPerMs[type.unit] * dayMs;
      return (value, row) => {
        if (!(value instanceof Date) || Number.isNaN(value.getTime())) throw refuse(value, row);
        const day = Math.floor(value.getTime() / dayMs);
        const time = Math.floor(((value.getTime() - day * dayMs) * perDay) / dayMs);
        joinDay(day, type.kind === 'date' ? 0 : time, perDay);
        if (words.high > 2147483647 || words.high < -2147483648) throw refuse(value, row);
        builder.appendInt64(words.low | 0, words.high);
      };
    }
    case 'decimal':
      return decimalAppender(builder as DecimalBuilder, refuse);
    case 'list':
      return listAppender(builder as ListBuilder, name, refuse);
    case 'struct':
      return structAppender(builder as StructBuilder, name, refuse);
    case 'float32':
    case 'float64':
      return (value, row) => {
        if (typeof value !== 'number') throw refuse(value, row);
        builder.appendNumber(value);
      };
    default:
      return integerAppender(builder, refuse);
  }
}

function listAppender(
  builder: ListBuilder,
  name: string,
  refuse: (value: unknown, row: number) => VolleyError,
): (value: unknown, row: number) => void {
  const append = appender(builder.items, `${name}[]`);
  return (value, row) => {
    if (!Array.isArray(value)) throw refuse(value, row);
    for (const item of value as unknown[]) {
      if (item === null || item === undefined) builder.items.appendNull();
      else append(item, row);
    }
    builder.appendList();
  };
}

/** A missing field is null; one that the type does not have is refused, since it would be lost. */
function structAppender(
  builder: StructBuilder,
  name: string,
  refuse: (value: unknown, row: number) => VolleyError,
): (value: unknown, row: number) => void {
  const { fields } = builder.type as Extract<DataType, { kind: 'struct' }>;
  const appends = fields.map((field, f) => appender(builder.fields[f]!, `${name}.${field.name}`));
  const known = new Set(fields.map(field => field.name));
  return (value, row) => {
    if (!isPlainObject(value) || !Object.keys(value).every(key => known.has(key))) throw refuse(value, row);
    fields.forEach((field, f) => {
      const inner = value[field.name];
      if (inner === null || inner === undefined) builder.fields[f]!.appendNull();
      else appends[f]!(inner, row);
    });
    builder.appendStruct();
  };
}

/** Digits that the type has no room for are refused, never rounded away. */
function decimalAppender(
  builder: DecimalBuilder,
  refuse: (value: unknown, row: number) => VolleyError,
): (value: unknown, row: number) => void {
  return (value, row) => {
    const readable = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
    const unscaled = readable ? parseDecimal(String(value), builder.type, true) : null;
    if (unscaled === null) throw refuse(value, row);
    builder.appendUnscaled(unscaled);
  };
}

function integerAppender(builder: ColumnBuilder, refuse: (value: unknown, row: number) => VolleyError) {
  const range = integerRange[builder.type.kind];
  const unsigned = builder.type.kind === 'uint64';
  return (value: unknown, row: number): void => {
    if (typeof value === 'bigint') {
      const fits = unsigned ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value;
      if (!fits) throw refuse(value, row);
      if (range === undefined) {
        builder.appendInt64(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
        return;
      }
      value = Number(value);
    }
    if (typeof value !== 'number' || !Number.isInteger(value)) throw refuse(value, row);
    if (range === undefined ? unsigned && value < 0 : value < range[0] || value > range[1])
      throw refuse(value, row);
    builder.appendNumber(value);
  };
}
