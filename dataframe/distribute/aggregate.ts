import type { AggregateOp } from '../expr/node.js';
import type { AggregateStep } from '../physical/fragment.js';
import { aggregateSchema, packedSchema } from '../physical/schema.js';
import type { AggregatePlan } from '../plan/plan.js';
import type { BuildContext } from './build.js';
import { coalesced } from './coalesce.js';
import { fanOutFor, type PlanOptions, planConstants, taskRows } from './constants.js';
import { choosePacking, type Packing } from './packing.js';
import { type Build, gather, nextBuildInput, type Pipeline, shuffle, withOp } from './pipeline.js';
import { sumOf } from './stage.js';
import { mostGroups, surveyGroups, surveysOf } from './survey.js';

/**
 * Every partition reduces its own rows, then one task per destination merges. States of nUnique, quantile and list are
 * the values of each group: they shrink little, but what is shuffled lies by group already. Without keys there is one
 * group, and so one task.
 */
export async function buildAggregate(
  plan: AggregatePlan,
  rows: Pipeline,
  context: BuildContext,
): Promise<Pipeline> {
  const input = await coalesced(rows, context.options);
  const step = (phase: AggregateStep['phase']): AggregateStep => ({
    kind: 'aggregate',
    phase,
    keys: plan.keys,
    aggregates: plan.aggregates,
    input: plan.input.schema,
    ...(context.options.groupTier === undefined ? {} : { tier: context.options.groupTier }),
  });
  if (input.tasks === 1) return withOp(input, step('complete'), plan.schema);
  const { partial, fanOut, parts, wider } = await choose(plan, input, rows, context);
  if (!partial && fanOut > 1) {
    const packing = await choosePacking(plan, rows, context);
    if (packing !== null) return packed(plan, input, step('complete'), packing, { fanOut, parts }, context);
  }
  const state = step('partial');
  const source = wider === null ? input : await coalesced(rows, { ...context.options, taskRows: wider });
  const mapped = partial ? withOp(source, state, aggregateSchema(state)) : input;
  const moved =
    fanOut === 1 ? gather(context.runner, mapped) : shuffle(context.runner, mapped, plan.keys, fanOut, parts);
  return withOp(moved, step(partial ? 'final' : 'complete'), plan.schema);
}

/** Rows are dealt out with their keys packed into 64 bits, and grouped by those. */
function packed(
  plan: AggregatePlan,
  input: Pipeline,
  complete: AggregateStep,
  { name, fields, dictionaries }: Packing,
  { fanOut, parts }: Pick<Way, 'fanOut' | 'parts'>,
  { runner }: BuildContext,
): Pipeline {
  const rest = [
    ...new Set(plan.aggregates.flatMap(({ column, filter, other }) => [column, filter, other])),
  ].filter((each): each is string => each != null);
  const pack = { kind: 'pack', name, fields, rest } as const;
  const schema = packedSchema(pack, input.schema);
  const moved = shuffle(runner, withOp(input, pack, schema), [name], fanOut, parts);
  const step: AggregateStep = { ...complete, keys: [name], input: schema };
  const grouped = withOp(moved, step, aggregateSchema(step));
  const build: Build[] =
    dictionaries === null
      ? []
      : [{ dependency: { rule: 'all', from: dictionaries.range }, schema: dictionaries.schema }];
  const at = dictionaries === null ? null : nextBuildInput(grouped);
  const unpack = { kind: 'unpack', name, fields, input: at } as const;
  return withOp({ ...grouped, builds: [...grouped.builds, ...build] }, unpack, plan.schema);
}

interface Way {
  /** Aggregated before the groups are brought together. */
  readonly partial: boolean;
  /** Tasks that merge. */
  readonly fanOut: number;
  /** Parts that each of them works through one after another, when rows are dealt out. */
  readonly parts: number;
  /** Rows of a task that aggregates, when it should take more than others. */
  readonly wider: number | null;
}

/**
 * Partial states are brought to one task when they are few, else dealt out by key; where most rows are groups of their
 * own, the rows themselves are dealt out. All from the sizes of the input and a survey of one task's first rows.
 */
