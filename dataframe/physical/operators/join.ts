import type { Batch, Column } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { columnOf, nullColumn } from '../../column/layout.js';
import { comparableColumn } from '../../kernels/distinct-text.js';
import { GatheredBatch, type Piece } from '../../kernels/gathered.js';
import { JoinProbe } from '../../kernels/join.js';
import { buildJoinTable, type JoinTable } from '../../kernels/join-table.js';
import type { Lent } from '../../kernels/lent.js';
import type { JoinStep } from '../fragment.js';
import type { Emit, Operator } from '../operator.js';
import { joinSchema } from '../schema.js';

/** The build side, ready to be probed by any task. */
export interface JoinSide {
  readonly rows: Batch;
  /** null: a cross join needs none. */
  readonly probe: JoinProbe | null;
}

/** Builds the table. */
export function joinSide(step: JoinStep, rows: Batch): JoinSide {
  if (step.how === 'cross') return { rows, probe: null };
  const keys = keysOfSide(rows, step.rightOn);
  return { rows, probe: probeOf(buildJoinTable(keys, rows.rows, step.tier), keys) };
}

/** A side whose table was built by another task; of its keys only those of text are there. */
export function readSide(step: JoinStep, rows: Batch, table: JoinTable): JoinSide {
  const keys = step.rightOn.map(name => {
    const c = rows.schema.findIndex(field => field.name === name);
    return c < 0 ? null : rows.columns[c]!;
  });
  return { rows, probe: probeOf(table, keys) };
}

function probeOf(table: JoinTable, keys: readonly (Column | null)[]): JoinProbe {
  return new JoinProbe(
    table,
    keys.map(key => key?.dictionary ?? null),
  );
}

/** Keys as a table can be built over them. */
export function keysOfSide(rows: Batch, names: readonly string[]): Column[] {
  return names.map(name => comparableColumn(columnOf(rows, name)));
}

/**
 * Probes the build side with the rows that flow by. Output: probe order, then build order; after them (right, full) the
 * build rows that nothing matched, in build order.
 */
export function joinOperator(
  step: JoinStep,
  before: Schema,
  { rows: build, probe }: JoinSide,
  lent: Lent,
): Operator {
  const schema = joinSchema(step, before, build.schema);
  if (probe === null) return crossOperator(step, schema, build);
  const keysOf = (batch: Batch) => step.leftOn.map(name => comparableColumn(columnOf(batch, name)));
  if (step.how === 'semi' || step.how === 'anti') return filterRows(probe, step, schema, keysOf, build, lent);
  return pairRows(probe, step, schema, keysOf, build, lent);
}

/** semi and anti: rows of the probe side, each at most once. */
function filterRows(
  probe: JoinProbe,
  step: JoinStep,
  schema: Schema,
  keysOf: (batch: Batch) => Column[],
  build: Batch,
  lent: Lent,
): Operator {
  const matched = step.how === 'semi';
  return {
    schema,
    movesOnly: true,
    done: matched && build.rows === 0,
    push(batch, entry, emit) {
      const { left, rows } = probe.rowsWhere(matched, keysOf(batch), batch.rows, lent);
      if (rows === 0) return;
      const pieces = batch.columns.map((column): Piece => ({ column, at: left, gaps: false }));
      emit(new GatheredBatch(schema, rows, pieces), entry);
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
  lent: Lent,
): Operator {
  const keepLeft = step.how === 'left' || step.how === 'full';
  const keepRight = step.how === 'right' || step.how === 'full';
  const taken = step.take.map(({ column }) => columnOf(build, column));
  const seen = keepRight ? new Uint8Array(build.rows) : null;
  let lastEntry = 0;
  return {
    schema,
    movesOnly: true,
    done: !keepLeft && build.rows === 0,
    push(batch, entry, emit) {
      lastEntry = entry;
      const keys = keysOf(batch);
      const { left, right, rows, gaps } = keepLeft
        ? probe.outer(keys, batch.rows, lent)
        : probe.inner(keys, batch.rows, lent);
      if (rows === 0) return;
      if (seen !== null) mark(seen, right, rows);
      const own = batch.columns.map((column): Piece => ({ column, at: left, gaps: false }));
      const added = taken.map((column): Piece => ({ column, at: right, gaps }));
      emit(new GatheredBatch(schema, rows, [...own, ...added]), entry);
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
  const nulls = schema
    .slice(0, schema.length - taken.length)
    .map((field): Piece => ({ column: nullColumn(field.type, rows), at: null, gaps: false }));
  const own = taken.map((column): Piece => ({ column, at, gaps: false }));
  emit(new GatheredBatch(schema, rows, [...nulls, ...own]), entry);
}

/** Pairs of one batch that are made at a time. */
const crossRows = 65_536;

/** Every row of the probe side with every row of the build side. */
function crossOperator(step: JoinStep, schema: Schema, build: Batch): Operator {
  const taken = step.take.map(({ column }) => columnOf(build, column));
  return {
    schema,
    movesOnly: true,
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
        const own = batch.columns.map((column): Piece => ({ column, at: left, gaps: false }));
        const added = taken.map((column): Piece => ({ column, at: right, gaps: false }));
        emit(new GatheredBatch(schema, rows, [...own, ...added]), entry);
      }
    },
    finish() {},
  };
}
