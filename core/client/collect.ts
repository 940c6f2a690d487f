import { VolleyError } from '../base/errors.js';
import { isPlainObject } from './delayed.js';
import { Future, type FutureHandle } from './future.js';
import { DataRef } from './ref.js';

export type Gathered<T> =
  T extends FutureHandle<infer V>
    ? V
    : T extends DataRef<infer V>
      ? V
      : T extends readonly unknown[]
        ? { [K in keyof T]: Gathered<T[K]> }
        : T extends Record<string, unknown>
          ? { [K in keyof T]: Gathered<T[K]> }
          : T;

/** The values of futures and references, wherever they stand in arrays and plain objects. Throws the first failure. */
export async function gather<T>(value: T): Promise<Gathered<T>> {
  return (await gatherAny(value)) as Gathered<T>;
}

function gatherAny(value: unknown): unknown {
  if (value instanceof Future) return value.then();
  if (value instanceof DataRef) return value.get();
  if (Array.isArray(value)) return Promise.all(value.map(gatherAny));
  if (isPlainObject(value)) {
    const keys = Object.keys(value);
    return Promise.all(keys.map(key => gatherAny(value[key]))).then(values =>
      Object.fromEntries(keys.map((key, i) => [key, values[i]])),
    );
  }
  return value;
}

export interface WaitOptions {
  /** How many must have ended; default: all. */
  readonly count?: number;
  /** Default: no limit. */
  readonly timeoutMs?: number;
}

export interface Waited<T> {
  /** In the order given. */
  readonly done: FutureHandle<T>[];
  readonly notDone: FutureHandle<T>[];
}

/** Resolves when `count` futures have ended, however they did, or when the time is over; never throws a task's error. */
export async function wait<T>(
  futures: readonly FutureHandle<T>[],
  options: WaitOptions = {},
): Promise<Waited<T>> {
  const count = Math.min(options.count ?? futures.length, futures.length);
  if (!(count >= 0))
    throw new VolleyError('INVALID_ARGUMENT', `count must be at least 0, not ${options.count}`);
  await new Promise<void>(resolve => {
    let ended = 0;
    const timer = options.timeoutMs === undefined ? null : setTimeout(resolve, options.timeoutMs);
    const settled = () => {
      if (++ended < count) return;
      if (timer !== null) clearTimeout(timer);
      resolve();
    };
    if (count === 0) {
      ended = -1;
      settled();
    }
    for (const future of futures) future.whenSettled(settled);
  });
  return {
    done: futures.filter(f => f.status !== 'pending'),
    notDone: futures.filter(f => f.status === 'pending'),
  };
}

/**
 * Gives futures as they end. A failure is a status, not a throw. Not an async generator: `yield` would await the
 * future and throw its error.
 */
export function asCompleted<T>(futures: Iterable<FutureHandle<T>>): AsyncIterableIterator<FutureHandle<T>> {
  const ended: FutureHandle<T>[] = [];
  const waiting: (() => void)[] = [];
  let left = 0;
  for (const future of futures) {
    left++;
    future.whenSettled(() => {
      ended.push(future);
      waiting.shift()?.();
    });
  }
  let given = 0;
  return {
    async next() {
      if (given === left) return { done: true, value: undefined };
      const mine = given++;
      while (ended.length <= mine) await new Promise<void>(resolve => waiting.push(resolve));
      return { done: false, value: ended[mine]! };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
