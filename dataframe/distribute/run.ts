import type { Executor } from '../../core/graph/executor.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { concatBatches } from '../kernels/concat.js';
import { optimize } from '../optimizer/optimize.js';
import type { FragmentSink } from '../physical/fragment.js';
import { analyze, type Sources } from '../plan/analyze.js';
import { explainPlan } from '../plan/explain.js';
import type { Plan } from '../plan/plan.js';
import type { Verb } from '../plan/verb.js';
import { build } from './build.js';
import type { PlanOptions } from './constants.js';
import { DryRunner } from './dry-runner.js';
import { fetchAll } from './fetch.js';
import { GraphRunner } from './graph-runner.js';
import { knownPlan, placeOf, rememberPlan } from './known-plans.js';
import { collectLeftBehind } from './lease.js';
import { asLayer } from './pipeline.js';
import { pivotValues } from './pivot.js';
import { inspectSources } from './sources.js';
import type { Layer } from './stage.js';

/** A job that is open, and what it runs for. Whoever opened it closes the runner, which releases everything. */
export interface OpenRun {
  readonly runner: GraphRunner;
  /** Sources were looked at; names and types hold; no rule was applied. */
  readonly analyzed: Plan;
}

/** Opens a job, looks at the sources and resolves names and types. */
export async function openRun(verb: Verb, executor: Executor, name: string): Promise<OpenRun> {
  const runner = new GraphRunner(executor, executor.openJob(name));
  return closingOnError(runner, async () => {
    const sources = await inspectSources(verb, runner);
    return { runner, analyzed: await analyzed(verb, executor, sources) };
  });
}

async function analyzed(verb: Verb, executor: Executor, sources: Omit<Sources, 'pivots'>): Promise<Plan> {
  const pivots = await pivotValues(verb, executor, collectVerb);
  return analyze(verb, { ...sources, pivots });
}

/** The runner is closed where this fails. */
async function closingOnError<T>(runner: GraphRunner, done: () => Promise<T>): Promise<T> {
  try {
    return await done();
  } catch (error) {
    runner.close();
    throw error;
  }
}

function collectVerb(verb: Verb, executor: Executor): Promise<Batch> {
  return withRun(verb, executor, 'pivot', async (plan, runner) => {
    const batches = await fetchAll(await runPlan(plan, runner));
    return concatBatches(plan.schema, batches);
  });
}

/** Runs `use` on the optimized plan; whatever happens, everything is released after it. */
export async function withRun<T>(
  verb: Verb,
  executor: Executor,
  name: string,
  use: (plan: Plan, runner: GraphRunner) => Promise<T>,
): Promise<T> {
  const { runner, plan } = await openPlanned(verb, executor, name);
  try {
    return await use(plan, runner);
  } finally {
    runner.close();
  }
}

/** A plan that was made before is taken as it is: of a table at once, of files when they are still the same. */
async function openPlanned(
  verb: Verb,
  executor: Executor,
  name: string,
): Promise<{ readonly runner: GraphRunner; readonly plan: Plan }> {
  const runner = new GraphRunner(executor, executor.openJob(name));
  const ofTable = placeOf(verb);
  const known = ofTable === null ? null : knownPlan(ofTable);
  if (known !== null) return { runner, plan: known };
  return closingOnError(runner, async () => {
    const sources = await inspectSources(verb, runner);
    const place = ofTable ?? placeOf(verb, sources.scans);
    const known = place === null ? null : knownPlan(place);
    if (known !== null) return { runner, plan: known };
    const plan = optimize(await analyzed(verb, executor, sources));
    if (place !== null) rememberPlan(place, plan);
    return { runner, plan };
  });
}

/** Submits all stages of a plan; the layer holds the answer's partitions, in order. */
export async function runPlan(
  plan: Plan,
  runner: GraphRunner,
  options: PlanOptions = {},
  sink: FragmentSink = { kind: 'partition' },
): Promise<Layer> {
  const built = await build(plan, { runner, options });
  // While the threads are busy.
  collectLeftBehind();
  return asLayer(runner, built, sink);
}

/** The schema of the answer. */
export function planSchema(verb: Verb, executor: Executor): Promise<Schema> {
  return withRun(verb, executor, 'schema', async plan => plan.schema);
}

export interface ExplainOptions {
  /** Default true: after the rules. */
  readonly optimized?: boolean;
  /** The stages instead of the logical plan. Sizes are guessed where a run measures them. */
  readonly physical?: boolean;
  /**
   * The stages, and below each the functions its tasks compile. They depend on the data (nulls, dictionaries, ranges):
   * shown are those for the first 65,536 rows of each source, which are brought here and run through the stages.
   */
  readonly code?: boolean;
}

/** The plan as text. Sources are looked at; nothing else runs, save for `code`. */
export async function explainVerb(
  verb: Verb,
  executor: Executor,
  options: ExplainOptions,
  planOptions: PlanOptions = {},
): Promise<string> {
  const { runner, analyzed } = await openRun(verb, executor, 'explain');
  try {
    const plan = options.optimized === false ? analyzed : optimize(analyzed);
    if (options.code === true) {
      const { explainCode } = await import('./explain-code.js');
      return await explainCode(plan, runner, planOptions);
    }
    return options.physical === true ? await explainStages(plan, planOptions) : explainPlan(plan);
  } finally {
    runner.close();
  }
}

/** The stages a plan becomes, one block each. */
export async function explainStages(plan: Plan, options: PlanOptions = {}): Promise<string> {
  const runner = new DryRunner();
  asLayer(runner, await build(plan, { runner, options }));
  return runner.stages.join('\n');
}
