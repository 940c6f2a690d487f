import { assertNever } from '../../core/base/assert.js';
import type { Dependency } from '../../core/graph/layer.js';
import type { NamedExpr } from '../physical/fragment.js';
import { columnNode, type Plan, type ScanPlan } from '../plan/plan.js';
import { buildAggregate } from './aggregate.js';
import type { PlanOptions } from './constants.js';
import { buildJoin } from './join.js';
import { buildLimit } from './limit.js';
import { asLayer, gather, overLayer, type Pipeline, perPartition, withOp } from './pipeline.js';
import { buildRepartition } from './repartition.js';
import { buildSample } from './sample.js';
import { buildSort } from './sort.js';
import { type StageRunner, sumOf } from './stage.js';

/** What planning a stage may use. */
export interface BuildContext {
  readonly runner: StageRunner;
  readonly options: PlanOptions;
}

/**
 * Turns a plan into a pipeline, bottom-up. Narrow operators join the pipeline below them; breakers submit it and go
 * on over its layer. What is measured on the way decides broadcasts and fan-outs.
 */
export async function build(plan: Plan, context: BuildContext): Promise<Pipeline> {
  switch (plan.kind) {
    case 'scan':
      return buildScan(plan, context);
    case 'memory': {
      const layer = await context.runner.open(plan.table, plan.whole);
      const pipeline = perPartition(layer);
      if (plan.schema.length === plan.whole.length) return pipeline;
      const columns = plan.schema.map(({ name }): NamedExpr => ({ name, expr: columnNode(name) }));
      return withOp(pipeline, { kind: 'project', columns }, plan.schema);
    }
    case 'filter': {
      const input = await build(plan.input, context);
      return withOp(input, { kind: 'filter', predicate: plan.predicate }, plan.schema);
    }
    case 'project': {
      const input = await build(plan.input, context);
      return withOp(input, { kind: 'project', columns: plan.columns }, plan.schema);
    }
    case 'aggregate':
      return buildAggregate(plan, await build(plan.input, context), context);
    case 'join':
      return buildJoin(plan, context);
    case 'sort':
      return buildSort(plan, await build(plan.input, context), context);
    case 'limit':
      return buildLimit(plan, await build(plan.input, context), context);
    case 'tail': {
      const tailed = withOp(await build(plan.input, context), { kind: 'tail', n: plan.n }, plan.schema);
      if (tailed.tasks === 1) return tailed;
      return withOp(gather(context.runner, tailed), { kind: 'tail', n: plan.n }, plan.schema);
    }
    case 'explode': {
      const input = await build(plan.input, context);
      return withOp(input, { kind: 'explode', columns: plan.columns }, plan.schema);
    }
    case 'unpivot': {
      const { index, variable, labels, values } = plan;
      const op = { kind: 'unpivot', index, variable, labels, values } as const;
      return withOp(await build(plan.input, context), op, plan.schema);
    }
    case 'number': {
      const input = await build(plan.input, context);
      return withOp(input, { kind: 'number', name: plan.name, seed: null }, plan.schema);
    }
    case 'sample':
      return buildSample(plan, await build(plan.input, context), context);
    case 'repartition':
      return buildRepartition(plan, await build(plan.input, context), context);
    case 'concat':
      return buildConcat(plan, context);
    default:
      return assertNever(plan);
  }
}

async function buildScan(plan: ScanPlan, { runner }: BuildContext): Promise<Pipeline> {
  // Layers have at least one task: a source without partitions is one partition without rows.
  if (plan.splits.length === 0) return perPartition(await runner.empty(plan.schema));
  const share = plan.schema.length / Math.max(1, plan.scan.schema?.length ?? 1);
  const bytes = plan.splits.reduce((sum, split) => sum + split.bytes, 0) * share;
  return {
    origin: { kind: 'scan', scan: plan.scan, splits: plan.splits.map(split => [split]) },
    tasks: plan.splits.length,
    ops: [],
    builds: [],
    schema: plan.schema,
    bytesIn: async () => bytes,
  };
}

/** One task per partition of every branch, in order: no row is copied for the concatenation itself. */
async function buildConcat(
  plan: Extract<Plan, { kind: 'concat' }>,
  context: BuildContext,
): Promise<Pipeline> {
  const branches = await Promise.all(plan.inputs.map(input => build(input, context)));
  const layers = branches.map(branch => asLayer(context.runner, branch));
  const ranges = layers.map(layer => layer.range);
  const count = ranges.reduce((sum, range) => sum + range.count, 0);
  const dependency: Dependency = {
    rule: 'explicit',
    offsets: Uint32Array.from({ length: count + 1 }, (_, i) => i),
    jobs: Uint32Array.from(ranges.flatMap(range => new Array<number>(range.count).fill(range.job))),
    indices: Uint32Array.from(ranges.flatMap(r => Array.from({ length: r.count }, (_, i) => r.first + i))),
  };
  return overLayer(dependency, plan.schema, count, async () => {
    const sizes = await Promise.all(layers.map(layer => layer.stats()));
    return sizes.reduce((sum, { bytes }) => sum + sumOf(bytes), 0);
  });
}
