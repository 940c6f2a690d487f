import { assert } from '../../core/base/assert.js';
import { limits } from '../../core/base/limits.js';
import { noChecksum, type OwnedPartition, type PartitionHeader } from '../../core/graph/partition.js';
import { bitmapBytes } from './bitmap.js';
import type { Batch, Column, Physical } from './column.js';
import { copyInto } from './copy-bytes.js';
import type { DataType, Schema } from './datatype.js';
import { dictionaryId } from './dictionary.js';
import { bytesOfValues, viewValues } from './layout.js';
import { type Narrow, narrowForm } from './narrow.js';
import { copyNarrow } from './narrow-copy.js';
import { rangeOf } from './range.js';
import { packMeta } from './slab-meta.js';

export { decodeBatch, decodeUnread } from './slab-decode.js';

/** Where a buffer lies in the slab: [offset, length] in bytes; the offset is a multiple of limits.alignment. */
export type BufferRange = readonly [number, number];

/** How the columns of one slice lie in its bytes: packed into PartitionHeader.meta. */
export interface PartitionMeta {
  readonly rows: number;
  readonly columns: readonly ColumnMeta[];
  readonly parts?: readonly number[];
  /** Rows lie as records (kernels/deal-record.ts) in one buffer, which is the values of each column. */
  readonly interleaved?: true;
}

export interface ColumnMeta {
  readonly name: string;
  readonly type: DataType;
  readonly physical: Physical;
  readonly nullCount: number;
  readonly validity: BufferRange | null;
  readonly values: BufferRange;
  readonly dictionary: DictionaryMeta | null;
  /** Bounds of integer-like values; null: unknown. */
  readonly range: readonly [number, number] | null;
  /** The values once more in fewer bytes, behind all columns: of partitions that are kept to be read again and again. */
  readonly narrow?: { readonly physical: Narrow; readonly values: BufferRange };
  /** Of a list: its items, as a column of that many values. */
  readonly items?: { readonly length: number; readonly column: ColumnMeta };
  /** Of a struct: its fields, in the order of the type. */
  readonly fields?: readonly ColumnMeta[];
}

export interface DictionaryMeta {
  readonly length: number;
  readonly offsets: BufferRange;
  readonly bytes: BufferRange;
  /** Content id; null: it was not worth making one. */
  readonly id: string | null;
  readonly repeats?: true;
}

/** `bytes`, rounded up to the alignment of buffers. */
export function aligned(bytes: number): number {
  const a = limits.alignment;
  return Math.ceil(bytes / a) * a;
}

/** The buffers of a column in slab order, as bytes; without those of columns that it is made of. */
function ownBuffers(column: Column): Uint8Array[] {
  const out: Uint8Array[] = [];
  if (column.validity !== null) out.push(column.validity.subarray(0, bitmapBytes(column.length)));
  const size = bytesOfValues(column.physical, column.length);
  out.push(new Uint8Array(column.values.buffer, column.values.byteOffset, size));
  const dictionary = column.dictionary;
  if (dictionary !== null) {
    const { offsets, bytes, length } = dictionary;
    out.push(new Uint8Array(offsets.buffer, offsets.byteOffset, (length + 1) * 4));
    out.push(bytes);
  }
  return out;
}

/** Bytes of the slab that writeBatch fills. */
export function sizeOfBatch(batch: Batch, narrow = false): number {
  let size = 0;
  for (const column of batch.columns) size += sizeOfColumn(column);
  return narrow ? size + sizeOfNarrow(batch.columns) : size;
}

/** Bytes of the narrow forms of columns. */
export function sizeOfNarrow(columns: readonly Omit<Column, 'values'>[]): number {
  let size = 0;
  for (const column of columns) {
    const form = narrowForm(column);
    if (form !== null) size += aligned(bytesOfValues(form, column.length));
  }
  return size;
}

function sizeOfColumn({ validity, physical, length, dictionary, items, fields }: Column): number {
  let size = aligned(bytesOfValues(physical, length));
  if (validity !== null) size += aligned(bitmapBytes(length));
  if (dictionary !== null) {
    size += aligned((dictionary.length + 1) * 4) + aligned(dictionary.bytes.byteLength);
  }
  if (items !== undefined) size += sizeOfColumn(items);
  for (const field of fields ?? []) size += sizeOfColumn(field);
  return size;
}

