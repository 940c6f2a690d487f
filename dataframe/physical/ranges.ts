import type { Batch } from '../column/column.js';
import { concatBatches } from '../kernels/concat.js';
import { rangesOf } from '../kernels/sort-range.js';
import type { Fragment, FragmentSink } from './fragment.js';
import { samplePlaces } from './schema.js';
import { decodeInput, type TaskInputs } from './task-inputs.js';

/** The range between the splitters that each row of a task belongs to, and the rows of each range. */
export function dealtRanges(
  batch: Batch,
  { by, fanOut, splitters }: Extract<FragmentSink, { kind: 'range' }>,
  fragment: Fragment,
  inputs: TaskInputs,
): { slice: Uint16Array; counts: Int32Array } {
  const schema = fragment.inputs[splitters]!;
  const between = concatBatches(schema, decodeInput(inputs, splitters, schema));
  const names: [string, string] = [samplePlaces[0]!.name, samplePlaces[1]!.name];
  const slice = rangesOf(batch, between, by, { task: inputs.position, before: 0, names });
  const counts = new Int32Array(fanOut);
  for (let i = 0; i < slice.length; i++) counts[slice[i]!]!++;
  return { slice, counts };
}
