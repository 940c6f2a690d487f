import type { Batch, Dictionary } from '../column/column.js';
import type { DataType, Schema } from '../column/datatype.js';
import type { ExprNode, LiteralValue } from '../expr/node.js';
import type { Lent } from '../kernels/lent.js';

export type ScanFormat = 'parquet' | 'csv' | 'ndjson' | 'json' | 'ipc' | 'postgres';

/** What is to be read, as data. `schema`, `splits` come from inspecting it once; then the optimizer narrows `columns`. */
export interface ScanSpec {
  readonly format: ScanFormat;
  /** Paths and globs as the user gave them. */
  readonly paths: readonly string[];
  readonly csv: CsvOptions | null;
  /** For NDJSON and JSON. */
  readonly json?: JsonOptions;
  /** Columns to read, in this order; null: all. */
  readonly columns: readonly string[] | null;
  /** A hint: partitions, row groups and rows for which it cannot be true may be left out. The filter itself still runs. */
  readonly predicate: ExprNode | null;
  /** Schema of the whole source; null before inspection. */
  readonly schema: Schema | null;
  /** Absent: folder names mean nothing. */
  readonly hive?: HiveSpec;
  /** For URLs. */
  readonly access?: SourceAccess;
  readonly postgres?: PostgresSpec;
}

export interface PostgresSpec {
  /** `schema.table`, or a query. */
  readonly relation: string;
  readonly isQuery: boolean;
  /** The column whose ranges make the partitions; null: one partition. */
  readonly partitionOn: string | null;
  /** How many; null: by the number of rows. */
  readonly partitions: number | null;
}

export interface JsonOptions {
  /** Declared types by key: override inference, and make other keys be ignored. Null: infer all. */
  readonly schema: Readonly<Record<string, DataType>> | null;
  readonly ignoreErrors: boolean;
  /** Bytes of one partition of NDJSON: a constant of the plan, never of the machine. */
  readonly splitBytes: number;
}

/** What opening URLs takes beside their names. It may hold secrets: it is in no message, plan text or log. */
export interface SourceAccess {
  /** The whole URL by the name that stands for it everywhere else. */
  readonly urls: Readonly<Record<string, string>>;
  /** Sent with every HTTP request to the server that a URL names, not to those it redirects to. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly s3?: S3Options;
}

/** How s3:// URLs are opened. What is not given comes from the environment of the node that opens them (AWS_*). */
export interface S3Options {
  /** `https://host:port` of a store that is not Amazon's. */
  readonly endpoint?: string;
  readonly region?: string;
  /** The bucket in the path instead of the host name. Default: when there is an endpoint. */
  readonly pathStyle?: boolean;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
}

/** Folders named key=value as columns. */
export interface HiveSpec {
  /** 'folders': below paths that are folders, where all files have the same keys; 'always': anywhere in a path, in all. */
  readonly when: 'folders' | 'always';
  /** Declared types by key: override inference. */
  readonly types: Readonly<Record<string, DataType>>;
  /** What inspection found: the columns that folders tell, and the schema of the files themselves. */
  readonly found: { readonly columns: Schema; readonly file: Schema } | null;
}

export interface CsvOptions {
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: string;
  /** Absent or '': quotes are doubled. */
  readonly escape?: string;
  /** Absent or '': no comments. */
  readonly comment?: string;
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
  /** CSV, JSON: byte range; a record belongs to the range it begins in. Arrow IPC: one message. Parquet: 0, 0. */
  readonly start: number;
  readonly end: number;
  /** Known for Parquet and Arrow IPC, else -1. */
  readonly rows: number;
  /** Bytes to be read, uncompressed where the format tells. */
  readonly bytes: number;
  /** Parquet: min, max and null count by column, where the file tells and the type is comparable. */
  readonly statistics: Readonly<Record<string, ColumnStatistics>> | null;
  /** CSV, JSON: how the file is compressed; then `start` counts unpacked bytes, and `end` means nothing: it is read whole. */
  readonly packing?: Packing;
  /** Values of the columns that its folders tell. */
  readonly hive?: readonly LiteralValue[];
  /** PostgreSQL: the range as SQL (null: all rows), and the server's type of every column. */
  readonly query?: { readonly where: string | null; readonly types: Readonly<Record<string, string>> };
  readonly ipc?: IpcSplit;
}

/** Of a record batch of Arrow IPC, whose message lies from `start` to `end`. */
export interface IpcSplit {
  /** Where the schema is: in the footer of a file, in the first message of a stream. */
  readonly schema: { readonly form: 'file' | 'stream'; readonly start: number; readonly length: number };
  /** Bytes of the message before its body. */
  readonly metadata: number;
  /** The messages that make up the dictionaries of the batch, those of one id in order. */
  readonly dictionaries: readonly {
    readonly id: number;
    readonly start: number;
    readonly metadata: number;
    readonly body: number;
  }[];
}

export interface ColumnStatistics {
  readonly min: number | string | boolean | null;
  readonly max: number | string | boolean | null;
  readonly nullCount: number | null;
}

export interface ScanInspection {
  readonly schema: Schema;
  readonly splits: readonly Split[];
  readonly hive?: HiveSpec['found'];
  /** As SourceReader.stamp gave it when this was found out; null or absent: it may be something else the next time. */
  readonly stamp?: string | null;
}

/** What an inspection gives: the word that it would be what `known` stands for is as good as all of it. */
export type InspectionReply = ScanInspection | { readonly same: true };

/** How a file of text is compressed. */
export type Packing = 'gzip' | 'zstd';

export type SinkFormat = 'parquet' | 'csv' | 'ndjson' | 'json' | 'ipc';

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
  /** For CSV. */
  readonly csv?: CsvSinkOptions | null;
  /** For Arrow IPC: how buffers are compressed, and which columns of text are codes. */
  readonly ipc?: {
    readonly compression: 'none' | 'lz4' | 'zstd';
    readonly dictionaries?: true | readonly string[];
  } | null;
  /** Of text. Absent: none. */
  readonly packing?: Packing | null;
  /** Of Parquet pages. */
  readonly compression: 'snappy' | 'zstd' | 'none';
  /** For Parquet: columns that get a Bloom filter in each row group. */
  readonly bloomFilters?: readonly string[];
  /** Of a row group (Parquet) or record batch (Arrow IPC). */
  readonly rowGroupRows: number;
  /** Folders `key=value/…` in the way of Hive, one level a key: only where the sink is a folder. */
  readonly partitionBy?: readonly string[];
  /**
   * 'file': the task writes temporaryPath and renames it to path. 'prepare', before all parts: the task makes the folder temporaryPath. 'part': the
   * task (position p) writes temporaryPath/part-p.FORMAT, or part-p.FORMAT.gz (p padded to five digits, so that names sort in row order).
   * 'commit': the task renames the folder temporaryPath to path and writes nothing; 'discard': it removes that folder. On disk the temporary
   * name begins with a dot.
   */
  readonly role: 'file' | 'prepare' | 'part' | 'commit' | 'discard';
  /** Replace what is at `path`; else (the default) it is SINK_EXISTS. */
  readonly overwrite?: boolean;
  /** For URLs. */
  readonly access?: SourceAccess;
  /** Of a commit: what the parts have uploaded. */
  readonly uploads?: readonly PendingUpload[];
}

