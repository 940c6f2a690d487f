import { assert } from '../../core/base/assert.js';
import type { Batch, Column, Values } from '../column/column.js';
import { bytesOfValues, isNested, viewValues } from '../column/layout.js';
import { aligned, interleavedHeader, writeBatch } from '../column/slab.js';
import { rangeOfAll } from '../kernels/concat.js';
import { dealInto } from '../kernels/deal.js';
import type { RowRecord } from '../kernels/deal-record.js';
import {
  interleavedBytes,
  interleavedRecord,
  interleaveInto,
  mostInterleavedSlices,
} from '../kernels/interleaved.js';
import { lending } from '../kernels/lent.js';
import { liesReady, placesOf } from './store-gathered.js';
import type { FragmentEnv, FragmentResult } from './task.js';

/** A slice of each column before a value is moved, and where it begins in the slab. */
interface Place {
  readonly column: Omit<Column, 'values'>;
  /** Byte in the slab. */
  readonly values: number;
}

/** Rows of one batch, and where they go: row i to slice[i], and counts[p] of them to piece p. */
export interface Dealt {
  readonly batch: Batch;
  readonly slice: Uint16Array;
  readonly counts: Int32Array;
}

/** Rows of a batch below which it is sooner brought together with others than dealt out by itself. */
const leastRows = 16_384;

/**
 * True where it is as well to deal out each of several batches from where it lies, instead of bringing them together first: dictionaries
 * would be brought together once a slice.
 */
export function dealtOneByOne(batches: readonly Batch[]): boolean {
  const [first, ...others] = batches;
  const oneDictionary = (batch: Batch) =>
    batch.columns.every(
      ({ dictionary, type }, c) => dictionary === first!.columns[c]!.dictionary && !isNested(type),
    );
  return (
    others.length > 0 &&
    batches.every(batch => batch.rows >= leastRows && liesReady(batch) && oneDictionary(batch))
  );
}

export interface DealtForm {
  /** Pieces that make one slice. */
  readonly parts: number;
  /** Rows may lie as records. */
  readonly interleaved: boolean;
}

/**
 * Deals rows out straight into the slab, batch behind batch; every `parts` pieces are one slice. Null where the
 * size of the slab is only known after the rows were looked at (nulls, lists, dictionaries worth compacting), and where
 * a column differs from batch to batch in more than its values.
 */
export function storeDealt(
  dealt: readonly Dealt[],
  { parts, interleaved }: DealtForm,
  env: FragmentEnv,
  checkSize: (bytes: number) => void,
): FragmentResult | null {
  const { columns } = dealt[0]!.batch;
  const rows = dealt.reduce((sum, { batch }) => sum + batch.rows, 0);
  const counts = sumsOf(dealt);
  const fanOut = counts.length / parts;
  const plain = (column: Column, c: number) =>
    isPlain(column, rows, fanOut) && dealt.every(({ batch }) => areAlike(column, batch.columns[c]!));
  if (!columns.every(plain)) return null;
  const partsOf = Array.from({ length: fanOut }, (_, s) =>
    endsOf(counts.subarray(s * parts, (s + 1) * parts)),
  );
  const rowsOf = partsOf.map(ends => ends.at(-1)!);
  assert(sumOf(rowsOf) === rows, 'every row goes to a piece that there is');
  const plainColumns = columns.map(({ type, physical, dictionary }, c) => ({
    ...rangeOfAll(dealt.map(({ batch }) => batch.columns[c]!)),
    ...{ type, physical, length: rows, nullCount: 0, validity: null, dictionary },
  }));
  const asRecord = interleaved && parts === 1 && fanOut <= mostInterleavedSlices;
  const record = asRecord ? interleavedRecord(plainColumns) : null;
  const apart = columnPlaces(plainColumns, rowsOf);
  const sizes = rowsOf.map(rows => (record === null ? 0 : aligned(interleavedBytes(record, rows))));
  const total = Math.max(apart.starts.at(-1)!, sumOf(sizes));
  checkSize(total);
  const slab = env.allocate(total);
  const slices =
    (record === null ? null : asRecords(dealt, plainColumns, rowsOf, sizes, record, slab)) ??
    asColumns(dealt, counts, parts, partsOf, apart, slab);
  return { rows, inline: null, slab, slices };
}

type Plain = Omit<Column, 'values'>;
type Slices = FragmentResult['slices'];

