/** Every bound of the system, its unit and its reason. Nothing queues, caches, retries or waits without one. */
const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** Bytes of one control message on the wire. Above it: RESOURCE_EXHAUSTED. */
  controlMessageBytes: 64 * MiB,
  /** Bytes and messages of one control frame at which a link flushes before the end of the turn. */
  controlFlushBytes: 256 * KiB,
  controlFlushMessages: 4096,
  /** Bytes waiting on one control link before its peer counts as a slow consumer and is cut off. */
  controlBacklogBytes: 256 * MiB,
  /** Wait for a peer to answer the orderly end of a link before it is cut. Milliseconds. */
  linkCloseMs: 5_000,
  /** Causes of a failure that cross the wire, one inside the other. protobuf decoders allow about 100 levels. */
  failureDepth: 32,
  /** Keepalive of the stream between worker and head: noticed in time for the lease. Milliseconds. */
  workerKeepaliveMs: 10_000,
  workerKeepaliveTimeoutMs: 5_000,
  /** Keepalive towards clients, and how long an answer may take: a client may be busy computing. Milliseconds. */
  clientKeepaliveMs: 60_000,
  /** Refused peers are logged at most once in this time; the line says how many were not. Milliseconds. */
  authLogEveryMs: 1_000,
  /** Streams one HTTP/2 connection may open at a control port and at a data port. */
  streamsPerConnection: 64,
  /** Bytes of a partition's layout (PartitionHeader.meta). */
  partitionMetaBytes: 8 * MiB,
  /** HTTP/2 window of the data plane, either way: chunks in flight on one connection. Bytes. */
  fetchWindowBytes: 8 * MiB,
  /** Chunks of one transfer handed to the network and not yet taken by it. */
  chunksInFlight: 2,
  /** Bytes read at a time from a gRPC data connection: they stay in the cache until they are copied to where they belong. */
  dataReadBytes: 256 * KiB,
  /** Bytes read from HTTP/2, in buffers of Node's own, after which those are collected: V8 would collect the whole heap for them. */
  readBufferBytes: 8 * MiB,
  /** A peer that sends nothing for this long during a transfer counts as unreachable. Milliseconds. */
  transferStallMs: 20_000,
  /** A lent slice is taken back from a reader that takes nothing for this long: longer than allocationWaitMs. Milliseconds. */
  lendStallMs: 90_000,
  /** Peers a node keeps gRPC data channels to; the longest unused one goes first. */
  dataPeers: 256,
  /** A gRPC data connection on which nothing moves for this long is closed. Milliseconds. */
  idleChannelMs: 120_000,
  /** Chunks waiting on one gRPC data connection: chunksInFlight on each of streamsPerConnection, and as much again. Megabytes. */
  dataSessionMb: 256,
  /** Idle Unix sockets kept per peer (one for each fetch in flight), and over all peers. */
  idleSocketsPerPeer: 16,
  idleSockets: 64,
  /** How long an idle Unix socket is kept. Milliseconds. */
  idleSocketMs: 30_000,
  /** Connections to one Unix socket server. */
  socketConnections: 1024,
  /** A Unix socket that failed is not tried again for this long. Milliseconds. */
  socketRetryMs: 30_000,
  /** Peers remembered for that. */
  socketFailures: 1024,
  /** Bytes of a Unix socket path: sun_path of the smallest platform, less its final NUL. */
  socketPathBytes: 103,
  /** Bytes read at a time from a peer's memory: about a millisecond. */
  peerReadBytes: 4 * MiB,
  /** Slices one reader may have in place of a peer's memory at a time; what it asks for beyond is sent. */
  peerLeases: 1024,
  /** Bytes of answers that wait for such a reader before it is hung up on: more than one frame may have. */
  peerAnswerBytes: 16 * MiB,
  /** Bytes copied by an in-process transfer before it lets the event loop turn. */
  memoryCopyBytes: 16 * MiB,
  /** Copied at a time between shared places by way of a thread's own memory: what a core's own cache holds. A multiple of 8. */
  copyStageBytes: 32 * KiB,
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
  /** What a result of as many rows may take more than its inputs, for memory given before it is asked for: padding of columns and slices. */
  roomSlackBytes: 64 * KiB,
  /** A result up to this size is copied to the engine with its report, so that nobody waits for memory; the first tasks of a batch are given some before. */
  copiedResultBytes: 128 * KiB,
  guessedRooms: 8,
  /** Inline results a client has not acknowledged yet, kept by the head. */
  unackedInlineBytes: 256 * MiB,
  /** Argument bytes of one task; larger values go through scatter. */
  taskArgumentBytes: 16 * MiB,
  /** Largest partition: buffers of one slab. */
  slabBytes: 1024 * MiB,
  /** Size of one arena. Slabs larger than it get an arena of their own. */
  arenaBytes: 64 * MiB,
  /** Columns of one partition: bounds what a corrupt header can make a reader do. */
  partitionColumns: 65_536,
  /** A dictionary up to this size is copied out of the first slab it is met in, and kept. Bytes. */
  cachedDictionaryBytes: 8 * MiB,
  /** Dictionaries a thread keeps so, and as much again as those of Arrow files; the longest unused one goes first. Bytes. */
  dictionaryCacheBytes: 32 * MiB,
  /** A slab from this size on is taken from the end of an arena. Bytes. */
  largeSlabBytes: 8 * MiB,
  /** Share of a node's memory that the inputs of running tasks, and as much again for results, may take together. */
  runningShare: 0.75,
  /** Slices read back from disk at a time for one task, and how much of them goes into one slab: more would need larger holes. */
  readsInFlight: 8,
  readBackBytes: 4 * MiB,
  /** Share of an embedded node's memory that results of its own program may occupy; beyond it they are copied. */
  leasedShare: 0.5,
  /** Results from this size on come into memory that is used again. Bytes. */
  answerLeastBytes: 1 * MiB,
  /** Such memory that a client keeps while nothing is in it, and for how long. Bytes, milliseconds. */
  answerKeptBytes: 512 * MiB,
  answerIdleMs: 10_000,
  /** Bytes of results leased since the last collection from which one is forced: V8 does not see how large they are. */
  leasedBytes: 512 * MiB,
  /** The same when the next answer is about to be computed: new memory costs far more than memory that comes back. */
  leasedBeforeBytes: 128 * MiB,
  /** Work of one kind on a caller's thread after which its event loop turns. Milliseconds. */
  turnMs: 4,
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
  /** How long after its time a ticket that NATS holds is waited for before this process hands it out itself. Milliseconds. */
  retryTakeoverMs: 1_000,
  /** Settled tickets whose copy in NATS has not come by yet, remembered so that it can be acknowledged. */
  settledTickets: 100_000,
  /** An unsettled ticket is delivered again after this long: how soon a new head gets the tickets of a dead one. Milliseconds. */
  retryAckWaitMs: 10_000,
  /** Tickets the head asks NATS for in one go. */
  retryPullBatch: 512,
  /** Age at which NATS drops a ticket: its cluster is long gone. Milliseconds. */
  retryTicketAgeMs: 86_400_000,
  /** Dead letters NATS keeps per cluster, oldest dropped first. */
  deadLetters: 10_000,
  /** Fault events and dead letters (each) that wait in a process for NATS to take them; oldest dropped first. */
  notifyBacklog: 10_000,
  /** Bytes of the longest text of a fault event; longer ones are cut. */
  faultDetailBytes: 4 * KiB,
  /** Bytes of one NATS message that is looked at. */
  natsMessageBytes: 64 * KiB,
  /** First and longest wait between attempts to reach NATS. Milliseconds. */
  natsReconnectMinMs: 100,
  natsReconnectMaxMs: 2_000,
  /** How often a NATS connection is checked; two missed answers end it. Milliseconds. */
  natsPingMs: 5_000,
  /** Longest wait for one answer of NATS. Milliseconds. */
  natsAnswerMs: 2_000,
  /** How often the head looks at leases and grace periods. Milliseconds. */
  headTickMs: 100,
  /** Largest share by which a retry's wait is lengthened at random, so that retries do not come in step. */
  retryJitter: 0.5,
  /** Worker heartbeat interval. Milliseconds. */
  heartbeatMs: 1_000,
  /** Silence after which a worker is lost. Milliseconds. */
  leaseMs: 10_000,
  /** The same of the engine in the caller's own process: silent while the caller computes, and never lost alone. Milliseconds. */
  embeddedLeaseMs: 86_400_000,
  /** A client whose stream broke keeps its jobs this long. Milliseconds. */
  clientGraceMs: 60_000,
  /** How long a client waits for a first worker when it must store data. Milliseconds. */
  workerWaitMs: 60_000,
  /** How long a client looks for a lost result while it is recomputed, asking every locateEveryMs. Milliseconds. */
  locateMs: 600_000,
  /** Milliseconds between two such questions. */
  locateEveryMs: 50,
  /** Partitions one client stores at a time. */
  putsInFlight: 4,
  /** Time a process of a local cluster may take to come up. Milliseconds. */
  startMs: 60_000,
  /** Time it may take to stop before it is killed. Milliseconds. */
  stopMs: 5_000,
  /** Time a handshake may take. Milliseconds. */
  handshakeMs: 10_000,
  /** Longest wait for a slab when the arenas are full and nothing can be spilled. Milliseconds. */
  allocationWaitMs: 60_000,
  /** Share of a worker's memory budget above which least-recently-used partitions are spilled. */
  memorySpillShare: 0.7,
  /** Share of a worker's memory budget above which it takes no new tasks. */
  memoryPauseShare: 0.9,
  /** Share of a worker's memory budget above which inputs read one after another are copied one by one, when the task comes to each. */
  streamedShare: 0.25,
  /** Bytes of such inputs that a thread was given, after which it has those collected that it is done with. */
  copiedInputBytes: 16 * MiB,
  /** Bytes read back from disk for peers and not yet taken by them, outside of the memory budget. */
  lendBufferBytes: 64 * MiB,
  /** Share of a worker's memory budget that pulls in flight may reserve. */
  fetchShare: 0.25,
  /** Time between a task's AbortSignal and the end of its thread. Milliseconds. */
  abortGraceMs: 50,
  /** Partitions below this are not worth a file of their own. */
  spillMinBytes: 4 * KiB,
  /** Tasks run by a thread in one go: bounds how much is repeated when a thread is killed. */
  threadBatchTasks: 256,
  /** Input bytes of a thread batch of several tasks, in memory together: over all threads this share of the budget; for each not less, nor more, than what follows. */
  batchInputShare: 1 / 16,
  batchInputMinBytes: 8 * MiB,
  batchInputMaxBytes: 512 * MiB,
  /** A template up to this goes to a thread with every batch; larger ones are asked for, once. Bytes. */
  threadTemplateBytes: 4 * KiB,
  /** Texts of expressions that a thread has numbered, so that equal ones are computed once a row, and their length. */
  numberedExpressions: 4096,
  numberedExpressionChars: 4 * KiB,
  /** Stages of dataframe queries whose plan a thread remembers after their job, and how long a body one may have. */
  cachedFragments: 256,
  cachedFragmentBytes: 4 * KiB,
  /** Inspections of files that a session remembers, row groups of one, and characters of a scan and of what tells that it still holds. */
  knownScans: 32,
  knownScanSplits: 1024,
  knownScanChars: 4 * KiB,
  scanStampChars: 2 * KiB,
  /** Plans remembered of one table on the workers, or of one inspection, and how long the text of their verbs may be. */
  knownPlans: 64,
  knownPlanChars: 4 * KiB,
  /** Layouts of partitions that a thread remembers, and how long one may be. */
  cachedLayouts: 256,
  cachedLayoutBytes: 4 * KiB,
  /** A thread batch is sized to last about this long: between two of them its thread waits for the engine. Milliseconds. */
  threadBatchMs: 32,
  /** A thread that has its batch waits no longer than this until the engine has started the others'. Milliseconds. */
  gateMs: 1,
  /** A thread batch that lasts longer sends the results it has; of tasks that are reported together, twice what one is sized for. Milliseconds. */
  threadFlushMs: 10,
  togetherFlushMs: 64,
  /** From when the first thread of a pool has loaded to the start of the others, unless there is work for them. Milliseconds. */
  otherThreadsMs: 100,
  /** For how long a program has had a frame and not asked for an answer when apache-arrow is loaded. Milliseconds. */
  arrowIdleMs: 20,
  /** Rest after which a thread rehearses, embedded and beside other processes, which may be starting; until when. Milliseconds. */
  rehearsalIdleMs: 20,
  rehearsalApartIdleMs: 150,
  rehearsalWithinMs: 6_000,
  /** Bytes of rows that a filter puts into memory which its task holds to its end: others lie on the heap. */
  filterLentBytes: 64 * MiB,
  /** What it rehearses in, for its partitions and its scratch: 2 MiB each. What it touches before of the scratch of all lanes. */
  rehearsalBytes: 2 * 1024 * 1024,
  touchedBytes: 32 * MiB,
  /** Heap of a pool thread: its share of the memory budget, but not less, nor more, than these. MB. */
  threadHeapMinMb: 256,
  threadHeapMaxMb: 4096,
  /** Tasks a worker may hold beyond those it runs. */
  prefetchTasks: 1024,
  /** Events kept for one task or worker story. */
  storyEvents: 32,
  /** Nesting of a decoded value. */
  decodeDepth: 512,
  /** Files and folders one glob or folder scan may visit. */
  globEntries: 1_000_000,
  /** Folders a glob descends, which also ends loops of links, and alternatives its braces may expand to. */
  globDepth: 64,
  globAlternatives: 1024,
  /** Times more that a folder is removed which somebody still adds files to. */
  discardTries: 20,
  /** Redirects followed for one HTTP request, and times it is sent in all, when servers or networks fail. */
  httpRedirects: 5,
  httpAttempts: 5,
  /** First and longest wait before the next, doubled each time. Milliseconds. */
  httpRetryBaseMs: 100,
  httpRetryMaxMs: 10_000,
  /** Silence of an HTTP server after which the request counts as failed. Milliseconds. */
  httpSilenceMs: 30_000,
  /** Bytes of a file that is read whole, because its server gives no ranges. */
  httpWholeBytes: 64 * MiB,
  /** Bytes of one part of an upload to S3, in memory at a time. A store takes 10,000 parts, none below 5 MiB but the last. */
  s3PartBytes: 8 * MiB,
  /** Time a PostgreSQL server may take to let a client in. Milliseconds. */
  postgresConnectMs: 15_000,
  /** Partitions of one scan of PostgreSQL: each is a connection. */
  postgresPartitions: 4096,
  /** Bytes of the metadata of one message, and of the footer, of an Arrow IPC file. Above it the file lies or is unusable. */
  ipcMetadataBytes: 64 * MiB,
  /** Bytes of distinct text in the dictionary of one column of an Arrow IPC file that is written: it is held until the end. */
  ipcDictionaryBytes: 256 * MiB,
  /** Messages of one Arrow IPC stream: they are walked one by one. */
  ipcMessages: 1_000_000,
  /** Rows of one record batch: as many as a slab can have. */
  ipcBatchRows: 2 ** 27,
  /** Decoded bytes of one compressed buffer of an Arrow IPC file: a file may claim anything. */
  ipcDecodedBytes: 1024 * MiB,
  /** Messages of a file whose metadata is read at a time: for a web server each is a request. */
  ipcReadsInFlight: 16,
  /** Bytes of a Parquet footer. Above it the file lies or is unusable. */
  parquetFooterBytes: 256 * MiB,
  /** Bytes allocated for text on the word of a footer, before any of it was decoded. */
  parquetFirstTextBytes: 64 * MiB,
  /** Parsed footers that a thread keeps. */
  parquetFooters: 16,
  /** Headers of their pages that it keeps, of a few hundred bytes each: beyond that all are forgotten. */
  parquetKnownHeaders: 65_536,
  /** Bytes of WebAssembly's memory that a thread keeps for a page and what it unpacks to, for each codec. */
  unpackKeptBytes: 32 * MiB,
  /** Decoded bytes of one column of one Parquet row group: a file may claim anything. */
  parquetDecodedBytes: 1024 * MiB,
  /** Elements of one encoded value, a container counting as five. Shared references are copied, so a small graph can unfold to more. */
  valueNodes: 50_000_000,
  /** Binary of a value from this size on lies outside of its msgpack, aligned, and is decoded without a copy. Bytes. */
  outOfBandBytes: 4 * KiB,
  /** Bytes of the encoder's buffer that a thread keeps between values. */
  packBufferBytes: 1 * MiB,
  /** Errors kept with a failure in all: causes and members, and theirs. */
  failureErrors: 256,
  /** Members of an AggregateError kept with a failure. */
  failureMembers: 64,
  /** Own properties kept with a failure. */
  failureProperties: 64,
  /** Characters of a failure's message, and of its stack. */
  failureTextChars: 64 * KiB,
  /** Bytes of a failure's properties; what goes beyond is left out. */
  failurePropertyBytes: 256 * KiB,
  /** Names of remote error classes a process keeps stand-ins for. */
  remoteErrorClasses: 256,
  /** Bytes of one shipped function or bundled task module. */
  shippedSourceBytes: 16 * MiB,
  /** Functions and task modules a thread keeps compiled, and a client keeps analysed. */
  revivedFunctions: 1024,
  /** Templates whose run time head and workers remember from one job to the next, and the largest body of those. */
  knownTemplates: 256,
  knownTemplateBytes: 4 * KiB,
  /** Payload and argument bytes after which the head begins another message: well below what a link refuses; results that wait for others. */
  enclosedBytes: 8 * MiB,
  reportedTogether: 4096,
  /** Arguments and enclosed inputs of one task, in all: it must fit into one control message. Bytes. */
  assignmentBytes: 48 * MiB,
  /** Times a task is given back because its inputs could not be pulled, before it fails: no loop without an end. */
  inputLosses: 8,
  /** Work a worker holds beyond what it runs: enough to hide the round trip to the head. Milliseconds a thread. */
  prefetchMs: 25,
  /** How long a task is taken to last while no task of its layer has been measured. Milliseconds. */
  unknownTaskMs: 50,
  /** The same of a dataframe's stage over partitions: they are cut so that its tasks take about this long. Milliseconds. */
  unknownFragmentMs: 4,
  /** Mean result size from which the first tasks of a graph are not prefetched: memory first. Bytes. */
  bigResultBytes: 4 * MiB,
  /** Data plane speed that placement reckons with: a fast network card. Bytes per millisecond. */
  transferBytesPerMs: 500_000,
  /** Ready tasks placement looks ahead for one whose inputs are near a free worker. */
  placementWindow: 64,
  /** Neighbouring tasks one worker is given, where they could run anywhere: what is put together later then lies together. */
  placementRun: 8,
  /** Work that must wait at one worker before some is moved to an idle one. Milliseconds a thread. */
  retractMs: 20,
  /** Idle workers served with retracted work in one placement round. */
  retractWorkers: 16,
  /** A retry this long over its time becomes ready without its ticket. Milliseconds. */
  retryOverdueMs: 2_000,
  /** Silence of the head's own ticks from which it counts itself, not its workers, as late. Milliseconds. */
  headStallMs: 2_000,
  /** Tasks whose story the head keeps; the oldest story goes first. */
  stories: 10_000,
  /** Failures of one layer kept for later dependents; beyond it they get the layer's first failure. */
  failuresPerLayer: 256,
  /** Engine deaths remembered, so that one told twice counts once. */
  engineDeaths: 4096,
  /** Bytes that one compressed text file may unpack to: it is read piece by piece, but its rows have to go somewhere. */
  unpackedFileBytes: 256 * 1024 * MiB,
  /** Bytes of one line of text input, and of one record of a JSON document. */
  lineBytes: 64 * MiB,
  /** Nesting of one JSON value. */
  jsonDepth: 128,
  /** Partitions that a frame may be cut into: every task makes a slice for each. */
  repartitions: 4096,
  /** Bytes of node memory that a lane's tasks work in: at most, and as a share of its part of the budget. Beyond it they ask the system. */
  scratchBytes: 64 * MiB,
  scratchShare: 3 / 8,
  /** Bytes that a thread keeps of the latter for its next task: at most, and as such a share. */
  keptBytes: 64 * MiB,
  keptShare: 1 / 8,
  /** Where that share is less than that: buffers from this size on are the system's again when they are freed. Bytes. */
  mallocKeptBytes: 128 * KiB,
  /** Beside that, where kernels in WebAssembly are given what lies elsewhere, for each lane. A multiple of 64 KiB; used as far as needed. */
  workspaceBytes: 8 * MiB,
  /** Both, for all lanes of a node: the rest of 4 GiB is for slabs. */
  lanesBytes: 1024 * MiB,
  /** Compiled kernels kept per thread, and signatures of one that are translated to WebAssembly; calls of others run as JavaScript. */
  compiledKernels: 1024,
  kernelVariants: 32,
  /** Resident bytes of an engine beside its slabs and its threads' heaps. */
  engineBaseBytes: 512 * MiB,
  /** First and longest wait before an engine is started again. Milliseconds. */
  engineRestartBaseMs: 50,
  engineRestartMaxMs: 5_000,
  /** Restarts of an engine within a minute before its supervisor gives up. */
  engineRestartsPerMinute: 20,
} as const;
