import type { Batch } from '../column/column.js';
import { rangesOf } from '../kernels/sort-range.js';
import { takeBatch } from '../kernels/take.js';
import type { FragmentSink } from './fragment.js';
import { samplePlaces } from './schema.js';

/** Deals the rows of one task out to the ranges between the splitters. */
export function rangeSlices(
  batch: Batch,
  splitters: Batch,
  { by, fanOut }: Extract<FragmentSink, { kind: 'range' }>,
  task: number,
): Batch[] {
  const names: [string, string] = [samplePlaces[0]!.name, samplePlaces[1]!.name];
  const ranges = rangesOf(batch, splitters, by, { task, before: 0, names });
  const starts = new Int32Array(fanOut + 1);
  for (let i = 0; i < ranges.length; i++) starts[ranges[i]! + 1]!++;
  for (let s = 0; s < fanOut; s++) starts[s + 1]! += starts[s]!;
  const at = starts.slice();
  const order = new Int32Array(batch.rows);
  for (let i = 0; i < ranges.length; i++) order[at[ranges[i]!]!++] = i;
  return Array.from({ length: fanOut }, (_, s) => {
    const rows = order.subarray(starts[s]!, starts[s + 1]!);
    return takeBatch(batch, rows, rows.length);
  });
}
