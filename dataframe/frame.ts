import type { RecordBatch, Table } from 'apache-arrow';
import { VolleyError } from '../core/base/errors.js';
import type { Executor } from '../core/graph/executor.js';
import type { Schema } from './column/datatype.js';
import type { RecordOptions } from './column/records.js';
import type { PlanOptions } from './distribute/constants.js';
import type { ExplainOptions } from './distribute/run.js';
import type { PersistedTable } from './distribute/tables.js';
import { col, type Expr, len, type Operand, toNode } from './expr/expr.js';
import type { PlainValue } from './expr/literal.js';
import type { ActionContext } from './frame/actions.js';
import {
  type ColumnLike,
  type ColumnRecord,
  columnNodes,
  conditionNode,
  type JoinOptions,
  joinArguments,
  listOf,
  rowCount,
  type SortOptions,
  sortKeys,
  type UniqueOptions,
} from './frame/arguments.js';
import { loadEngine } from './frame/engine.js';
import { GroupBy, type GroupByOptions } from './frame/group-by.js';
import {
  type PivotOptions,
  pivotArguments,
  type RepartitionOptions,
  repartitionArguments,
  type SampleOptions,
  sampleArguments,
  type UnpivotOptions,
  unpivotArguments,
} from './frame/reshape-arguments.js';
import { FrameSinks } from './frame/sinks.js';
import {
  arrowTable,
  type CSVOptions,
  csvScan,
  type ParquetOptions,
  type PostgresOptions,
  parquetScan,
  postgresScan,
  type RecordsOptions,
  recordsTable,
} from './frame/sources.js';
import type { ScanSpec } from './io/source.js';
import type { Verb } from './plan/verb.js';

/** Where a frame's work runs. */
export interface DataFrameHost {
  readonly executor: Executor;
}

/** What frames are made from; not part of the public surface. */
interface FrameParts {
  readonly verb: Verb;
  readonly options?: PlanOptions;
  readonly kept?: PersistedTable;
}

/**
 * A lazy, immutable, partitioned table. Verbs build a plan; collect(), toRecords(), count(), show(), batches(),
 * persist() and the sinks run it on the host's workers.
 */
export class DataFrame extends FrameSinks {
  readonly #host: DataFrameHost;
  readonly #parts: FrameParts;

  constructor(host: DataFrameHost, parts: FrameParts) {
    super();
    this.#host = host;
    this.#parts = parts;
  }

  /** What the frame was asked to do, as data. */
  get verb(): Verb {
    return this.#parts.verb;
  }

