import type { FragmentOp } from '../physical/fragment.js';
import { textOf } from '../physical/fragment-body.js';
import { surveySchema } from '../physical/schema.js';
import type { Survey, TableFacts } from '../plan/memory-table.js';
import type { AggregatePlan } from '../plan/plan.js';
import { planConstants } from './constants.js';
import { fetchAll } from './fetch.js';
import { type Pipeline, sourceOf, submitPipeline } from './pipeline.js';
import type { StageRunner } from './stage.js';

/** Of plans over files, by what was asked. A plan is asked again only while its files are the same (known-plans). */
const ofPlans = new WeakMap<AggregatePlan, Map<string, Survey>>();

export function surveysOf(plan: AggregatePlan): Map<string, Survey> {
  let surveys = ofPlans.get(plan);
  if (surveys === undefined) ofPlans.set(plan, (surveys = new Map()));
  return surveys;
}

/**
 * Runs the pipeline over the first rows of one task in the middle and counts rows and groups: a function of the data
 * alone. Null where it cannot be had: dry runs, pipelines with build sides, inputs that are shuffled. Looked up in, and
 * added to, the `surveys` of the resident table that the pipeline reads, or of the plan, if it reads files.
 */
export async function surveyGroups(
  pipeline: Pipeline,
  keys: readonly string[],
  runner: StageRunner,
  surveys?: TableFacts['surveys'],
): Promise<Survey | null> {
  if (!runner.measures || pipeline.builds.length > 0) return null;
  const one = middleTask(pipeline);
  if (one === null) return null;
  const { surveyRows } = planConstants;
  const first: FragmentOp = { kind: 'limit', n: surveyRows, offset: 0 };
  const ops: FragmentOp[] = [first, ...one.ops, { kind: 'survey', keys }];
  const key = textOf([pipeline.tasks, ops]);
  const known = surveys?.get(key);
  if (known !== undefined) return known;
  const layer = submitPipeline(runner, { ...one, ops, schema: surveySchema }, { kind: 'partition' });
  const [batch] = await fetchAll(layer);
  if (batch === undefined) return null;
  const [rows, groups] = batch.columns.map(column => column.values[0]!) as [number, number];
  const survey = { rows, groups: estimateGroups(rows, groups) };
  if (surveys !== undefined && surveys.size < planConstants.surveysKept) surveys.set(key, survey);
  return survey;
}

/**
 * Groups that there can be at most, from the dictionaries of the table that the pipeline reads without a filter; Infinity:
 * nothing is known.
 */
export function mostGroups({ origin, ops, builds }: Pipeline, keys: readonly string[]): number {
  const entries = origin.kind === 'layers' ? origin.whole?.facts?.entries : undefined;
  if (entries === undefined || builds.length > 0 || ops.some(({ kind }) => kind !== 'project'))
    return Infinity;
  return keys.reduce((groups, key) => {
    const source = sourceOf(key, ops);
    const values = source === null ? undefined : entries.get(source);
    return groups * (values === undefined ? Infinity : values + 1);
  }, 1);
}

/**
 * The task in the middle as a pipeline of its own. It never names the first partition of a layer: that is how a run
 * recognises that a layer was read for the last time.
 */
function middleTask(pipeline: Pipeline): Pipeline | null {
  const middle = pipeline.tasks >> 1;
  return middle === 0 ? null : tasksOf(pipeline, [middle]);
}

/** These tasks as a pipeline of their own, each over its first split or partition. null: they read slices, or all of a layer. */
export function tasksOf(pipeline: Pipeline, which: readonly number[]): Pipeline | null {
  const { origin } = pipeline;
  const tasks = which.length;
  if (origin.kind === 'scan') {
    const splits = which.map(task => origin.splits[task]!.slice(0, 1));
    return { ...pipeline, tasks, origin: { ...origin, splits } };
  }
  const { dependency } = origin;
  if (dependency.rule !== 'one-to-one' && dependency.rule !== 'group') return null;
  const { job, first } = dependency.from;
  const places = which.map(task => (dependency.rule === 'group' ? dependency.offsets[task]! : task));
  const explicit = {
    rule: 'explicit',
    offsets: Uint32Array.from({ length: tasks + 1 }, (_, i) => i),
    jobs: new Uint32Array(tasks).fill(job),
    indices: Uint32Array.from(places, place => first + place),
  } as const;
  return { ...pipeline, tasks, origin: { ...origin, dependency: explicit, whole: null } };
}

/** Groups of equal size of which so many rows would show so many: rows = -G ln(1 - groups / G), solved for G. */
function estimateGroups(rows: number, groups: number): number {
  if (groups >= rows) return rows === 0 ? 0 : Infinity;
  let low = groups;
  let high = groups * 2;
  const expected = (g: number) => g * (1 - Math.exp(-rows / g));
  while (expected(high) < groups && high < 1e15) high *= 2;
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (expected(middle) < groups) low = middle;
    else high = middle;
  }
  return high;
}
