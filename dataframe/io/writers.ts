import type { FileHandle } from 'node:fs/promises';
import { assert } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { csvRows } from './csv/writer.js';
import { IpcFile } from './ipc/writer.js';
import { ndjsonRows } from './ndjson/writer.js';
import { ParquetFile, requireWritable } from './parquet/writer.js';
import type { SinkFormat, SinkSpec } from './source.js';
import { TextFile } from './text/writer.js';

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
      requireWritable(schema);
      requirePositive('rowGroupRows', spec.rowGroupRows);
      return handle => ParquetFile.open(handle, schema, spec);
    }
    case 'ipc': {
      assert(spec.ipc != null, 'an Arrow sink has Arrow options');
      const { compression } = spec.ipc;
      requirePositive('batchRows', spec.rowGroupRows);
      if (!['none', 'lz4', 'zstd'].includes(compression)) {
        throw new VolleyError(
          'INVALID_ARGUMENT',
          `compression is 'none', 'lz4' or 'zstd', not '${compression}'`,
        );
      }
      return handle => IpcFile.open(handle, schema, compression, spec.rowGroupRows);
    }
    case 'csv': {
      assert(spec.csv != null, 'a CSV sink has CSV options');
      const rows = csvRows(schema, spec.csv);
      return handle => new TextFile(handle, rows);
    }
    case 'ndjson': {
      const rows = ndjsonRows(schema);
      return handle => new TextFile(handle, rows);
    }
  }
}

function requirePositive(name: string, rows: number): void {
  if (Number.isSafeInteger(rows) && rows >= 1) return;
  throw new VolleyError('INVALID_ARGUMENT', `${name} is ${rows}, must be a positive integer`);
}

/** Whether a path names one file; else it names a folder of parts. */
export function isFilePath(path: string, format: SinkFormat): boolean {
  const extensions = format === 'ipc' ? ['.ipc', '.arrow', '.feather'] : [`.${format}`];
  return extensions.some(extension => path.endsWith(extension));
}
