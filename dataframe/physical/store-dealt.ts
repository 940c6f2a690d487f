import type { Batch, Column, Values } from '../column/column.js';
import { bytesOfValues, isNested, viewValues } from '../column/layout.js';
import { writeBatch } from '../column/slab.js';
import { dealInto } from '../kernels/deal.js';
import { placesOf } from './store-gathered.js';
import type { FragmentEnv, FragmentResult } from './task.js';

/** A slice of each column before a value is moved, and where it begins in the slab. */
interface Place {
  readonly column: Omit<Column, 'values'>;
  /** Byte in the slab. */
  readonly values: number;
}

/**
 * Deals rows out to slices straight into the slab: row i goes to slice[i], and slice s gets counts[s] rows. Null where
 * the size of the slab is only known after the rows were looked at: nulls, lists, dictionaries worth compacting.
 */
export function storeDealt(
  batch: Batch,
  slice: Uint16Array,
  counts: Int32Array,
  env: FragmentEnv,
  checkSize: (bytes: number) => void,
): FragmentResult | null {
  if (!batch.columns.every(column => isPlain(column, batch.rows, counts.length))) return null;
  let total = 0;
  const starts: number[] = [];
  const places = Array.from(counts, (length): Place[] => {
    starts.push(total);
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
    return { column, values: whole, starts: Int32Array.from(places, of => of[c]!.values / bytes) };
  });
  dealInto(targets, slice, batch.rows);
  const slices = places.map((of, s) => {
    const columns = of.map(
      ({ column, values }): Column => ({ ...column, values: viewAt(slab, column, values) }),
    );
    const part = { schema: batch.schema, rows: counts[s]!, columns };
    const from = starts[s]!;
    return { header: writeBatch(part, slab.subarray(from, starts[s + 1]!)), offset: from };
  });
  return { rows: batch.rows, inline: null, slab, slices };
}

/** True for columns without nulls whose dictionary, copied to every slice, stays small beside the rows. */
function isPlain({ validity, type, dictionary }: Column, rows: number, slices: number): boolean {
  if (validity !== null || isNested(type)) return false;
  return dictionary === null || (dictionary.length * 4 + dictionary.bytes.byteLength) * slices <= rows;
}

function viewAt(slab: Uint8Array, { physical, length }: Omit<Column, 'values'>, byte: number): Values {
  return viewValues(physical, slab.buffer, slab.byteOffset + byte, length);
}
