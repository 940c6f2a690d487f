import type { TaskRange, TaskRef, TemplateId } from '../base/ids.js';
import type { BytesTable, Dependency, TaskOptions, TemplateKind } from './layer.js';
import type { LeasedPartition, PartitionSource } from './partition.js';

/** What dataframes and delayed graphs ask of a session: somewhere to run layers. Knows no rows and no network. */
export interface Executor {
  /** Its workers are threads of this process, which see the files that it sees. Absent: they are elsewhere. */
  readonly isHere?: boolean;
  /** Opens a job of its own, so that it can be cancelled and released as a whole. */
  openJob(name: string): GraphJob;
}

export interface GraphJob {
  readonly id: number;
  /** Installs a template; equal bodies within the job give the same id. */
  template(kind: TemplateKind, name: string, body: Uint8Array): TemplateId;
  /** Submits a layer. Its results are kept until released, even when nothing reads them yet. */
  submit(layer: LayerRequest): LayerHandle;
  /** Stores partitions on the workers, spread evenly; resolves when all are stored. Kept by the client until
   *  released, so that a lost worker's share can be stored again. */
  put(partitions: readonly PartitionSource[]): Promise<LayerHandle>;
  /** Brings one slice of a finished task here. */
  fetch(task: TaskRef, slice: number): Promise<LeasedPartition>;
  /** Gives up these results: freed when no submitted task needs them any more. */
  release(range: TaskRange): void;
  /** Frees them now where no submitted task needs them, without giving them up: they are made, or put, again for who asks. */
  evict(range: TaskRange): void;
  /** Cancels what is unfinished and releases everything. Idempotent. */
  close(): void;
}

export interface LayerRequest {
  readonly template: TemplateId;
  readonly count: number;
  readonly dependencies: readonly Dependency[];
  readonly args: BytesTable | null;
  readonly slices: number;
  readonly options: Partial<TaskOptions>;
  /** Told of every task of the layer that is done. What it throws is the layer's failure. */
  readonly onTask?: () => void;
}

export interface LayerHandle {
  readonly range: TaskRange;
  /** Settles when all tasks are done, or with the first failure (the rest is cancelled). */
  readonly done: Promise<LayerResult>;
}

/** Statistics of a finished layer, in task order. */
export interface LayerResult {
  readonly range: TaskRange;
  readonly rows: Float64Array;
  readonly bytes: Float64Array;
  /** Payload of task i where options.inlineResult was set and it was small; else null. */
  readonly inline: readonly (Uint8Array | null)[];
}
