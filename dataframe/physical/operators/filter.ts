import { selectRows } from '../../codegen/evaluate.js';
import type { Schema } from '../../column/datatype.js';
import type { ExprNode } from '../../expr/node.js';
import { condition, scopeOf } from '../../expr/typing.js';
import { takeBatch } from '../../kernels/take.js';
import { once } from '../once.js';
import type { Operator } from '../operator.js';

/** The predicate of a filter, typed. */
export const typedCondition = once((predicate: ExprNode, schema: Schema) =>
  condition(predicate, scopeOf(schema, 'filter'), 'filter'),
);

/** Keeps rows for which the predicate is true: neither false nor null. */
export function filterOperator(predicate: ExprNode, schema: Schema): Operator {
  const typed = typedCondition(predicate, schema);
  return {
    schema,
    done: false,
    push(batch, entry, emit) {
      const { at, rows } = selectRows(typed, batch);
      if (rows === batch.rows) emit(batch, entry);
      else if (rows > 0) emit(takeBatch(batch, at, rows), entry);
    },
    finish() {},
  };
}
