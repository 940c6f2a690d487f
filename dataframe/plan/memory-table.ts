import type { TaskRange } from '../../core/base/ids.js';
import type { Executor } from '../../core/graph/executor.js';
import type { LeasedPartition } from '../../core/graph/partition.js';
import type { Schema } from '../column/datatype.js';

/** Rows that lie on the workers: put there from the caller's memory, or persisted results. */
export interface MemoryTable {
  /** For explain. */
  readonly name: string;
  /** Known once the rows were converted, which happens here at the latest. */
  schema(): Promise<Schema>;
  /** Partitions and their sizes; at least one partition, be it empty. Stores them first where that is still to do. */
  open(executor: Executor): Promise<ResidentPartitions>;
  /** All its rows lie on the workers once more: what the caller's memory has too need not take room there. */
  evict(executor: Executor): void;
}

/** What a prefix of one task's input looks like. */
export interface Survey {
  /** Rows that came out of the pipeline. */
  readonly rows: number;
  /** Estimated groups of all rows; Infinity when every row was a group of its own. */
  readonly groups: number;
}

/** What values a column of a table has; dictionary: the content id of all its partitions, for text. */
export interface Extent {
  readonly min: number;
  readonly max: number;
  readonly nullable: boolean;
  readonly dictionary: string | null;
}

/** What was found out about rows that never change. */
export interface TableFacts {
  /** By what was asked. */
  readonly surveys: Map<string, Survey>;
  /** By column; null: its values are not known to be few. */
  readonly extents: Map<string, Extent | null>;
  /** Of columns whose partitions share one dictionary: its entries. They have no more values, and null. */
  readonly entries: ReadonlyMap<string, number>;
}

export function noFacts(entries: TableFacts['entries'] = new Map()): TableFacts {
  return { surveys: new Map(), extents: new Map(), entries };
}

export interface ResidentPartitions {
  readonly range: TaskRange;
  readonly rows: Float64Array;
  readonly bytes: Float64Array;
  readonly facts: TableFacts;
  /** Brings one partition to the client. */
  fetch(partition: number): Promise<LeasedPartition>;
}
