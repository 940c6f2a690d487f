import { limits } from '../../../core/base/limits.js';
import type { Schema } from '../../column/datatype.js';
import type { ExprNode } from '../../expr/node.js';
import type { Lent } from '../../kernels/lent.js';
import { mayMatch } from '../prune.js';
import type { SourceHandle } from '../source.js';
import type { ColumnChunk } from './metadata.js';
import { readRanges } from './ranges.js';
import { boundOf } from './statistics.js';
import { type StructForm, ThriftReader } from './thrift-read.js';
import type { FileColumn } from './types.js';

const columnIndexForm: StructForm = {
  1: ['null_pages!', { list: 'bool' }],
  2: ['min_values!', { list: 'binary' }],
  3: ['max_values!', { list: 'binary' }],
  5: ['null_counts', { list: 'i64' }],
};
const offsetIndexForm: StructForm = {
  1: ['page_locations!', { list: { struct: { 3: ['first_row_index!', 'i64'] } } }],
};

/** One chunk of a column that the predicate looks at. */
export interface IndexedChunk {
  readonly column: FileColumn;
  readonly chunk: ColumnChunk;
  /** Its rows are [firstRow, firstRow + rows) of the batch. */
  readonly firstRow: number;
  readonly rows: number;
}

/**
 * Rows of a batch in pages for which the predicate may be true, by the page indexes of the file; null where all of them
 * are, or there is no index. Indexes that do not parse are passed over: they are only hints.
 */
export async function liveRows(
  handle: SourceHandle,
  chunks: readonly IndexedChunk[],
  rows: number,
  predicate: ExprNode,
  lent: Lent,
): Promise<Int32Array | null> {
  const indexed = chunks.filter(({ chunk }) => indexBytes(chunk) > 0);
  const total = indexed.reduce((sum, { chunk }) => sum + indexBytes(chunk), 0);
  if (total === 0 || total > limits.parquetFooterBytes) return null;
  const wanted = indexed.flatMap(({ chunk }) => [
    { start: chunk.column_index_offset!, length: chunk.column_index_length! },
    { start: chunk.offset_index_offset!, length: chunk.offset_index_length! },
  ]);
  const bytes = await readRanges(handle, wanted, lent);
  const ranges: [number, number][] = [];
  indexed.forEach((chunk, i) => {
    try {
      ranges.push(...deadRanges(chunk, predicate, bytes[2 * i]!, bytes[2 * i + 1]!));
    } catch {
      // A damaged index tells nothing; the pages themselves are checked when they are read.
    }
  });
  if (ranges.length === 0) return null;
  const dead = new Uint8Array(rows);
  for (const [from, to] of ranges) dead.fill(1, from, to);
  let live = rows;
  for (let i = 0; i < rows; i++) live -= dead[i]!;
  if (live === rows) return null;
  const out = new Int32Array(live);
  for (let i = 0, n = 0; i < rows; i++) if (dead[i] === 0) out[n++] = i;
  return out;
}

function indexBytes({
  column_index_offset,
  column_index_length,
  offset_index_offset,
  offset_index_length,
}: ColumnChunk) {
  if (column_index_offset === undefined || offset_index_offset === undefined) return 0;
  const valid = (column_index_length ?? 0) > 0 && (offset_index_length ?? 0) > 0;
  return valid && column_index_offset > 0 && offset_index_offset > 0
    ? column_index_length! + offset_index_length!
    : 0;
}

/** Rows [from, to) of the batch in pages that the predicate rules out. */
function deadRanges(
  { column, chunk, firstRow, rows }: IndexedChunk,
  predicate: ExprNode,
  columnIndex: Uint8Array,
  offsetIndex: Uint8Array,
): [number, number][] {
  const { null_pages, min_values, max_values, null_counts } = new ThriftReader(columnIndex, 0).struct(
    columnIndexForm,
  ) as { null_pages: boolean[]; min_values: Uint8Array[]; max_values: Uint8Array[]; null_counts?: number[] };
  const { page_locations: pages } = new ThriftReader(offsetIndex, 0).struct(offsetIndexForm) as {
    page_locations: { first_row_index: number }[];
  };
  if (min_values.length !== pages.length || max_values.length !== pages.length) return [];
  const schema: Schema = [{ name: column.name, type: column.type }];
  const stored = chunk.meta_data!.type;
  const ranges: [number, number][] = [];
  for (let p = 0; p < pages.length; p++) {
    const from = pages[p]!.first_row_index;
    const to = pages[p + 1]?.first_row_index ?? rows;
    if (!(from >= 0 && to > from && to <= rows)) return [];
    const known = null_pages[p] === true;
    const statistics = {
      min: known ? null : boundOf(min_values[p], stored, column.type),
      max: known ? null : boundOf(max_values[p], stored, column.type),
      nullCount: known ? to - from : (null_counts?.[p] ?? null),
    };
    if (!mayMatch(predicate, schema, { [column.name]: statistics }, to - from)) {
      ranges.push([firstRow + from, firstRow + to]);
    }
  }
  return ranges;
}
