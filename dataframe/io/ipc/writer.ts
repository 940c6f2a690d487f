import type { FileHandle } from 'node:fs/promises';
import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { concatBatches } from '../../kernels/concat.js';
import { sliceBatch } from '../../kernels/take.js';
import { loadZstd } from '../parquet/zstd.js';
import { encodeBatch, type IpcCompression } from './encode.js';
import { footer, schemaMessage } from './flatwrite.js';
import type { Block } from './message.js';

const magic = Buffer.from('ARROW1');
const endOfStream = Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]);

/**
 * Writes one file in the Arrow IPC file format: record batches of exactly `batchRows`, the last one shorter. Text is
 * written out, since one dictionary for the file is known only at its end. Holds one batch in memory.
 */
export class IpcFile {
  rows = 0;
  readonly #handle: FileHandle;
  readonly #schema: Schema;
  readonly #compression: IpcCompression;
  readonly #batchRows: number;
  readonly #blocks: Block[] = [];
  #pending: Batch[] = [];
  #pendingRows = 0;
  #offset = 0;

  private constructor(handle: FileHandle, schema: Schema, compression: IpcCompression, batchRows: number) {
    this.#handle = handle;
    this.#schema = schema;
    this.#compression = compression;
    this.#batchRows = batchRows;
  }

  static async open(
    handle: FileHandle,
    schema: Schema,
    compression: IpcCompression,
    batchRows: number,
  ): Promise<IpcFile> {
    if (compression === 'zstd') await loadZstd();
    const file = new IpcFile(handle, schema, compression, batchRows);
    await file.#write([magic, Buffer.alloc(2), schemaMessage(schema)]);
    return file;
  }

  async append(batch: Batch): Promise<void> {
    for (let row = 0; row < batch.rows; ) {
      const to = Math.min(batch.rows, row + this.#batchRows - this.#pendingRows);
      this.#pending.push(sliceBatch(batch, row, to));
      this.#pendingRows += to - row;
      this.rows += to - row;
      row = to;
      if (this.#pendingRows === this.#batchRows) await this.#writeBatch();
    }
  }

  /** Writes what is left, and the footer. @returns bytes of the file */
  async finish(): Promise<number> {
    if (this.#pendingRows > 0) await this.#writeBatch();
    const bytes = footer(this.#schema, this.#blocks);
    const length = Buffer.alloc(4);
    length.writeInt32LE(bytes.length);
    await this.#write([endOfStream, bytes, length, magic]);
    return this.#offset;
  }

  async #writeBatch(): Promise<void> {
    const batch = concatBatches(this.#schema, this.#pending);
    this.#pending = [];
    this.#pendingRows = 0;
    const { metadata, body, bodyBytes } = encodeBatch(batch, this.#compression);
    this.#blocks.push({ start: this.#offset, metadata: metadata.length, body: bodyBytes });
    await this.#write([metadata, ...body]);
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) {
      for (let written = 0; written < part.length; ) {
        written += (await this.#handle.write(part, written, part.length - written)).bytesWritten;
      }
      this.#offset += part.length;
    }
  }
}
