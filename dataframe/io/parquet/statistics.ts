import type { ColumnMetaData, RowGroup } from 'hyparquet';
import type { DataType } from '../../column/datatype.js';
import type { ColumnStatistics } from '../source.js';
import type { FileColumn } from './types.js';

/** Statistics of one row group by column, where the file tells them and their order is Volley's. */
export function rowGroupStatistics(
  group: RowGroup,
  columns: readonly FileColumn[],
): Record<string, ColumnStatistics> {
  const out: Record<string, ColumnStatistics> = Object.create(null);
  for (const column of columns) {
    const chunk = column.leaf < 0 ? undefined : group.columns[column.leaf]?.meta_data;
    if (chunk?.statistics !== undefined) {
      out[column.name] = chunkStatistics(chunk, column);
    }
  }
  return { ...out };
}

function chunkStatistics(chunk: ColumnMetaData, column: FileColumn): ColumnStatistics {
  const statistics = chunk.statistics ?? {};
  // The deprecated fields were compared as signed values, whatever the type: right for signed numbers only.
  const signed = signedKinds.has(column.type.kind) && chunk.type !== 'INT96';
  const min = statistics.min_value ?? (signed ? statistics.min : undefined);
  const max = statistics.max_value ?? (signed ? statistics.max : undefined);
  const nulls = statistics.null_count;
  return {
    min: bound(min, column.type),
    max: bound(max, column.type),
    nullCount: nulls === undefined || nulls < 0n ? (column.nullable ? null : 0) : Number(nulls),
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

/** A bound as plain data; null when unknown, not a safe integer, NaN, or of another type than the column. */
function bound(value: unknown, type: DataType): number | string | boolean | null {
  switch (type.kind) {
    case 'utf8':
      return typeof value === 'string' ? value : null;
    case 'bool':
      return typeof value === 'boolean' ? value : null;
    case 'binary':
      return null;
    default: {
      const number = typeof value === 'bigint' ? Number(value) : value;
      if (typeof number !== 'number' || Number.isNaN(number)) {
        return null;
      }
      const exact = type.kind === 'float32' || type.kind === 'float64' || Number.isSafeInteger(number);
      return exact ? number : null;
    }
  }
}
