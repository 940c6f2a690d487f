import type { NodeMemory } from './kernel-memory.js';
import { linuxCalls } from './libc.js';

/** MADV_HUGEPAGE of madvise(2). */
const hugePages = 14;
/** With less room for slabs, whole pages of 2 MiB of which little is used would count. */
const leastSlabBytes = 512 * 1024 * 1024;

/**
 * Has Linux back what of this memory is touched from now on with pages of 2 MiB: loops that write to many places at a time, or look
 * rows up in a table, wait for fewer page tables, which in a virtual machine are two deep. Most systems give them only
 * to who asks for them (/sys/kernel/mm/transparent_hugepage/enabled: madvise). False: they were not asked for, or are not there; nothing else
 * changes.
 */
export function wantHugePages({ memory: { buffer }, slabBytes }: NodeMemory): boolean {
  if (slabBytes < leastSlabBytes) return false;
  try {
    const advise = linuxCalls()?.load(null).func('madvise', 'int', ['void *', 'size_t', 'int']);
    return advise?.(new Uint8Array(buffer), buffer.byteLength, hugePages) === 0;
  } catch {
    return false; // A library without the call.
  }
}
