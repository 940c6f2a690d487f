import { VolleyError } from '../../core/base/errors.js';
import type { TaskRange } from '../../core/base/ids.js';
import type { Executor, GraphJob, LayerHandle } from '../../core/graph/executor.js';
import type { BytesTable, Dependency } from '../../core/graph/layer.js';
import type { Schema } from '../column/datatype.js';
import { emptyBatch } from '../column/layout.js';
import { encodeBatch } from '../column/slab.js';
import type { InspectionReply, ScanInspection, ScanSpec, Split } from '../io/source.js';
import { type Fragment, readsInTurn } from '../physical/fragment.js';
import { packFragment, packPlain, readPlain } from '../physical/fragment-body.js';
import type { MemoryTable } from '../plan/memory-table.js';
import { isSameHere, knownScan, rememberScan, scanText } from './known-scans.js';
import type { Layer, LayerStats, StageRequest, StageRunner } from './stage.js';

/** Of all stages submitted so far: those to come are not known. */
export interface Progress {
  readonly tasks: number;
  readonly done: number;
  /** Of the stage that a task was last done of. */
  readonly stage: string;
}

/** Runs stages as layers of one job. */
export class GraphRunner implements StageRunner {
  readonly measures = true;
  /** Kept open after the run by persist() only. */
  readonly job: GraphJob;
  /** Told after each task. */
  onProgress: ((progress: Progress) => void) | null = null;
  #closed = false;
  #tasks = 0;
  #done = 0;
  readonly #executor: Executor;
  /** The failure that was seen first: those of later layers only follow from it. */
  #failure: { readonly error: unknown } | null = null;
  /** Held so that they are not collected: what is computed from them may have to be computed again. */
  readonly #tables = new Set<MemoryTable>();
  readonly #layers: { readonly range: TaskRange; readonly done: Promise<LayerStats> }[] = [];

  constructor(executor: Executor, job: GraphJob) {
    this.#executor = executor;
    this.job = job;
  }

  /** Cancels what is unfinished and releases everything. Branches that are still being planned end at their next stage. */
  close(): void {
    this.#closed = true;
    this.#tables.clear();
    this.job.close();
  }

  submit(stage: StageRequest, schema: Schema): Layer {
    this.#requireOpen();
    const name = stageName(stage.fragment);
    const handle = this.job.submit({
      template: this.job.template(
        readsInTurn(stage.fragment) ? 'stream' : 'fragment',
        name,
        packFragment(stage.fragment),
      ),
      count: stage.tasks,
      dependencies: stage.dependencies,
      args: stage.splits && packTable(stage.splits),
      slices: stage.slices,
      options: { name, inlineResult: stage.inline },
      ...this.#counted(stage.tasks, name),
    });
    if (stage.readAgain !== true) for (const dependency of stage.dependencies) this.#giveUp(dependency);
    return this.#layer(handle, schema);
  }

  async empty(schema: Schema): Promise<Layer> {
    this.#requireOpen();
    const partition = encodeBatch(emptyBatch(schema), byteLength => new Uint8Array(byteLength));
    return this.#layer(await this.job.put([partition]), schema);
  }

