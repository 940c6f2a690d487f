import type { Dependency } from '../../core/graph/layer.js';
import type { Plan } from '../plan/plan.js';
import type { BuildContext } from './build.js';
import { planConstants } from './constants.js';
import { gather, overLayer, type Pipeline, type ScanOrigin, submitPipeline, withOp } from './pipeline.js';
import { type Layer, sumOf } from './stage.js';

type LimitPlan = Extract<Plan, { kind: 'limit' }>;

/** The first rows over all partitions: each gives at most so many, one task counts them off. */
export async function buildLimit(
  { n, offset, schema }: LimitPlan,
  input: Pipeline,
  { runner }: BuildContext,
): Promise<Pipeline> {
  const last = { kind: 'limit', n, offset } as const;
  if (input.tasks === 1) return withOp(input, last, schema);
  const cut = (part: Pipeline) => withOp(part, { kind: 'limit', n: n + offset, offset: 0 }, schema);
  const { origin } = input;
  const inWaves = origin.kind === 'scan' && input.builds.length === 0;
  if (!inWaves || input.tasks <= planConstants.firstWave) {
    return withOp(gather(runner, cut(input)), last, schema);
  }
  const layers: Layer[] = [];
  let rows = 0;
  let wave: number = planConstants.firstWave;
  for (let from = 0; from < origin.splits.length && rows < n + offset; wave *= planConstants.waveGrowth) {
    const part = cut(splitsOf(input, origin, from, from + wave));
    const layer = submitPipeline(runner, part, { kind: 'partition' });
    layers.push(layer);
    rows += sumOf((await layer.stats()).rows);
    from += wave;
  }
  return withOp(overLayer(allOf(layers), schema, 1, bytesOfAll(layers)), last, schema);
}

/** The pipeline over some of its splits: which ones are enough is for their rows to say, never for the machine. */
function splitsOf(input: Pipeline, origin: ScanOrigin, from: number, to: number): Pipeline {
  const splits = origin.splits.slice(from, to);
  return { ...input, origin: { ...origin, splits }, tasks: splits.length };
}

/** Every result of every layer, in order, for one task. */
function allOf(layers: readonly Layer[]): Dependency {
  const ranges = layers.map(layer => layer.range);
  const count = ranges.reduce((sum, range) => sum + range.count, 0);
  return {
    rule: 'explicit',
    offsets: Uint32Array.of(0, count),
    jobs: Uint32Array.from(ranges.flatMap(range => new Array<number>(range.count).fill(range.job))),
    indices: Uint32Array.from(ranges.flatMap(r => Array.from({ length: r.count }, (_, i) => r.first + i))),
  };
}

function bytesOfAll(layers: readonly Layer[]): () => Promise<number> {
  return async () => {
    const sizes = await Promise.all(layers.map(layer => layer.stats()));
    return sizes.reduce((sum, { bytes }) => sum + sumOf(bytes), 0);
  };
}
