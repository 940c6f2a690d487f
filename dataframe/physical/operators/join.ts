import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { columnOf } from '../../column/layout.js';
import { JoinTable } from '../../kernels/join.js';
import { takeBatch, takeColumn, takeOptional } from '../../kernels/take.js';
import type { JoinStep } from '../fragment.js';
import type { Operator } from '../operator.js';
import { joinSchema } from '../schema.js';

/** Probes `build` with the rows that flow by. Output: probe order, then build order. */
export function joinOperator(step: JoinStep, before: Schema, build: Batch): Operator {
  const schema = joinSchema(step, before, build.schema);
  const table = new JoinTable(build, step.rightOn);
  const taken = step.take.map(({ column }) => columnOf(build, column));
  const isLeft = step.how === 'left';
  return {
    schema,
    done: !isLeft && build.rows === 0,
    push(batch, entry, emit) {
      const keys = step.leftOn.map(name => columnOf(batch, name));
      const { left, right, rows } = table.probe(keys, batch.rows, isLeft);
      if (rows === 0) return;
      const own = takeBatch(batch, left, rows).columns;
      const added = taken.map(column =>
        isLeft ? takeOptional(column, right, rows) : takeColumn(column, right, rows),
      );
      emit({ schema, rows, columns: [...own, ...added] }, entry);
    },
    finish() {},
  };
}
