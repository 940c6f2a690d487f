import { limits } from '../../../core/base/limits.js';
import { selectRows } from '../../codegen/evaluate.js';
import type { Column } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { bytesOfValues, isNested } from '../../column/layout.js';
import type { ExprNode } from '../../expr/node.js';
import { columnsThere } from '../../expr/there.js';
import { condition, scopeOf } from '../../expr/typing.js';
import type { Lent } from '../../kernels/lent.js';
import { takeBatch } from '../../kernels/take.js';
import { once } from '../once.js';
import type { Operator } from '../operator.js';

/** The predicate of a filter, typed. */
export const typedCondition = once((predicate: ExprNode, schema: Schema) =>
  condition(predicate, scopeOf(schema, 'filter'), 'filter'),
);

/** Keeps rows for which the predicate is true: neither false nor null. What comes first of them is lent. */
export function filterOperator(predicate: ExprNode, schema: Schema, lent: Lent): Operator {
  const typed = typedCondition(predicate, schema);
  const there = columnsThere(predicate);
  const complete = schema.map(({ name }) => there.has(name));
  let room: number = limits.filterLentBytes;
  return {
    schema,
    done: false,
    push(batch, entry, emit) {
      const { at, rows } = selectRows(typed, batch);
      if (rows === batch.rows) emit(batch, entry);
      if (rows === 0 || rows === batch.rows) return;
      const columns = batch.columns.map((column, c) => (complete[c]! ? withoutNulls(column) : column));
      room -= columns.reduce((sum, column) => sum + bytesOf(column, rows), 0);
      emit(takeBatch({ ...batch, columns }, at, rows, room < 0 ? undefined : lent), entry);
    },
    finish() {},
  };
}

/** At least; of what is nested nobody knows. */
function bytesOf({ physical, type }: Column, rows: number): number {
  return isNested(type) ? Number.POSITIVE_INFINITY : bytesOfValues(physical, rows);
}

/** None of the rows that are wanted is null. */
function withoutNulls(column: Column): Column {
  return column.validity === null ? column : { ...column, validity: null, nullCount: 0 };
}
