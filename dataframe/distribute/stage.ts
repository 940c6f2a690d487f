import type { TaskRange } from '../../core/base/ids.js';
import type { Dependency } from '../../core/graph/layer.js';
import type { LeasedPartition } from '../../core/graph/partition.js';
import type { Schema } from '../column/datatype.js';
import type { Split } from '../io/source.js';
import type { Fragment } from '../physical/fragment.js';
import type { MemoryTable, TableFacts } from '../plan/memory-table.js';

/** One layer of a dataframe job, before it is encoded. */
export interface StageRequest {
  readonly fragment: Fragment;
  readonly tasks: number;
  /** For scans: those of each task, one after another. */
  readonly splits: readonly (readonly Split[])[] | null;
  readonly dependencies: readonly Dependency[];
  readonly slices: number;
  /** The result is a receipt or an inspection and travels with the finish report. */
  readonly inline: boolean;
  /** Bytes of the rows that enter: what a runner without real statistics takes for the result's size. */
  readonly bytesIn: number;
}

/** A submitted layer. */
export interface Layer {
  readonly range: TaskRange;
  readonly schema: Schema;
  /** Of a table that lies on the workers: what earlier runs have found out about it. */
  readonly facts?: TableFacts;
  /** Settles when every task is done. */
  stats(): Promise<LayerStats>;
  /** Brings one partition here. */
  fetch(task: number): Promise<LeasedPartition>;
}

export interface LayerStats {
  readonly rows: Float64Array;
  readonly bytes: Float64Array;
  readonly inline: readonly (Uint8Array | null)[];
}

/**
 * Where stages go: a job of the cluster (graph-runner), or a text (dry-runner). Planning is the same code for both,
 * so what explain shows is what runs.
 */
export interface StageRunner {
  /** False: there are no rows to look at before a plan is chosen. */
  readonly measures: boolean;
  /** Submits at once; `schema` is that of the partitions it makes. Its dependencies are given up to it. */
  submit(stage: StageRequest, schema: Schema): Layer;
  /** One partition without rows, for sources that have none. */
  empty(schema: Schema): Promise<Layer>;
  /** Partitions that lie on the workers already. Never released by the run. */
  open(table: MemoryTable, schema: Schema): Promise<Layer>;
}

export function sumOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
