import type { Table } from 'apache-arrow';
import type { Client } from '../core/client/client.js';
import { loadArrowOnceIdle } from '../dataframe/frame/engine.js';
import {
  type CSVOptions,
  type IPCOptions,
  ipcScan,
  type JSONOptions,
  jsonScan,
  type NDJSONOptions,
  ndjsonScan,
  type ParquetOptions,
  type PostgresOptions,
} from '../dataframe/frame/sources.js';
import type { DataFrame } from '../dataframe/frame.js';
import * as frames from '../dataframe/frame.js';

/** Where dataframes come from. Nothing is read before an answer is asked for. */
export class FrameSource {
  protected readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }

  private get host(): frames.DataFrameHost {
    loadArrowOnceIdle();
    return { executor: this.client };
  }

  /** Parquet files: paths, globs or folders, read by the workers, a partition per row group. */
  scanParquet(paths: string | readonly string[], options: ParquetOptions = {}): DataFrame {
    return frames.scanParquet(this.host, paths, options);
  }

  /** CSV files: paths or globs, read by the workers, a partition per byte range. */
  scanCSV(paths: string | readonly string[], options: CSVOptions = {}): DataFrame {
    return frames.scanCSV(this.host, paths, options);
  }

  /** An object a line: paths, globs or folders, read by the workers, a partition per byte range. */
  scanNDJSON(paths: string | readonly string[], options: NDJSONOptions = {}): DataFrame {
    return frames.scanFrame(this.host, ndjsonScan(paths, options));
  }

  /** JSON documents of one array of objects, or one object: paths, globs or folders, a partition per file. */
  scanJSON(paths: string | readonly string[], options: JSONOptions = {}): DataFrame {
    return frames.scanFrame(this.host, jsonScan(paths, options));
  }

  /** Arrow IPC files and streams (Feather too): paths, globs or folders, read by the workers, a partition per record batch. */
  scanIPC(paths: string | readonly string[], options: IPCOptions = {}): DataFrame {
    return frames.scanFrame(this.host, ipcScan(paths, options));
  }

  /**
   * A table (`schema.table`) or query of PostgreSQL, streamed by the workers; with `partitionOn` in ranges of that column.
   * Needs the packages pg and pg-copy-streams.
   */
  scanPostgres(url: string, tableOrQuery: string, options: PostgresOptions = {}): DataFrame {
    return frames.scanPostgres(this.host, url, tableOrQuery, options);
  }

  /** An apache-arrow Table. Cut into partitions of a fixed number of rows unless told. */
  fromArrow(table: Table, options: { partitions?: number } = {}): DataFrame {
    return frames.fromArrow(this.host, table, options);
  }

  /** Plain objects: number → Float64, bigint → Int64, Date → Timestamp(ms), string, boolean; undefined and null → null. */
  fromRecords(objects: readonly Record<string, unknown>[], options: frames.RecordsOptions = {}): DataFrame {
    return frames.fromRecords(this.host, objects, options);
  }
}