  async open(table: MemoryTable, schema: Schema): Promise<Layer> {
    this.#tables.add(table);
    const resident = await table.open(this.#executor);
    const stats = { rows: resident.rows, bytes: resident.bytes, inline: [] };
    const { range, fetch, facts } = resident;
    return { range, schema, stats: async () => stats, fetch, facts };
  }

  /** Looks at a source on a worker: only the workers need to see the files. The same object as long as they stay the same. */
  async inspect(scan: ScanSpec): Promise<ScanInspection> {
    const text = scanText(scan);
    const known = text === null ? null : knownScan(this.#executor, text);
    // Files that are seen from here need no trip through a thread.
    if (known !== null && this.#executor.isHere === true && (await isSameHere(scan, known))) return known;
    const fragment: Fragment = {
      source: { kind: 'inspect', scan, ...(known?.stamp == null ? {} : { known: known.stamp }) },
      ops: [],
      sink: { kind: 'partition' },
      inputs: [],
    };
    const layer = this.submit(
      { fragment, tasks: 1, splits: null, dependencies: [], slices: 1, inline: true, bytesIn: 0 },
      [],
    );
    const reply = readPlain<InspectionReply>(await this.inlineResult(layer, 0));
    if ('same' in reply) return known!;
    if (text !== null) rememberScan(this.#executor, text, reply);
    return reply;
  }

  /** The enclosed result of a task: with its finish report when small, else fetched. */
  async inlineResult(layer: Layer, task: number): Promise<Uint8Array> {
    const { inline } = await layer.stats();
    const bytes = inline[task];
    if (bytes) return bytes;
    const lease = await layer.fetch(task);
    try {
      return lease.bytes.slice();
    } finally {
      lease.release();
    }
  }

  #counted(tasks: number, stage: string): { onTask: () => void } | null {
    const { onProgress } = this;
    if (onProgress === null) return null;
    this.#tasks += tasks;
    const onTask = () => onProgress({ tasks: this.#tasks, done: ++this.#done, stage });
    return { onTask };
  }

  #requireOpen(): void {
    if (this.#closed) throw new VolleyError('CANCELLED', 'another part of this dataframe job failed first');
  }

  #layer({ range, done: finished }: LayerHandle, schema: Schema): Layer {
    const done = finished.catch(error => {
      this.#failure ??= { error };
      throw this.#failure.error;
    });
    // Nobody may be waiting yet, or ever, for a layer that others read.
    done.catch(() => {});
    this.#layers.push({ range, done });
    const fetch = (task: number) => this.job.fetch({ job: range.job, index: range.first + task }, 0);
    return { range, schema, stats: (): Promise<LayerStats> => done, fetch };
  }

  /**
   * Frees what the stage just submitted has read, which is its only reader. Not before it is finished: a layer that is
   * released has no end its client could wait for.
   */
  #giveUp(dependency: Dependency): void {
    for (const { job, first } of firstTasks(dependency)) {
      const layer = job === this.job.id ? this.#layers.find(({ range }) => range.first === first) : undefined;
      if (layer === undefined) continue;
      const release = () => this.job.release(layer.range);
      layer.done.then(release, release);
    }
  }
}

/** The first task of every layer a dependency may name, and others. */
function firstTasks(dependency: Dependency): { job: number; first: number }[] {
  if (dependency.rule !== 'explicit') return [dependency.from];
  return Array.from(dependency.indices, (first, i) => ({ job: dependency.jobs[i]!, first }));
}

/** `scan filter aggregate:partial hash`: for explain, errors and events. */
export function stageName(fragment: Fragment): string {
  const { source, ops, sink } = fragment;
  const steps = ops.map(op => (op.kind === 'aggregate' ? `${op.kind}:${op.phase}` : op.kind));
  const end = sink.kind === 'partition' ? [] : [sink.kind === 'file' ? `write:${sink.file.role}` : sink.kind];
  return [source.kind, ...steps, ...end].join(' ');
}

/** The splits of each task. What statistics tell of splits was made use of by the plan: they are most of the bytes. */
function packTable(splits: readonly (readonly Split[])[]): BytesTable {
  const packed = splits.map(each => packPlain(each.map(split => ({ ...split, statistics: null }))));
  const offsets = new Uint32Array(packed.length + 1);
  packed.forEach((bytes, i) => {
    offsets[i + 1] = offsets[i]! + bytes.byteLength;
  });
  const total = offsets[packed.length]!;
  if (packed.reduce((sum, b) => sum + b.byteLength, 0) !== total) {
    throw new VolleyError(
      'RESOURCE_EXHAUSTED',
      `${splits.length} splits are too many for one scan: give fewer files`,
    );
  }
  const bytes = new Uint8Array(total);
  packed.forEach((part, i) => {
    bytes.set(part, offsets[i]!);
  });
  return { offsets, bytes };
}
