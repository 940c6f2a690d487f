import type { FileHandle } from 'node:fs/promises';
import { limits } from '../../../core/base/limits.js';
import { textOf } from '../../codegen/row-text.js';
import { isValid } from '../../column/bitmap.js';
import type { Batch, Column } from '../../column/column.js';
import { entryTexts } from '../../column/dictionary.js';

/** How the rows of a text format are written. */
export interface RowWriter {
  /** Stands before the first row. */
  readonly head: string;
  /** The line of one row of the batch, its line break included. */
  lines(batch: Batch): (row: number) => string;
}

/** Writes one file of lines, holding about limits.chunkBytes of text in memory. */
export class TextFile {
  rows = 0;
  #handle: FileHandle;
  #writer: RowWriter;
  #text: string;
  #bytes = 0;

  constructor(handle: FileHandle, writer: RowWriter) {
    this.#handle = handle;
    this.#writer = writer;
    this.#text = writer.head;
  }

  async append(batch: Batch): Promise<void> {
    const line = this.#writer.lines(batch);
    for (let row = 0; row < batch.rows; row++) {
      this.#text += line(row);
      if (this.#text.length >= limits.chunkBytes) await this.#flush();
    }
    this.rows += batch.rows;
  }

  /** @returns bytes of the file */
  async finish(): Promise<number> {
    await this.#flush();
    return this.#bytes;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
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
    const write = textOf(column, null);
    text = row => plain(write(row));
  }
  return validity === null ? text : row => (isValid(validity, row) ? text(row) : missing);
}
