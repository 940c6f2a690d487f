import { assert } from '../../../core/base/assert.js';
import { VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import type { ColumnBuilder } from '../../column/builder.js';
import { badData } from '../errors.js';
import type { Decode } from './types.js';

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
/** Signature, flags, length of the extension. */
const headerBytes = signature.length + 8;

export interface RowColumn {
  readonly name: string;
  readonly builder: ColumnBuilder;
  readonly decode: Decode;
}

/** Decodes the stream of COPY … (FORMAT binary), in whatever pieces it comes, into one builder a column. */
export class BinaryRows {
  /** Rows in the builders. Whoever takes them out sets it back. */
  rows = 0;
  /** The end of the stream has come by. */
  ended = false;
  readonly #source: string;
  readonly #columns: readonly RowColumn[];
  #rest: Buffer = Buffer.alloc(0);
  #started = false;

  constructor(source: string, columns: readonly RowColumn[]) {
    this.#source = source;
    this.#columns = columns;
  }

  /** Takes what is whole of the piece and what was left before; keeps the rest. @throws BAD_DATA */
  push(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    if (!this.#started) {
      if (bytes.length < headerBytes) {
        this.#rest = bytes;
        return;
      }
      if (!bytes.subarray(0, signature.length).equals(signature) || view.getInt32(headerBytes - 4) !== 0) {
        throw badData({ file: this.#source }, 'no binary COPY stream');
      }
      this.#started = true;
      at = headerBytes;
    }
    for (let next = this.#rowEnd(view, at); next > 0; next = this.#rowEnd(view, at)) {
      this.#row(view, bytes, at);
      at = next;
    }
    // A piece may be a view of a buffer that is used again.
    this.#rest = Buffer.from(bytes.subarray(at));
    if (this.#rest.length > limits.lineBytes) {
      throw badData({ file: this.#source }, `a row exceeds ${limits.lineBytes} bytes`);
    }
  }

  /** Where the row at `at` ends; 0 when it is not whole, or the last one has been. */
  #rowEnd(view: DataView, at: number): number {
    if (this.ended || at + 2 > view.byteLength) return 0;
    const fields = view.getInt16(at);
    if (fields === -1) {
      this.ended = true;
      return 0;
    }
    assert(fields === this.#columns.length, 'as many fields as columns');
    let end = at + 2;
    for (let c = 0; c < fields; c++) {
      if (end + 4 > view.byteLength) return 0;
      const length = view.getInt32(end);
      end += 4 + Math.max(0, length);
    }
    return end > view.byteLength ? 0 : end;
  }

  #row(view: DataView, bytes: Buffer, from: number): void {
    let at = from + 2;
    for (const { name, builder, decode } of this.#columns) {
      const length = view.getInt32(at);
      at += 4;
      if (length < 0) {
        builder.appendNull();
        continue;
      }
      try {
        decode(view, bytes, at, at + length, builder);
      } catch (error) {
        if (!(error instanceof VolleyError)) throw error;
        throw new VolleyError(error.code, `${this.#source}, column '${name}': ${error.message}`, {
          ...error.data,
          column: name,
        });
      }
      at += length;
    }
    this.rows++;
  }
}
