import { type KernelMemory, kernelMemory } from '../../core/base/kernel-memory.js';
import { functionFor } from '../codegen/wasm/assemble.js';
import { hasVectors } from '../codegen/wasm/vectors.js';
import type { Batch, Column, Values } from '../column/column.js';
import { allocateValues, bytesOfValues } from '../column/layout.js';
import { makeRecordReader, makeRecordWriter } from './deal-block-wasm.js';
import { chunkBytes, type RowRecord, recordOf } from './deal-record.js';
import { type Lent, lending } from './lent.js';

/** To more slices columns are dealt as quickly: the processor does not read ahead for so many places that are written to. */
export const mostInterleavedSlices = 14;
/** Larger records take longer to take apart than columns to copy. */
const mostBytes = 64;
/** Records that are read from elsewhere are taken apart while they are in the cache. */
const blockBytes = 768 * 1024;
/** So many are lent of the lane's memory, not of the heap. */
const leastWords = 4096;

/** The rows of one batch, and the slice of each. */
export interface SlicedRows {
  readonly batch: Pick<Batch, 'rows' | 'columns'>;
  readonly slice: Uint16Array;
}

const sizesOf = (columns: readonly Pick<Column, 'physical'>[]) =>
  columns.map(({ physical }) => bytesOfValues(physical, 1));

/** How rows of these columns lie as records; null where that does not pay, or they are more than their values. */
export function interleavedRecord(columns: readonly Omit<Column, 'values'>[]): RowRecord | null {
  const plain = ({ validity, dictionary, items, fields }: Omit<Column, 'values'>) =>
    validity === null && dictionary === null && items === undefined && fields === undefined;
  if (columns.length === 0 || !columns.every(plain)) return null;
  const sizes = sizesOf(columns);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes > mostBytes) return null;
  const record = recordOf(sizes);
  return record.bytes === bytes ? record : null;
}

/** Bytes of so many records; the last store of a slice may reach over what it is to write. */
export function interleavedBytes(record: RowRecord, rows: number): number {
  return rows * record.bytes + chunkBytes;
}

/**
 * Writes rows as records behind the `starts` of their slices, bytes of the slab. False: not all of it lies in the memory of this
 * lane, and nothing was done.
 */
export function interleaveInto(
  slab: Uint8Array,
  starts: readonly number[],
  batches: readonly SlicedRows[],
): boolean {
  const home = kernelMemory();
  if (home === null || !hasVectors() || !liesIn(home, slab)) return false;
  const there = ({ batch, slice }: SlicedRows) =>
    liesIn(home, slice) && batch.columns.every(({ values }) => liesIn(home, values));
  if (!batches.every(there)) return false;
  return lending(lent => {
    const ends = lent.words(Math.max(leastWords, starts.length));
    if (!liesIn(home, ends)) return false;
    for (const [s, start] of starts.entries()) ends[s] = slab.byteOffset + start;
    const sizes = sizesOf(batches[0]!.batch.columns);
    const write = functionFor(home.memory, `interleave ${sizes.join()}`, () =>
      makeRecordWriter(home.memory, sizes),
    );
    for (const { batch, slice } of batches) {
      const values = batch.columns.map(column => column.values.byteOffset);
      write(slice.byteOffset, batch.rows, ends.byteOffset, ...values);
    }
    return true;
  });
}

/** Where the records are. */
export interface RecordSource {
  /** In memory; null: they have to be read. */
  readonly bytes: Uint8Array | null;
  /** Fills `target` with what lies from a byte of the records on. */
  read(target: Uint8Array, from: number): void;
}

/**
 * Rows that lie as records, their values side by side (deal-record.ts). Whoever has places for all columns has them filled
 * at once; who looks at one has all taken apart to lent memory, or to the heap where nobody lends.
 */
export class InterleavedBatch implements Batch {
  readonly schema: Batch['schema'];
  readonly rows: number;
  readonly columns: readonly Column[];
  readonly #sizes: readonly number[];
  readonly #source: RecordSource;
  #lent: Lent | null = null;

  constructor(
    schema: Batch['schema'],
    rows: number,
    columns: readonly Omit<Column, 'values'>[],
    source: RecordSource,
  ) {
    this.schema = schema;
    this.rows = rows;
    this.#sizes = sizesOf(columns);
    this.#source = source;
    let values: readonly Values[] | null = null;
    const all = () => {
      const lent = this.#lent;
      values ??= columns.map(({ physical }) =>
        lent === null ? allocateValues(physical, rows) : lent.values(physical, rows, false),
      );
      this.takeApart(values);
      return values;
    };
    this.columns = columns.map(
      (column, c): Column => ({
        ...column,
        get values() {
          return (values ?? all())[c]!;
        },
      }),
    );
  }

  /** What columns will be taken apart to, when somebody looks at one. */
  lentBy(lent: Lent): this {
    this.#lent = lent;
    return this;
  }

  /** Fills a place for each column, of exactly its values. */
  takeApart(out: readonly Values[]): void {
    const home = kernelMemory();
    const record = recordOf(this.#sizes);
    const take = home !== null && out.every(values => liesIn(home, values)) ? this.#reader(home) : null;
    const { bytes } = this.#source;
    const all = this.rows * record.bytes;
    const places = out.map(values => values.byteOffset);
    if (take !== null && bytes !== null && liesIn(home!, bytes)) {
      take(bytes.byteOffset, bytes.byteOffset + all, ...places);
      return;
    }
    const blockRows = Math.floor(blockBytes / record.bytes);
    lending(lent => {
      const block = lent.bytes(Math.min(this.rows, blockRows) * record.bytes);
      for (let row = 0; row < this.rows; row += blockRows) {
        const rows = Math.min(blockRows, this.rows - row);
        const some = block.subarray(0, rows * record.bytes);
        this.#source.read(some, row * record.bytes);
        if (take !== null && liesIn(home!, some)) {
          const to = places.map((at, c) => at + row * this.#sizes[c]!);
          take(some.byteOffset, some.byteOffset + some.byteLength, ...to);
        } else takeByBytes(record, some, out, row);
      }
    });
  }

  #reader({ memory }: KernelMemory) {
    if (!hasVectors()) return null;
    return functionFor(memory, `take apart ${this.#sizes.join()}`, () =>
      makeRecordReader(memory, this.#sizes),
    );
  }
}

function liesIn({ buffer }: KernelMemory, array: ArrayBufferView): boolean {
  return array.buffer === buffer;
}

/** The same without WebAssembly: of a machine that cannot do more, or to memory that is not the lane's. */
function takeByBytes(record: RowRecord, records: Uint8Array, out: readonly Values[], row: number): void {
  for (const { fields, at: before } of record.chunks) {
    for (const { column, bytes, at } of fields) {
      const { buffer, byteOffset } = out[column]!;
      const to = new Uint8Array(buffer, byteOffset + row * bytes, (records.length / record.bytes) * bytes);
      for (let k = 0; k < bytes; k++) {
        for (let i = k, from = before + at + k; i < to.length; i += bytes, from += record.bytes)
          to[i] = records[from]!;
      }
    }
  }
}