async function choose(
  plan: AggregatePlan,
  input: Pipeline,
  source: Pipeline,
  context: BuildContext,
): Promise<Way> {
  const { options, runner } = context;
  const forced = options.partial;
  if (plan.keys.length === 0) return { partial: true, fanOut: 1, parts: 1, wider: null };
  const bytes = await input.bytesIn();
  const small = bytes < (options.surveyBytes ?? planConstants.surveyBytes);
  if (small || options.fanOut !== undefined) return unsurveyed(bytes, options);
  const { surveyRows, partialShare, widerShare, mergeRows } = planConstants;
  const { rowsPerPart, maxFanOut, maxParts, fewGroups } = planConstants;
  // What filters left of the prefix, they leave of all rows.
  const total = await rowsOf(source);
  const { origin } = source;
  const surveys = origin.kind === 'layers' ? origin.whole?.facts?.surveys : surveysOf(plan);
  const most = mostGroups(source, plan.keys);
  // With so few, fewer make no difference.
  const few = most * input.tasks <= Math.min(mergeRows, widerShare * total);
  const survey = few ? { rows: total, groups: most } : await surveyGroups(input, plan.keys, runner, surveys);
  if (survey === null) return unsurveyed(bytes, options);
  const looked = Math.min(surveyRows, total / input.tasks);
  const rows = total * Math.min(1, survey.rows / looked);
  const perTask = rows / input.tasks;
  const groups =
    survey.groups === Infinity ? perTask : survey.groups * (1 - Math.exp(-perTask / survey.groups));
  const partial = forced ?? groups <= partialShare * perTask;
  const moved = partial ? groups * input.tasks : rows;
  // States that hold all values are as much work as the rows.
  const held = partial && plan.aggregates.some(({ op }) => holdsValues.has(op)) ? rows : 0;
  // Of few groups in memory a task is so little work that what is around it counts; states of many are made, moved and merged
  // once a task.
  const light = partial && held === 0 && groups <= fewGroups && origin.kind === 'layers';
  const many = groups > 2 * widerShare * perTask && origin.kind === 'layers';
  const times = (light || many) && input.tasks >= planConstants.taskShare ? 4 : 2;
  const tasks =
    partial && moved <= mergeRows
      ? 2 ** Math.round(Math.log2(Math.max(1, held / mergeRows)))
      : mergeTasks(moved);
  const fanOut = Math.max(1, Math.min(maxFanOut, tasks));
  const wanted = 2 ** Math.ceil(Math.log2(moved / fanOut / rowsPerPart));
  return {
    partial,
    fanOut,
    parts: partial ? 1 : Math.max(1, Math.min(Math.floor(maxParts / fanOut), wanted)),
    wider:
      options.taskRows === undefined && (light || groups > widerShare * perTask)
        ? times * taskRows(total)
        : null,
  };
}

/** Not one for each thread that there is: the plan does not depend on them. */
function mergeTasks(rows: number): number {
  const { rowsPerMerge, fewMerges, leastRowsPerMerge } = planConstants;
  return Math.max(Math.ceil(rows / rowsPerMerge), Math.min(fewMerges, Math.ceil(rows / leastRowsPerMerge)));
}

const holdsValues: ReadonlySet<AggregateOp> = new Set(['quantile', 'list']);

/** Nothing is known but the size. */
function unsurveyed(bytes: number, options: PlanOptions): Way {
  const partial = options.partial ?? true;
  return {
    partial,
    fanOut: fanOutFor(bytes, options),
    parts: partial ? 1 : (options.parts ?? 1),
    wider: null,
  };
}

/** Rows that enter a pipeline, as far as they are known; else a guess from their bytes. */
async function rowsOf({ origin, bytesIn }: Pipeline): Promise<number> {
  if (origin.kind === 'scan' && origin.splits.every(splits => splits.every(split => split.rows >= 0))) {
    return origin.splits.flat().reduce((sum, split) => sum + split.rows, 0);
  }
  if (origin.kind === 'layers' && origin.whole !== null) return sumOf((await origin.whole.stats()).rows);
  return (await bytesIn()) / 16;
}
