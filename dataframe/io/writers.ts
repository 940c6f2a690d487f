import type { FileHandle } from 'node:fs/promises';
import { assert } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { csvRows } from './csv/writer.js';
import { ndjsonRows } from './ndjson/writer.js';
import { ParquetFile, requireWritable } from './parquet/writer.js';
import type { SinkSpec } from './source.js';
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
      if (!Number.isSafeInteger(spec.rowGroupRows) || spec.rowGroupRows < 1) {
        throw new VolleyError(
          'INVALID_ARGUMENT',
          `rowGroupRows is ${spec.rowGroupRows}, must be a positive integer`,
        );
      }
      return handle => ParquetFile.open(handle, schema, spec);
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
