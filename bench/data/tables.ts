import type { BenchTable, DataOptions } from './columns.js';
import { groupbyTables } from './groupby.js';
import { joinTables } from './join.js';

const generators: Readonly<Record<string, (options: DataOptions) => BenchTable[]>> = {
  groupby: groupbyTables,
  join: joinTables,
  scan: groupbyTables,
  convert: groupbyTables,
};

/** Columns of few values by table: ENUM, Categorical, dictionary. Tables share the values of equal names. */
export const categories: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  groupby: { x: ['id1', 'id2', 'id3'] },
  scan: {},
  join: { x: ['id4', 'id5'], small: ['id4'], medium: ['id4', 'id5'], big: ['id4', 'id5'] },
};

/** The tables of a data set, made anew: the same for equal options. */
export function makeTables(dataSet: string, options: DataOptions): BenchTable[] {
  return generators[dataSet]!(options);
}
