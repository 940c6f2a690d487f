import { compileText } from '../codegen/wasm/kernel.js';
import type { Column, Values } from '../column/column.js';
import type { Lent } from './lent.js';

/** Row i of a column holds table[codes[i]]. Every code is one of the table's. */
export interface LookedUp {
  readonly codes: Uint16Array;
  /** In the column's physical form, one element each. Entries may stand twice. */
  readonly table: Values;
}

const known = new WeakMap<Column, LookedUp>();

type Move = (out: Values, table: Values, codes: Uint16Array, from: number, rows: number) => void;

/**
 * A column whose values, of four or eight bytes, are only made when somebody looks at them, in lent memory. Loops over rows ask
 * lookedUp instead: two bytes a row, and a table that stays in the innermost cache.
 */
export function lookedUpColumn(column: Omit<Column, 'values'>, looked: LookedUp, lent: Lent): Column {
  let values: Values | null = null;
  const lazy: Column = {
    ...column,
    get values() {
      if (values === null) {
        values = lent.values(column.physical, column.length, false);
        const text = `/* look up ${column.physical} */for(let i=from;i<rows;i++)out[i]=table[codes[i]];`;
        const move = compileText<Move>(['out', 'table', 'codes', 'from', 'rows'], text, column.length);
        move(values, looked.table, looked.codes, 0, column.length);
      }
      return values;
    },
  };
  known.set(lazy, looked);
  return lazy;
}

/** Null: the values lie in memory. A column that was made from such a one has none either. */
export function lookedUp(column: Column): LookedUp | null {
  return known.get(column) ?? null;
}
