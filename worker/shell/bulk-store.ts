import { isVolleyError } from '../../core/base/errors.js';
import type { TaskRef } from '../../core/base/ids.js';
import type { PartitionHeader } from '../../core/graph/partition.js';
import type { BulkSink, BulkStore } from '../../core/rpc/bulk.js';
import { type Slab, slabBytes } from '../store/slabs.js';
import type { Store } from '../store/store.js';

/** The store as the data plane sees it. `stored` is told of every partition a client has put here. */
export function bulkStore(store: Store, stored: (task: TaskRef) => void): BulkStore {
  return {
    lend: (task, slice) => store.lend(task, slice),
    lendInPlace: (task, slice) => (store.tight ? null : (store.pinNow(task, slice) ?? null)),
    lendHere: (task, slice) => store.lendHere(task, slice),
    async reserve(task, header): Promise<BulkSink | null> {
      if (header.byteLength === 0) return sink(store, task, header, null, stored);
      try {
        return sink(store, task, header, await store.memory.allocate(header.byteLength), stored);
      } catch (error) {
        if (isVolleyError(error, 'OUT_OF_MEMORY')) return null;
        throw error;
      }
    },
  };
}

function sink(
  store: Store,
  task: TaskRef,
  header: PartitionHeader,
  slab: Slab | null,
  stored: (task: TaskRef) => void,
): BulkSink {
  const bytes = slab === null ? new Uint8Array(0) : slabBytes(slab);
  return {
    bytes,
    commit() {
      store.keep(task, { slab, bytes: slab === null ? bytes : null, slices: [{ header, offset: 0 }] });
      stored(task);
    },
    abort() {
      if (slab !== null) store.memory.free(slab);
    },
  };
}
