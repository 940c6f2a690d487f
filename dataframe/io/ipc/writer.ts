import type { FileHandle } from 'node:fs/promises';
import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { concatBatches } from '../../kernels/concat.js';
import { sliceBatch } from '../../kernels/take.js';
import { loadZstd } from '../zstd/zstd.js';
import { type EncodedMessage, encodeBatch, encodeDictionary, type IpcCompression } from './encode.js';
import { codedColumns, FileDictionary } from './file-dictionary.js';
import { footer, schemaMessage } from './flatwrite.js';
import type { Block } from './message.js';

const magic = Buffer.from('ARROW1');
const endOfStream = Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]);

export interface IpcFileOptions {
  readonly compression: IpcCompression;
  /** Columns of text that are codes of a dictionary in the file; true: all. */
  readonly dictionaries: true | readonly string[];
  readonly batchRows: number;
}

/**
 * Writes one file in the Arrow IPC file format: record batches of exactly `batchRows`, the last one shorter, then the
 * dictionaries, since a dictionary for the file is known only at its end: readers find either through the footer. Holds
 * one batch and the dictionaries in memory.
 */
export class IpcFile {
  rows = 0;
  readonly #handle: FileHandle;
  readonly #schema: Schema;
  readonly #options: IpcFileOptions;
  readonly #coded: ReadonlySet<string>;
  /** By the place of their column. */
  readonly #dictionaries = new Map<number, FileDictionary>();
  readonly #blocks: Block[] = [];
  #pending: Batch[] = [];
  #pendingRows = 0;
  #offset = 0;

  private constructor(handle: FileHandle, schema: Schema, options: IpcFileOptions) {
    this.#handle = handle;
    this.#schema = schema;
    this.#options = options;
    this.#coded = codedColumns(schema, options.dictionaries);
    schema.forEach(({ name }, c) => {
      if (this.#coded.has(name)) this.#dictionaries.set(c, new FileDictionary(name));
    });
  }

  static async open(handle: FileHandle, schema: Schema, options: IpcFileOptions): Promise<IpcFile> {
    if (options.compression === 'zstd') await loadZstd();
    const file = new IpcFile(handle, schema, options);
    await file.#write([magic, Buffer.alloc(2), schemaMessage(schema, file.#coded)]);
    return file;
  }

  async append(batch: Batch): Promise<void> {
    const { batchRows } = this.#options;
    for (let row = 0; row < batch.rows; ) {
      const to = Math.min(batch.rows, row + batchRows - this.#pendingRows);
      this.#pending.push(sliceBatch(batch, row, to));
      this.#pendingRows += to - row;
      this.rows += to - row;
      row = to;
      if (this.#pendingRows === batchRows) await this.#writeBatch();
    }
  }

  /** Writes what is left, the dictionaries and the footer. @returns bytes of the file */
  async finish(): Promise<number> {
    if (this.#pendingRows > 0) await this.#writeBatch();
    const dictionaries: Block[] = [];
    for (const [id, dictionary] of this.#dictionaries) {
      const message = encodeDictionary(id, dictionary.column(), this.#options.compression);
      dictionaries.push(await this.#writeMessage(message));
    }
    const bytes = footer(this.#schema, this.#coded, dictionaries, this.#blocks);
    const length = Buffer.alloc(4);
    length.writeInt32LE(bytes.length);
    await this.#write([endOfStream, bytes, length, magic]);
    return this.#offset;
  }

  async #writeBatch(): Promise<void> {
    const batch = concatBatches(this.#schema, this.#pending);
    this.#pending = [];
    this.#pendingRows = 0;
    const codes = new Map<number, Int32Array>();
    for (const [c, dictionary] of this.#dictionaries) codes.set(c, dictionary.encode(batch.columns[c]!));
    this.#blocks.push(await this.#writeMessage(encodeBatch(batch, this.#options.compression, codes)));
  }

  async #writeMessage({ metadata, body, bodyBytes }: EncodedMessage): Promise<Block> {
    const block = { start: this.#offset, metadata: metadata.length, body: bodyBytes };
    await this.#write([metadata, ...body]);
    return block;
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