interface ColumnPlaces {
  /** By slice, the column's. */
  readonly places: readonly (readonly Place[])[];
  /** Where each slice begins in the slab, and the end. */
  readonly starts: readonly number[];
}

function columnPlaces(columns: readonly Plain[], rowsOf: readonly number[]): ColumnPlaces {
  const starts = [0];
  const places = rowsOf.map(length => {
    let at = starts.at(-1)!;
    const placed = columns.map((plain): Place => {
      const column = { ...plain, length };
      const { values, end } = placesOf(column);
      const place = { column, values: at + values };
      at += end;
      return place;
    });
    starts.push(at);
    return placed;
  });
  return { places, starts };
}

/** Null: there is no kernel for it here, and nothing was written. */
function asRecords(
  dealt: readonly Dealt[],
  columns: readonly Plain[],
  rowsOf: readonly number[],
  sizes: readonly number[],
  record: RowRecord,
  slab: Uint8Array,
): Slices | null {
  let end = 0;
  const starts = sizes.map(size => (end += size) - size);
  if (!interleaveInto(slab, starts, dealt)) return null;
  const { schema } = dealt[0]!.batch;
  return starts.map((offset, s) => {
    const size = rowsOf[s]! * record.bytes;
    slab.fill(0, offset + size, offset + sizes[s]!);
    return { header: interleavedHeader(schema, rowsOf[s]!, columns, size, sizes[s]!), offset };
  });
}

function asColumns(
  dealt: readonly Dealt[],
  counts: Int32Array,
  parts: number,
  partsOf: readonly (readonly number[])[],
  { places, starts }: ColumnPlaces,
  slab: Uint8Array,
): Slices {
  const { schema, columns } = dealt[0]!.batch;
  const first = (c: number, p: number) => {
    const s = Math.floor(p / parts);
    return places[s]![c]!.values / bytesOfValues(columns[c]!.physical, 1) + partsOf[s]![p % parts]!;
  };
  dealAll(
    dealt,
    columns.map((_, c) => Int32Array.from(counts, (_, p) => first(c, p))),
    slab.subarray(0, starts.at(-1)!),
  );
  return places.map((of, s) => {
    const written = of.map(
      ({ column, values }): Column => ({ ...column, values: viewAt(slab, column, values) }),
    );
    const ends = partsOf[s]!;
    const part = { schema, rows: ends.at(-1)!, columns: written, ...(parts === 1 ? null : { parts: ends }) };
    const from = starts[s]!;
    return { header: writeBatch(part, slab.subarray(from, starts[s + 1]!)), offset: from };
  });
}

/** `next`: by column, the position in the slab of the first value of each piece; goes on behind each batch. */
function dealAll(dealt: readonly Dealt[], next: readonly Int32Array[], slab: Uint8Array): void {
  for (const { batch, slice, counts } of dealt) {
    const targets = batch.columns.map((column, c) => {
      const fitting = Math.floor(slab.byteLength / bytesOfValues(column.physical, 1));
      const values = viewValues(column.physical, slab.buffer, slab.byteOffset, fitting);
      return { column, values, starts: next[c]! };
    });
    // What is lent for one batch is lent for the next one again.
    lending(lent => dealInto(targets, slice, batch.rows, lent));
    for (const at of next) for (let p = 0; p < at.length; p++) at[p]! += counts[p]!;
  }
}

function sumsOf(dealt: readonly Dealt[]): Int32Array {
  const sums = new Int32Array(dealt[0]!.counts.length);
  for (const { counts } of dealt) for (let p = 0; p < sums.length; p++) sums[p]! += counts[p]!;
  return sums;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** Where pieces of so many rows begin, and the end. */
function endsOf(counts: Int32Array): number[] {
  const ends = [0];
  for (const count of counts) ends.push(ends.at(-1)! + count);
  return ends;
}

/** True for columns without nulls whose dictionary, copied to every slice, stays small beside the rows. */
function isPlain({ validity, type, dictionary }: Column, rows: number, slices: number): boolean {
  if (validity !== null || isNested(type)) return false;
  return dictionary === null || (dictionary.length * 4 + dictionary.bytes.byteLength) * slices <= rows;
}

function areAlike(a: Column, b: Column): boolean {
  return b.validity === null && a.physical === b.physical && a.dictionary === b.dictionary;
}

function viewAt(slab: Uint8Array, { physical, length }: Omit<Column, 'values'>, byte: number): Values {
  return viewValues(physical, slab.buffer, slab.byteOffset + byte, length);
}
