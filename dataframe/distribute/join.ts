import type { JoinStep } from '../physical/fragment.js';
import type { JoinPlan } from '../plan/plan.js';
import { type BuildContext, build } from './build.js';
import { coalescedScan } from './coalesce.js';
import { fanOutFor, type PlanOptions, planConstants } from './constants.js';
import {
  asLayer,
  type Build,
  bytesOf,
  hashLayer,
  nextBuildInput,
  type Pipeline,
  perPartition,
  shuffle,
  withOp,
} from './pipeline.js';

/**
 * The right side is the build side. It is finished and measured first: when small, every probe task reads all of it
 * and the left pipeline goes on unbroken; otherwise both sides are shuffled by the keys.
 */
export async function buildJoin(plan: JoinPlan, context: BuildContext): Promise<Pipeline> {
  const { runner, options } = context;
  const [right, probes] = await Promise.all([build(plan.right, context), build(plan.left, context)]);
  const left = coalescedScan(probes, options);
  const limit = options.broadcastBytes ?? planConstants.broadcastBytes;
  const cross = plan.how === 'cross';
  // Build rows that nothing matched must be seen by one task only: no broadcast, whatever their size.
  const keepsRight = plan.how === 'right' || plan.how === 'full';
  const surely = !cross && left.tasks > 1 && (keepsRight || (await surelyLarge(right, limit)));
  if (surely) return shuffled(plan, left, right, context);
  const layer = asLayer(runner, right);
  const small = cross || left.tasks === 1 || (await bytesOf(layer)()) <= limit;
  if (!small) return shuffled(plan, left, perPartition(layer), context);
  const input = nextBuildInput(left);
  const whole: Build = { dependency: { rule: 'all', from: layer.range }, schema: layer.schema };
  const builds = [...left.builds, whole];
  return withOp({ ...left, builds }, joinStep(plan, input, context.options), plan.schema);
}

/** True when the side's source is far over the limit and nothing in between takes rows away. */
async function surelyLarge(side: Pipeline, limit: number): Promise<boolean> {
  if (side.tasks === 1 || !side.ops.every(op => op.kind === 'project')) return false;
  return (await side.bytesIn()) > limit * planConstants.broadcastSurelyExceeded;
}

async function shuffled(
  plan: JoinPlan,
  left: Pipeline,
  right: Pipeline,
  context: BuildContext,
): Promise<Pipeline> {
  const { runner, options } = context;
  const fanOut = fanOutFor(Math.max(await left.bytesIn(), await right.bytesIn()), options);
  const built = hashLayer(runner, right, plan.rightOn, fanOut);
  const probe = shuffle(runner, left, plan.leftOn, fanOut);
  const input = nextBuildInput(probe);
  const half: Build = { dependency: { rule: 'all-to-all', from: built.range }, schema: built.schema };
  return withOp(
    { ...probe, builds: [...probe.builds, half] },
    joinStep(plan, input, context.options),
    plan.schema,
  );
}

function joinStep(plan: JoinPlan, input: number, options: PlanOptions): JoinStep {
  const { how, leftOn, rightOn, take } = plan;
  const step = { kind: 'join', input, how, leftOn, rightOn, take } as const;
  return options.joinTier === undefined ? step : { ...step, tier: options.joinTier };
}