/** A file on S3 that is all there but no object yet. */
export interface PendingUpload {
  readonly key: string;
  readonly id: string;
  /** Of its parts, in order. */
  readonly tags: readonly string[];
}

/** One task's share of a table of PostgreSQL. */
export interface TableSinkSpec {
  readonly format: 'postgres';
  /** Names the database; `access` opens it. */
  readonly path: string;
  readonly access: SourceAccess;
  /** `schema.table`. */
  readonly table: string;
  readonly mode: 'create' | 'append' | 'replace';
  /** Names the tables for what is not committed yet: unique per job. */
  readonly id: string;
  /** 'prepare' makes those tables, before all parts; the others are as for files. */
  readonly role: 'prepare' | 'part' | 'commit' | 'discard';
  /** Of a commit: how many there are. */
  readonly parts: number;
}

export type AnySinkSpec = SinkSpec | TableSinkSpec;

export interface SinkReceipt {
  readonly rows: number;
  readonly files: readonly string[];
  readonly bytes: number;
  /** Of a part on S3: what the commit completes. */
  readonly uploads?: readonly PendingUpload[];
}

/** What a reader or writer may use of the node it runs on. */
export interface IoEnv {
  /** For error messages: 'this process', or the worker's name. */
  readonly node: string;
  /** Folders that may be read and written, after realpath, and beginnings of URLs; null: any. */
  readonly allowPaths: readonly string[] | null;
  /** Of the scan or sink at hand. */
  readonly access?: SourceAccess;
  /** Counts from 1. Fences temporary names of repeated attempts. */
  readonly attempt: number;
  readonly position: number;
  /** Told once per split how many bad rows `ignoreErrors` left out. Without it the process emits a warning. */
  skippedRows?(path: string, rows: number): void;
}

/** By column; of the files looked at last. */
export type FoundTexts = Map<object, Promise<ReadonlyMap<object, Dictionary>>>;

/** What becomes of the rows that are read, as far as a reader can make use of it. */
export interface ReadUse {
  /** Holds the values of the batches: given back when the task is done with them. */
  readonly lent: Lent;
  /** Nobody looks at text: its dictionaries may hold an entry twice. */
  readonly movesText: boolean;
  /**
   * All batches of a file become one answer: their texts may as well be codes of one dictionary. Holds what the tasks of a layer found
   * in files on this thread, by footer. Absent: nobody knows.
   */
  readonly together?: FoundTexts;
  /** Only so many of the first rows are wanted; Infinity: all. */
  readonly rows: number;
  /** Columns that only the loops of an aggregation look at: codes and what they stand for will do (kernels/looked-up.ts). */
  readonly aggregated?: ReadonlySet<string>;
}

/**
 * A file format, read side. `inspect` plans; `read` yields batches of the columns asked for, in the order of the
 * splits and of the file: several splits may come as one batch.
 */
export interface SourceReader {
  inspect(scan: ScanSpec, env: IoEnv): Promise<ScanInspection>;
  /** What an inspection depends on besides the scan, without doing it; null: nobody knows. Absent: it is never known. */
  stamp?(scan: ScanSpec, env: IoEnv): Promise<string | null>;
  read(scan: ScanSpec, splits: readonly Split[], env: IoEnv, use: ReadUse): AsyncIterable<Batch>;
}

/** A file open for reading: of node:fs, or far away. */
export interface SourceHandle {
  /** Up to `length` bytes from `position` on; 0 at the end. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  close(): Promise<void>;
}

/** Bytes one after another. */
export interface ByteSource {
  /** Up to `length` bytes into target[offset...]; 0 at the end. */
  read(target: Uint8Array, offset: number, length: number): Promise<number>;
  /** No more are wanted. */
  close(): Promise<void>;
}

export interface OpenSource {
  readonly handle: SourceHandle;
  /** Bytes. */
  readonly size: number;
  /** Equal stamps of one path mean equal bytes; null or absent: it is not known. */
  readonly stamp?: string | null;
}
