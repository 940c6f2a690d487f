import type { Table } from 'apache-arrow';
import { VolleyError } from '../../core/base/errors.js';
import type { DataType } from '../column/datatype.js';
import { recordsToBatch } from '../column/records.js';
import { memoryPartitionRows, planConstants } from '../distribute/constants.js';
import { PutTable } from '../distribute/tables.js';
import type { CsvOptions, ScanSpec } from '../io/source.js';
import type { MemoryTable } from '../plan/memory-table.js';
import { listOf } from './arguments.js';

export interface ParquetOptions {
  /** Columns to read, in this order. */
  readonly columns?: readonly string[];
}

export interface CSVOptions {
  /** The first record holds the names. Default true. */
  readonly header?: boolean;
  /** Default ','. */
  readonly delimiter?: string;
  /** Default '"'; '' takes quotes as text. */
  readonly quote?: string;
  /** Types by column; others are inferred. */
  readonly schema?: Readonly<Record<string, DataType>>;
  /** Texts that mean null. Default: the empty field. */
  readonly nullValues?: readonly string[];
  /** Leave out records that cannot be read, and count them, instead of failing. */
  readonly ignoreErrors?: boolean;
  readonly columns?: readonly string[];
  /** Bytes of a partition. */
  readonly splitBytes?: number;
}

export function parquetScan(paths: string | readonly string[], options: ParquetOptions): ScanSpec {
  return {
    format: 'parquet',
    paths: pathList(paths, 'scanParquet'),
    csv: null,
    columns: options.columns ?? null,
    predicate: null,
    schema: null,
  };
}

export function csvScan(paths: string | readonly string[], options: CSVOptions): ScanSpec {
  const csv: CsvOptions = {
    header: options.header ?? true,
    delimiter: oneByte(options.delimiter ?? ',', 'delimiter'),
    quote: options.quote === '' ? '' : oneByte(options.quote ?? '"', 'quote'),
    schema: options.schema ?? null,
    nullValues: options.nullValues ?? [''],
    ignoreErrors: options.ignoreErrors ?? false,
    splitBytes: options.splitBytes ?? planConstants.csvSplitBytes,
  };
  return {
    format: 'csv',
    paths: pathList(paths, 'scanCSV'),
    csv,
    columns: options.columns ?? null,
    predicate: null,
    schema: null,
  };
}

function pathList(paths: string | readonly string[], where: string): readonly string[] {
  const list = listOf(paths);
  if (list.length === 0 || list.some(path => typeof path !== 'string' || path === '')) {
    throw new VolleyError('INVALID_ARGUMENT', `${where} takes a path or a list of paths, none of them empty`);
  }
  return list;
}

function oneByte(text: string, option: string): string {
  if (Buffer.byteLength(text) === 1) return text;
  throw new VolleyError(
    'INVALID_ARGUMENT',
    `scanCSV: ${option} must be one ASCII character, not ${JSON.stringify(text)}`,
  );
}

/** Partitions of a number of rows that depends on the data only, or as many as asked for. */
function rowsPerPartition(rows: number, columns: number, partitions: number | undefined): number {
  if (partitions === undefined) return memoryPartitionRows(rows, columns);
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    throw new VolleyError('INVALID_ARGUMENT', `partitions is a whole number, at least 1, not ${partitions}`);
  }
  return Math.max(1, Math.ceil(rows / partitions));
}

export function arrowTable(table: Table, partitions: number | undefined): MemoryTable {
  const rows = rowsPerPartition(table.numRows, table.numCols, partitions);
  return new PutTable('arrow', async () => {
    const { tableToBatches } = await import('../column/arrow-in.js');
    return tableToBatches(table, rows);
  });
}

/** Converted at once: later changes of the objects change nothing, and bad values are refused here. */
export function recordsTable(
  objects: readonly Readonly<Record<string, unknown>>[],
  partitions: number | undefined,
): MemoryTable {
  const rows = rowsPerPartition(objects.length, Object.keys(objects[0] ?? {}).length, partitions);
  const whole = recordsToBatch(objects);
  if (objects.length <= rows) return new PutTable('records', async () => [whole]);
  const batches = Array.from({ length: Math.ceil(objects.length / rows) }, (_, i) =>
    recordsToBatch(objects.slice(i * rows, (i + 1) * rows), whole.schema),
  );
  return new PutTable('records', async () => batches);
}
