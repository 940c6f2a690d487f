import type { AggregateStep } from '../physical/fragment.js';
import { aggregateSchema } from '../physical/schema.js';
import type { AggregatePlan } from '../plan/plan.js';
import type { BuildContext } from './build.js';
import { coalesced } from './coalesce.js';
import { fanOutFor } from './constants.js';
import { gather, type Pipeline, shuffle, withOp } from './pipeline.js';

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
  });
  if (input.tasks === 1) return withOp(input, step('complete'), plan.schema);
  const fanOut = plan.keys.length === 0 ? 1 : fanOutFor(await input.bytesIn(), context.options);
  const mapped = withOp(input, step('partial'), aggregateSchema(step('partial')));
  const moved =
    fanOut === 1 ? gather(context.runner, mapped) : shuffle(context.runner, mapped, plan.keys, fanOut);
  return withOp(moved, step('final'), plan.schema);
}
