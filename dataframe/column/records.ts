import { VolleyError } from '../../core/base/errors.js';
import { compile, quote } from '../codegen/compile.js';
import { createBuilder } from './builder.js';
import type { Batch, Column } from './column.js';
import { DataType, type Schema } from './datatype.js';
import { decimalToNumber, formatDecimal } from './decimal.js';
import { unscaledReader } from './decimal-entries.js';
import { entryTexts } from './dictionary.js';
import { dayOf, timeOf } from './int64.js';
import { appender, dayMs, describe, isPlainObject, type RecordLike, unitsPerMs } from './record-values.js';

/**
 * Columns of plain objects. Columns come in order of first appearance; a missing key is null. Without a schema the
 * first value of a column decides: number → Float64, bigint → Int64, Date → Timestamp(ms), string → Utf8, boolean → Bool,
 * array → List, plain object → Struct.
 */
export function recordsToBatch(objects: readonly object[], schema?: Schema): Batch {
  const records = objects as readonly RecordLike[];
  const fields = schema ?? schemaOfRecords(records);
  const columns = fields.map(({ name, type }) => {
    const builder = createBuilder(type, records.length);
    const append = appender(builder, name);
    for (let row = 0; row < records.length; row++) {
      const value = records[row]![name];
      if (value === null || value === undefined) builder.appendNull();
      else append(value, row);
    }
    return builder.finish();
  });
  return { schema: fields, rows: records.length, columns };
}

/** The columns of plain objects in order of first appearance: declared ones, and all others as their first value says. */
export function schemaOfRecords(
  objects: readonly object[],
  declared: Readonly<Record<string, DataType>> = {},
): Schema {
  const types = new Map<string, DataType | null>();
  for (const record of objects as readonly RecordLike[]) {
    for (const name of Object.keys(record)) {
      if (Object.hasOwn(declared, name)) {
        types.set(name, declared[name]!);
        continue;
      }
      const known = types.get(name);
      if (known !== null && known !== undefined && !isOpen(known)) continue;
      const value = record[name];
      if (known != null && (value === null || value === undefined)) continue;
      types.set(name, value === null || value === undefined ? null : typeOfValue(value, name));
    }
  }
  for (const [name, type] of Object.entries(declared)) types.set(name, type);
  return [...types].map(([name, type]) => ({ name, type: type ?? DataType.Null }));
}

/** True for lists of which no item was seen yet, and structs of which a field was always null. */
function isOpen(type: DataType): boolean {
  const open = (inner: DataType) => inner.kind === 'null' || isOpen(inner);
  if (type.kind === 'struct') return type.fields.some(field => open(field.type));
  return type.kind === 'list' && open(type.item);
}

function typeOfValue(value: unknown, name: string): DataType {
  switch (typeof value) {
    case 'number':
      return DataType.Float64;
    case 'bigint':
      return DataType.Int64;
    case 'string':
      return DataType.Utf8;
    case 'boolean':
      return DataType.Bool;
    default:
      if (value instanceof Date) return DataType.Timestamp('ms');
      if (Array.isArray(value)) {
        const item = value.find(v => v !== null && v !== undefined);
        return DataType.List(item === undefined ? DataType.Null : typeOfValue(item, name));
      }
      if (isPlainObject(value)) {
        const fields = Object.entries(value).map(([key, inner]) => {
          const type =
            inner === null || inner === undefined ? DataType.Null : typeOfValue(inner, `${name}.${key}`);
          return { name: key, type };
        });
        return { kind: 'struct', fields };
      }
      throw new VolleyError(
        'UNSUPPORTED',
        `column "${name}" holds ${describe(value)}: records may hold numbers, bigints, strings, booleans, Dates, arrays and plain objects of them, and nulls`,
        { column: name },
      );
  }
}

export interface RecordOptions {
  /** How 64-bit integers come out: 'number' (default; beyond 2^53 an error) or 'bigint'. */
  readonly int64?: 'number' | 'bigint';
  /** How decimals come out: 'string' (default: exact, `12.30`) or 'number' (the nearest one). */
  readonly decimal?: 'string' | 'number';
}

