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

/** Throws an error of a class of its own, with all that errors can have. */
export function declinePayment(amount: number): never {
  class PaymentError extends Error {
    code = 'E_DECLINED';
    amount = amount;
  }
  const cause = new TypeError('no such card', { cause: new RangeError('number too short') });
  throw new PaymentError(`declined ${amount}`, { cause });
}

export function throwSeveral(): never {
  throw new AggregateError([new TypeError('first'), new Error('second', { cause: 'why' })], 'two of them');
}

export function throwText(): never {
  throw 'only a text';
}

export async function rejectLater(): Promise<never> {
  await new Promise(resolve => setTimeout(resolve, 1));
  const error: Error & { errno?: number } = new Error('too late');
  error.errno = -5;
  throw error;
}

export function returnFunction(): unknown {
  return { depth: { callback: () => 1 } };
}

export function returnCycle(): unknown {
  const node: { list: unknown[] } = { list: [] };
  node.list.push(node);
  return node;
}

export function returnPromiseInside(): unknown {
  return { later: Promise.resolve(1) };
}

export function loopForever(): never {
  for (;;);
}

/** Ends its whole engine in the attempts up to that one. */
export function abortEngine(job: { i: number; lastBadAttempt: number }): number {
  if (taskContext().attempt <= job.lastBadAttempt) process.kill(process.pid, 'SIGKILL');
  return job.i;
}

/** Waits for its signal; says whether it came. */
export async function waitForAbort(ms: number): Promise<string> {
  const { signal } = taskContext();
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve('nobody asked'), ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve('aborted');
    });
  });
}

export function whereAmI(): { node: string; labels: Readonly<Record<string, string>>; attempt: number } {
  const { node, labels, attempt } = taskContext();
  return { node, labels, attempt };
}