/**
 * Writes a batch into `target` (exactly sizeOfBatch bytes, every one of them written) and describes it. `narrow`: with the narrow
 * forms of its columns.
 */
export function writeBatch(batch: Batch, target: Uint8Array, narrow = false): PartitionHeader {
  let at = 0;
  const put = (buffer: Uint8Array): BufferRange => {
    const range: BufferRange = [at, buffer.byteLength];
    // Values that were gathered into the slab are where they belong.
    const there = buffer.buffer === target.buffer && buffer.byteOffset === target.byteOffset + at;
    if (!there) copyInto(target, at, buffer);
    at += aligned(buffer.byteLength);
    target.fill(0, range[0] + range[1], at);
    return range;
  };
  const write = (column: Column, name: string): ColumnMeta => {
    const buffers = ownBuffers(column);
    let next = 0;
    const validity = column.validity === null ? null : put(buffers[next++]!);
    const values = put(buffers[next++]!);
    const dictionary =
      column.dictionary === null
        ? null
        : {
            length: column.dictionary.length,
            offsets: put(buffers[next++]!),
            bytes: put(buffers[next++]!),
            id: dictionaryId(column.dictionary, column.length),
            ...(column.dictionary.repeats === true ? { repeats: true as const } : {}),
          };
    const { type, physical, nullCount, items, fields } = column;
    const bounds = rangeOf(column);
    const range = bounds === undefined ? null : ([bounds.min, bounds.max] as const);
    const meta = { name, type, physical, nullCount, validity, values, dictionary, range };
    if (type.kind === 'struct') {
      return { ...meta, fields: fields!.map((field, f) => write(field, type.fields[f]!.name)) };
    }
    if (items === undefined) return meta;
    return { ...meta, items: { length: items.length, column: write(items, `${name}[]`) } };
  };
  // Values are copied to a form of fewer bytes where that belongs.
  const writeNarrow = (column: Column, meta: ColumnMeta): ColumnMeta => {
    const physical = narrowForm(column);
    if (physical === null) return meta;
    const size = bytesOfValues(physical, column.length);
    const place = viewValues(physical, target.buffer, target.byteOffset + at, column.length);
    copyNarrow(place, column.values);
    const values = put(new Uint8Array(place.buffer, place.byteOffset, size));
    return { ...meta, narrow: { physical, values } };
  };
  let columns = batch.columns.map((column, i) => write(column, batch.schema[i]!.name));
  if (narrow) columns = columns.map((meta, i) => writeNarrow(batch.columns[i]!, meta));
  assert(at === target.byteLength, 'a slab is filled exactly');
  const { rows, parts } = batch;
  const meta: PartitionMeta = parts === undefined ? { rows, columns } : { rows, columns, parts };
  return { rows: batch.rows, byteLength: at, checksum: noChecksum, meta: packMeta(meta) };
}

/** Describes rows that lie as records from the first of `byteLength` bytes on; `size`: bytes of all records. */
export function interleavedHeader(
  schema: Schema,
  rows: number,
  columns: readonly Omit<Column, 'values'>[],
  size: number,
  byteLength: number,
): PartitionHeader {
  const described = columns.map(({ type, physical, range }, c): ColumnMeta => {
    const bounds = range === undefined ? null : ([range.min, range.max] as const);
    const plain = { nullCount: 0, validity: null, values: [0, size], dictionary: null } as const;
    return { name: schema[c]!.name, type, physical, ...plain, range: bounds };
  });
  const meta: PartitionMeta = { rows, columns: described, interleaved: true };
  return { rows, byteLength, checksum: noChecksum, meta: packMeta(meta) };
}

/** One slab with one batch. `allocate` gives uninitialised memory, 64-byte aligned. */
export function encodeBatch(batch: Batch, allocate: (byteLength: number) => Uint8Array): OwnedPartition {
  const size = sizeOfBatch(batch);
  const bytes = allocate(size).subarray(0, size);
  return { header: writeBatch(batch, bytes), bytes };
}
