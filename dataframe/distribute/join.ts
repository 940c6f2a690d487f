import type { JoinStep } from '../physical/fragment.js';
import type { JoinPlan } from '../plan/plan.js';
import { type BuildContext, build } from './build.js';
import { fanOutFor, planConstants } from './constants.js';
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
  const [right, left] = await Promise.all([build(plan.right, context), build(plan.left, context)]);
  const limit = options.broadcastBytes ?? planConstants.broadcastBytes;
  if (left.tasks > 1 && (await surelyLarge(right, limit))) return shuffled(plan, left, right, context);
  const layer = asLayer(runner, right);
  const small = left.tasks === 1 || (await bytesOf(layer)()) <= limit;
  if (!small) return shuffled(plan, left, perPartition(layer), context);
  const input = nextBuildInput(left);
  const whole: Build = { dependency: { rule: 'all', from: layer.range }, schema: layer.schema };
  const builds = [...left.builds, whole];
  return withOp({ ...left, builds }, joinStep(plan, input), plan.schema);
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
  { runner, options }: BuildContext,
): Promise<Pipeline> {
  const fanOut = fanOutFor(Math.max(await left.bytesIn(), await right.bytesIn()), options);
  const built = hashLayer(runner, right, plan.rightOn, fanOut);
  const probe = shuffle(runner, left, plan.leftOn, fanOut);
  const input = nextBuildInput(probe);
  const half: Build = { dependency: { rule: 'all-to-all', from: built.range }, schema: built.schema };
  return withOp({ ...probe, builds: [...probe.builds, half] }, joinStep(plan, input), plan.schema);
}

function joinStep(plan: JoinPlan, input: number): JoinStep {
  const { how, leftOn, rightOn, take } = plan;
  return { kind: 'join', input, how, leftOn, rightOn, take };
}
