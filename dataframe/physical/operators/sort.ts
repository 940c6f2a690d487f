import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { columnIndex } from '../../column/layout.js';
import { concatBatches } from '../../kernels/concat.js';
import { GatheredBatch } from '../../kernels/gathered.js';
import type { Lent } from '../../kernels/lent.js';
import { sortOrder } from '../../kernels/sort.js';
import { topOrder } from '../../kernels/sort-top.js';
import { takeBatch } from '../../kernels/take.js';
import type { SortKey } from '../fragment.js';
import type { Operator } from '../operator.js';

/** Rows a sort with a limit holds before it throws away what cannot be among the first. */
const trimRows = 65_536;

/** Sorts all rows of the task, stable; with a limit, only the first so many are kept. */
export function sortOperator(
  by: readonly SortKey[],
  limit: number | null,
  schema: Schema,
  lent: Lent,
): Operator {
  for (const key of by) columnIndex(schema, key.column);
  return limit === null ? fullSort(by, schema, lent) : firstRows(by, limit, schema);
}

function fullSort(by: readonly SortKey[], schema: Schema, lent: Lent): Operator {
  const held: Batch[] = [];
  return {
    schema,
    done: false,
    push(batch) {
      held.push(batch);
    },
    finish(emit) {
      const all = concatBatches(schema, held, lent);
      if (all.rows === 0) return;
      const at = sortOrder(all, by);
      const pieces = all.columns.map(column => ({ column, at, gaps: false }));
      emit(new GatheredBatch(schema, all.rows, pieces), 0);
    },
  };
}

/** Each batch gives its first rows, sorted; what they are among all is settled at the end, or when many are held. */
function firstRows(by: readonly SortKey[], limit: number, schema: Schema): Operator {
  let held: Batch[] = [];
  let rows = 0;
  const first = (batch: Batch): Batch => {
    const order = topOrder(batch, by, Math.min(limit, batch.rows));
    return takeBatch(batch, order, order.length);
  };
  return {
    schema,
    done: limit === 0,
    push(batch) {
      // Rows kept come first again, so equal keys stay in their order.
      held.push(batch.rows > limit ? first(batch) : batch);
      rows += held.at(-1)!.rows;
      if (rows <= Math.max(trimRows, 4 * limit)) return;
      held = [first(concatBatches(schema, held))];
      rows = held[0]!.rows;
    },
    finish(emit) {
      if (rows > 0) emit(first(concatBatches(schema, held)), 0);
    },
  };
}
