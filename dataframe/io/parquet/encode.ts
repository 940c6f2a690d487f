import type { SchemaElement } from 'hyparquet';
import { VolleyError } from '../../../core/base/errors.js';
import { isValid } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import { type DataType, type Field, formatType, type Schema } from '../../column/datatype.js';
import { entryTexts } from '../../column/dictionary.js';

/** The schema of a file. Every column is optional: whether a partition has nulls must not change the file's schema. */
export function parquetSchemaOf(schema: Schema): SchemaElement[] {
  return [{ name: 'schema', num_children: schema.length }, ...schema.map(elementOf)];
}

/** @throws UNSUPPORTED naming the column */
function elementOf(field: Field): SchemaElement {
  const base = { name: field.name, repetition_type: 'OPTIONAL' as const };
  const { type } = field;
  switch (type.kind) {
    case 'bool':
      return { ...base, type: 'BOOLEAN' };
    case 'int8':
    case 'int16':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'uint64':
      return integerElement(base, type.kind);
    case 'null':
    case 'int32':
      return { ...base, type: 'INT32' };
    case 'int64':
      return { ...base, type: 'INT64' };
    case 'float32':
      return { ...base, type: 'FLOAT' };
    case 'float64':
      return { ...base, type: 'DOUBLE' };
    case 'utf8':
      return { ...base, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } };
    case 'binary':
      return { ...base, type: 'BYTE_ARRAY' };
    case 'date':
      return { ...base, type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } };
    case 'timestamp': {
      const unit = ({ s: 'MILLIS', ms: 'MILLIS', us: 'MICROS', ns: 'NANOS' } as const)[type.unit];
      const logical_type = { type: 'TIMESTAMP' as const, isAdjustedToUTC: type.timeZone !== null, unit };
      return { ...base, type: 'INT64', logical_type };
    }
    default:
      throw new VolleyError(
        'UNSUPPORTED',
        `column '${field.name}' of type ${formatType(type)} is not written to Parquet yet: cast or drop it first`,
        { column: field.name, type: formatType(type) },
      );
  }
}

/** Only the old annotation: hyparquet-writer 0.17 writes the bit width of the new one in a form that DuckDB refuses. */
function integerElement(base: Pick<SchemaElement, 'name' | 'repetition_type'>, kind: string): SchemaElement {
  const converted_type = kind.toUpperCase().replace('INT', 'INT_') as SchemaElement['converted_type'];
  return { ...base, type: kind.endsWith('64') ? 'INT64' : 'INT32', converted_type };
}

/** Values as the writer takes them. */
export type FileValue = number | bigint | boolean | string | Uint8Array | null;

/** Appends rows [from, to) of a column. */
export function appendRows(column: Column, from: number, to: number, out: FileValue[]): void {
  const valueAt = valueReader(column);
  const { validity } = column;
  for (let row = from; row < to; row++) {
    out.push(isValid(validity, row) ? valueAt(row) : null);
  }
}

function valueReader(column: Column): (row: number) => FileValue {
  const { values, type, dictionary } = column;
  if (dictionary !== null) {
    const entries = type.kind === 'binary' ? entryBytes(column) : entryTexts(dictionary);
    return row => entries[values[row]!]!;
  }
  if (type.kind === 'bool') {
    return row => values[row] !== 0;
  }
  if (type.kind === 'null') {
    return () => null;
  }
  if (!isInt64(type)) {
    return row => values[row]!;
  }
  // The format has no seconds.
  const factor = type.kind === 'timestamp' && type.unit === 's' ? 1000n : 1n;
  if (column.physical === 'i64') {
    const high = type.kind === 'uint64' ? BigInt.asUintN : BigInt.asIntN;
    return row => ((high(32, BigInt(values[2 * row + 1]!)) << 32n) | BigInt(values[2 * row]! >>> 0)) * factor;
  }
  return row => BigInt(values[row]!) * factor;
}

function isInt64(type: DataType): boolean {
  return type.kind === 'int64' || type.kind === 'uint64' || type.kind === 'timestamp';
}

function entryBytes(column: Column): Uint8Array[] {
  const { offsets, bytes, length } = column.dictionary!;
  return Array.from({ length }, (_, i) => bytes.slice(offsets[i], offsets[i + 1]));
}
