import { VolleyError } from '../../core/base/errors.js';
import type { JobId, TaskRange, TaskRef, TemplateId } from '../../core/base/ids.js';
import type {
  Executor,
  GraphJob,
  LayerHandle,
  LayerRequest,
  LayerResult,
} from '../../core/graph/executor.js';
import type { Dependency, TemplateKind } from '../../core/graph/layer.js';
import type { LeasedPartition, PartitionSource } from '../../core/graph/partition.js';
import { prepareFragment } from '../physical/run.js';
import type { FragmentInput, FragmentResult } from '../physical/task.js';

/** What one finished task left. */
interface StoredResult {
  readonly rows: number;
  readonly inline: Uint8Array | null;
  readonly slices: readonly FragmentInput[];
}

/** One submitted stage, as tests look at it. */
export interface SeenLayer {
  readonly name: string;
  readonly count: number;
  readonly slices: number;
  readonly rules: readonly Dependency['rule'][];
}

/**
 * An executor without a cluster: fragments run in this process, one task after another, over plain memory. Obeys every
 * dependency rule and every release, so that a plan that reads what it gave up fails here too.
 */
export class InlineExecutor implements Executor {
  /** Layers in the order they were submitted, over all jobs. */
  readonly layers: SeenLayer[] = [];
  readonly #jobs = new Map<number, InlineJob>();
  #nextJob = 1;

