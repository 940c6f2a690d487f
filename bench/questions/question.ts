import type { DataFrame } from '../../index.js';

/** One question of a bench, for the systems that are asked from here. The others' texts are in bench/peers. */
export interface Question {
  readonly id: string;
  readonly title: string;
  /** DuckDB's. Table names are those of the data set. */
  readonly sql: string;
  volley(tables: Readonly<Record<string, DataFrame>>): DataFrame;
}

/** Calls a verb of the public surface by its name: where an engine lacks it, that question alone is an error. */
export function verb<T>(target: object, name: string, ...args: readonly unknown[]): T {
  const method: unknown = Reflect.get(target, name);
  if (typeof method !== 'function') throw new Error(`this build of Volley has no ${name}()`);
  return method.apply(target, args) as T;
}
