import type { DataFrame } from '../../index.js';

/** One question of a bench, for the systems that are asked from here. The others' texts are in bench/peers. */
export interface Question {
  readonly id: string;
  readonly title: string;
  /** DuckDB's. Table names are those of the data set. */
  readonly sql: string;
  volley(tables: Readonly<Record<string, DataFrame>>): DataFrame;
}
