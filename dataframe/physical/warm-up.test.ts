import { afterAll, expect, test } from 'vitest';
import { kernelMemory } from '../../core/base/kernel-memory.js';
import { duckdb, scratchFolder } from '../io/testing/oracle.js';
import { countInstances } from '../testing/wasm-instances.js';
import { rehearsal, warmUp } from './warm-up.js';

const scratch = scratchFolder();
afterAll(scratch.close);

test('a thread warms up and rehearses: kernels run as WebAssembly, and the memory is given up after each step', async () => {
  const file = scratch.path('rehearsed.parquet');
  await duckdb(
    `COPY (SELECT 'name ' || (i % 100) AS name, (i % 5)::INTEGER AS whole, i / 3 AS real FROM range(4096) t(i)) TO '${file}' (FORMAT parquet)`,
  );
  await warmUp();
  const instances = countInstances();
  const compiles: boolean[] = [];
  for (const step of rehearsal([file])) {
    const before = instances.made;
    await step();
    compiles.push(instances.made > before);
    expect(kernelMemory()).toBeNull();
  }
  instances.stop();
  const [inspection, scans] = [false, [true, true]];
  expect(compiles).toEqual([true, inspection, ...scans, true, true, true, true]);
});
