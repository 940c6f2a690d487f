import { VolleyError } from '../../../core/base/errors.js';
import type { Batch, Column } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { columnIndex } from '../../column/layout.js';
import { takeColumn, takeOptional } from '../../kernels/take.js';
import type { Operator } from '../operator.js';
import { explodedSchema } from '../schema.js';

/** One row per item; a list that is null or empty gives one row with null. Several lists go in step. */
export function explodeOperator(names: readonly string[], before: Schema): Operator {
  const schema = explodedSchema(names, before);
  const exploded = new Set(names.map(name => columnIndex(before, name)));
  return {
    schema,
    done: false,
    push(batch, entry, emit) {
      const lists = [...exploded].map(c => batch.columns[c]!);
      const sizes = sizesOf(lists, names, batch);
      const at = repeated(sizes);
      const columns = batch.columns.map((column, c) =>
        exploded.has(c) ? itemsOf(column, sizes, at.length) : takeColumn(column, at, at.length),
      );
      emit({ schema, rows: at.length, columns }, entry);
    },
    finish() {},
  };
}

/** Items of each row. */
function sizesOf(lists: readonly Column[], names: readonly string[], batch: Batch): Int32Array {
  const sizes = new Int32Array(batch.rows);
  lists.forEach(({ values }, k) => {
    for (let i = 0; i < batch.rows; i++) {
      const size = values[i + 1]! - values[i]!;
      if (k === 0) sizes[i] = size;
      else if (size !== sizes[i]) {
        throw new VolleyError(
          'INVALID_ARGUMENT',
          `explode: lists of one row must be of one length, but ${JSON.stringify(names[0])} has ${sizes[i]} items where ${JSON.stringify(names[k])} has ${size}. Explode them one after the other.`,
          { columns: names },
        );
      }
    }
  });
  return sizes;
}

/** Each row as often as it has items, at least once. */
function repeated(sizes: Int32Array): Int32Array {
  let rows = 0;
  for (let i = 0; i < sizes.length; i++) rows += Math.max(1, sizes[i]!);
  const at = new Int32Array(rows);
  let n = 0;
  for (let i = 0; i < sizes.length; i++) {
    const end = n + Math.max(1, sizes[i]!);
    while (n < end) at[n++] = i;
  }
  return at;
}

function itemsOf(list: Column, sizes: Int32Array, rows: number): Column {
  const items = list.items!;
  if (items.length === rows) return items;
  const at = new Int32Array(rows);
  let item = 0;
  let n = 0;
  for (let i = 0; i < sizes.length; i++) {
    if (sizes[i] === 0) at[n++] = -1;
    for (let k = 0; k < sizes[i]!; k++) at[n++] = item++;
  }
  return takeOptional(items, at, rows);
}
