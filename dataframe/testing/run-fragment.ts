import { assert } from '../../core/base/assert.js';
import type { Batch } from '../column/column.js';
import { batchesToRecords } from '../column/records.js';
import { decodeBatch, encodeBatch } from '../column/slab.js';
import type { Fragment } from '../physical/fragment.js';
import { packFragment } from '../physical/fragment-body.js';
import { prepareFragment } from '../physical/run.js';
import { fragmentOutputSchema } from '../physical/schema.js';
import type { FragmentEnv, FragmentInput } from '../physical/task.js';

/** Memory that holds garbage, like a reused slab: what is not written shows. */
export function dirtyMemory(byteLength: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(byteLength)).fill(0xaa);
}

export function testEnv(): FragmentEnv {
  return { node: 'test', allowPaths: null, attempt: 1, position: 0, allocate: dirtyMemory };
}

/** A batch as a task gets it. */
export function asInput(batch: Batch): FragmentInput {
  return encodeBatch(batch, dirtyMemory);
}

/** Runs a fragment over entries of one or more inputs; gives the slices it made. */
export async function runFragment(
  fragment: Fragment,
  inputs: readonly (readonly Batch[])[],
): Promise<Batch[]> {
  const prepared = prepareFragment(packFragment(fragment));
  const entries = inputs.map(batches => batches.map(asInput));
  const result = await prepared.run(null, entries, testEnv());
  const schema = fragmentOutputSchema(fragment);
  return result.slices.map(({ header, offset }) => {
    const batch = decodeBatch(header, result.slab!.subarray(offset, offset + header.byteLength));
    // What is known before any row exists is what comes out.
    assert(JSON.stringify(batch.schema) === JSON.stringify(schema), 'the planned schema is the real one');
    return batch;
  });
}

/** The rows of a batch as plain objects. */
export function recordsOf(batch: Batch): Record<string, unknown>[] {
  return batchesToRecords(batch.schema, [batch], { int64: 'bigint' }) as Record<string, unknown>[];
}
