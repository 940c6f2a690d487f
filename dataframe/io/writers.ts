import type { FileHandle } from 'node:fs/promises';
import { assert } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { csvRows } from './csv/writer.js';
import { codedColumns } from './ipc/file-dictionary.js';
import { IpcFile } from './ipc/writer.js';
import { jsonRows } from './json/rows.js';
import { ParquetFile, requireWritable } from './parquet/writer.js';
import type { SinkFormat, SinkSpec } from './source.js';
import { packedExtensions, packerOf } from './text/pack.js';
import { type RowWriter, TextFile } from './text/writer.js';

/** A file being written. */
export interface OutputFile {
  readonly rows: number;
  append(batch: Batch): Promise<void>;
  /** @returns bytes of the file */
  finish(): Promise<number>;
}

export type OpenFile = (handle: FileHandle) => OutputFile | Promise<OutputFile>;

/**
 * Opens files of the sink's format. Everything that can be refused is refused here, before anything is made on disk.
 * @throws UNSUPPORTED, INVALID_ARGUMENT
 */
export function fileOpener(spec: SinkSpec, schema: Schema): OpenFile {
  switch (spec.format) {
    case 'parquet': {
      requireWritable(schema, spec);
      requirePositive('rowGroupRows', spec.rowGroupRows);
      return handle => ParquetFile.open(handle, schema, spec);
    }
    case 'ipc': {
      assert(spec.ipc != null, 'an Arrow sink has Arrow options');
      const { compression, dictionaries = [] } = spec.ipc;
      requirePositive('batchRows', spec.rowGroupRows);
      if (!['none', 'lz4', 'zstd'].includes(compression)) {
        throw new VolleyError(
          'INVALID_ARGUMENT',
          `compression is 'none', 'lz4' or 'zstd', not '${compression}'`,
        );
      }
      codedColumns(schema, dictionaries);
      const options = { compression, dictionaries, batchRows: spec.rowGroupRows };
      return handle => IpcFile.open(handle, schema, options);
    }
    case 'csv': {
      assert(spec.csv != null, 'a CSV sink has CSV options');
      return textOpener(csvRows(schema, spec.csv), spec);
    }
    case 'ndjson':
      return textOpener(jsonRows(schema, 'lines'), spec);
    case 'json':
      return textOpener(jsonRows(schema, 'array'), spec);
  }
}

function textOpener(rows: RowWriter, { packing }: SinkSpec): OpenFile {
  return async handle => new TextFile(handle, rows, await packerOf(packing ?? null));
}

function requirePositive(name: string, rows: number): void {
  if (Number.isSafeInteger(rows) && rows >= 1) return;
  throw new VolleyError('INVALID_ARGUMENT', `${name} is ${rows}, must be a positive integer`);
}

/** Whether a path names one file; else it names a folder of parts. */
export function isFilePath(path: string, format: SinkFormat): boolean {
  return fileExtensions(format).some(extension => path.endsWith(extension));
}

function fileExtensions(format: SinkFormat): readonly string[] {
  switch (format) {
    case 'ipc':
      return ['.ipc', '.arrow', '.feather'];
    case 'parquet':
      return ['.parquet'];
    default:
      return ['', ...Object.values(packedExtensions)].map(packed => `.${format}${packed}`);
  }
}
