import type { Batch, Column } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { columnOf, nullColumn } from '../../column/layout.js';
import { JoinProbe } from '../../kernels/join.js';
import { buildJoinTable } from '../../kernels/join-table.js';
import { takeBatch, takeColumn, takeOptional } from '../../kernels/take.js';
import type { JoinStep } from '../fragment.js';
import type { Emit, Operator } from '../operator.js';
import { joinSchema } from '../schema.js';

/**
 * Probes `build` with the rows that flow by. Output: probe order, then build order; after them (right, full) the build
 * rows that nothing matched, in build order.
 */
export function joinOperator(step: JoinStep, before: Schema, build: Batch): Operator {
  const schema = joinSchema(step, before, build.schema);
  if (step.how === 'cross') return crossOperator(step, schema, build);
  const buildKeys = step.rightOn.map(name => columnOf(build, name));
  const table = buildJoinTable(buildKeys, build.rows, step.tier);
  const probe = new JoinProbe(
    table,
    buildKeys.map(key => key.dictionary),
  );
  const keysOf = (batch: Batch) => step.leftOn.map(name => columnOf(batch, name));
  if (step.how === 'semi' || step.how === 'anti') return filterRows(probe, step, schema, keysOf, build);
  return pairRows(probe, step, schema, keysOf, build);
}

/** semi and anti: rows of the probe side, each at most once. */
function filterRows(
  probe: JoinProbe,
  step: JoinStep,
  schema: Schema,
  keysOf: (batch: Batch) => Column[],
  build: Batch,
): Operator {
  const matched = step.how === 'semi';
  return {
    schema,
    done: matched && build.rows === 0,
    push(batch, entry, emit) {
      const { left, rows } = probe.rowsWhere(matched, keysOf(batch), batch.rows);
      if (rows === 0) return;
      emit(left === null ? batch : takeBatch(batch, left, rows), entry);
    },
    finish() {},
  };
}

function pairRows(
  probe: JoinProbe,
  step: JoinStep,
  schema: Schema,
  keysOf: (batch: Batch) => Column[],
  build: Batch,
): Operator {
  const keepLeft = step.how === 'left' || step.how === 'full';
  const keepRight = step.how === 'right' || step.how === 'full';
  const taken = step.take.map(({ column }) => columnOf(build, column));
  const seen = keepRight ? new Uint8Array(build.rows) : null;
  let lastEntry = 0;
  return {
    schema,
    done: !keepLeft && build.rows === 0,
    push(batch, entry, emit) {
      lastEntry = entry;
      const keys = keysOf(batch);
      const { left, right, rows, gaps } = keepLeft
        ? probe.outer(keys, batch.rows)
        : probe.inner(keys, batch.rows);
      if (rows === 0) return;
      if (seen !== null) mark(seen, right, rows);
      const own = left === null ? batch.columns : takeBatch(batch, left, rows).columns;
      const added = taken.map(column =>
        gaps ? takeOptional(column, right, rows) : takeColumn(column, right, rows),
      );
      emit({ schema, rows, columns: [...own, ...added] }, entry);
    },
    finish(emit) {
      if (seen !== null) emitUnseen(seen, schema, taken, lastEntry, emit);
    },
  };
}

function mark(seen: Uint8Array, right: Int32Array, rows: number): void {
  for (let i = 0; i < rows; i++) if (right[i]! >= 0) seen[right[i]!] = 1;
}

function emitUnseen(
  seen: Uint8Array,
  schema: Schema,
  taken: readonly Column[],
  entry: number,
  emit: Emit,
): void {
  const at = new Int32Array(seen.length);
  let rows = 0;
  for (let i = 0; i < seen.length; i++) if (seen[i] === 0) at[rows++] = i;
  if (rows === 0) return;
  const nulls = schema.slice(0, schema.length - taken.length).map(field => nullColumn(field.type, rows));
  emit({ schema, rows, columns: [...nulls, ...taken.map(column => takeColumn(column, at, rows))] }, entry);
}

/** Pairs of one batch that are made at a time. */
const crossRows = 65_536;

/** Every row of the probe side with every row of the build side. */
function crossOperator(step: JoinStep, schema: Schema, build: Batch): Operator {
  const taken = step.take.map(({ column }) => columnOf(build, column));
  return {
    schema,
    done: build.rows === 0,
    push(batch, entry, emit) {
      const total = batch.rows * build.rows;
      for (let from = 0; from < total; from += crossRows) {
        const rows = Math.min(crossRows, total - from);
        const left = new Int32Array(rows);
        const right = new Int32Array(rows);
        let l = Math.floor(from / build.rows);
        let r = from - l * build.rows;
        for (let i = 0; i < rows; i++) {
          left[i] = l;
          right[i] = r;
          if (++r === build.rows) {
            r = 0;
            l++;
          }
        }
        const own = takeBatch(batch, left, rows).columns;
        emit({ schema, rows, columns: [...own, ...taken.map(c => takeColumn(c, right, rows))] }, entry);
      }
    },
    finish() {},
  };
}