  openJob(_name: string): GraphJob {
    const job = new InlineJob(this.#nextJob++ as JobId, this);
    this.#jobs.set(job.id, job);
    return job;
  }

  /** Results held, over all jobs: 0 when everything was given up. */
  storedResults(): number {
    return [...this.#jobs.values()].reduce((sum, job) => sum + job.stored(), 0);
  }

  /** The result of a task of any job, waited for. */
  result(job: number, index: number): Promise<StoredResult> {
    const owner = this.#jobs.get(job);
    if (owner === undefined) throw new VolleyError('RELEASED', `job ${job} is closed`);
    return owner.result(index);
  }

  closed(job: InlineJob): void {
    this.#jobs.delete(job.id);
  }
}

class InlineJob implements GraphJob {
  readonly id: JobId;
  readonly #executor: InlineExecutor;
  readonly #templates: { readonly name: string; readonly body: Uint8Array }[] = [];
  readonly #results = new Map<number, Promise<StoredResult>>();
  #next = 0;
  #closed = false;

  constructor(id: JobId, executor: InlineExecutor) {
    this.id = id;
    this.#executor = executor;
  }

  stored(): number {
    return this.#results.size;
  }

  template(kind: TemplateKind, name: string, body: Uint8Array): TemplateId {
    if (kind === 'function') throw new VolleyError('UNSUPPORTED', 'the inline executor runs fragments only');
    this.#templates.push({ name, body });
    return (this.#templates.length - 1) as TemplateId;
  }

  submit(layer: LayerRequest): LayerHandle {
    const { name, body } = this.#templates[layer.template]!;
    const rules = layer.dependencies.map(d => d.rule);
    this.#executor.layers.push({ name, count: layer.count, slices: layer.slices, rules });
    const range = this.#take(layer.count);
    const prepared = prepareFragment(body);
    // Inputs are looked up now: what is released after this was still promised to this layer.
    const inputs = Array.from({ length: layer.count }, (_, i) =>
      layer.dependencies.map(dependency => this.#inputsOf(dependency, i)),
    );
    let before: Promise<unknown> = Promise.resolve();
    for (let i = 0; i < layer.count; i++) {
      const run = async (): Promise<StoredResult> => {
        const ready = await Promise.all(inputs[i]!.map(entries => Promise.all(entries)));
        if (this.#closed) throw new VolleyError('CANCELLED', 'the job was closed');
        const result = stored(await prepared.run(argsOf(layer, i), ready, environment(i)));
        layer.onTask?.();
        return result;
      };
      const result = before.then(run);
      result.catch(() => {});
      before = result.catch(() => {});
      this.#results.set(range.first + i, result);
    }
    return { range, done: this.#settled(range) };
  }

  async put(partitions: readonly PartitionSource[]): Promise<LayerHandle> {
    const range = this.#take(partitions.length);
    partitions.forEach((source, i) => {
      const partition = typeof source === 'function' ? source() : source;
      const result = { rows: partition.header.rows, inline: null, slices: [partition] };
      this.#results.set(range.first + i, Promise.resolve(result));
    });
    return { range, done: this.#settled(range) };
  }

  async fetch(task: TaskRef, slice: number): Promise<LeasedPartition> {
    const result = await this.#executor.result(task.job, task.index);
    const found = result.slices[slice];
    if (found === undefined) throw new VolleyError('NOT_FOUND', `task ${task.index} has no slice ${slice}`);
    return { ...found, release() {} };
  }

  release(range: TaskRange): void {
    for (let i = 0; i < range.count; i++) this.#results.delete(range.first + i);
  }

  /** Nothing: this memory is not short. */
  evict(): void {}

  close(): void {
    this.#closed = true;
    this.#results.clear();
    this.#executor.closed(this);
  }

  result(index: number): Promise<StoredResult> {
    const result = this.#results.get(index);
    if (result === undefined) throw new VolleyError('RELEASED', `task ${this.id}/${index} was released`);
    return result;
  }

  #take(count: number): TaskRange {
    const range = { job: this.id, first: this.#next, count };
    this.#next += count;
    return range;
  }

  #settled(range: TaskRange): Promise<LayerResult> {
    const done = this.#collect(range);
    done.catch(() => {});
    return done;
  }

  async #collect(range: TaskRange): Promise<LayerResult> {
    const promises = Array.from({ length: range.count }, (_, i) => this.#results.get(range.first + i)!);
    const results = await Promise.all(promises);
    return {
      range,
      rows: Float64Array.from(results, r => r.rows),
      bytes: Float64Array.from(results, r => r.slices.reduce((sum, s) => sum + s.header.byteLength, 0)),
      inline: results.map(r => r.inline),
    };
  }

  #inputsOf(dependency: Dependency, task: number): Promise<FragmentInput>[] {
    const slice = dependency.rule === 'all-to-all' ? task : 0;
    return tasksOf(dependency, task).map(({ job, index }) => {
      const input = this.#executor.result(job, index).then(({ slices }) => slices[slice]!);
      input.catch(() => {});
      return input;
    });
  }
}

/** The results task `i` of a layer reads, in order. */
function tasksOf(dependency: Dependency, i: number): TaskRef[] {
  if (dependency.rule === 'explicit') {
    const { offsets, jobs, indices } = dependency;
    return Array.from({ length: offsets[i + 1]! - offsets[i]! }, (_, k) => ({
      job: jobs[offsets[i]! + k] as JobId,
      index: indices[offsets[i]! + k]!,
    }));
  }
  const { job, first, count } = dependency.from;
  const between = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, k) => ({ job, index: first + from + k }));
  if (dependency.rule === 'one-to-one') return between(i, i + 1);
  if (dependency.rule === 'group') return between(dependency.offsets[i]!, dependency.offsets[i + 1]!);
  return between(0, count);
}

function argsOf({ args }: LayerRequest, task: number): Uint8Array | null {
  return args?.bytes.subarray(args.offsets[task]!, args.offsets[task + 1]!) ?? null;
}

function environment(position: number) {
  const allocate = (byteLength: number) => new Uint8Array(byteLength);
  return { node: 'this process', allowPaths: null, attempt: 1, position, allocate };
}

function stored(result: FragmentResult): StoredResult {
  const slices = result.slices.map(({ header, offset }) => ({
    header,
    bytes: result.slab!.subarray(offset, offset + header.byteLength),
    trusted: true,
  }));
  return { rows: result.rows, inline: result.inline, slices };
}
