import { expect, test } from 'vitest';
import { engineEnv } from './engine-env.js';

const MiB = 1024 * 1024;
const streaming = { GLIBC_TUNABLES: 'glibc.cpu.x86_non_temporal_threshold=24576' };

test('freed memory goes back to the system where there is little of it, unless told otherwise', () => {
  const env = { HOME: '/home/x' };
  expect(engineEnv({ memoryBytes: 4096 * MiB, threads: 2 }, env)).toEqual({ ...env, ...streaming });
  expect(engineEnv({ memoryBytes: 64 * MiB, threads: 1 }, env)).toEqual({
    ...env,
    ...streaming,
    MALLOC_MMAP_THRESHOLD_: '131072',
  });
  const own = { MALLOC_MMAP_THRESHOLD_: '4000', GLIBC_TUNABLES: 'glibc.malloc.check=1' };
  expect(engineEnv({ memoryBytes: 64 * MiB, threads: 1 }, own)).toEqual(own);
});
