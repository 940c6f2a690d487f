import type { Batch, Column } from '../../column/column.js';
import type { DataType } from '../../column/datatype.js';
import { columnOf } from '../../column/layout.js';
import { type Accumulator, rowMask } from '../../kernels/accumulator.js';
import { DistinctAccumulator, EdgeAccumulator } from '../../kernels/aggregate-edge.js';
import { extremeAccumulator } from '../../kernels/aggregate-extreme.js';
import { CountAccumulator, SumAccumulator } from '../../kernels/aggregate-sum.js';
import { GroupTable } from '../../kernels/group.js';
import type { AggregateSpec, AggregateStep } from '../fragment.js';
import type { Emit, Operator } from '../operator.js';
import { aggregateInput, aggregateSchema, aggregateType, stateFields } from '../schema.js';

/** Groups rows and aggregates them, in one of the three phases. */
export function aggregateOperator(step: AggregateStep): Operator {
  switch (step.phase) {
    case 'partial':
      return new Partial(step);
    case 'final':
      return new Final(step);
    default:
      return new Complete(step);
  }
}

function accumulatorOf(step: AggregateStep, spec: AggregateSpec): Accumulator {
  const type = aggregateInput(step, spec);
  switch (spec.op) {
    case 'sum':
    case 'mean': {
      const integer = aggregateType(step, spec).kind === 'int64';
      return new SumAccumulator({ mean: spec.op === 'mean', integer, name: spec.name });
    }
    case 'min':
    case 'max':
      return extremeAccumulator(type, spec.op === 'max');
    case 'first':
    case 'last':
      return new EdgeAccumulator(type, spec.op === 'last');
    default:
      return new CountAccumulator();
  }
}

/** The rows that an aggregate counts, of one batch. */
function inputOf(spec: AggregateSpec, batch: Batch): { column: Column | null; mask: Uint8Array | null } {
  const column = spec.column === null ? null : columnOf(batch, spec.column);
  const filter = spec.filter === null ? null : columnOf(batch, spec.filter);
  const keepsNulls = spec.op === 'first' || spec.op === 'last';
  return { column, mask: rowMask(keepsNulls ? null : column, filter, batch.rows) };
}

function keyTypes(step: AggregateStep): DataType[] {
  const { schema } = { schema: aggregateSchema({ ...step, phase: 'complete' }) };
  return schema.slice(0, step.keys.length).map(field => field.type);
}

/** One accumulator per group over all rows of the task. */
class Partial implements Operator {
  readonly schema;
  readonly done = false;
  readonly #step: AggregateStep;
  readonly #table: GroupTable;
  readonly #accumulators: readonly Accumulator[];

  constructor(step: AggregateStep) {
    this.#step = step;
    this.schema = aggregateSchema(step);
    this.#table = new GroupTable(keyTypes(step));
    this.#accumulators = step.aggregates.map(spec => accumulatorOf(step, spec));
  }

  push(batch: Batch): void {
    const { keys, aggregates } = this.#step;
    const group = this.#table.assign(
      keys.map(name => columnOf(batch, name)),
      batch.rows,
    );
    aggregates.forEach((spec, k) => {
      const accumulator = this.#accumulators[k]!;
      const { column, mask } = inputOf(spec, batch);
      accumulator.resize(this.#table.count);
      accumulator.update(column, group, batch.rows, mask);
    });
  }

  finish(emit: Emit): void {
    const rows = this.#table.count;
    if (rows === 0) return;
    const states = this.#accumulators.flatMap(accumulator => accumulator.state());
    emit({ schema: this.schema, rows, columns: [...this.#table.keyColumns(), ...states] }, 0);
  }
}

/** Emits the groups; without keys there is always one. */
function emitGroups(
  operator: Operator,
  step: AggregateStep,
  table: GroupTable,
  results: readonly (Accumulator | DistinctAccumulator)[],
  emit: Emit,
): void {
  const rows = step.keys.length === 0 ? 1 : table.count;
  if (rows === 0) return;
  for (const result of results) result.resize(rows);
  const columns = [...table.keyColumns(), ...results.map(result => result.result())];
  emit({ schema: operator.schema, rows, columns }, 0);
}

/** Merges what partial gave, in the order it comes. Columns are taken by position: keys, then states. */
class Final implements Operator {
  readonly schema;
  readonly done = false;
  readonly #step: AggregateStep;
  readonly #table: GroupTable;
  readonly #accumulators: readonly Accumulator[];

  constructor(step: AggregateStep) {
    this.#step = step;
    this.schema = aggregateSchema(step);
    this.#table = new GroupTable(keyTypes(step));
    this.#accumulators = step.aggregates.map(spec => accumulatorOf(step, spec));
  }

  push(batch: Batch): void {
    const { keys, aggregates } = this.#step;
    const group = this.#table.assign(batch.columns.slice(0, keys.length), batch.rows);
    let at = keys.length;
    aggregates.forEach((spec, k) => {
      const width = stateFields(this.#step, spec).length;
      const accumulator = this.#accumulators[k]!;
      accumulator.resize(this.#table.count);
      accumulator.merge(batch.columns.slice(at, at + width), group, batch.rows);
      at += width;
    });
  }

  finish(emit: Emit): void {
    emitGroups(this, this.#step, this.#table, this.#accumulators, emit);
  }
}

/**
 * Both phases in one: accumulators of the current entry are merged into the totals when the entry ends, so that the
 * bits are those of partial and final. Distinct values need no such care.
 */
class Complete implements Operator {
  readonly schema;
  readonly done = false;
  readonly #step: AggregateStep;
  readonly #table: GroupTable;
  readonly #totals: readonly (Accumulator | DistinctAccumulator)[];
  #current: (Accumulator | null)[] | null = null;
  #entry = -1;

  constructor(step: AggregateStep) {
    this.#step = step;
    this.schema = aggregateSchema(step);
    this.#table = new GroupTable(keyTypes(step));
    this.#totals = step.aggregates.map(spec =>
      spec.op === 'nUnique' ? new DistinctAccumulator(aggregateInput(step, spec)) : accumulatorOf(step, spec),
    );
  }

  push(batch: Batch, entry: number): void {
    const { keys, aggregates } = this.#step;
    if (entry !== this.#entry) this.#mergeEntry();
    this.#entry = entry;
    this.#current ??= aggregates.map(spec =>
      spec.op === 'nUnique' ? null : accumulatorOf(this.#step, spec),
    );
    const current = this.#current;
    const group = this.#table.assign(
      keys.map(name => columnOf(batch, name)),
      batch.rows,
    );
    aggregates.forEach((spec, k) => {
      const { column, mask } = inputOf(spec, batch);
      const accumulator = current[k] ?? null;
      if (accumulator === null) {
        (this.#totals[k] as DistinctAccumulator).update(column!, group, batch.rows, mask);
        return;
      }
      accumulator.resize(this.#table.count);
      accumulator.update(column, group, batch.rows, mask);
    });
  }

  finish(emit: Emit): void {
    this.#mergeEntry();
    emitGroups(this, this.#step, this.#table, this.#totals, emit);
  }

  #mergeEntry(): void {
    const current = this.#current;
    if (current === null) return;
    const groups = this.#table.count;
    const identity = new Int32Array(groups);
    for (let g = 0; g < groups; g++) identity[g] = g;
    current.forEach((accumulator, k) => {
      if (accumulator === null) return;
      const total = this.#totals[k] as Accumulator;
      total.resize(groups);
      accumulator.resize(groups);
      total.merge(accumulator.state(), identity, groups);
    });
    this.#current = null;
  }
}
