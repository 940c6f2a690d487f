import type { Batch } from '../column/column.js';
import { decodeBatch } from '../column/slab.js';
import { planConstants } from './constants.js';
import type { Layer } from './stage.js';

/** The partitions of a layer in order, one batch each; those without rows stay where they are. Keeps a few in flight. */
export async function* fetchBatches(
  layer: Layer,
  ahead: number = planConstants.fetches,
): AsyncGenerator<Batch> {
  const { rows } = await layer.stats();
  const wanted = Array.from(rows.keys()).filter(i => rows[i]! > 0);
  const pending: Promise<Batch>[] = [];
  for (let next = 0, given = 0; given < wanted.length; given++) {
    while (next < wanted.length && pending.length < ahead) {
      const batch = fetchBatch(layer, wanted[next++]!);
      // Seen when its turn comes; until then a failure must not count as unobserved.
      batch.catch(() => {});
      pending.push(batch);
    }
    yield await pending.shift()!;
  }
}

export async function fetchAll(layer: Layer): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of fetchBatches(layer)) batches.push(batch);
  return batches;
}

async function fetchBatch(layer: Layer, task: number): Promise<Batch> {
  const lease = await layer.fetch(task);
  try {
    // The bytes are only lent, and may be shared memory that is used again: what the caller keeps is a copy.
    return decodeBatch(lease.header, lease.bytes.slice());
  } finally {
    lease.release();
  }
}
