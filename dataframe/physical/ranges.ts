import type { Batch } from '../column/column.js';
import { slicesOf } from '../kernels/hash.js';
import { rangesOf } from '../kernels/sort-range.js';

import type { TaskInputs } from './chain.js';
import type { FragmentSink } from './fragment.js';
import { samplePlaces } from './schema.js';

/** Deals the rows of one task out to the ranges between the splitters. */
export function rangeSlices(
  batch: Batch,
  splitters: Batch,
  { by, fanOut }: Extract<FragmentSink, { kind: 'range' }>,
  { position, lent }: TaskInputs,
): Batch[] {
  const names: [string, string] = [samplePlaces[0]!.name, samplePlaces[1]!.name];
  const ranges = rangesOf(batch, splitters, by, { task: position, before: 0, names });
  const counts = new Int32Array(fanOut);
  for (let i = 0; i < ranges.length; i++) counts[ranges[i]!]!++;
  return slicesOf(batch, ranges, counts, 1, lent);
}
