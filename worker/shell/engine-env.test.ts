import { expect, test } from 'vitest';
import { engineEnv } from './engine-env.js';

const MiB = 1024 * 1024;

test('freed memory goes back to the system where there is little of it, unless told otherwise', () => {
  const env = { HOME: '/home/x' };
  expect(engineEnv({ memoryBytes: 4096 * MiB, threads: 2 }, env)).toEqual(env);
  expect(engineEnv({ memoryBytes: 64 * MiB, threads: 1 }, env)).toEqual({
    ...env,
    MALLOC_MMAP_THRESHOLD_: '131072',
  });
  const own = { MALLOC_MMAP_THRESHOLD_: '4000' };
  expect(engineEnv({ memoryBytes: 64 * MiB, threads: 1 }, own)).toEqual(own);
});
