/** Every bound of the system, its unit and its reason. Nothing queues, caches, retries or waits without one. */
const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** Bytes of one control message on the wire. Above it: RESOURCE_EXHAUSTED. */
  controlMessageBytes: 64 * MiB,
  /** Bytes of one control frame at which a link flushes before the end of the turn. */
  controlFlushBytes: 256 * KiB,
  /** Messages of one control frame at which a link flushes before the end of the turn. */
  controlFlushMessages: 4096,
  /** Bytes waiting on one control link before its peer counts as a slow consumer and is cut off. */
  controlBacklogBytes: 256 * MiB,
  /** Bytes of one chunk of the data plane. 1-4 MiB is the flat part of the throughput curve. */
  chunkBytes: 1 * MiB,
  /** Bytes a node may have asked for and not yet received, over all peers. */
  fetchInFlightBytes: 256 * MiB,
  /** Pulls one node has open at a time. */
  fetchesInFlight: 16,
  /** How often one pull is repeated (other holders first) before the input counts as lost. */
  fetchAttempts: 3,
  /** A result up to this size travels with its finish report instead of being stored on the worker. */
  inlineResultBytes: 16 * KiB,
  /** Inline results a client has not acknowledged yet, kept by the head. */
  unackedInlineBytes: 256 * MiB,
  /** Argument bytes of one task; larger values go through scatter. */
  taskArgumentBytes: 16 * MiB,
  /** Largest partition: buffers of one slab. */
  slabBytes: 1024 * MiB,
  /** Size of one arena. Slabs larger than it get an arena of their own. */
  arenaBytes: 64 * MiB,
  /** Alignment of every buffer in a slab: a cache line, and what Arrow recommends. */
  alignment: 64,
  /** Jobs one client may open before its block of ids is used up. */
  jobsPerClient: 65_536,
  /** Tasks one job may hold. */
  tasksPerJob: 2 ** 31,
  /** Tasks waiting or running in the whole cluster. */
  queuedTasks: 20_000_000,
  /** Workers of one cluster. */
  workers: 4096,
  /** Clients attached at a time. */
  clients: 1024,
  /** Default retries of a task whose worker was lost: system failures, not its own exceptions. */
  systemRetries: 3,
  /** Engines a task may kill before it is quarantined. */
  engineKills: 3,
  /** First wait before a retry, doubled each time, with jitter. Milliseconds. */
  retryBaseMs: 100,
  /** Longest wait before a retry. Milliseconds. */
  retryMaxMs: 30_000,
  /** Retry tickets waiting at a time. */
  retryTickets: 100_000,
  /** Worker heartbeat interval. Milliseconds. */
  heartbeatMs: 1_000,
  /** Silence after which a worker is lost. Milliseconds. */
  leaseMs: 10_000,
  /** A client whose stream broke keeps its jobs this long. Milliseconds. */
  clientGraceMs: 60_000,
  /** Time a handshake may take. Milliseconds. */
  handshakeMs: 10_000,
  /** Longest wait for a slab when the arenas are full and nothing can be spilled. Milliseconds. */
  allocationWaitMs: 60_000,
  /** Tasks run by a thread in one go: bounds how much is repeated when a thread is killed. */
  threadBatchTasks: 256,
  /** A thread batch is sized to last about this long. Milliseconds. */
  threadBatchMs: 4,
  /** Tasks a worker may hold beyond those it runs. */
  prefetchTasks: 1024,
  /** Events kept for one task or worker story. */
  storyEvents: 32,
  /** Nesting of a decoded value. */
  decodeDepth: 512,
  /** Bytes of one line of text input. */
  lineBytes: 64 * MiB,
  /** Compiled kernels kept per thread. */
  compiledKernels: 1024,
  /** Restarts of an engine within a minute before its supervisor gives up. */
  engineRestartsPerMinute: 20,
} as const;
