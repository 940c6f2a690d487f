import type { DataType } from '../../column/datatype.js';
import type { ColumnStatistics } from '../source.js';
import { viewOf } from './bytes.js';
import type { ColumnMetaData, ParquetType, RowGroup } from './metadata.js';
import type { FileColumn } from './types.js';

/** Each query over a file asks for those of all its row groups. */
const known = new WeakMap<RowGroup, Record<string, ColumnStatistics>>();

/** Statistics of one row group by column of its file, where the file tells them and their order is Volley's. */
export function rowGroupStatistics(
  group: RowGroup,
  columns: readonly FileColumn[],
): Record<string, ColumnStatistics> {
  let statistics = known.get(group);
  if (statistics === undefined) known.set(group, (statistics = statisticsOf(group, columns)));
  return statistics;
}

function statisticsOf(group: RowGroup, columns: readonly FileColumn[]): Record<string, ColumnStatistics> {
  const out: Record<string, ColumnStatistics> = Object.create(null);
  for (const column of columns) {
    const chunk = column.leaf < 0 ? undefined : group.columns[column.leaf]?.meta_data;
    if (chunk?.statistics !== undefined) {
      out[column.name] = chunkStatistics(chunk, column);
    }
  }
  return { ...out };
}

export function chunkStatistics(chunk: ColumnMetaData, column: FileColumn): ColumnStatistics {
  const statistics = chunk.statistics ?? {};
  // The deprecated fields were compared as signed values, whatever the type: right for signed numbers only.
  const signed = signedKinds.has(column.type.kind) && chunk.type !== 'INT96';
  if (chunk.type === 'FIXED_LEN_BYTE_ARRAY') return { min: null, max: null, nullCount: null };
  const min = statistics.min_value ?? (signed ? statistics.min : undefined);
  const max = statistics.max_value ?? (signed ? statistics.max : undefined);
  const nulls = statistics.null_count;
  return {
    min: boundOf(min, chunk.type, column.type),
    max: boundOf(max, chunk.type, column.type),
    nullCount: nulls === undefined || nulls < 0 ? (column.nullable ? null : 0) : nulls,
  };
}

const signedKinds: ReadonlySet<DataType['kind']> = new Set<DataType['kind']>([
  'int8',
  'int16',
  'int32',
  'int64',
  'float32',
  'float64',
  'date',
  'timestamp',
]);

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A bound in the units of the column; null when unknown, not a safe integer, NaN, or of another type than the column. */
export function boundOf(
  bytes: Uint8Array | undefined,
  stored: ParquetType,
  type: DataType,
): number | string | boolean | null {
  // Bounds of decimals are unscaled.
  if (bytes === undefined || type.kind === 'decimal') return null;
  const view = viewOf(bytes);
  const unsigned = type.kind.startsWith('uint');
  switch (stored) {
    case 'BOOLEAN':
      return bytes.length === 1 && type.kind === 'bool' ? bytes[0] === 1 : null;
    case 'INT32':
      if (bytes.length !== 4 || type.kind === 'duration') return null;
      return unsigned ? view.getUint32(0, true) : view.getInt32(0, true);
    case 'INT64': {
      if (bytes.length !== 8 || type.kind === 'duration') return null;
      const value = Number(unsigned ? view.getBigUint64(0, true) : view.getBigInt64(0, true));
      return Number.isSafeInteger(value) ? value : null;
    }
    case 'FLOAT':
      return bytes.length === 4 ? numberOrNull(view.getFloat32(0, true)) : null;
    case 'DOUBLE':
      return bytes.length === 8 ? numberOrNull(view.getFloat64(0, true)) : null;
    case 'BYTE_ARRAY':
      return type.kind === 'utf8' ? textOrNull(bytes) : null;
    default:
      return null;
  }
}

const numberOrNull = (value: number) => (Number.isNaN(value) ? null : value);

/** Null for what was cut within a character. */
function textOrNull(bytes: Uint8Array): string | null {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}
