import { assert } from '../../core/base/assert.js';
import type { Batch, Column, Values } from '../column/column.js';
import { bytesOfValues, isNested, viewValues } from '../column/layout.js';
import { writeBatch } from '../column/slab.js';
import { dealInto } from '../kernels/deal.js';
import type { Lent } from '../kernels/lent.js';
import { placesOf } from './store-gathered.js';
import type { FragmentEnv, FragmentResult } from './task.js';

/** A slice of each column before a value is moved, and where it begins in the slab. */
interface Place {
  readonly column: Omit<Column, 'values'>;
  /** Byte in the slab. */
  readonly values: number;
}

/**
 * Deals rows out straight into the slab: row i goes to piece[i], piece p gets counts[p] rows, and every `parts` pieces
 * are one slice. Null where the size of the slab is only known after the rows were looked at: nulls, lists,
 * dictionaries worth compacting.
 */
export function storeDealt(
  batch: Batch,
  piece: Uint16Array,
  counts: Int32Array,
  parts: number,
  env: FragmentEnv,
  checkSize: (bytes: number) => void,
  lent: Lent,
): FragmentResult | null {
  const slices = counts.length / parts;
  assert(sumOf(counts) === batch.rows, 'every row goes to a piece that there is');
  if (!batch.columns.every(column => isPlain(column, batch.rows, slices))) return null;
  let total = 0;
  const starts: number[] = [];
  const partsOf = Array.from({ length: slices }, (_, s) =>
    endsOf(counts.subarray(s * parts, (s + 1) * parts)),
  );
  const places = partsOf.map((ends): Place[] => {
    starts.push(total);
    const length = ends.at(-1)!;
    return batch.columns.map((whole): Place => {
      const { type, physical, dictionary, range } = whole;
      const bounds = range === undefined ? null : { range };
      const column = { type, physical, length, nullCount: 0, validity: null, dictionary, ...bounds };
      const { values, end } = placesOf(column);
      const place = { column, values: total + values };
      total += end;
      return place;
    });
  });
  checkSize(total);
  starts.push(total);
  const slab = env.allocate(total);
  const targets = batch.columns.map((column, c) => {
    const bytes = bytesOfValues(column.physical, 1);
    const whole = viewValues(column.physical, slab.buffer, slab.byteOffset, Math.floor(total / bytes));
    const first = Int32Array.from(counts, (_, p) => {
      const s = Math.floor(p / parts);
      return places[s]![c]!.values / bytes + partsOf[s]![p % parts]!;
    });
    return { column, values: whole, starts: first };
  });
  dealInto(targets, piece, batch.rows, lent);
  const written = places.map((of, s) => {
    const columns = of.map(
      ({ column, values }): Column => ({ ...column, values: viewAt(slab, column, values) }),
    );
    const rows = partsOf[s]!.at(-1)!;
    const part = { schema: batch.schema, rows, columns, ...(parts === 1 ? null : { parts: partsOf[s]! }) };
    const from = starts[s]!;
    return { header: writeBatch(part, slab.subarray(from, starts[s + 1]!)), offset: from };
  });
  return { rows: batch.rows, inline: null, slab, slices: written };
}

function sumOf(counts: Int32Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
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

function viewAt(slab: Uint8Array, { physical, length }: Omit<Column, 'values'>, byte: number): Values {
  return viewValues(physical, slab.buffer, slab.byteOffset + byte, length);
}
