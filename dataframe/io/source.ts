import type { Batch } from '../column/column.js';
import type { DataType, Schema } from '../column/datatype.js';
import type { ExprNode } from '../expr/node.js';

export type ScanFormat = 'parquet' | 'csv';

/** What is to be read, as data. `schema`, `splits` come from inspecting it once; then the optimizer narrows `columns`. */
export interface ScanSpec {
  readonly format: ScanFormat;
  /** Paths and globs as the user gave them. */
  readonly paths: readonly string[];
  readonly csv: CsvOptions | null;
  /** Columns to read, in this order; null: all. */
  readonly columns: readonly string[] | null;
  /** A hint: partitions, row groups and rows for which it cannot be true may be left out. The filter itself still runs. */
  readonly predicate: ExprNode | null;
  /** Schema of the whole source; null before inspection. */
  readonly schema: Schema | null;
}

export interface CsvOptions {
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: string;
  /** Declared types by name: override inference. Null: infer all. */
  readonly schema: Readonly<Record<string, DataType>> | null;
  readonly nullValues: readonly string[];
  readonly ignoreErrors: boolean;
  /** Bytes of one partition: a constant of the plan, never of the machine. */
  readonly splitBytes: number;
}

/** One partition's share of a source. */
export interface Split {
  readonly path: string;
  /** Parquet: the row group. CSV: 0. */
  readonly rowGroup: number;
  /** CSV: byte range; a record belongs to the range its first byte is in. Parquet: 0, 0. */
  readonly start: number;
  readonly end: number;
  /** Known for Parquet, -1 for CSV. */
  readonly rows: number;
  /** Bytes to be read, uncompressed where the format tells. */
  readonly bytes: number;
  /** Parquet: min, max and null count by column, where the file tells and the type is comparable. */
  readonly statistics: Readonly<Record<string, ColumnStatistics>> | null;
}

export interface ColumnStatistics {
  readonly min: number | string | boolean | null;
  readonly max: number | string | boolean | null;
  readonly nullCount: number | null;
}

export interface ScanInspection {
  readonly schema: Schema;
  readonly splits: readonly Split[];
}

export type SinkFormat = 'parquet' | 'csv' | 'ndjson';

export interface CsvSinkOptions {
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: string;
  /** What stands for null, unquoted. */
  readonly nullValue: string;
}

export interface SinkSpec {
  readonly format: SinkFormat;
  /** Final path. */
  readonly path: string;
  /** Where this task writes until the commit renames it: unique per job. */
  readonly temporaryPath: string;
  readonly csv: CsvSinkOptions | null;
  /** Of Parquet pages; other formats are not compressed. */
  readonly compression: 'snappy' | 'zstd' | 'none';
  /** Parquet. */
  readonly rowGroupRows: number;
  /**
   * 'file': the task writes temporaryPath and renames it to path. 'part': the task (position p) writes
   * temporaryPath/part-p.FORMAT (p padded to five digits, so that names sort in row order). 'commit': the task
   * renames the folder temporaryPath to path and writes nothing; 'discard': it removes that folder. On disk the temporary name begins with a dot.
   */
  readonly role: 'file' | 'part' | 'commit' | 'discard';
  /** Replace what is at `path`; else (the default) it is SINK_EXISTS. */
  readonly overwrite?: boolean;
}

export interface SinkReceipt {
  readonly rows: number;
  readonly files: readonly string[];
  readonly bytes: number;
}

/** What a reader or writer may use of the node it runs on. */
export interface IoEnv {
  /** For error messages: 'this process', or the worker's name. */
  readonly node: string;
  /** Folders that may be read and written, after realpath; null: any. */
  readonly allowPaths: readonly string[] | null;
  /** Counts from 1. Fences temporary names of repeated attempts. */
  readonly attempt: number;
  readonly position: number;
  /** Told once per split how many bad rows `ignoreErrors` left out. Without it the process emits a warning. */
  skippedRows?(path: string, rows: number): void;
}

/** A file format, read side. `inspect` plans; `read` yields batches of the columns asked for, in file order. */
export interface SourceReader {
  inspect(scan: ScanSpec, env: IoEnv): Promise<ScanInspection>;
  read(scan: ScanSpec, split: Split, env: IoEnv): AsyncIterable<Batch>;
}
