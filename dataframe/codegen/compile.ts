import { limits } from '../../core/base/limits.js';

/** Least recently used first, since it is half full. */
const cache = new Map<string, Function>();

/** What is compiled goes here too while somebody asks for it. */
let recorded: Set<string> | null = null;

/**
 * The only place where text becomes code. Equal parameters and body give the same function, so that V8 keeps its
 * optimised code and type feedback; kernels that must stay monomorphic differ in their text (a type name in a comment).
 */
export function compile<F extends Function>(parameters: readonly string[], body: string): F {
  return compileAs<F>(`${parameters.join()}\n${body}`, parameters, () => body);
}

/**
 * As compile, for a body that is much longer than what it depends on: `key` is equal where the body is, and to no other
 * function's.
 */
export function compileAs<F extends Function>(
  key: string,
  parameters: readonly string[],
  body: () => string,
): F {
  recorded?.add(`function (${parameters.join(', ')}) {\n  ${body().replaceAll('\n', '\n  ')}\n}`);
  const known = cache.get(key);
  if (known !== undefined) {
    // As long as there is much room nothing is given up, and the order does not matter.
    if (2 * cache.size > limits.compiledKernels) {
      cache.delete(key);
      cache.set(key, known);
    }
    return known as F;
  }
  const made = new Function(...parameters, `'use strict';\n${body()}`);
  cache.set(key, made);
  if (cache.size > limits.compiledKernels) cache.delete(cache.keys().next().value!);
  return made as unknown as F;
}

/** The functions that `work` asks for, compiled before or not, in order, each once. Not for work that awaits. */
export function recordCompiled<T>(work: () => T): {
  readonly result: T;
  readonly functions: readonly string[];
} {
  const functions = new Set<string>();
  recorded = functions;
  try {
    const result = work();
    return { result, functions: [...functions] };
  } finally {
    recorded = null;
  }
}

/** A string literal of generated code. */
export function quote(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
