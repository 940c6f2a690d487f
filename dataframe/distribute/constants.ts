const MiB = 1024 * 1024;

/**
 * What shapes a distributed plan. Constants of the program, compared with statistics of the data only: partition
 * boundaries and fan-outs decide the bits of float sums, so they must never depend on threads, workers or memory.
 */
export const planConstants = {
  /**
   * Bytes of a finished build side up to which every probe task reads all of it. Copied once per node and hashed once
   * per task, so it has to stay well below what shuffling a large probe side costs.
   */
  broadcastBytes: 32 * MiB,
  /** A build side whose source is so many times larger, and that only projects, is shuffled without being measured. */
  broadcastSurelyExceeded: 8,
  /** Input bytes per destination of a shuffle: large enough to amortise a task, small enough to stay in a cache of L3. */
  shuffleBytes: 32 * MiB,
  /** Destinations of a shuffle. Every map task holds a slice for each: more would be slices of a few rows. */
  maxFanOut: 128,
  /** Rows of a partition made from memory (fromArrow, fromRecords): about the size of a Parquet row group's page set. */
  memoryPartitionRows: 131_072,
  /** Slices the client fetches at a time: enough to hide the round trip, few enough to bound its memory. */
  fetches: 8,
  /** Bytes of a CSV partition. */
  csvSplitBytes: 16 * MiB,
  /** Rows of a Parquet row group written, and so of the partitions of whoever reads it. */
  rowGroupRows: 131_072,
} as const;

/** Overrides for tests: the same answer must come out of every choice. */
export interface PlanOptions {
  readonly fanOut?: number;
  readonly broadcastBytes?: number;
}

/** Destinations of a shuffle of so many bytes. */
export function fanOutFor(bytes: number, options: PlanOptions): number {
  if (options.fanOut !== undefined) return options.fanOut;
  return Math.max(1, Math.min(planConstants.maxFanOut, Math.ceil(bytes / planConstants.shuffleBytes)));
}
