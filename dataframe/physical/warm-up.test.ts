import { expect, test } from 'vitest';
import { kernelMemory } from '../../core/base/kernel-memory.js';
import { countInstances } from '../testing/wasm-instances.js';
import { rehearsal, warmUp } from './warm-up.js';

test('a thread warms up and rehearses: kernels run as WebAssembly, and the memory is given up after each step', async () => {
  await warmUp();
  const instances = countInstances();
  let steps = 0;
  for (const step of rehearsal()) {
    const before = instances.made;
    await step();
    steps++;
    expect(instances.made - before, `step ${steps}`).toBeGreaterThan(0);
    expect(kernelMemory()).toBeNull();
  }
  instances.stop();
  expect(steps).toBe(5);
});
