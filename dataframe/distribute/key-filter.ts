import { unpackData } from '../../core/wire/msgpack.js';
import type { DataType } from '../column/datatype.js';
import type { ExprNode, LiteralValue } from '../expr/node.js';
import { conjunction } from '../expr/traverse.js';
import type { KeySummary } from '../kernels/key-summary.js';
import { optimize } from '../optimizer/optimize.js';
import type { BloomStep } from '../physical/fragment.js';
import { bloomSchema } from '../physical/schema.js';
import { columnNode, fieldOf, filterPlan, type JoinPlan, type Plan } from '../plan/plan.js';
import { inputsOf } from '../plan/traverse.js';
import { type BuildContext, build } from './build.js';
import { type PlanOptions, planConstants } from './constants.js';
import {
  asLayer,
  type Build,
  gatherLayer,
  nextBuildInput,
  type Pipeline,
  perPartition,
  stageOf,
  withOp,
} from './pipeline.js';
import { type Layer, sumOf } from './stage.js';

/**
 * The two sides of a join whose probe rows without a match are not wanted, right one first: it is finished, and what its
 * keys are filters the left one as near to its source as the optimizer brings it: row groups are left out by their
 * statistics, rows before anything else is done to them. null: nothing to gain. A function of plan and data alone.
 */
export async function filteredSides(
  plan: JoinPlan,
  context: BuildContext,
): Promise<[Pipeline, Pipeline] | null> {
  const { runner, options } = context;
  if (!dropsProbeRows(plan) || !wanted(plan.left, options)) return null;
  const right = await build(plan.right, context);
  const limit = options.broadcastBytes ?? planConstants.broadcastBytes;
  const entering = await right.bytesIn();
  // Rows that are as many as they were when they were read need not be counted.
  const whole = right.ops.every(({ kind }) => kind === 'project') && right.builds.length === 0;
  const large = entering > sourceBytes(plan.left) || (whole && entering > limit);
  if (large && options.filterProbe !== true) return [right, await build(plan.left, context)];
  const layer = asLayer(runner, right);
  const bytes = sumOf((await layer.stats()).bytes);
  const fits = options.filterProbe === true || bytes <= limit;
  const filter = fits ? await keyFilter(plan, layer, context) : null;
  const left = filter === null ? plan.left : filtered(plan.left, filter, options);
  return [perPartition(layer), await build(left, context)];
}

function dropsProbeRows({ how, leftOn }: JoinPlan): boolean {
  return leftOn.length > 0 && (how === 'inner' || how === 'semi' || how === 'right');
}

/** Rows that lie in memory are as well dropped by the join itself. */
function wanted(left: Plan, { filterProbe }: PlanOptions): boolean {
  return filterProbe ?? readsFiles(left);
}

function readsFiles(plan: Plan): boolean {
  return plan.kind === 'scan' || inputsOf(plan).some(readsFiles);
}

function sourceBytes(plan: Plan): number {
  if (plan.kind !== 'scan') return inputsOf(plan).reduce((sum, input) => sum + sourceBytes(input), 0);
  const share = plan.schema.length / Math.max(1, plan.scan.schema?.length ?? 1);
  return plan.splits.reduce((sum, split) => sum + split.bytes, 0) * share;
}

/** What must hold of the left keys for a row to have a match. null: not known, or nothing that says much. */
async function keyFilter(
  { leftOn, rightOn, left }: JoinPlan,
  layer: Layer,
  { runner }: BuildContext,
): Promise<KeyFilter | null> {
  const whole = gatherLayer(layer);
  const schema = [...new Set(rightOn)].map(name => fieldOf(layer.schema, name));
  const columns = schema.map(({ name }) => ({ name, expr: columnNode(name) }));
  const keys = withOp(whole, { kind: 'project', columns }, schema);
  const most = planConstants.filterValues;
  const stage = stageOf(keys, { kind: 'keys', keys: rightOn, most, filters: leftOn });
  const { inline } = await runner.submit({ ...stage, readAgain: true }, schema).stats();
  // A dry run has none; neither has one whose values are so long that they are not enclosed.
  if (inline[0] == null) return null;
  const summaries = unpackData<(KeySummary | null)[]>(inline[0]);
  const parts = leftOn.map((name, k) => conditions(name, fieldOf(left.schema, name).type, summaries[k]!));
  const listed = conjunction(parts.flatMap(part => part.listed));
  const inside = conjunction(parts.flatMap(part => part.inside));
  return listed === null && inside === null
    ? null
    : { listed, inside, outside: parts.flatMap(p => p.outside) };
}

