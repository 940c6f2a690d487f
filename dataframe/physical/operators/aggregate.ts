import type { Batch, Column } from '../../column/column.js';
import { columnOf, isCoded, isWide } from '../../column/layout.js';
import type { Accumulator } from '../../kernels/accumulator.js';
import { concatBatches } from '../../kernels/concat.js';
import { comparableColumn } from '../../kernels/distinct-text.js';
import { FusedGroups } from '../../kernels/fused.js';
import type { FusedOp, FusedSpec } from '../../kernels/fused-layout.js';
import { readState, resultColumn, stateColumns } from '../../kernels/fused-result.js';
import { type KeyDomain, sharedDomains } from '../../kernels/key-domain.js';
import { Lent } from '../../kernels/lent.js';
import { sliceBatch } from '../../kernels/take.js';
import { filledColumn } from '../../kernels/unfilled.js';
import type { AggregateSpec, AggregateStep } from '../fragment.js';
import { once } from '../once.js';
import type { Emit, Operator } from '../operator.js';
import { aggregateInput, aggregateSchema, stateFields } from '../schema.js';
import { accumulatorOf, inputOf } from './accumulators.js';

/** Groups rows and aggregates them, in one of the three phases. */
export function aggregateOperator(step: AggregateStep, lent: Lent): Operator {
  return step.phase === 'final' ? new Merge(step, lent) : new Aggregate(step, lent);
}

/** True for aggregates whose state is a few numbers a group: generated code updates them while it finds the groups. */
export function isFused(step: AggregateStep, spec: AggregateSpec): boolean {
  switch (spec.op) {
    case 'sum':
    case 'mean':
    case 'count':
    case 'len':
      return true;
    case 'min':
    case 'max': {
      // Text goes by rank; 64-bit integers may need two words.
      const type = aggregateInput(step, spec);
      return !isCoded(type) && !isWide(type);
    }
    default:
      return false;
  }
}

/** What a step says without any rows. */
const planOf = once((step: AggregateStep, _given: null) => {
  const { aggregates, keys } = step;
  const schema = aggregateSchema(step);
  const fused = aggregates.flatMap((spec, k) => (isFused(step, spec) ? [k] : []));
  const specs = fused.map((k): FusedSpec => {
    const spec = aggregates[k]!;
    const type = aggregateInput(step, spec);
    return { name: spec.name, op: spec.op as FusedOp, type, rowsKey: `${spec.column} ${spec.filter}` };
  });
  return { schema, fused, specs, keys: schema.slice(0, keys.length).map(field => field.type) };
});

/** The aggregates of a step: those that generated code updates and the others, by position in the step. */
class Aggregates {
  readonly groups: FusedGroups;
  readonly fused: readonly number[];
  /** null where the aggregate is fused. */
  readonly others: readonly (Accumulator | null)[];

  /** `expected`: rows to come, when most are groups of their own. `domains`: of all keys to come, where they are known. */
  constructor(step: AggregateStep, lent: Lent, expected = 0, domains: readonly KeyDomain[] | null = null) {
    const { aggregates } = step;
    const { fused, specs, keys } = planOf(step, null);
    this.fused = fused;
    this.others = aggregates.map((spec, k) => (fused.includes(k) ? null : accumulatorOf(step, spec, lent)));
    this.groups = new FusedGroups({
      keys,
      specs,
      merging: step.phase === 'final',
      expected,
      domains,
      lent,
      numbered: this.fused.length < aggregates.length,
      ...(step.tier === undefined ? {} : { tier: step.tier }),
    });
  }

  /** Keys of the first `rows` groups, then the columns of every aggregate: states or results. */
  columns(rows: number, states: boolean): Column[] {
    this.groups.settle();
    const state = readState(this.groups, rows);
    const column = (k: number) => (states ? stateColumns(state, k) : [resultColumn(state, k)]);
    const columns = this.others.map((other, k) => {
      if (other === null) return column(this.fused.indexOf(k));
      other.resize(rows);
      return states ? other.state() : [other.result()];
    });
    const all = [...this.groups.keyColumns(), ...columns.flat()];
    this.groups.close();
    return all;
  }
}

