import { assert } from '../../core/base/assert.js';
import { recordCompiled } from '../codegen/compile.js';
import type { Schema } from '../column/datatype.js';
import type { Split } from '../io/source.js';
import type { Fragment, FragmentSource } from '../physical/fragment.js';
import { packFragment } from '../physical/fragment-body.js';
import { prepareFragment } from '../physical/run.js';
import { scanSchema } from '../physical/schema.js';
import type { FragmentEnv, FragmentInput } from '../physical/task.js';
import { type MemoryTable, noFacts } from '../plan/memory-table.js';
import type { Plan } from '../plan/plan.js';
import { build } from './build.js';
import { type PlanOptions, planConstants } from './constants.js';
import { DryRunner } from './dry-runner.js';
import type { GraphRunner } from './graph-runner.js';
import { asLayer, submitPipeline } from './pipeline.js';
import { type Layer, type StageRequest, sumOf } from './stage.js';

/** What one task of a stage left of the sample, by slice, and what it compiled. */
interface Sampled {
  readonly slices: readonly FragmentInput[];
  readonly functions: readonly string[];
  /** Why there is nothing: the rows of the sample are refused, as the whole would be. */
  readonly failure: Error | null;
}

const env: FragmentEnv = {
  node: 'this process',
  allowPaths: null,
  attempt: 1,
  position: 0,
  allocate: byteLength => new Uint8Array(byteLength),
};

/** The stages of a plan, each with the text of the functions its tasks compile: a function stands where it is met first. */
export async function explainCode(plan: Plan, runner: GraphRunner, options: PlanOptions): Promise<string> {
  const sampler = new SampleRunner(runner);
  asLayer(sampler, await build(plan, { runner: sampler, options }));
  const shown = new Set<string>();
  const blocks: string[] = [];
  for (const [i, stage] of sampler.stages.entries()) {
    const { functions, failure } = await sampler.sampled(i);
    const news = functions.filter(text => !shown.has(text));
    for (const text of news) shown.add(text);
    const before = functions.length - news.length;
    blocks.push(stage, ...news);
    if (before > 0)
      blocks.push(`// and ${before} ${before === 1 ? 'function' : 'functions'} of the stages above`);
    if (failure !== null) blocks.push(`// the sample was refused: ${failure.message}`);
  }
  return blocks.join('\n');
}

/**
 * A dry run that takes a few rows of each source along, through one task of each stage, in this process. Tables in memory
 * have their real sizes here, and group-bys are surveyed, as in a run.
 */
class SampleRunner extends DryRunner {
  override readonly measures = true;
  readonly #runner: GraphRunner;
  readonly #sampled: Promise<Sampled>[] = [];

  constructor(runner: GraphRunner) {
    super();
    this.#runner = runner;
  }

  sampled(stage: number): Promise<Sampled> {
    return this.#sampled[stage]!;
  }

  override submit(stage: StageRequest, schema: Schema): Layer {
    return this.#kept(super.submit(stage, schema), this.#run(stage));
  }

  override async empty(schema: Schema): Promise<Layer> {
    const layer = await super.empty(schema);
    return this.#kept(layer, this.#peek(await this.#runner.empty(schema), 0));
  }

  override async open(table: MemoryTable, schema: Schema): Promise<Layer> {
    const resident = await this.#runner.open(table, schema);
    const { rows, bytes } = await resident.stats();
    const text = `${rows.length} ${rows.length === 1 ? 'partition' : 'partitions'} of memory ${table.name}`;
    const layer = this.add(text, rows.length, sumOf(bytes), schema);
    const filled = rows.findIndex(n => n > 0);
    const sampled = this.#peek(resident, Math.max(0, filled));
    // What else is known of all rows would be found out from a sample here.
    const facts = noFacts(resident.facts?.entries);
    return { ...this.#kept(layer, sampled), stats: resident.stats, facts };
  }

  #kept(layer: Layer, sampled: Promise<Sampled>): Layer {
    sampled.catch(() => {}); // Whoever shows it waits for it.
    this.#sampled[layer.range.job] = sampled;
    const fetch = async () => {
      const { slices, failure } = await sampled;
      if (failure !== null) throw failure;
      return { ...slices[0]!, release() {} };
    };
    return { ...layer, fetch };
  }

  async #run({ fragment, splits, dependencies }: StageRequest): Promise<Sampled> {
    const inputs: (readonly FragmentInput[])[] = [];
    for (const dependency of dependencies) {
      const stages = dependency.rule === 'explicit' ? dependency.jobs[0]! : dependency.from.job;
      const { slices } = await this.sampled(stages);
      // One of the destinations of a shuffle: the one that got most.
      inputs.push([...slices].sort((a, b) => b.header.rows - a.header.rows).slice(0, 1));
    }
    let here = fragment;
    if (fragment.source.kind === 'scan') {
      inputs.push((await this.#scan(fragment.source, splits![0]![0]!)).slices);
      const source = { kind: 'input', input: inputs.length - 1 } as const;
      here = { ...fragment, source, inputs: [...fragment.inputs, scanSchema(fragment.source.scan)] };
    }
    return compiledBy(here, inputs);
  }

  /** The first rows of a file's part, read by a worker. */
  #scan(source: Extract<FragmentSource, { kind: 'scan' }>, split: Split): Promise<Sampled> {
    const schema = scanSchema(source.scan);
    const origin = { kind: 'scan', scan: source.scan, splits: [[split]] } as const;
    const ops = [{ kind: 'limit', n: planConstants.surveyRows, offset: 0 }] as const;
    const pipeline = { origin, tasks: 1, ops, builds: [], schema, bytesIn: async () => 0 };
    return this.#bring(submitPipeline(this.#runner, pipeline, { kind: 'partition' }));
  }

  /** The first rows of a partition that lies on a worker. */
  #peek({ range, schema }: Layer, partition: number): Promise<Sampled> {
    const offsets = Uint32Array.of(0, 1);
    const [jobs, indices] = [Uint32Array.of(range.job), Uint32Array.of(range.first + partition)];
    const dependency = { rule: 'explicit', offsets, jobs, indices } as const;
    const origin = { kind: 'layers', dependency, schema, whole: null } as const;
    const ops = [{ kind: 'limit', n: planConstants.surveyRows, offset: 0 }] as const;
    const pipeline = { origin, tasks: 1, ops, builds: [], schema, bytesIn: async () => 0 };
    return this.#bring(submitPipeline(this.#runner, pipeline, { kind: 'partition' }));
  }

  async #bring(layer: Layer): Promise<Sampled> {
    await layer.stats();
    const lease = await layer.fetch(0);
    const slices = [{ header: lease.header, bytes: lease.bytes.slice() }];
    lease.release();
    return { slices, functions: [], failure: null };
  }
}

/** A task without a file to read or to write runs to its end before it first awaits: so what is recorded is its own. */
async function compiledBy(
  fragment: Fragment,
  inputs: readonly (readonly FragmentInput[])[],
): Promise<Sampled> {
  assert(
    fragment.source.kind === 'input' && fragment.sink.kind !== 'file',
    'a sample is neither read nor written',
  );
  const prepared = prepareFragment(packFragment(fragment));
  const { result, functions } = recordCompiled(() => prepared.run(null, inputs, env));
  try {
    const { slab, slices } = await result;
    const parts = slices.map(({ header, offset }) => ({
      header,
      bytes: slab!.subarray(offset, offset + header.byteLength),
      trusted: true,
    }));
    return { slices: parts, functions, failure: null };
  } catch (error) {
    return { slices: [], functions, failure: error as Error };
  }
}
