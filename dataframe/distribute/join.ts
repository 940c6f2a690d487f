import { isCoded, isNested } from '../column/layout.js';
import type { FragmentOp, JoinStep } from '../physical/fragment.js';
import { columnNode, fieldOf, type JoinPlan, type Plan } from '../plan/plan.js';
import { type BuildContext, build } from './build.js';
import { coalesced, coalescedScan } from './coalesce.js';
import { fanOutFor, type PlanOptions, planConstants } from './constants.js';
import { bloomFilter, filteredSides } from './key-filter.js';
import {
  asLayer,
  type Build,
  bytesOf,
  gatherLayer,
  hashLayer,
  nextBuildInput,
  overSlices,
  type Pipeline,
  perPartition,
  submitPipeline,
  withOp,
} from './pipeline.js';
import { skewedHashes } from './skew.js';
import type { Layer } from './stage.js';

/**
 * The right side is the build side, unless the left one is far smaller (inner and right joins). It is finished and measured first: when small, every probe task reads all of it
 * and the left pipeline goes on unbroken; otherwise both sides are shuffled by the keys.
 */
export async function buildJoin(plan: JoinPlan, context: BuildContext): Promise<Pipeline> {
  const { runner, options } = context;
  const [right, probes] =
    (await filteredSides(plan, context)) ??
    (await Promise.all([build(plan.right, context), build(plan.left, context)]));
  const left = coalescedScan(probes, options);
  const limit = options.broadcastBytes ?? planConstants.broadcastBytes;
  if (await leftBuilds(plan, left, right, limit)) return turnedRound(plan, left, right, context);
  const cross = plan.how === 'cross';
  // Build rows that nothing matched must be seen by one task only: no broadcast, whatever their size.
  const keepsRight = plan.how === 'right' || plan.how === 'full';
  const unmeasured = keepsRight || (!isResident(plan.right) && (await surelyLarge(right, limit)));
  const surely = !cross && left.tasks > 1 && unmeasured;
  if (surely) return shuffled(plan, left, right, context);
  const layer = asLayer(runner, right);
  const bytes = await bytesOf(layer)();
  const fits = bytes <= limit || (await shares(plan, left, bytes, options));
  if (!fits && !cross && left.tasks > 1) return shuffled(plan, left, perPartition(layer), context);
  const shared = options.sharedBuildBytes ?? planConstants.sharedBuildBytes;
  if (!cross && left.tasks > 1 && bytes > shared)
    return broadcastShared(plan, await coalesced(left, options), layer, context);
  const input = nextBuildInput(left);
  const whole: Build = { dependency: { rule: 'all', from: layer.range }, schema: layer.schema };
  const builds = [...left.builds, whole];
  const step: JoinStep = { ...joinStep(plan, input, options), shared: true };
  return withOp({ ...left, builds }, step, plan.schema);
}

/** True for a left side that is small, and small beside the right one: there is less to hash, and more to probe with. */
async function leftBuilds(plan: JoinPlan, left: Pipeline, right: Pipeline, limit: number): Promise<boolean> {
  const { how } = plan;
  if ((how !== 'inner' && how !== 'right') || !left.ops.every(({ kind }) => narrowing.has(kind)))
    return false;
  const bytes = await left.bytesIn();
  return bytes <= limit && (await right.bytesIn()) > bytes * planConstants.turnJoinAt;
}

/** Steps that give no more rows than they get. */
const narrowing: ReadonlySet<FragmentOp['kind']> = new Set(['filter', 'project', 'limit', 'tail', 'sort']);

