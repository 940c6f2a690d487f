import type { Dependency } from '../../core/graph/layer.js';
import type { Schema } from '../column/datatype.js';
import type { ScanSpec, Split } from '../io/source.js';
import type { Spread } from '../kernels/spread.js';
import type { Fragment, FragmentOp, FragmentSink } from '../physical/fragment.js';
import { type Layer, type StageRequest, type StageRunner, sumOf } from './stage.js';

/**
 * Narrow operators collected over one source, not submitted yet: the fragment of one stage in the making. Immutable.
 */
export interface Pipeline {
  readonly origin: ScanOrigin | LayerOrigin;
  readonly tasks: number;
  readonly ops: readonly FragmentOp[];
  /** Build sides of the join steps, in their order. */
  readonly builds: readonly Build[];
  /** Of the rows that come out of the last operator. */
  readonly schema: Schema;
  /** Bytes of the rows that enter: measured for layers (waits for them), estimated from metadata for scans. */
  bytesIn(): Promise<number>;
}

export interface ScanOrigin {
  readonly kind: 'scan';
  readonly scan: ScanSpec;
  /** By task. */
  readonly splits: readonly (readonly Split[])[];
}

export interface Build {
  /** 'all' for a broadcast; 'all-to-all' for the other half of a shuffle. */
  readonly dependency: Dependency;
  readonly schema: Schema;
}

export interface LayerOrigin {
  readonly kind: 'layers';
  readonly dependency: Dependency;
  readonly schema: Schema;
  /** The layer of which every partition is one task's source; null under other rules. */
  readonly whole: Layer | null;
}

/** A pipeline over partitions; one task per partition unless the rule says otherwise. */
export function overLayer(
  dependency: Dependency,
  schema: Schema,
  tasks: number,
  bytesIn: () => Promise<number>,
  whole: Layer | null = null,
): Pipeline {
  return {
    origin: { kind: 'layers', dependency, schema, whole },
    tasks,
    ops: [],
    builds: [],
    schema,
    bytesIn,
  };
}

export function withOp(pipeline: Pipeline, op: FragmentOp, schema: Schema): Pipeline {
  return { ...pipeline, ops: [...pipeline.ops, op], schema };
}

/** The column of the source that a column behind these operators is; null: it may be another. */
export function sourceOf(name: string, ops: readonly FragmentOp[]): string | null {
  let source = name;
  for (const op of ops.toReversed()) {
    if (op.kind === 'filter') continue;
    if (op.kind !== 'project') return null;
    const expr = op.columns.find(column => column.name === source)?.expr;
    if (expr?.kind !== 'column') return null;
    source = expr.name;
  }
  return source;
}

/** The number the next build side gets among the dependencies of the stage. */
export function nextBuildInput(pipeline: Pipeline): number {
  return (pipeline.origin.kind === 'layers' ? 1 : 0) + pipeline.builds.length;
}

/** Submits the pipeline with a sink. */
export function submitPipeline(
  runner: StageRunner,
  pipeline: Pipeline,
  sink: FragmentSink,
  schema: Schema = pipeline.schema,
): Layer {
  return runner.submit(stageOf(pipeline, sink), schema);
}

/** The pipeline's rows as partitions: the layer it starts from when there is nothing to do to them. */
export function asLayer(
  runner: StageRunner,
  pipeline: Pipeline,
  sink: FragmentSink = { kind: 'partition' },
): Layer {
  const { origin, ops, builds } = pipeline;
  if (origin.kind === 'layers' && origin.whole !== null && ops.length + builds.length === 0)
    return origin.whole;
  return submitPipeline(runner, pipeline, sink);
}

export function stageOf(pipeline: Pipeline, sink: FragmentSink): StageRequest {
  const { origin, builds, tasks, ops } = pipeline;
  const inputs = builds.map(b => b.schema);
  const dependencies = builds.map(b => b.dependency);
  const common = {
    tasks,
    slices: sink.kind === 'hash' || sink.kind === 'range' || sink.kind === 'cut' ? sink.fanOut : 1,
    inline: sink.kind === 'file' || sink.kind === 'keys',
    bytesIn: 0,
  };
  if (origin.kind === 'scan') {
    const fragment: Fragment = { source: { kind: 'scan', scan: origin.scan }, ops, sink, inputs };
    const bytesIn = origin.splits.flat().reduce((sum, split) => sum + split.bytes, 0);
    return { ...common, fragment, splits: origin.splits, dependencies, bytesIn };
  }
  const fragment: Fragment = {
    source: { kind: 'input', input: 0 },
    ops,
    sink,
    inputs: [origin.schema, ...inputs],
  };
  return { ...common, fragment, splits: null, dependencies: [origin.dependency, ...dependencies] };
}

/** All rows of the pipeline in one task, in partition order. */
export function gather(runner: StageRunner, pipeline: Pipeline): Pipeline {
  return gatherLayer(submitPipeline(runner, pipeline, { kind: 'partition' }));
}

export function gatherLayer(layer: Layer): Pipeline {
  return overLayer({ rule: 'all', from: layer.range }, layer.schema, 1, bytesOf(layer));
}

/** The rows spread over `fanOut` tasks by hash of the keys; rows of one partition keep their order. */
export function shuffle(
  runner: StageRunner,
  pipeline: Pipeline,
  keys: readonly string[],
  fanOut: number,
  parts = 1,
): Pipeline {
  return overSlices(hashLayer(runner, pipeline, keys, fanOut, parts), fanOut);
}

/** The same, and nothing is done to the rows but to bring those of a task together. */
export function shuffleRows(
  runner: StageRunner,
  pipeline: Pipeline,
  keys: readonly string[],
  fanOut: number,
): Pipeline {
  return overSlices(
    submitPipeline(runner, pipeline, { kind: 'hash', keys, fanOut, interleaved: true }),
    fanOut,
  );
}

/** One task per slice of a layer. */
export function overSlices(layer: Layer, fanOut: number): Pipeline {
  return overLayer({ rule: 'all-to-all', from: layer.range }, layer.schema, fanOut, bytesOf(layer));
}

/** The map side of a shuffle. */
export function hashLayer(
  runner: StageRunner,
  pipeline: Pipeline,
  keys: readonly string[],
  fanOut: number,
  parts = 1,
  spread: Spread | null = null,
): Layer {
  const sink = { kind: 'hash', keys, fanOut, ...(spread === null ? null : { spread }) } as const;
  return submitPipeline(runner, pipeline, parts === 1 ? sink : { ...sink, parts });
}

/** A pipeline with one task per partition of a layer. */
export function perPartition(layer: Layer): Pipeline {
  const rule: Dependency = { rule: 'one-to-one', from: layer.range };
  return overLayer(rule, layer.schema, layer.range.count, bytesOf(layer), layer);
}

export function bytesOf(layer: Layer): () => Promise<number> {
  return async () => sumOf((await layer.stats()).bytes);
}