interface KeyFilter {
  /** The key is one of few. */
  readonly listed: ExprNode | null;
  /** The key is between bounds. */
  readonly inside: ExprNode | null;
  /** The same the other way round: each true for keys on the other side of a bound. */
  readonly outside: readonly ExprNode[];
}

function conditions(name: string, type: DataType, summary: KeySummary | null) {
  const key = columnNode(name);
  const none: ExprNode[] = [];
  if (summary === null) return { listed: none, inside: none, outside: none };
  const { count, min, max, hasNaN, values } = summary;
  const literal = (value: LiteralValue): ExprNode => ({ kind: 'literal', value, type });
  const call = (fn: 'gtEq' | 'ltEq' | 'lt' | 'gt', value: LiteralValue): ExprNode => {
    return { kind: 'call', fn, args: [key, literal(value)] };
  };
  if (count === 0) {
    const never: ExprNode = { kind: 'literal', value: false, type: { kind: 'bool' } };
    return { listed: [never], inside: none, outside: none };
  }
  // NaN equals itself as a key and is above every bound.
  const above = min === null ? none : [call('gtEq', min)];
  const below = max === null || hasNaN ? none : [call('ltEq', max)];
  const inside = [...above, ...below];
  const outside = [...above.map(() => call('lt', min)), ...below.map(() => call('gt', max))];
  const exact = values !== null && !hasNaN;
  const list: ExprNode = {
    kind: 'call',
    fn: 'isIn',
    args: [key],
    params: { values: values ?? [], typed: true },
  };
  return { listed: exact ? [list] : none, inside, outside };
}

/** Bounds that all rows are known to be within are not tested. */
function filtered(left: Plan, { listed, inside, outside }: KeyFilter, options: PlanOptions): Plan {
  const saysMuch =
    options.filterProbe === true || outside.some(test => splitsOf(optimize(filterPlan(left, test))) > 0);
  const all = conjunction([
    ...(listed === null ? [] : [listed]),
    ...(saysMuch && inside !== null ? [inside] : []),
  ]);
  return all === null ? left : optimize(filterPlan(left, all));
}

/** Splits that may hold a row, of all scans. */
function splitsOf(plan: Plan): number {
  return plan.kind === 'scan'
    ? plan.splits.length
    : inputsOf(plan).reduce((sum, input) => sum + splitsOf(input), 0);
}

/**
 * Rows of a probe side that is shuffled, without most of those whose keys the build side has not: they need not be moved.
 * Where that side is far larger and the build side is there to be read twice. null: not worth it.
 */
export async function bloomFilter(
  plan: JoinPlan,
  left: Pipeline,
  right: Pipeline,
  { runner, options }: BuildContext,
): Promise<{ left: Pipeline; right: Pipeline } | null> {
  const { filterProbe } = options;
  if (!dropsProbeRows(plan) || filterProbe === false) return null;
  const there = right.origin.kind === 'layers' && right.origin.whole !== null && right.ops.length === 0;
  const far = async () => (await left.bytesIn()) >= planConstants.bloomAt * (await right.bytesIn());
  if (filterProbe !== true && !(there && (await far()))) return null;
  const layer = asLayer(runner, right);
  const make: BloomStep = { kind: 'bloom', phase: 'make', keys: plan.rightOn, input: 0 };
  const stage = stageOf(withOp(gatherLayer(layer), make, bloomSchema), { kind: 'partition' });
  const { range, schema } = runner.submit({ ...stage, readAgain: true }, bloomSchema);
  const test: BloomStep = { kind: 'bloom', phase: 'test', keys: plan.leftOn, input: nextBuildInput(left) };
  const build: Build = { dependency: { rule: 'all', from: range }, schema };
  const filtered = withOp({ ...left, builds: [...left.builds, build] }, test, left.schema);
  return { left: filtered, right: perPartition(layer) };
}
