import type { RecordBatch, Table } from 'apache-arrow';
import type { Executor } from '../../core/graph/executor.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { batchesToRecords, type RecordOptions } from '../column/records.js';
import { build } from '../distribute/build.js';
import type { PlanOptions } from '../distribute/constants.js';
import { fetchAll, fetchBatches } from '../distribute/fetch.js';
import { submitPipeline } from '../distribute/pipeline.js';
import { openRun, runPlan, withRun } from '../distribute/run.js';
import { PersistedTable } from '../distribute/tables.js';
import { len } from '../expr/expr.js';
import { optimize } from '../optimizer/optimize.js';
import type { FragmentSink } from '../physical/fragment.js';
import type { Verb } from '../plan/verb.js';
import { formatTable } from './show.js';

export { explainVerb, planSchema } from '../distribute/run.js';

/** What every action needs. */
export interface ActionContext {
  readonly executor: Executor;
  readonly options: PlanOptions;
}

/** 64-bit integers are put into Arrow's form by the workers, not by the caller's thread. */
const forArrow: FragmentSink = { kind: 'partition', wide: true };

/** Record batches the reader of batches() may be behind. */
const BATCHES_AHEAD = 2;

export interface Rows {
  readonly schema: Schema;
  readonly batches: readonly Batch[];
}

/** Runs the plan and brings its rows here. */
export function collectBatches(
  verb: Verb,
  { executor, options }: ActionContext,
  name = 'collect',
  sink: FragmentSink = { kind: 'partition' },
): Promise<Rows> {
  return withRun(verb, executor, name, async (plan, runner) => {
    const layer = await runPlan(plan, runner, options, sink);
    return { schema: plan.schema, batches: await fetchAll(layer) };
  });
}

/** Loaded by the first answer that is a table, while the threads work on it, if not before. */
let arrow: Promise<typeof import('../column/arrow.js')> | null = null;

export function loadArrow(): Promise<typeof import('../column/arrow.js')> {
  arrow ??= import('../column/arrow.js');
  return arrow;
}

export async function collectTable(verb: Verb, context: ActionContext): Promise<Table> {
  const [{ schema, batches }, { tableInTurns }] = await Promise.all([
    collectBatches(verb, context, 'collect', forArrow),
    loadArrow(),
  ]);
  return tableInTurns(schema, batches);
}

export async function collectRecords(
  verb: Verb,
  context: ActionContext,
  options: RecordOptions,
): Promise<Record<string, unknown>[]> {
  const { schema, batches } = await collectBatches(verb, context, 'toRecords');
  return batchesToRecords(schema, batches, options) as Record<string, unknown>[];
}

export async function countRows(verb: Verb, context: ActionContext): Promise<number> {
  const counted: Verb = { kind: 'select', input: verb, exprs: [len().node] };
  const { schema, batches } = await collectBatches(counted, context, 'count');
  const [row] = batchesToRecords(schema, batches) as { len: number }[];
  return row?.len ?? 0;
}

/** The first n rows as people read them. @param verb gives one row more than that, if there is one */
export async function showRows(verb: Verb, context: ActionContext, n: number): Promise<string> {
  const { schema, batches } = await collectBatches(verb, context, 'show');
  const records = batchesToRecords(schema, batches, { int64: 'bigint' });
  return formatTable(schema, records.slice(0, n), records.length > n);
}

/** Arrow record batches, one per partition, with at most a few in memory. */
export async function* iterateBatches(
  verb: Verb,
  { executor, options }: ActionContext,
): AsyncGenerator<RecordBatch> {
  const { runner, analyzed } = await openRun(verb, executor, 'batches');
  try {
    const { tableInTurns } = await loadArrow();
    const layer = await runPlan(optimize(analyzed), runner, options, forArrow);
    for await (const batch of fetchBatches(layer, BATCHES_AHEAD)) {
      yield* (await tableInTurns(analyzed.schema, [batch])).batches;
    }
  } finally {
    runner.close();
  }
}

/** Runs the plan and leaves its partitions on the workers, in a job of their own. */
export async function persistRows(verb: Verb, { executor, options }: ActionContext): Promise<PersistedTable> {
  const { runner, analyzed } = await openRun(verb, executor, 'persist');
  try {
    const table = verb.kind === 'memory' ? verb.table : null;
    const resident = await table?.open(executor);
    const pipeline = await build(optimize(analyzed), { runner, options });
    const layer = submitPipeline(runner, pipeline, { kind: 'partition', kept: true });
    await layer.stats();
    table?.evict(executor);
    return new PersistedTable(layer, runner, resident?.facts);
  } catch (error) {
    runner.close();
    throw error;
  }
}
