import { taskContext } from '../../index.js';

/** Functions the end-to-end tests ship. Each stands alone, as a task must. */

/** Computes for about `ms` and gives back twice the number. */
export function busyDouble(job: { i: number; ms: number }): number {
  const end = performance.now() + job.ms;
  let spin = 0;
  while (performance.now() < end) spin++;
  return spin >= 0 ? job.i * 2 : -1;
}

export function increment(i: number): number {
  return i + 1;
}

export function add(a: number, b: number): number {
  return a + b;
}

/** A result too large to travel with its finish report: it stays on the worker. */
export function ramp(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => i);
}

export function total(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** Throws in every attempt before that one. */
export function throwsBefore(job: { i: number; attempt: number; ms?: number }): number {
  const { attempt } = taskContext();
  const end = performance.now() + (job.ms ?? 0);
  while (performance.now() < end);
  if (attempt < job.attempt) throw new Error(`attempt ${attempt} of task ${job.i} fails`);
  return job.i;
}

export function alwaysThrows(message: string): never {
  throw new RangeError(message);
}
