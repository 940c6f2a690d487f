import type { Batch } from '../column/column.js';
import type { SharedDictionaries } from '../column/dictionary-cache.js';
import { decodeBatch } from '../column/slab.js';
import { planConstants } from './constants.js';
import { keepBytes } from './lease.js';
import type { Layer } from './stage.js';

/** The partitions of a layer in order, one batch each; those without rows stay where they are. Keeps a few in flight. */
export async function* fetchBatches(
  layer: Layer,
  ahead: number = planConstants.fetches,
): AsyncGenerator<Batch> {
  const { rows } = await layer.stats();
  const wanted = Array.from(rows.keys()).filter(i => rows[i]! > 0);
  const shared: SharedDictionaries = new Map();
  const pending: Promise<Batch>[] = [];
  for (let next = 0, given = 0; given < wanted.length; given++) {
    while (next < wanted.length && pending.length < ahead) {
      const batch = fetchBatch(layer, wanted[next++]!, shared);
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

async function fetchBatch(layer: Layer, task: number, shared: SharedDictionaries): Promise<Batch> {
  const lease = await layer.fetch(task);
  return decodeBatch(lease.header, keepBytes(lease), shared, null, lease.trusted);
}
