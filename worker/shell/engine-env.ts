import { limits } from '../../core/base/limits.js';

interface Node {
  readonly memoryBytes: number;
  readonly threads: number;
}

/**
 * The environment of an engine. Where memory is short, freed buffers must go back to the system: glibc keeps ever larger
 * ones, each thread in heaps of its own, unless it is told from which size on not to. What the caller has set stays.
 */
export function engineEnv({ memoryBytes, threads }: Node, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const short = (limits.keptShare * memoryBytes) / threads < limits.keptBytes;
  return short ? { MALLOC_MMAP_THRESHOLD_: String(limits.mallocKeptBytes), ...env } : env;
}
