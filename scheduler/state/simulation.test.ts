import { expect, test } from 'vitest';
import { Simulation } from './testing/simulation.js';

/** One seed again: VOLLEY_SEED=17 npx vitest run scheduler/state/simulation.test.ts */
const seeds = process.env.VOLLEY_SEED
  ? [Number(process.env.VOLLEY_SEED)]
  : Array.from({ length: 40 }, (_, i) => i + 1);

test.each(seeds)('seed %i: everything ends, is told once, and leaves nothing behind', seed => {
  const sim = new Simulation(seed);
  for (let step = 0; step < 1500; step++) sim.step();
  sim.heal();
  for (const layer of sim.submitted) {
    for (let i = 0; i < layer.count; i++) {
      expect(sim.told.get(`1/${layer.first + i}`), `task ${layer.first + i} of seed ${seed}`).toBe(1);
    }
  }
  sim.dropJob();
  const { slots, payloads, stories, overdueAt, requirements, jobs, workers } = sim.state;
  expect(slots.used).toBe(0);
  expect(slots.freeCount).toBe(slots.capacity);
  expect([payloads.size, stories.size, overdueAt.size, requirements.size, jobs.size]).toEqual([
    0, 0, 0, 0, 0,
  ]);
  for (const worker of workers.values()) expect([worker.assigned.size, worker.queuedMs]).toEqual([0, 0]);
  for (const worker of sim.workers.values()) expect([...worker.results, ...worker.tasks]).toEqual([]);
});
