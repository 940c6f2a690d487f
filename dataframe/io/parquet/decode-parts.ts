import { isUtf8 } from 'node:buffer';
import { limits } from '../../../core/base/limits.js';
import type { Dictionary, Physical, Values } from '../../column/column.js';
import type { DataType } from '../../column/datatype.js';
import type { ReadUse } from '../source.js';
import { isBytesDecimal } from './decimals.js';
import type { ColumnMetaData, SchemaElement } from './metadata.js';
import { TextSink } from './text.js';
import { NumberSink, type ValueSink } from './values.js';

/** The pages of one column of one row group. */
export interface ChunkBytes {
  readonly chunk: ColumnMetaData;
  readonly bytes: Uint8Array;
  /** The first so many rows are wanted of the `groupRows` there are. */
  readonly rows: number;
  readonly groupRows: number;
}

/** Takes the values of pages of such elements: `values` has room for all of them. */
export function sinkFor(
  element: SchemaElement,
  type: DataType,
  physical: Physical,
  values: Values,
  chunks: readonly ChunkBytes[],
  use: ReadUse,
  picks = false,
): ValueSink {
  if (physical !== 'code') return new NumberSink(element.type!, physical, type.kind === 'uint64', values);
  return new TextSink(values as Int32Array, {
    // Interning what is not picked would be wasted.
    movesOnly: use.movesText || picks,
    picks,
    expectedBytes: expectedBytes(chunks),
    lent: use.lent,
    fixedBytes: element.type === 'FIXED_LEN_BYTE_ARRAY' ? (element.type_length ?? 0) : null,
    form: isBytesDecimal(element, type) ? 'decimal' : element.logical_type?.type === 'UUID' ? 'uuid' : null,
  });
}

/** Of the values, as the footer claims it; never more than a sensible first allocation. */
export function expectedBytes(chunks: readonly ChunkBytes[]): number {
  const claimed = chunks.reduce((sum, { chunk }) => sum + chunk.total_uncompressed_size, 0);
  return Math.max(0, Math.min(claimed, limits.parquetFirstTextBytes));
}

/** All bytes at once, natively; then an entry can only be wrong by beginning within a character. */
export function allUtf8({ bytes, offsets, length }: Dictionary): boolean {
  if (!isUtf8(bytes)) {
    return false;
  }
  for (let i = 0; i < length; i++) {
    const from = offsets[i]!;
    if (offsets[i + 1]! > from && (bytes[from]! & 0xc0) === 0x80) {
      return false;
    }
  }
  return true;
}

export function countOf(count: number | undefined): number {
  if (count === undefined || !(count >= 0)) {
    throw new RangeError(`a page claims ${count} values`);
  }
  return count;
}

export function sum(flags: Uint8Array, from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) {
    total += flags[i]!;
  }
  return total;
}

/** Moves the `present` dense values of rows [row, row + count) to the rows whose flag is 1, from the end, in place. */
export function spread(
  values: Values,
  width: number,
  flags: Uint8Array,
  row: number,
  count: number,
  present: number,
): void {
  let source = row + present;
  for (let i = row + count - 1; i >= row; i--) {
    if (flags[i] === 0) {
      values[width * i] = 0;
      if (width === 2) {
        values[2 * i + 1] = 0;
      }
      continue;
    }
    source--;
    values[width * i] = values[width * source]!;
    if (width === 2) {
      values[2 * i + 1] = values[2 * source + 1]!;
    }
  }
}
