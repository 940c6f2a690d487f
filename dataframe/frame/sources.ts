import type { Table } from 'apache-arrow';
import { VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import type { DataType } from '../column/datatype.js';
import { recordsToBatch, schemaOfRecords } from '../column/records.js';
import { memoryPartitionRows, planConstants } from '../distribute/constants.js';
import { PutTable } from '../distribute/tables.js';
import { checkRelation, databaseOf, isQuery } from '../io/postgres/relation.js';
import type { CsvOptions, HiveSpec, S3Options, ScanSpec } from '../io/source.js';
import { schemeOf, splitSecrets } from '../io/urls.js';
import type { MemoryTable } from '../plan/memory-table.js';
import { listOf } from './arguments.js';

export interface FileOptions {
  /** Columns to read, in this order. */
  readonly columns?: readonly string[];
  /**
   * Folders named key=value as columns. true, or types by key: anywhere in the paths, and all files must have the same
   * keys. Default: below paths that are folders, where all files have the same keys.
   */
  readonly hive?: boolean | Readonly<Record<string, DataType>>;
  /** For http(s) URLs: sent with every request to their server. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For s3:// URLs. */
  readonly s3?: S3Options;
}

export interface ParquetOptions extends FileOptions {}

export interface IPCOptions extends FileOptions {}

export interface JSONOptions extends FileOptions {
  /** Types by key; others are inferred. Keys that are in neither are then ignored; else they are an error. */
  readonly schema?: Readonly<Record<string, DataType>>;
  /** Leave out records that cannot be read, and count them, instead of failing. */
  readonly ignoreErrors?: boolean;
}

export interface NDJSONOptions extends JSONOptions {
  /** Bytes of a partition. */
  readonly splitBytes?: number;
}

export interface CSVOptions extends FileOptions {
  /** The first record holds the names. Default true. */
  readonly header?: boolean;
  /** Default ','. */
  readonly delimiter?: string;
  /** Default '"'; '' takes quotes as text. */
  readonly quote?: string;
  /**
   * Within quoted fields, what makes the character after it text, whatever that is. Default: the quote, that is, quotes
   * are doubled.
   */
  readonly escape?: string;
  /** Lines that begin with it are skipped, those of quoted fields excepted. Default '': there are none. */
  readonly comment?: string;
  /**
   * Types by column: text, booleans, numbers, Decimal (digits beyond its scale are rounded half away from zero), Date,
   * Timestamp. Others are inferred.
   */
  readonly schema?: Readonly<Record<string, DataType>>;
  /** Texts that mean null. Default: the empty field. */
  readonly nullValues?: readonly string[];
  /** Leave out records that cannot be read, and count them, instead of failing. */
  readonly ignoreErrors?: boolean;
  /** Bytes of a partition. */
  readonly splitBytes?: number;
}

export interface PostgresOptions {
  /** Columns to read, in this order. */
  readonly columns?: readonly string[];
  /** Read in ranges of this column, several at a time. Any column that the server can sort; an index helps. */
  readonly partitionOn?: string;
  /** How many ranges. Default: by the number of rows. */
  readonly partitions?: number;
}

export function postgresScan(url: string, relation: string, options: PostgresOptions): ScanSpec {
  checkRelation(relation);
  const { partitions, partitionOn } = options;
  if (
    partitions !== undefined &&
    (!Number.isSafeInteger(partitions) || partitions < 1 || partitionOn === undefined)
  ) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      'partitions is a whole number, at least 1, and needs partitionOn',
    );
  }
  if ((partitions ?? 0) > limits.postgresPartitions) {
    throw new VolleyError('INVALID_ARGUMENT', `partitions is at most ${limits.postgresPartitions}`);
  }
  return {
    format: 'postgres',
    ...databaseOf(url, 'scanPostgres'),
    csv: null,
    columns: options.columns ?? null,
    predicate: null,
    schema: null,
    postgres: {
      relation,
      isQuery: isQuery(relation),
      partitionOn: partitionOn ?? null,
      partitions: partitions ?? null,
    },
  };
}

