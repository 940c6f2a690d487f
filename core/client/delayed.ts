import type { Future } from './future.js';
import type { DataRef } from './ref.js';

/** Arguments of a task: plain values, or futures, references and delayed calls in their place. */
export type Arg<T> = T | Future<T> | DataRef<T> | Delayed<T>;
export type Args<P extends readonly unknown[]> = { [K in keyof P]: Arg<P[K]> };
export type AnyFunction = (...args: never[]) => unknown;

/** A call that has not been made: a node of a lazy graph. session.compute runs it and what it needs, each once. */
export class Delayed<T> {
  readonly fn: AnyFunction;
  readonly args: readonly unknown[];
  /** Only for the type: never set. */
  declare readonly resultType?: T;

  /** Made by delayed() only. */
  constructor(fn: AnyFunction, args: readonly unknown[]) {
    this.fn = fn;
    this.args = args;
  }
}

/** Makes a function lazy: `delayed(add)(delayed(inc)(1), 2)` is a graph of two calls. */
export function delayed<P extends readonly unknown[], R>(
  fn: (...args: [...P]) => R,
): (...args: Args<P>) => Delayed<Awaited<R>> {
  return (...args) => new Delayed(fn as unknown as AnyFunction, args);
}

/** Delayed calls found in arrays and plain objects of `value`, in order. */
export function findDelayed(value: unknown, found: Delayed<unknown>[] = []): Delayed<unknown>[] {
  if (value instanceof Delayed) found.push(value);
  else if (Array.isArray(value)) for (const item of value) findDelayed(item, found);
  else if (isPlainObject(value)) for (const item of Object.values(value)) findDelayed(item, found);
  return found;
}

/** `value` with every delayed call replaced. */
export function replaceDelayed(value: unknown, replace: (node: Delayed<unknown>) => unknown): unknown {
  if (value instanceof Delayed) return replace(value);
  if (Array.isArray(value)) return value.map(item => replaceDelayed(item, replace));
  if (isPlainObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, replaceDelayed(item, replace)]),
    );
  }
  return value;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Every node under `roots`, inputs before users, and calls of one function side by side at each depth: those share a
 * layer when submitted in this order. Iterative: chains may be a million long.
 */
export function inSubmissionOrder(roots: readonly Delayed<unknown>[]): Delayed<unknown>[] {
  const depths = new Map<Delayed<unknown>, number>();
  const opened = new Set<Delayed<unknown>>();
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!;
    if (depths.has(node)) {
      stack.pop();
      continue;
    }
    const inputs = findDelayed(node.args);
    if (opened.has(node)) {
      stack.pop();
      let depth = 0;
      for (const input of inputs) depth = Math.max(depth, depths.get(input)! + 1);
      depths.set(node, depth);
    } else {
      opened.add(node);
      for (const input of inputs.reverse()) if (!depths.has(input)) stack.push(input);
    }
  }
  const functions = new Map<AnyFunction, number>();
  for (const { fn } of depths.keys()) if (!functions.has(fn)) functions.set(fn, functions.size);
  return [...depths.keys()].sort(
    (a, b) => depths.get(a)! - depths.get(b)! || functions.get(a.fn)! - functions.get(b.fn)!,
  );
}