  protected get context(): ActionContext {
    return { executor: this.#host.executor, options: this.#parts.options ?? {} };
  }

  #with(verb: Verb): DataFrame {
    return new DataFrame(this.#host, { verb, options: this.#parts.options });
  }

  /** The same rows with forced planning choices: for tests that compare them. */
  with(options: PlanOptions): DataFrame {
    return new DataFrame(this.#host, { verb: this.verb, options: { ...this.#parts.options, ...options } });
  }

  /** These columns, in this order: names, expressions, or a record of them. Aggregates alone give one row. */
  select(...columns: (ColumnLike | ColumnRecord | readonly ColumnLike[])[]): DataFrame {
    return this.#with({ kind: 'select', input: this.verb, exprs: columnNodes(columns, 'select') });
  }

  /** All columns and these; equal names are replaced. */
  withColumns(...columns: (ColumnLike | ColumnRecord | readonly ColumnLike[])[]): DataFrame {
    return this.#with({ kind: 'withColumns', input: this.verb, exprs: columnNodes(columns, 'withColumns') });
  }

  drop(...names: (string | readonly string[])[]): DataFrame {
    return this.#with({ kind: 'drop', input: this.verb, names: names.flat() });
  }

  /** `rename({ old: 'new' })`. */
  rename(names: Readonly<Record<string, string>>): DataFrame {
    return this.#with({ kind: 'rename', input: this.verb, names: new Map(Object.entries(names)) });
  }

  /** Rows where every condition is true (not false, not null). */
  filter(...conditions: (Expr | boolean)[]): DataFrame {
    return conditions.reduce<DataFrame>(
      (frame, c) => frame.#with({ kind: 'filter', input: frame.verb, predicate: conditionNode(c) }),
      this,
    );
  }

  /**
   * Groups by columns or expressions; null is a group of its own. Without keys: one group. With a last argument
   * `{ maintainOrder: true }` groups come in the order of their first rows.
   */
  groupBy(...keys: (ColumnLike | readonly ColumnLike[] | GroupByOptions)[]): GroupBy {
    return new GroupBy(this.verb, keys, verb => this.#with(verb));
  }

  /**
   * Rows of both with equal keys; null keys never match. Right keys are dropped; where left rows may be missing (right,
   * full) the key column has the value of whichever side is there. The right frame should be the smaller one.
   */
  join(other: DataFrame, options: JoinOptions): DataFrame {
    if (!(other instanceof DataFrame))
      throw new VolleyError('INVALID_ARGUMENT', 'join takes another DataFrame');
    return this.#with({ kind: 'join', left: this.verb, right: other.verb, ...joinArguments(options) });
  }

  /** Stable. `sort('a', 'b')` or `sort({ by: 'a', descending: true, nullsLast: true })`. */
  sort(...by: (ColumnLike | readonly ColumnLike[] | SortOptions)[]): DataFrame {
    return this.#with({ kind: 'sort', input: this.verb, by: sortKeys(by), limit: null });
  }

  /** The first n rows. */
  head(n = 5): DataFrame {
    return this.#with({ kind: 'limit', input: this.verb, n: rowCount(n, 'head'), offset: 0 });
  }

  /** The first n rows after skipping `offset`. */
  limit(n: number, offset = 0): DataFrame {
    const rows = rowCount(n, 'limit');
    return this.#with({ kind: 'limit', input: this.verb, n: rows, offset: rowCount(offset, 'limit') });
  }

  /** The last n rows. */
  tail(n = 5): DataFrame {
    return this.#with({ kind: 'tail', input: this.verb, n: rowCount(n, 'tail') });
  }

  /** The n largest rows by `by`, largest first; nulls come last. */
  topK(n: number, options: { by: ColumnLike | readonly ColumnLike[] }): DataFrame {
    const by = sortKeys([{ by: options.by, descending: true, nullsLast: true }]);
    return this.#with({ kind: 'sort', input: this.verb, by, limit: rowCount(n, 'topK') });
  }

  /** One row for each distinct value of `on` (default: of all columns). */
  unique(options: UniqueOptions = {}): DataFrame {
    const on = options.on === undefined ? null : listOf(options.on);
    return this.#with({ kind: 'unique', input: this.verb, on, keep: options.keep ?? 'first' });
  }

  /** The rows of this frame, then those of the others: equal names in equal order. */
  concat(...others: DataFrame[]): DataFrame {
    return DataFrame.concat([this, ...others]);
  }

  /** One row per item of these list columns; a list that is null or empty gives one row with null. */
  explode(...names: (string | readonly string[])[]): DataFrame {
    const lists = names.flat();
    if (lists.length === 0)
      throw new VolleyError('INVALID_ARGUMENT', "explode needs a column: .explode('a')");
    return this.#with({ kind: 'explode', input: this.verb, names: lists });
  }

  /** Columns become rows: `unpivot({ index: 'id', on: ['a', 'b'] })` gives id, variable, value. */
  unpivot(options: UnpivotOptions = {}): DataFrame {
    return this.#with({ kind: 'unpivot', input: this.verb, ...unpivotArguments(options) });
  }

  /** Rows become columns: one per value of `on`, with an aggregate of `values` for each combination of `index`. */
  pivot(options: PivotOptions): DataFrame {
    return this.#with({ kind: 'pivot', input: this.verb, ...pivotArguments(options) });
  }

  /** Rows chosen at random, in random order; the same ones for the same seed, data and plan. */
  sample(options: SampleOptions): DataFrame {
    return this.#with({ kind: 'sample', input: this.verb, ...sampleArguments(options) });
  }

  /** The same rows in `n` partitions, in order, or by the values of columns. */
  repartition(options: number | RepartitionOptions): DataFrame {
    return this.#with({ kind: 'repartition', input: this.verb, ...repartitionArguments(options) });
  }

  /** Count, nulls, mean, standard deviation, quartiles and extremes of each column; extremes of text as text. */
  describe(): DataFrame {
    return this.#with({ kind: 'describe', input: this.verb });
  }

  /** Calls `fn` with this frame: keeps chains readable. */
  pipe<R>(fn: (frame: DataFrame) => R): R {
    return fn(this);
  }

  /** Replaces null in every column whose type can hold the value. */
  fillNull(value: PlainValue): DataFrame {
    return this.#with({ kind: 'fillNull', input: this.verb, value: toNode(value) });
  }

  /** Replaces NaN in every column of floats. */
  fillNan(value: PlainValue): DataFrame {
    return this.#with({ kind: 'fillNan', input: this.verb, value: toNode(value) });
  }

  /** Rows without null in these columns (none given: in any). */
  dropNulls(...names: (string | readonly string[])[]): DataFrame {
    return this.#with({ kind: 'dropNulls', input: this.verb, names: names.flat() });
  }

  /** Each value of a column and how often it comes, most frequent first. */
  valueCounts(name: string): DataFrame {
    return this.groupBy(name)
      .agg(len().alias('count'))
      .sort({ by: ['count', name], descending: [true, false] });
  }

  /** The same as `col(name)`. */
  col(name: string): Expr {
    return col(name);
  }

  // ---- actions

  /** Runs the plan; all rows as an apache-arrow Table. */
  async collect(): Promise<Table> {
    return (await loadEngine()).collectTable(this.verb, this.context);
  }

  /** Runs the plan; all rows as objects. Int64 beyond 2^53 is an error unless `int64: 'bigint'`; decimals are text unless `decimal: 'number'`. */
  async toRecords(options: RecordOptions = {}): Promise<Record<string, unknown>[]> {
    return (await loadEngine()).collectRecords(this.verb, this.context, options);
  }

  /** The number of rows. */
  async count(): Promise<number> {
    return (await loadEngine()).countRows(this.verb, this.context);
  }

  async schema(): Promise<Schema> {
    return (await loadEngine()).planSchema(this.verb, this.#host.executor);
  }

  async columns(): Promise<string[]> {
    return (await this.schema()).map(field => field.name);
  }

  /** Prints the first n rows. */
  async show(n = 10): Promise<void> {
    const { verb } = this.head(rowCount(n, 'show') + 1);
    console.log(await (await loadEngine()).showRows(verb, this.context, n));
  }

  /** The plan as text: after the optimizer's rules, or before them, or as stages. */
  async explain(options: ExplainOptions = {}): Promise<string> {
    return (await loadEngine()).explainVerb(this.verb, this.#host.executor, options, this.#parts.options);
  }

  /** Runs the plan; the rows stay on the workers until release(). */
  async persist(): Promise<DataFrame> {
    const kept = await (await loadEngine()).persistRows(this.verb, this.context);
    return new DataFrame(this.#host, {
      verb: { kind: 'memory', table: kept },
      options: this.#parts.options,
      kept,
    });
  }

  /** Frees what persist() keeps. Of other frames: nothing to do. */
  async release(): Promise<void> {
    this.#parts.kept?.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** Runs the plan; Arrow record batches one by one, in bounded memory. */
  async *batches(): AsyncIterable<RecordBatch> {
    yield* (await loadEngine()).iterateBatches(this.verb, this.context);
  }

  /** The frames one after another. */
  static concat(frames: readonly DataFrame[], how: 'vertical' | 'diagonal' = 'vertical'): DataFrame {
    const [first] = frames;
    if (first === undefined) throw new VolleyError('INVALID_ARGUMENT', 'concat needs at least one frame');
    return first.#with({ kind: 'concat', inputs: frames.map(frame => frame.verb), how });
  }
}

/** The rows of all frames, one after another. 'vertical': equal names in equal order; 'diagonal': the columns of all. */
export function concat(
  frames: readonly DataFrame[],
  options: { how?: 'vertical' | 'diagonal' } = {},
): DataFrame {
  const how = options.how ?? 'vertical';
  if (how === 'vertical' || how === 'diagonal') return DataFrame.concat(frames, how);
  throw new VolleyError(
    'INVALID_ARGUMENT',
    `concat: how is 'vertical' or 'diagonal', not ${JSON.stringify(how)}`,
  );
}

export function scanParquet(
  host: DataFrameHost,
  paths: string | readonly string[],
  options: ParquetOptions = {},
): DataFrame {
  return new DataFrame(host, { verb: { kind: 'scan', scan: parquetScan(paths, options) } });
}

export function scanCSV(
  host: DataFrameHost,
  paths: string | readonly string[],
  options: CSVOptions = {},
): DataFrame {
  return new DataFrame(host, { verb: { kind: 'scan', scan: csvScan(paths, options) } });
}

/** A frame over what ipcScan, ndjsonScan or jsonScan of frame/sources.ts describe. */
export function scanFrame(host: DataFrameHost, scan: ScanSpec): DataFrame {
  return new DataFrame(host, { verb: { kind: 'scan', scan } });
}

export function scanPostgres(
  host: DataFrameHost,
  url: string,
  relation: string,
  options: PostgresOptions = {},
): DataFrame {
  return new DataFrame(host, { verb: { kind: 'scan', scan: postgresScan(url, relation, options) } });
}

export function fromArrow(
  host: DataFrameHost,
  table: Table,
  options: { partitions?: number } = {},
): DataFrame {
  return new DataFrame(host, { verb: { kind: 'memory', table: arrowTable(table, options.partitions) } });
}

export function fromRecords(
  host: DataFrameHost,
  objects: readonly Readonly<Record<string, unknown>>[],
  options: RecordsOptions = {},
): DataFrame {
  return new DataFrame(host, { verb: { kind: 'memory', table: recordsTable(objects, options) } });
}

export type { RecordsOptions } from './frame/sources.js';
export type { Operand };
