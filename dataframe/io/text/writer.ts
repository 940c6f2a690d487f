import type { FileHandle } from 'node:fs/promises';
import { limits } from '../../../core/base/limits.js';
import { textOf } from '../../codegen/row-text.js';
import { isValid } from '../../column/bitmap.js';
import type { Batch, Column } from '../../column/column.js';
import { entryTexts } from '../../column/dictionary.js';
import type { Packer } from './pack.js';

/** How the rows of a text format are written. */
export interface RowWriter {
  /** Stands before the first row. */
  readonly head: string;
  /** Stands between two rows. */
  readonly between: string;
  /** Stands behind the last row. */
  readonly tail: string;
  /** The text of one row of the batch. */
  rows(batch: Batch): (row: number) => string;
}

/** Rows that bring their line breaks along. */
export const plainLines = { head: '', between: '', tail: '' } as const;

/** Writes one file of text, holding about limits.chunkBytes of text in memory. */
export class TextFile {
  rows = 0;
  #handle: FileHandle;
  #writer: RowWriter;
  #packer: Packer;
  #text: string;
  /** Stands before the next row. */
  #between = '';
  #bytes = 0;

  constructor(handle: FileHandle, writer: RowWriter, packer: Packer) {
    this.#handle = handle;
    this.#writer = writer;
    this.#packer = packer;
    this.#text = writer.head;
  }

  async append(batch: Batch): Promise<void> {
    const text = this.#writer.rows(batch);
    for (let row = 0; row < batch.rows; row++) {
      this.#text += this.#between + text(row);
      this.#between = this.#writer.between;
      if (this.#text.length >= limits.chunkBytes) await this.#flush();
    }
    this.rows += batch.rows;
  }

  /** @returns bytes of the file */
  async finish(): Promise<number> {
    this.#text += this.#writer.tail;
    await this.#flush();
    await this.#write(await this.#packer.end());
    return this.#bytes;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    await this.#write(await this.#packer.pack(bytes));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      written += (await this.#handle.write(bytes, written, bytes.length - written)).bytesWritten;
    }
    this.#bytes += bytes.length;
  }
}

/**
 * The text of each value of a column, `missing` for nulls; `quoted` is applied to text once per dictionary entry, and
 * `plain` to every other value.
 */
export function cellTexts(
  column: Column,
  missing: string,
  quoted: (text: string) => string,
  plain: (text: string) => string,
): (row: number) => string {
  const { type, values, validity, dictionary } = column;
  if (type.kind === 'null') return () => missing;
  let text: (row: number) => string;
  if (dictionary !== null && type.kind !== 'decimal') {
    const entries = entryTexts(dictionary).map(quoted);
    text = row => entries[values[row]!]!;
  } else if (type.kind === 'bool') {
    const names = [plain('false'), plain('true')] as const;
    text = row => names[values[row] === 0 ? 0 : 1];
  } else {
    const write = exactText(column);
    text = row => plain(write(row));
  }
  return validity === null ? text : row => (isValid(validity, row) ? text(row) : missing);
}

/** With what a cast to text leaves out: that a time is an instant, and the sign of zero, which readers find in -0.0 only. */
function exactText(column: Column): (row: number) => string {
  const { type, values } = column;
  const write = textOf(column, null);
  if (type.kind === 'timestamp' && type.timeZone !== null) return row => `${write(row)}Z`;
  if (type.kind === 'float32' || type.kind === 'float64')
    return row => (Object.is(values[row], -0) ? '-0.0' : write(row));
  return write;
}
