import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { sliceBatch } from '../../kernels/take.js';
import type { Operator } from '../operator.js';

/** The first `n` rows of the task, after skipping `offset`. */
export function limitOperator(n: number, offset: number, schema: Schema): Operator {
  let skip = offset;
  let left = n;
  return {
    schema,
    movesOnly: true,
    get done() {
      return left <= 0;
    },
    push(batch, entry, emit) {
      const from = Math.min(skip, batch.rows);
      skip -= from;
      const rows = Math.min(left, batch.rows - from);
      left -= rows;
      if (rows > 0) emit(sliceBatch(batch, from, from + rows), entry);
    },
    finish() {},
  };
}

/** The last `n` rows of the task. */
export function tailOperator(n: number, schema: Schema): Operator {
  const held: { batch: Batch; entry: number }[] = [];
  let rows = 0;
  return {
    schema,
    movesOnly: true,
    done: false,
    push(batch, entry) {
      held.push({ batch, entry });
      rows += batch.rows;
      while (held.length > 0 && rows - held[0]!.batch.rows >= n) rows -= held.shift()!.batch.rows;
    },
    finish(emit) {
      for (const { batch, entry } of held) {
        const drop = Math.max(0, rows - n);
        rows -= batch.rows;
        if (drop < batch.rows) emit(sliceBatch(batch, drop, batch.rows), entry);
      }
    },
  };
}
