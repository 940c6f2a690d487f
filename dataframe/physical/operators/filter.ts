import { limits } from '../../../core/base/limits.js';
import { selectRows } from '../../codegen/evaluate.js';
import type { Batch, Column } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { bytesOfValues, columnOf, isNested } from '../../column/layout.js';
import type { ExprNode } from '../../expr/node.js';
import { columnsThere, onlyPresence } from '../../expr/there.js';
import { condition, scopeOf } from '../../expr/typing.js';
import { countBits } from '../../kernels/bits-wasm.js';
import { compactBatch } from '../../kernels/compact-wasm.js';
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
  const present = onlyPresence(predicate);
  const complete = schema.map(({ name }) => there.has(name));
  let room: number = limits.filterLentBytes;
  /** Rows where the column is not null, if most are. */
  const compacted = (batch: Batch, bits: Uint8Array | null): Batch | null => {
    if (bits === null || room < bytesOfRows(batch, batch.rows)) return null;
    const kept = countBits(bits, batch.rows);
    if (2 * kept < batch.rows || kept === batch.rows) return null;
    const dense = compactBatch(batch, bits, kept, lent);
    if (dense !== null) room -= bytesOfRows(batch, kept);
    return dense;
  };
  return {
    schema,
    done: false,
    push(batch, entry, emit) {
      const columns = batch.columns.map((column, c) => (complete[c]! ? withoutNulls(column) : column));
      const sure = { ...batch, columns };
      const dense = present === null ? null : compacted(sure, columnOf(batch, present).validity);
      if (dense !== null) {
        emit(dense, entry);
        return;
      }
      const { at, rows } = selectRows(typed, batch);
      if (rows === batch.rows) emit(batch, entry);
      if (rows === 0 || rows === batch.rows) return;
      room -= bytesOfRows(sure, rows);
      emit(takeBatch(sure, at, rows, room < 0 ? undefined : lent), entry);
    },
    finish() {},
  };
}

function bytesOfRows({ columns }: Batch, rows: number): number {
  return columns.reduce((sum, column) => sum + bytesOf(column, rows), 0);
}

/** At least; of what is nested nobody knows. */
function bytesOf({ physical, type }: Column, rows: number): number {
  return isNested(type) ? Number.POSITIVE_INFINITY : bytesOfValues(physical, rows);
}

/** None of the rows that are wanted is null. */
function withoutNulls(column: Column): Column {
  return column.validity === null ? column : { ...column, validity: null, nullCount: 0 };
}
