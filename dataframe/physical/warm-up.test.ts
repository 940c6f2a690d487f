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
    `COPY (SELECT CASE WHEN i % 97 > 0 THEN 'name ' || (i % 100) END AS name, (i % 20)::INTEGER AS whole, i / 3 AS real FROM range(4096) t(i)) TO '${file}' (FORMAT parquet)`,
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
  const next = (steps: number) => compiles.splice(0, steps);
  const [survey, partial, merge] = next(3);
  expect([survey, partial]).toEqual([true, true]);
  const [readers, inspection, ...scans] = next(6);
  expect([readers, inspection, ...scans]).toEqual([false, false, true, true, true, true]);
  // What merges two states of few groups stays JavaScript.
  expect(merge).toBe(false);
  for (let question = 0; question < 4; question++) expect(next(3)).toContain(true);
  // Fields of each width, in each form that a page has.
  expect(compiles.length).toBeGreaterThan(40);
  expect(compiles.filter(compiled => compiled).length).toBeGreaterThan(30);
});
