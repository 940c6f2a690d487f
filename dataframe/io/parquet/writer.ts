import type { FileHandle } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import type { CompressionCodec } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { VolleyError } from '../../../core/base/errors.js';
import { volleyVersion } from '../../../core/base/version.js';
import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import type { SinkSpec } from '../source.js';
import { appendRows, type FileValue, parquetSchemaOf } from './encode.js';

/** zlib's zstd exists from Node 22.15 on. */
const nodeZstd = (zlib as { zstdCompressSync?: (input: Uint8Array) => Uint8Array }).zstdCompressSync;

const codecs: Record<SinkSpec['compression'], CompressionCodec> = {
  snappy: 'SNAPPY',
  zstd: 'ZSTD',
  none: 'UNCOMPRESSED',
};

/** @throws UNSUPPORTED for types and compressions that cannot be written: call it before anything is made */
export function requireWritable(schema: Schema, compression: SinkSpec['compression']): void {
  if (schema.length === 0) {
    throw new VolleyError(
      'UNSUPPORTED',
      'a Parquet file needs at least one column: select some before the sink',
    );
  }
  parquetSchemaOf(schema);
  if (compression === 'zstd' && nodeZstd === undefined) {
    throw new VolleyError(
      'UNSUPPORTED',
      `Node ${process.version} cannot write zstd: use compression: 'snappy' (the default) or 'none', or Node 22.15 or later`,
      { compression },
    );
  }
}

/** Writes one Parquet file: row groups of exactly `rowGroupRows`, the last one shorter. Holds one row group in memory. */
export class ParquetFile {
  rows = 0;
  #writer: BufferedFile;
  #parquet: ParquetWriter;
  #schema: Schema;
  #rowGroupRows: number;
  #pending: FileValue[][];

  constructor(handle: FileHandle, schema: Schema, spec: SinkSpec) {
    this.#writer = new BufferedFile(handle);
    this.#parquet = new ParquetWriter({
      writer: this.#writer,
      schema: parquetSchemaOf(schema),
      codec: codecs[spec.compression],
      compressors: nodeZstd === undefined ? {} : { ZSTD: nodeZstd },
      createdBy: `volley version ${volleyVersion}`,
    });
    this.#schema = schema;
    this.#rowGroupRows = spec.rowGroupRows;
    this.#pending = schema.map(() => []);
  }

  async append(batch: Batch): Promise<void> {
    let row = 0;
    while (row < batch.rows) {
      const filled = this.#pending[0]?.length ?? 0;
      const to = Math.min(batch.rows, row + this.#rowGroupRows - filled);
      batch.columns.forEach((column, i) => {
        appendRows(column, row, to, this.#pending[i]!);
      });
      this.rows += to - row;
      row = to;
      if ((this.#pending[0]?.length ?? 0) >= this.#rowGroupRows) {
        await this.#writeGroup();
      }
    }
  }

  /** Writes what is left and the footer. @returns bytes of the file */
  async finish(): Promise<number> {
    if ((this.#pending[0]?.length ?? 0) > 0) {
      await this.#writeGroup();
    }
    await this.#parquet.finish();
    return this.#writer.offset;
  }

  async #writeGroup(): Promise<void> {
    const columnData = this.#schema.map((field, i) => ({ name: field.name, data: this.#pending[i]! }));
    this.#pending = this.#schema.map(() => []);
    await this.#parquet.write({ columnData, rowGroupSize: this.#rowGroupRows });
  }
}

/** Collects a row group in memory, then writes it out. */
class BufferedFile extends ByteWriter {
  #handle: FileHandle;

  constructor(handle: FileHandle) {
    super();
    this.#handle = handle;
  }

  async flush(): Promise<void> {
    const bytes = this.getBytes();
    let written = 0;
    while (written < bytes.length) {
      written += (await this.#handle.write(bytes, written, bytes.length - written)).bytesWritten;
    }
    this.index = 0;
  }

  override finish(): Promise<void> {
    return this.flush();
  }
}