/** The right side probes and the left one builds: rows come in the order of the right side. */
function turnedRound(plan: JoinPlan, left: Pipeline, right: Pipeline, context: BuildContext): Pipeline {
  const probe = coalescedScan(right, context.options);
  const layer = asLayer(context.runner, left);
  const name = (i: number) => `__left${i}`;
  const step: JoinStep = {
    ...joinStep(plan, nextBuildInput(probe), context.options),
    how: plan.how === 'right' ? 'left' : 'inner',
    leftOn: plan.rightOn,
    rightOn: plan.leftOn,
    take: layer.schema.map((field, i) => ({ column: field.name, name: name(i) })),
    shared: true,
  };
  const build: Build = { dependency: { rule: 'all', from: layer.range }, schema: layer.schema };
  const built = layer.schema.map((field, i) => ({ ...field, name: name(i) }));
  const joined = withOp({ ...probe, builds: [...probe.builds, build] }, step, [...probe.schema, ...built]);
  const columns = [
    ...layer.schema.map((field, i) => ({ name: field.name, expr: columnNode(name(i)) })),
    ...plan.take.map(t => ({ name: t.name, expr: columnNode(t.column) })),
  ];
  return withOp(joined, { kind: 'project', columns }, plan.schema);
}

/**
 * True when the right side lies in memory as it is and is at most twice the left: then bringing it to a node moves less
 * than shuffling both sides does.
 */
async function shares(plan: JoinPlan, left: Pipeline, bytes: number, options: PlanOptions): Promise<boolean> {
  if (options.broadcastBytes !== undefined || !isResident(plan.right)) return false;
  return bytes <= planConstants.residentBroadcastBytes && bytes <= 2 * (await left.bytesIn());
}

function isResident(plan: Plan): boolean {
  return plan.kind === 'project' ? isResident(plan.input) : plan.kind === 'memory';
}

/** The build side is made once: one task builds the table, another puts the other columns side by side (lists and structs: one each). */
function broadcastShared(
  plan: JoinPlan,
  left: Pipeline,
  layer: Layer,
  { runner, options }: BuildContext,
): Pipeline {
  const whole = gatherLayer(layer);
  const { rightOn, take } = plan;
  const texts = layer.schema.filter(({ type }) => isCoded(type)).map(f => f.name);
  const taken = new Set(take.map(t => t.column));
  const inTable = rightOn.filter(name => taken.has(name) || texts.includes(name));
  const rest = layer.schema.map(f => f.name).filter(name => taken.has(name) && !rightOn.includes(name));
  const lists = rest.filter(name => isNested(fieldOf(layer.schema, name).type));
  const packed = rest.filter(name => !lists.includes(name));
  const groups = [...(packed.length > 0 ? [packed] : []), ...lists.map(name => [name])];
  const only = (names: readonly string[]) => picked(whole, names);
  const schemaOf = (names: readonly string[]) => names.map(name => fieldOf(layer.schema, name));
  const sink = { kind: 'table', keys: rightOn, columns: inTable, tier: options.joinTier ?? null } as const;
  const first = nextBuildInput(left);
  // Submitted in one go: the layer they read is given up with the first.
  const layers = [
    submitPipeline(runner, only(rightOn), sink, schemaOf(inTable)),
    ...groups.map(names =>
      submitPipeline(runner, only(names), { kind: names === packed ? 'records' : 'partition' }),
    ),
  ];
  const builds = layers.map(
    ({ range, schema }): Build => ({ dependency: { rule: 'all', from: range }, schema }),
  );
  const step: JoinStep = {
    ...joinStep(plan, first, options),
    shared: true,
    parts: groups.map((_, g) => first + 1 + g),
    ...(packed.length > 0 ? { records: first + 1 } : null),
  };
  return withOp({ ...left, builds: [...left.builds, ...builds] }, step, plan.schema);
}

/** Only these columns of the pipeline. */
function picked(pipeline: Pipeline, names: readonly string[]): Pipeline {
  const schema = [...new Set(names)].map(name => fieldOf(pipeline.schema, name));
  const columns = schema.map(({ name }) => ({ name, expr: columnNode(name) }));
  return withOp(pipeline, { kind: 'project', columns }, schema);
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
  const fanOut = fanOutFor((await left.bytesIn()) + (await right.bytesIn()), options);
  const hashes = await skewedHashes(plan, left, right, fanOut, context);
  const sides = (await bloomFilter(plan, left, right, context)) ?? { left, right };
  const spread = (copies: boolean) => (hashes.length === 0 ? null : { hashes, copies });
  const built = hashLayer(runner, sides.right, plan.rightOn, fanOut, 1, spread(true));
  const probe = overSlices(hashLayer(runner, sides.left, plan.leftOn, fanOut, 1, spread(false)), fanOut);
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
