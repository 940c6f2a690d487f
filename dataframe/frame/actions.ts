import type { RecordBatch, Table } from 'apache-arrow';
import type { Executor } from '../../core/graph/executor.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { batchesToRecords, type RecordOptions } from '../column/records.js';
import { build } from '../distribute/build.js';
import type { PlanOptions } from '../distribute/constants.js';
import { fetchAll, fetchBatches } from '../distribute/fetch.js';
import { GraphRunner } from '../distribute/graph-runner.js';
import { submitPipeline } from '../distribute/pipeline.js';
import { runPlan, withRun } from '../distribute/run.js';
import { inspectSources } from '../distribute/sources.js';
import { PersistedTable } from '../distribute/tables.js';
import { len } from '../expr/expr.js';
import { optimize } from '../optimizer/optimize.js';
import { analyze } from '../plan/analyze.js';
import type { Verb } from '../plan/verb.js';

/** What every action needs. */
export interface ActionContext {
  readonly executor: Executor;
  readonly options: PlanOptions;
}

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
): Promise<Rows> {
  return withRun(verb, executor, name, options, async ({ runner, plan }) => {
    const layer = await runPlan(plan, runner, options);
    return { schema: plan.schema, batches: await fetchAll(runner.job, layer) };
  });
}

export async function collectTable(verb: Verb, context: ActionContext): Promise<Table> {
  const [{ schema, batches }, arrow] = await Promise.all([
    collectBatches(verb, context),
    import('../column/arrow.js'),
  ]);
  return arrow.batchesToTable(schema, batches);
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

/** Arrow record batches, one per partition, with at most a few in memory. */
export async function* iterateBatches(
  verb: Verb,
  { executor, options }: ActionContext,
): AsyncGenerator<RecordBatch> {
  const job = executor.openJob('batches');
  try {
    const arrow = await import('../column/arrow.js');
    const runner = new GraphRunner(executor, job);
    const plan = optimize(analyze(verb, await inspectSources(verb, runner)));
    const layer = await runPlan(plan, runner, options);
    for await (const batch of fetchBatches(job, layer, BATCHES_AHEAD)) {
      yield* arrow.batchesToTable(plan.schema, [batch]).batches;
    }
  } finally {
    job.close();
  }
}

/** Runs the plan and leaves its partitions on the workers, in a job of their own. */
export async function persistRows(verb: Verb, { executor, options }: ActionContext): Promise<PersistedTable> {
  const job = executor.openJob('persist');
  try {
    const runner = new GraphRunner(executor, job);
    const plan = optimize(analyze(verb, await inspectSources(verb, runner)));
    const pipeline = await build(plan, { runner, options });
    const layer = submitPipeline(runner, pipeline, { kind: 'partition' });
    await layer.stats();
    return new PersistedTable(layer, job);
  } catch (error) {
    job.close();
    throw error;
  }
}