interface Held {
  readonly batch: Batch;
  readonly entry: number;
}

/**
 * Phases partial and complete. Complete keeps what depends on the order of addition (float sums) per entry and folds
 * it into totals when the next entry's rows come, so that the bits are those of partial and final. Entries that were
 * dealt out into parts by key are held back and aggregated part by part, so that the groups in work stay in the cache.
 */
class Aggregate implements Operator {
  readonly schema;
  readonly done = false;
  readonly #step: AggregateStep;
  readonly #lent: Lent;
  readonly #all: Aggregates;
  readonly #held: Held[] = [];

  constructor(step: AggregateStep, lent: Lent) {
    this.#step = step;
    this.#lent = lent;
    this.schema = planOf(step, null).schema;
    this.#all = new Aggregates(step, lent);
  }

  push(batch: Batch, entry: number): void {
    if (batch.parts !== undefined && this.#step.phase === 'complete') {
      this.#held.push({ batch: this.#comparable(batch), entry });
    } else this.#add(this.#all, batch, entry);
  }

  finish(emit: Emit): void {
    const parts = (this.#held[0]?.batch.parts?.length ?? 1) - 1;
    const domains = parts > 0 ? this.#domains() : null;
    const { fused } = planOf(this.#step, null);
    const alone = fused.length === this.#step.aggregates.length;
    for (let p = 0; p < parts; p++) {
      // Results are taken out of the state while it is in the cache, and the next part's has its place.
      const lent = alone ? new Lent() : this.#lent;
      const rows = this.#held.reduce((sum, { batch }) => sum + batch.parts![p + 1]! - batch.parts![p]!, 0);
      const part = new Aggregates(this.#step, lent, rows, domains);
      for (const { batch, entry } of this.#held) {
        const [from, to] = batch.parts!.slice(p, p + 2) as [number, number];
        if (to > from) this.#add(part, sliceBatch(batch, from, to), entry);
      }
      this.#emit(part, part.groups.count, emit, alone);
      if (alone) lent.giveBack();
    }
    const whole = this.#step.keys.length === 0 && this.#step.phase === 'complete';
    this.#emit(this.#all, whole ? 1 : this.#all.groups.count, emit);
  }

  #emit(all: Aggregates, rows: number, emit: Emit, filled = false): void {
    if (rows === 0) return;
    const columns = all.columns(rows, this.#step.phase === 'partial');
    const taken = filled ? columns.map(column => filledColumn(column, this.#lent)) : columns;
    emit({ schema: this.schema, rows, columns: taken }, 0);
  }

  #domains(): readonly KeyDomain[] | null {
    const { keys } = this.#step;
    const batches = this.#held.map(({ batch }) => keys.map(name => columnOf(batch, name)));
    return sharedDomains(planOf(this.#step, null).keys, batches);
  }

  /** With keys that are told apart by their codes: looked at once, not in each of its parts. */
  #comparable(batch: Batch): Batch {
    const { keys } = this.#step;
    const of = (column: Column, c: number) =>
      keys.includes(batch.schema[c]!.name) ? comparableColumn(column) : column;
    return { ...batch, columns: batch.columns.map(of) };
  }

  #add({ groups, fused, others }: Aggregates, batch: Batch, entry: number): void {
    const { keys, aggregates, phase } = this.#step;
    const inputs = fused.map(k => {
      const { column, filter } = aggregates[k]!;
      return {
        column: column === null ? null : columnOf(batch, column),
        filter: filter === null ? null : columnOf(batch, filter),
      };
    });
    const keyColumns = keys.map(name => comparableColumn(columnOf(batch, name)));
    // A task is one partition to a partial aggregation, whatever it was put together from.
    const ids = groups.addRows(keyColumns, inputs, batch.rows, phase === 'partial' ? 0 : entry);
    others.forEach((other, k) => {
      if (other === null) return;
      const { column, mask, other: second } = inputOf(aggregates[k]!, batch, this.#lent);
      other.resize(groups.count);
      other.update(column, ids!, batch.rows, mask, second);
    });
  }
}

/** States of so few rows cost more to begin with than to merge: so many rows of them are put together first. */
const fewRows = 2048;
const mergedRows = 16_384;
/** Rows of states that are held back until all keys are known: then groups are found in one table, made once. */
const heldRows = 131_072;

/** In the same physical forms, which concatenating would make wider otherwise. */
function isAlike(a: Batch, b: Batch): boolean {
  return a.columns.every((column, c) => column.physical === b.columns[c]!.physical);
}

/** Merges what partial gave, in the order it comes. Columns are taken by position: keys, then states. */
class Merge implements Operator {
  readonly schema;
  readonly done = false;
  readonly #step: AggregateStep;
  readonly #lent: Lent;
  /** Null as long as all that came is held back. */
  #all: Aggregates | null = null;
  #held: Batch[] = [];
  #rows = 0;

  constructor(step: AggregateStep, lent: Lent) {
    this.#step = step;
    this.#lent = lent;
    this.schema = planOf(step, null).schema;
  }

  push(batch: Batch): void {
    const { keys } = this.#step;
    const columns = batch.columns.map((column, c) => (c < keys.length ? comparableColumn(column) : column));
    this.#held.push({ ...batch, columns });
    this.#rows += batch.rows;
    if (this.#rows > heldRows) this.#flush((this.#all ??= new Aggregates(this.#step, this.#lent)));
  }

  #flush(all: Aggregates): void {
    for (const batch of this.#joined()) this.#add(all, batch);
    this.#held = [];
    this.#rows = 0;
  }

  /** What is held, small batches put together. Aggregates that are not fused merge the states of one batch together. */
  #joined(): Batch[] {
    const { fused } = planOf(this.#step, null);
    const canJoin = fused.length === this.#step.aggregates.length;
    const parts: Batch[][] = [];
    let rows = mergedRows;
    for (const batch of this.#held) {
      const few = canJoin && batch.rows <= fewRows;
      if (few && rows < mergedRows && isAlike(parts.at(-1)![0]!, batch)) {
        parts.at(-1)!.push(batch);
        rows += batch.rows;
      } else {
        parts.push([batch]);
        rows = few ? batch.rows : mergedRows;
      }
    }
    return parts.map(part => (part.length === 1 ? part[0]! : concatBatches(part[0]!.schema, part)));
  }

  /** Groups of all that is held, after which nothing comes. */
  #whole(): Aggregates {
    const { keys } = this.#step;
    this.#held = this.#joined();
    const most = Math.max(0, ...this.#held.map(({ rows }) => rows));
    const keysOf = (batch: Batch) => batch.columns.slice(0, keys.length);
    const several = this.#held.length > 1 && keys.length > 0;
    const domains = several ? sharedDomains(planOf(this.#step, null).keys, this.#held.map(keysOf)) : null;
    return new Aggregates(this.#step, this.#lent, several ? most : 0, domains);
  }

  #add(all: Aggregates, batch: Batch): void {
    const { keys, aggregates } = this.#step;
    const { groups, others } = all;
    let at = keys.length;
    const states = aggregates.map(spec => {
      const from = at;
      at += stateFields(this.#step, spec).length;
      return batch.columns.slice(from, at);
    });
    const fused = all.fused.map(k => states[k]!);
    const keyColumns = batch.columns.slice(0, keys.length);
    const ids = groups.addStates(keyColumns, fused, batch.rows);
    others.forEach((other, k) => {
      if (other === null) return;
      other.resize(groups.count);
      other.merge(states[k]!, ids!, batch.rows);
    });
  }

  /** Without keys there is always one group. */
  finish(emit: Emit): void {
    const all = this.#all ?? this.#whole();
    this.#flush(all);
    const rows = this.#step.keys.length === 0 ? 1 : all.groups.count;
    if (rows === 0) return;
    emit({ schema: this.schema, rows, columns: all.columns(rows, false) }, 0);
  }
}