export function parquetScan(paths: string | readonly string[], options: ParquetOptions): ScanSpec {
  return {
    format: 'parquet',
    ...placesOf(paths, options, 'scanParquet'),
    csv: null,
    columns: options.columns ?? null,
    predicate: null,
    schema: null,
  };
}

export function ndjsonScan(paths: string | readonly string[], options: NDJSONOptions): ScanSpec {
  return jsonTextScan('ndjson', paths, options, 'scanNDJSON');
}

export function jsonScan(paths: string | readonly string[], options: JSONOptions): ScanSpec {
  return jsonTextScan('json', paths, options, 'scanJSON');
}

function jsonTextScan(
  format: 'ndjson' | 'json',
  paths: string | readonly string[],
  options: NDJSONOptions,
  where: string,
): ScanSpec {
  return {
    format,
    ...placesOf(paths, options, where),
    csv: null,
    json: {
      schema: options.schema ?? null,
      ignoreErrors: options.ignoreErrors ?? false,
      splitBytes: options.splitBytes ?? planConstants.ndjsonSplitBytes,
    },
    columns: options.columns ?? null,
    predicate: null,
    schema: null,
  };
}

export function ipcScan(paths: string | readonly string[], options: IPCOptions): ScanSpec {
  return {
    format: 'ipc',
    ...placesOf(paths, options, 'scanIPC'),
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
    ...(options.escape ? { escape: oneByte(options.escape, 'escape') } : {}),
    ...(options.comment ? { comment: oneByte(options.comment, 'comment') } : {}),
    schema: options.schema ?? null,
    nullValues: options.nullValues ?? [''],
    ignoreErrors: options.ignoreErrors ?? false,
    splitBytes: options.splitBytes ?? planConstants.csvSplitBytes,
  };
  return {
    format: 'csv',
    ...placesOf(paths, options, 'scanCSV'),
    csv,
    columns: options.columns ?? null,
    predicate: null,
    schema: null,
  };
}

function hiveOf(hive: FileOptions['hive']): { hive?: HiveSpec } {
  if (hive === false) return {};
  const types = typeof hive === 'object' ? hive : {};
  return { hive: { when: hive === undefined ? 'folders' : 'always', types, found: null } };
}

/** Where the files are. Secrets of URLs are apart from their names. */
function placesOf(
  paths: string | readonly string[],
  { hive, headers, s3 }: FileOptions,
  where: string,
): Pick<ScanSpec, 'paths' | 'hive' | 'access'> {
  const { names, urls } = splitSecrets(pathList(paths, where));
  const remote = names.some(name => schemeOf(name) !== null);
  return {
    paths: names,
    ...hiveOf(hive),
    ...(remote && { access: { urls, ...(headers && { headers }), ...(s3 && { s3 }) } }),
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

export interface RecordsOptions {
  readonly partitions?: number;
  /** Types of columns by name; those of the others follow from their values. Decimals have to be declared. */
  readonly schema?: Readonly<Record<string, DataType>>;
}

/** Converted at once: later changes of the objects change nothing, and bad values are refused here. */
export function recordsTable(
  objects: readonly Readonly<Record<string, unknown>>[],
  { partitions, schema }: RecordsOptions,
): MemoryTable {
  const rows = rowsPerPartition(objects.length, Object.keys(objects[0] ?? {}).length, partitions);
  const whole = recordsToBatch(objects, schemaOfRecords(objects, schema));
  if (objects.length <= rows) return new PutTable('records', async () => [whole]);
  const batches = Array.from({ length: Math.ceil(objects.length / rows) }, (_, i) =>
    recordsToBatch(objects.slice(i * rows, (i + 1) * rows), whole.schema),
  );
  return new PutTable('records', async () => batches);
}
