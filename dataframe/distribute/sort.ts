import type { SampleStep } from '../physical/fragment.js';
import { sampleSchema } from '../physical/schema.js';
import type { Plan } from '../plan/plan.js';
import type { BuildContext } from './build.js';
import { type PlanOptions, planConstants } from './constants.js';
import { buildLimit } from './limit.js';
import {
  asLayer,
  type Build,
  bytesOf,
  gather,
  gatherLayer,
  nextBuildInput,
  overLayer,
  type Pipeline,
  perPartition,
  submitPipeline,
  withOp,
} from './pipeline.js';
import type { Layer } from './stage.js';

type SortPlan = Extract<Plan, { kind: 'sort' }>;

/**
 * One order over all partitions. Few rows (or few wanted) are sorted by one task. Otherwise samples of every partition
 * give splitters, every partition deals its rows out to the ranges between them, and every range is sorted by a task
 * of its own: its partitions in order are the answer. Ranges are of (keys, partition, row), so that a value that fills
 * half the table is spread over many tasks and ties stay in their order.
 */
export async function buildSort(plan: SortPlan, input: Pipeline, context: BuildContext): Promise<Pipeline> {
  const { runner, options } = context;
  const { by, limit, schema } = plan;
  const sort = { kind: 'sort', by, limit } as const;
  if (input.tasks === 1) return withOp(input, sort, schema);
  const few = limit !== null && limit <= (options.topRows ?? planConstants.topRows);
  const cut = limit === null ? input : withOp(input, sort, schema);
  if (few) return withOp(gather(runner, cut), sort, schema);
  const layer = asLayer(runner, cut);
  const ranges = rangesFor(await bytesOf(layer)(), options);
  if (ranges === 1) return withOp(gatherLayer(layer), sort, schema);
  const sorted = withOp(dealOut(plan, layer, ranges, context), { kind: 'sort', by, limit: null }, schema);
  if (limit === null) return sorted;
  return buildLimit({ kind: 'limit', input: plan, n: limit, offset: 0, schema }, sorted, context);
}

/** Ranges of a sort of so many bytes. */
function rangesFor(bytes: number, options: PlanOptions): number {
  const wanted = options.fanOut ?? Math.ceil(bytes / planConstants.sortBytes);
  return Math.max(1, Math.min(planConstants.maxFanOut, wanted));
}

/** No stage is waited for in between: the layer, read twice, is given up only after both readers know it. */
function dealOut(plan: SortPlan, layer: Layer, ranges: number, { runner }: BuildContext): Pipeline {
  const { by, schema } = plan;
  const step = (phase: SampleStep['phase']): SampleStep => ({ kind: 'sample', phase, by, ranges });
  const sampled = sampleSchema(step('take'), schema);
  const samples = gather(runner, withOp(perPartition(layer), step('take'), sampled));
  const splitters = submitPipeline(runner, withOp(samples, step('choose'), sampled), { kind: 'partition' });
  const rows = perPartition(layer);
  const known: Build = { dependency: { rule: 'all', from: splitters.range }, schema: sampled };
  const dealt = submitPipeline(
    runner,
    { ...rows, builds: [known] },
    { kind: 'range', by, splitters: nextBuildInput(rows), fanOut: ranges },
  );
  return overLayer({ rule: 'all-to-all', from: dealt.range }, schema, ranges, bytesOf(dealt));
}