/** Plain objects: Date for dates and timestamps, null for null. One object literal per schema, generated. */
export function batchesToRecords(
  schema: Schema,
  batches: Iterable<Batch>,
  options: RecordOptions = {},
): object[] {
  const out: object[] = [];
  for (const batch of batches) {
    const sources = batch.columns.map((column, i) => sourceOf(column, schema[i]!.name, options));
    const fields = schema.map(({ name }, c) => {
      const valid = batch.columns[c]!.validity === null ? '' : `(v[${c}][i>>3]>>(i&7)&1)===0?null:`;
      const key = name === '__proto__' ? '["__proto__"]' : quote(name);
      return `${key}:${valid}${sources[c]!.code(`a${c}[i]`, `d${c}`)}`;
    });
    const locals = sources.map((_, c) => `const a${c}=a[${c}],d${c}=d[${c}];`).join('');
    const fill = compile<FillRecords>(
      ['out', 'a', 'd', 'v', 'rows', 'base'],
      `${locals}\nfor(let i=0;i<rows;i++)out[base+i]={${fields.join(',')}};`,
    );
    const base = out.length;
    out.length += batch.rows;
    fill(
      out,
      sources.map(s => s.values),
      sources.map(s => s.extra),
      batch.columns.map(column => column.validity),
      batch.rows,
      base,
    );
  }
  return out;
}

type FillRecords = (
  out: object[],
  values: unknown[],
  extra: unknown[],
  validity: unknown[],
  rows: number,
  base: number,
) => void;

/** How generated code reads one column: `value` is the text of its element, `extra` of its helper. */
interface RecordSource {
  readonly values: unknown;
  readonly extra: unknown;
  code(value: string, extra: string): string;
}

function sourceOf(column: Column, name: string, options: RecordOptions): RecordSource {
  const { type, values, dictionary } = column;
  const plain = (code: RecordSource['code'], extra: unknown = null) => ({ values, extra, code });
  switch (type.kind) {
    case 'null':
      return plain(() => 'null');
    case 'list': {
      const items = plainValues(column.items!, `${name}[]`, options);
      const read = (row: number) => items.slice(values[row], values[row + 1]);
      return plain((_, d) => `${d}(i)`, read);
    }
    case 'struct': {
      const batch = { schema: type.fields, rows: column.length, columns: column.fields! };
      return plain((_, d) => `${d}[i]`, batchesToRecords(type.fields, [batch], options));
    }
    case 'bool':
      return plain(v => `${v}!==0`);
    case 'utf8':
      return plain((v, d) => `${d}[${v}]`, entryTexts(dictionary!));
    case 'binary': {
      const { bytes, offsets } = dictionary!;
      return plain(
        (v, d) => `${d}(${v})`,
        (code: number) => bytes.slice(offsets[code], offsets[code + 1]),
      );
    }
    case 'date':
      return plain(v => `new Date(${v}*86400000)`);
    case 'timestamp': {
      const scale = 1 / unitsPerMs[type.unit];
      if (column.physical === 'f64') {
        return plain(v =>
          type.unit === 's' || type.unit === 'ms'
            ? `new Date(${v}*${scale})`
            : `new Date(Math.floor(${v}/${1 / scale}))`,
        );
      }
      const pairs = values as Int32Array;
      const perMs = unitsPerMs[type.unit];
      const perDay = perMs * dayMs;
      const toDate = (row: number): Date => {
        const high = pairs[2 * row + 1]!;
        const low = pairs[2 * row]! >>> 0;
        return new Date(dayOf(high, low, perDay) * dayMs + Math.floor(timeOf(high, low, perDay) / perMs));
      };
      return plain((_, d) => `${d}(i)`, toDate);
    }
    case 'decimal': {
      const read = unscaledReader(column);
      const { scale } = type;
      const convert = options.decimal === 'number' ? decimalToNumber : formatDecimal;
      return plain(
        (_, d) => `${d}(i)`,
        (row: number) => convert(read(row), scale),
      );
    }
    case 'int64':
    case 'uint64':
    case 'duration':
      return wideSource(column, name, options);
    default:
      return plain(v => v);
  }
}

/** The values of one column as records hold them. */
function plainValues(column: Column, name: string, options: RecordOptions): unknown[] {
  const schema = [{ name, type: column.type }];
  const records = batchesToRecords(schema, [{ schema, rows: column.length, columns: [column] }], options);
  return records.map(record => (record as Record<string, unknown>)[name]);
}

function wideSource(column: Column, name: string, options: RecordOptions): RecordSource {
  const { values, type } = column;
  const asBigint = options.int64 === 'bigint';
  if (column.physical === 'f64') {
    return { values, extra: BigInt, code: (v, d) => (asBigint ? `${d}(${v})` : v) };
  }
  const words = values as Int32Array;
  const read = (row: number): bigint | number => {
    const signed = (BigInt(words[2 * row + 1]!) << 32n) | BigInt(words[2 * row]! >>> 0);
    const value = type.kind === 'uint64' ? BigInt.asUintN(64, signed) : signed;
    if (asBigint) return value;
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new VolleyError(
      'INT64_RANGE',
      `column "${name}", row ${row}: ${value} is beyond 2^53 and not exact as a number: ask for { int64: 'bigint' }`,
      { column: name, row, value: String(value) },
    );
  };
  return { values: words, extra: read, code: (_, d) => `${d}(i)` };
}
