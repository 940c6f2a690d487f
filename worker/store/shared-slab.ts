import type { MemoryBudget } from './memory.js';
import type { Slab } from './slabs.js';

/** A slab with so many owners: each call gives one of them its way to let go; the last one frees it. */
export function sharedSlab(
  slab: Slab,
  owners: number,
  memory: MemoryBudget,
): () => { slab: Slab; release: () => void } {
  let left = owners;
  return () => {
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      if (--left === 0) memory.free(slab);
    };
    return { slab, release };
  };
}
