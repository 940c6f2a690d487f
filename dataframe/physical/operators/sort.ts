import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { columnIndex } from '../../column/layout.js';
import { concatBatches } from '../../kernels/concat.js';
import { sortOrder } from '../../kernels/sort.js';
import { takeBatch } from '../../kernels/take.js';
import type { SortKey } from '../fragment.js';
import type { Operator } from '../operator.js';

/** Rows a sort with a limit holds before it throws away what cannot be among the first. */
const trimRows = 65_536;

/** Sorts all rows of the task, stable; with a limit, only the first so many are kept. */
export function sortOperator(by: readonly SortKey[], limit: number | null, schema: Schema): Operator {
  for (const key of by) columnIndex(schema, key.column);
  let held: Batch[] = [];
  let rows = 0;
  const sorted = (): Batch => {
    const all = concatBatches(schema, held);
    const order = sortOrder(all, by);
    return takeBatch(all, order, limit === null ? all.rows : Math.min(limit, all.rows));
  };
  return {
    schema,
    done: false,
    push(batch) {
      held.push(batch);
      rows += batch.rows;
      // Rows kept come first again, so equal keys stay in their order.
      if (limit !== null && rows > Math.max(trimRows, 4 * limit)) {
        held = [sorted()];
        rows = held[0]!.rows;
      }
    },
    finish(emit) {
      if (rows > 0) emit(sorted(), 0);
    },
  };
}
