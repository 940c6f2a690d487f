import { VolleyError } from '../../core/base/errors.js';
import type { Executor, GraphJob } from '../../core/graph/executor.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { emptyBatch } from '../column/layout.js';
import { encodeBatch } from '../column/slab.js';
import { type MemoryTable, noFacts, type ResidentPartitions, type TableFacts } from '../plan/memory-table.js';
import type { GraphRunner } from './graph-runner.js';
import type { Layer } from './stage.js';

/** Jobs of tables nobody refers to any more are closed, which frees their partitions on the workers. */
const abandoned = new FinalizationRegistry<GraphJob>(job => job.close());

interface StoredPartitions extends ResidentPartitions {
  evict(): void;
}

/** Rows of the caller's memory. Converted when first asked for, stored on the workers when first used, then reused. */
export class PutTable implements MemoryTable {
  readonly name: string;
  readonly #convert: () => Promise<readonly Batch[]>;
  #batches: Promise<readonly Batch[]> | null = null;
  #schema: Promise<Schema> | null = null;
  readonly #resident = new WeakMap<Executor, Promise<StoredPartitions>>();

  constructor(name: string, convert: () => Promise<readonly Batch[]>) {
    this.name = name;
    this.#convert = convert;
  }

  schema(): Promise<Schema> {
    this.#schema ??= this.#converted().then(batches => batches[0]?.schema ?? []);
    return this.#schema;
  }

  open(executor: Executor): Promise<ResidentPartitions> {
    let resident = this.#resident.get(executor);
    if (resident === undefined) {
      resident = this.#put(executor);
      this.#resident.set(executor, resident);
      resident.catch(() => this.#resident.delete(executor));
    }
    return resident;
  }

  /** The next query over them stores them anew. What was computed from these still finds them, through their job. */
  evict(executor: Executor): void {
    const resident = this.#resident.get(executor);
    this.#resident.delete(executor);
    resident?.then(
      ({ evict }) => evict(),
      () => {},
    );
  }

  #converted(): Promise<readonly Batch[]> {
    this.#batches ??= this.#convert();
    return this.#batches;
  }

  async #put(executor: Executor): Promise<StoredPartitions> {
    const [schema, batches] = await Promise.all([this.schema(), this.#converted()]);
    const full = batches.length > 0 ? batches : [emptyBatch(schema)];
    const partitions = full.map(batch => () => encodeBatch(batch, byteLength => new Uint8Array(byteLength)));
    const job = executor.openJob(this.name);
    try {
      const { range, done } = await job.put(partitions);
      const { rows, bytes } = await done;
      abandoned.register(this, job);
      return {
        range,
        rows,
        bytes,
        facts: noFacts(sharedEntries(schema, full)),
        fetch: partition => job.fetch({ job: range.job, index: range.first + partition }, 0),
        evict: () => job.evict(range),
      };
    } catch (error) {
      job.close();
      throw error;
    }
  }
}

function sharedEntries(schema: Schema, batches: readonly Batch[]): Map<string, number> {
  const entries = new Map<string, number>();
  schema.forEach(({ name }, k) => {
    const dictionary = batches[0]!.columns[k]!.dictionary;
    const shared = batches.every(({ columns }) => columns[k]!.dictionary === dictionary);
    if (dictionary !== null && shared) entries.set(name, dictionary.length);
  });
  return entries;
}

/** The result of a plan, kept on the workers until it is released. */
export class PersistedTable implements MemoryTable {
  readonly name = 'persisted';
  readonly #schema: Schema;
  readonly #facts: TableFacts;
  /** Null once released. */
  #layer: Layer | null;
  /** Holds the tables it was computed from, which are needed again when a worker is lost. Null once released. */
  #run: GraphRunner | null;

  /** @param facts of the table whose partitions these are, one by one */
  constructor(layer: Layer, run: GraphRunner, facts = noFacts()) {
    this.#facts = facts;
    this.#schema = layer.schema;
    this.#layer = layer;
    this.#run = run;
    abandoned.register(this, run.job, this);
  }

  async schema(): Promise<Schema> {
    return this.#schema;
  }

  async open(): Promise<ResidentPartitions> {
    const layer = this.#layer;
    if (layer === null) {
      throw new VolleyError(
        'RELEASED',
        'this persisted frame was released: persist() the frame it came from again',
      );
    }
    const { rows, bytes } = await layer.stats();
    const fetch = (partition: number) => layer.fetch(partition);
    return { range: layer.range, rows, bytes, facts: this.#facts, fetch };
  }

  /** These are the only ones. */
  evict(): void {}

  release(): void {
    abandoned.unregister(this);
    this.#run?.close();
    this.#run = this.#layer = null;
  }
}
