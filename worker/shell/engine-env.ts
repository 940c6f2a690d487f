import { limits } from '../../core/base/limits.js';

interface Node {
  readonly memoryBytes: number;
  readonly threads: number;
}

/**
 * Copies from this size on are written past the caches, bytes: about the length of a run of dealt rows. What is copied in such runs
 * is looked at by somebody else, later, and a line that is written through a cache is first read from memory.
 */
const streamedBytes = 24 * 1024;
const streaming = `glibc.cpu.x86_non_temporal_threshold=${streamedBytes}`;

/**
 * The environment of an engine, for its C library. Where memory is short, freed buffers must go back to the system: glibc keeps
 * ever larger ones, each thread in heaps of its own, unless it is told from which size on not to. And its copies are to write past
 * the caches. Other libraries and processors do not know these names. What the caller has set stays.
 */
export function engineEnv({ memoryBytes, threads }: Node, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const short = (limits.keptShare * memoryBytes) / threads < limits.keptBytes;
  return {
    GLIBC_TUNABLES: streaming,
    ...(short ? { MALLOC_MMAP_THRESHOLD_: String(limits.mallocKeptBytes) } : null),
    ...env,
  };
}
