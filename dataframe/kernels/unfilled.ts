import type { Column, Physical, Values } from '../column/column.js';
import { allocateValues } from '../column/layout.js';
import type { Lent } from './lent.js';

/** Writes all values in this physical form: the column's own, or 'i64' for 64-bit integers that are safe. */
export type Fill = (values: Values, physical: Physical) => void;

const fills = new WeakMap<Column, Fill>();

/** Rows up to which values are computed at once: what puts it off costs more than moving them. */
const fewRows = 4096;

/**
 * A column whose values are computed when somebody looks at them, into memory of their own. Whoever has a place for
 * them asks fillOf instead: results of an aggregation go from its state straight into the slab. What they are computed
 * from must last until then.
 */
export function unfilledColumn(column: Omit<Column, 'values'>, fill: Fill): Column {
  let values: Values | null = null;
  if (column.length <= fewRows) {
    values = allocateValues(column.physical, column.length);
    fill(values, column.physical);
    const { type, physical, length, nullCount, validity, dictionary, range } = column;
    return range === undefined
      ? { type, physical, length, nullCount, validity, values, dictionary }
      : { type, physical, length, nullCount, validity, values, dictionary, range };
  }
  const lazy: Column = {
    ...column,
    get values() {
      if (values === null) {
        values = allocateValues(column.physical, column.length);
        fill(values, column.physical);
      }
      return values;
    },
  };
  fills.set(lazy, fill);
  return lazy;
}

/** How the values get to where they are wanted; null: they lie in memory. */
export function fillOf(column: Column): Fill | null {
  return fills.get(column) ?? null;
}

/** The column with its values computed into lent memory: what they are computed from may go. */
export function filledColumn(column: Column, lent: Lent): Column {
  const fill = fillOf(column);
  if (fill === null) return column;
  const { type, physical, length, nullCount, validity, dictionary, range } = column;
  const values = lent.values(physical, length, false);
  fill(values, physical);
  const filled = { type, physical, length, nullCount, validity, values, dictionary };
  return range === undefined ? filled : { ...filled, range };
}
