import type { Executor } from '../../core/graph/executor.js';
import type { Schema } from '../column/datatype.js';
import { optimize } from '../optimizer/optimize.js';
import { analyze } from '../plan/analyze.js';
import { explainPlan } from '../plan/explain.js';
import type { Plan } from '../plan/plan.js';
import type { Verb } from '../plan/verb.js';
import { build } from './build.js';
import type { PlanOptions } from './constants.js';
import { DryRunner } from './dry-runner.js';
import { GraphRunner } from './graph-runner.js';
import { asLayer } from './pipeline.js';
import { inspectSources } from './sources.js';
import type { Layer } from './stage.js';

/** A job that is open, and what it runs for. */
export interface OpenRun {
  readonly runner: GraphRunner;
  /** Sources were looked at; names and types hold; rules were applied. */
  readonly plan: Plan;
  readonly options: PlanOptions;
}

/** Opens a job, finds out about the sources and plans; whatever happens in `use`, everything is released after it. */
export async function withRun<T>(
  verb: Verb,
  executor: Executor,
  name: string,
  options: PlanOptions,
  use: (run: OpenRun) => Promise<T>,
): Promise<T> {
  const job = executor.openJob(name);
  try {
    const runner = new GraphRunner(executor, job);
    const plan = optimize(analyze(verb, await inspectSources(verb, runner)));
    return await use({ runner, plan, options });
  } finally {
    job.close();
  }
}

/** Submits all stages of a plan; the layer holds the answer's partitions, in order. */
export async function runPlan(plan: Plan, runner: GraphRunner, options: PlanOptions = {}): Promise<Layer> {
  return asLayer(runner, await build(plan, { runner, options }));
}

/** The schema of the answer. */
export function planSchema(verb: Verb, executor: Executor): Promise<Schema> {
  return withRun(verb, executor, 'schema', {}, async ({ plan }) => plan.schema);
}

export interface ExplainOptions {
  /** Default true: after the rules. */
  readonly optimized?: boolean;
  /** The stages instead of the logical plan. */
  readonly physical?: boolean;
}

/** The plan as text. Sources are looked at; nothing else runs. */
export async function explainVerb(
  verb: Verb,
  executor: Executor,
  options: ExplainOptions,
  planOptions: PlanOptions = {},
): Promise<string> {
  const job = executor.openJob('explain');
  try {
    const analyzed = analyze(verb, await inspectSources(verb, new GraphRunner(executor, job)));
    const plan = options.optimized === false ? analyzed : optimize(analyzed);
    if (options.physical !== true) return explainPlan(plan);
    return await explainStages(plan, planOptions);
  } finally {
    job.close();
  }
}

/** The stages a plan becomes, one block each. */
export async function explainStages(plan: Plan, options: PlanOptions = {}): Promise<string> {
  const runner = new DryRunner();
  const pipeline = await build(plan, { runner, options });
  asLayer(runner, pipeline);
  return runner.text();
}
