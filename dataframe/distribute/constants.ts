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
  /** The same for one that lies in memory as it is and is at most twice the probe side. */
  residentBroadcastBytes: 512 * MiB,
  /** A left side that fits a broadcast builds when the right one is so many times larger. */
  turnJoinAt: 4,
  /** Bytes of a broadcast build side from which its table is made once, by a stage of its own, and not in every thread. */
  sharedBuildBytes: 16 * MiB,
  /** Times that the probe side of a shuffle must be larger than the build side for a Bloom filter over the keys of that. */
  bloomAt: 2,
  /** Different keys of a build side that are looked up by name in the probe side's files: a few bytes each, sent to every task. */
  filterValues: 64,
  /** A build side whose source is so many times larger, and that only projects, is shuffled without being measured. */
  broadcastSurelyExceeded: 8,
  /** Input bytes per destination of a shuffle: large enough to amortise a task, small enough to stay in a cache of L3. */
  shuffleBytes: 32 * MiB,
  /** Tasks that deal out rows of a table that lies in memory: so many, or one for each of so many bytes. */
  fewMapTasks: 8,
  /** Destinations of a shuffle. Every map task holds a slice for each: more would be slices of a few rows. */
  maxFanOut: 128,
  /**
   * Rows of one task of a stage that keeps state (partial aggregates, hash tables, sorted runs), and of a partition made
   * from memory: a sixteenth of the data, so that up to eight threads stay busy to the end, within these bounds. Below
   * the first a task costs more than its rows; state of more than the second leaves the caches.
   */
  taskShare: 16,
  minTaskRows: 131_072,
  maxTaskRows: 2 * 1024 * 1024,
  /**
   * Data in files is shared by so many tasks, or more of up to so many rows, which is a batch of their readers: what is done once a
   * task and column (dictionaries, headers, loops that are set up, states to merge) costs as much as decoding a quarter of a
   * million rows.
   */
  fewScanTasks: 4,
  maxScanRows: 1_048_576,
  /** Bytes of a partition made from memory, at eight a value: one that is put blocks the caller for about 20 ms. */
  memoryPartitionBytes: 64 * MiB,
  /** Partitions of files read at first for a limit whose rows are not known beforehand, and by how much more each time. */
  firstWave: 4,
  waveGrowth: 4,
  /** Rows a sort with a limit may want for each partition to give its own first rows to one task. */
  topRows: 65_536,
  /** Bytes of a range of a distributed sort: its keys, and one of its columns at a time, stay in a cache. */
  sortBytes: 8 * MiB,
  /** Input bytes from which a group-by is surveyed before it is planned: what that costs is nothing to it. */
  surveyBytes: 8 * MiB,
  /** Tasks of a side of a shuffled join whose first rows are searched for keys that are too frequent for one destination. */
  skewTasks: 4,
  /** Rows of the prefix of one partition that is surveyed: a millisecond's work, enough to tell 100,000 groups from millions. */
  surveyRows: 65_536,
  /** Surveys remembered of one table that lies on the workers. */
  surveysKept: 64,
  /** Groups per row of a task from which partial aggregation is not worth it. */
  partialShare: 0.7,
  /**
   * Groups per row of a task from which tasks take twice the rows: there are half as many states to bring together. From twice as
   * many on, where rows lie in memory, they take four times the rows: four tasks at least.
   */
  widerShare: 0.05,
  /** Groups whose states stay in a core's own cache: tasks take four times the rows then, too. */
  fewGroups: 16_384,
  /** Partial rows that one task merges: 20 ms, and less than what dealing them out would cost. */
  mergeRows: 2 * 1024 * 1024,
  /** Rows, or partial rows, for each task that merges when one is not enough. */
  rowsPerMerge: 1024 * 1024,
  /** Fewer rows are shared by up to so many tasks as long as each has so many rows. */
  fewMerges: 8,
  leastRowsPerMerge: 131_072,
  /** Rows of one part of what such a task reads: its groups stay in a core's own cache. */
  rowsPerPart: 65_536,
  /** Parts over all tasks: a map task writes to so many places of each column at a time. */
  maxParts: 512,
  /** Slices the client fetches at a time: enough to hide the round trip, few enough to bound its memory. */
  fetches: 8,
  /** Bytes of a CSV partition. Of smaller ones, those over many groups spend more time on merging than on reading (0017). */
  csvSplitBytes: 32 * MiB,
  /** Of NDJSON, which holds every key again and again. */
  ndjsonSplitBytes: 32 * MiB,
  /** Rows of a Parquet row group written, and so of the partitions of whoever reads it. */
  rowGroupRows: 131_072,
} as const;

/** Overrides for tests: the same answer must come out of every choice. */
export interface PlanOptions {
  readonly fanOut?: number;
  readonly broadcastBytes?: number;
  readonly topRows?: number;
  /** Input bytes from which a group-by is surveyed. */
  readonly surveyBytes?: number;
  /** Whether groups are aggregated before they are brought together; default: as the data suggests. */
  readonly partial?: boolean;
  /** Parts of each task that merges rows. */
  readonly parts?: number;
  /** How groups are found where the keys allow it. */
  readonly groupTier?: 'dense' | 'packed' | 'table';
  /** Rows of a task that reads several partitions. */
  readonly taskRows?: number;
  readonly sharedBuildBytes?: number;
  /** Whether the keys of a build side filter the probe side; default: where that reads files. */
  readonly filterProbe?: boolean;
  /** The table that joins build where the keys allow it. */
  readonly joinTier?: 'dense' | 'hash';
}

/** Rows one task takes of so many. */
export function taskRows(rows: number): number {
  const { taskShare, minTaskRows, maxTaskRows } = planConstants;
  return Math.min(maxTaskRows, Math.max(minTaskRows, Math.ceil(rows / taskShare)));
}

/** Rows one task takes of so many in files. */
export function scanTaskRows(rows: number): number {
  const { fewScanTasks, maxScanRows } = planConstants;
  // An even number: two threads end together.
  const tasks = Math.max(fewScanTasks, 2 * Math.ceil(rows / (2 * maxScanRows)));
  return Math.max(taskRows(rows), Math.ceil(rows / tasks));
}

/** Rows that one task deals out, of so many rows and bytes. */
export function mapTaskRows(rows: number, bytes: number): number {
  const { shuffleBytes, fewMapTasks } = planConstants;
  const tasks = Math.max(fewMapTasks, Math.ceil(bytes / shuffleBytes));
  return Math.max(taskRows(rows), Math.ceil(rows / tasks));
}

/** Rows of a partition that is made from memory. */
export function memoryPartitionRows(rows: number, columns: number): number {
  const fitting = Math.floor(planConstants.memoryPartitionBytes / (8 * Math.max(1, columns)));
  return Math.max(1, Math.min(taskRows(rows), fitting));
}

/** Destinations of a shuffle of so many bytes. */
export function fanOutFor(bytes: number, options: PlanOptions): number {
  if (options.fanOut !== undefined) return options.fanOut;
  return Math.max(1, Math.min(planConstants.maxFanOut, Math.ceil(bytes / planConstants.shuffleBytes)));
}
