import { type AggregateStep, decomposableAggregates } from '../physical/fragment.js';
import { aggregateSchema } from '../physical/schema.js';
import type { AggregatePlan } from '../plan/plan.js';
import type { BuildContext } from './build.js';
import { fanOutFor } from './constants.js';
import { gather, type Pipeline, shuffle, withOp } from './pipeline.js';

/**
 * Every partition reduces its own rows, then one task per destination merges. Aggregates without a small state
 * (nUnique) need all rows of a group in one place: raw columns are shuffled instead. Without keys there is one group,
 * and so one task.
 */
export async function buildAggregate(
  plan: AggregatePlan,
  input: Pipeline,
  context: BuildContext,
): Promise<Pipeline> {
  const step = (phase: AggregateStep['phase']): AggregateStep => ({
    kind: 'aggregate',
    phase,
    keys: plan.keys,
    aggregates: plan.aggregates,
    input: plan.input.schema,
  });
  if (input.tasks === 1) return withOp(input, step('complete'), plan.schema);
  const fanOut = plan.keys.length === 0 ? 1 : fanOutFor(await input.bytesIn(), context.options);
  const decomposable = plan.aggregates.every(spec => decomposableAggregates.has(spec.op));
  const mapped = decomposable ? withOp(input, step('partial'), aggregateSchema(step('partial'))) : input;
  const moved =
    fanOut === 1 ? gather(context.runner, mapped) : shuffle(context.runner, mapped, plan.keys, fanOut);
  return withOp(moved, step(decomposable ? 'final' : 'complete'), plan.schema);
}
