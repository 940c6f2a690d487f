import type { ClientId, JobId, TaskRange, TaskRef, TemplateId, WorkerId } from '../base/ids.js';
import type { FailureData } from '../graph/failure.js';
import type { LayerSpec, TemplateSpec } from '../graph/layer.js';

/**
 * Every message of the control plane as Volley's own types. core/wire/codec turns them into the types of
 * proto/volley.proto and back; the in-memory transport hands them over as they are, so a receiver must not
 * change them, nor a sender after sending.
 *
 * Messages about many tasks hold parallel arrays (struct of arrays): one object a batch, none a task.
 */

// ---------------------------------------------------------------- worker → head

export type WorkerToHead =
  | WorkerHello
  | Heartbeat
  | TasksFinished
  | TaskFailed
  | TasksReturned
  | ReplicasChanged
  | FaultSeen
  | { readonly kind: 'worker-bye'; readonly reason: string };

export interface WorkerHello {
  readonly kind: 'worker-hello';
  readonly versions: Versions;
  /** For people; unique only by habit: `hostname-pid`. */
  readonly name: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: Readonly<Record<string, number>>;
  readonly address: DataAddress;
  readonly supervisorPid: number;
  readonly enginePid: number;
  /** Why the engine before this one died, when a supervisor restarted it. */
  readonly death: EngineDeath | null;
}

export interface EngineDeath {
  /** Exit code, or null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Resident bytes of the engine as last seen. */
  readonly rssBytes: number;
  /** What its threads were running when it was last seen. */
  readonly running: readonly { readonly job: JobId; readonly index: number; readonly attempt: number }[];
  /** The incarnation that died, and its process. */
  readonly worker: WorkerId;
  readonly pid: number;
}

/** Where a node's results can be pulled from. */
export interface DataAddress {
  /** host:port of the gRPC data service, or `memory:N` for a node of this process. */
  readonly grpc: string;
  /** Path of the Unix socket; '' when there is none. Used only by processes of equal bootId and uid. */
  readonly socket: string;
  readonly bootId: string;
  readonly uid: number;
}

export interface Versions {
  readonly volley: string;
  readonly protocol: number;
  readonly node: string;
}

export interface Heartbeat {
  readonly kind: 'heartbeat';
  /** Bytes of slabs in use, of the budget, and of the process. */
  readonly storedBytes: number;
  readonly spilledBytes: number;
  readonly rssBytes: number;
  readonly queued: number;
  readonly running: number;
  /** True while memory is over its limit: no new tasks, please. */
  readonly paused: boolean;
}

/** Results that are complete: stored here, or enclosed. Parallel arrays of equal length. */
export interface TasksFinished {
  readonly kind: 'tasks-finished';
  readonly job: JobId;
  readonly indices: Uint32Array;
  readonly attempts: Uint32Array;
  readonly rows: Float64Array;
  readonly bytes: Float64Array;
  readonly durationUs: Float64Array;
  /** Enclosed payloads, null for stored results. `null` as a whole: none is enclosed. */
  readonly inline: readonly (Uint8Array | null)[] | null;
}

export interface TaskFailed {
  readonly kind: 'task-failed';
  readonly task: TaskRef;
  readonly attempt: number;
  readonly reason: FailureReason;
  readonly failure: FailureData;
  /** For 'input-lost': inputs no holder could give. */
  readonly lostInputs: readonly TaskRef[];
}

/**
 * 'application': the task's own exception. 'timeout': ran past its limit. 'thread-lost': its thread ran out of
 * heap or exited. 'input-lost': inputs could not be pulled or were corrupt. 'cancelled': as asked.
 */
export type FailureReason = 'application' | 'timeout' | 'thread-lost' | 'input-lost' | 'cancelled';

/** Unstarted tasks handed back (retracted, or their thread was killed for another's sake). Counts as no attempt. */
export interface TasksReturned {
  readonly kind: 'tasks-returned';
  readonly job: JobId;
  readonly indices: Uint32Array;
  readonly attempts: Uint32Array;
}

/** Results of other nodes this worker now holds a copy of, or no longer holds. */
export interface ReplicasChanged {
  readonly kind: 'replicas-changed';
  readonly added: readonly TaskRef[];
  readonly dropped: readonly TaskRef[];
}

/** A fault a worker saw, for the head to count and to act on; also published through the Notifier. */
export interface FaultSeen {
  readonly kind: 'fault-seen';
  readonly fault: 'partition-corrupt' | 'peer-unreachable' | 'memory-pressure';
  readonly task: TaskRef | null;
  readonly peer: WorkerId | null;
  readonly detail: string;
}

// ---------------------------------------------------------------- head → worker

export type HeadToWorker =
  | WorkerWelcome
  | Refused
  | PeerTable
  | { readonly kind: 'template'; readonly spec: TemplateSpec }
  | AssignTasks
  | {
      readonly kind: 'cancel-tasks';
      readonly job: JobId;
      readonly indices: Uint32Array;
      readonly attempts: Uint32Array;
    }
  /** Hand back what has not started; what has is left alone. */
  | {
      readonly kind: 'retract-tasks';
      readonly job: JobId;
      readonly indices: Uint32Array;
      readonly attempts: Uint32Array;
    }
  /** Results nobody needs any more. */
  | { readonly kind: 'free-results'; readonly job: JobId; readonly indices: Uint32Array }
  /** Everything of a job: tasks, results, templates. */
  | { readonly kind: 'drop-job'; readonly job: JobId }
  | { readonly kind: 'shutdown'; readonly reason: string };

export interface WorkerWelcome {
  readonly kind: 'worker-welcome';
  readonly worker: WorkerId;
  readonly cluster: string;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly natsUrl: string;
}

export interface Refused {
  readonly kind: 'refused';
  readonly code: 'VERSION_MISMATCH' | 'UNAUTHENTICATED' | 'PROTOCOL' | 'RESOURCE_EXHAUSTED';
  readonly message: string;
}

/** All live workers; sent whole whenever it changes. */
export interface PeerTable {
  readonly kind: 'peers';
  readonly workers: readonly PeerEntry[];
}

export interface PeerEntry {
  readonly worker: WorkerId;
  readonly name: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: DataAddress;
  readonly supervisorPid: number;
  readonly enginePid: number;
}

/** Tasks of one layer for one worker, highest priority first. */
export interface AssignTasks {
  readonly kind: 'assign-tasks';
  readonly job: JobId;
  readonly template: TemplateId;
  readonly indices: Uint32Array;
  readonly attempts: Uint32Array;
  /** Position in the layer (index - layer.first): the slice a shuffle consumer reads. */
  readonly positions: Uint32Array;
  /** Argument bytes of the tasks, in the order of `indices`; null where the layer has none. */
  readonly args: { readonly offsets: Uint32Array; readonly bytes: Uint8Array } | null;
  readonly inputs: readonly InputTable[];
  readonly slices: number;
  readonly timeoutMs: number;
  readonly priority: number;
  readonly resources: Readonly<Record<string, number>>;
  readonly inlineResult: boolean;
  /** Nothing begins, and nobody hears of it, when only some of the layer are done: a thread may tell of a batch at its end. */
  readonly reportedTogether: boolean;
  readonly name: string;
}

/**
 * One dependency of a layer. `offsets` is null when every task of the message reads all entries (rules 'all' and
 * 'all-to-all'); else task t (by position in `indices`) reads entries offsets[t] to offsets[t+1]-1.
 */
export interface InputTable {
  /** True: the reader at position p wants slice p of each entry. False: slice 0, the whole. */
  readonly sliced: boolean;
  readonly offsets: Uint32Array | null;
  readonly jobs: Uint32Array;
  readonly indices: Uint32Array;
  readonly bytes: Float64Array;
  readonly rows: Float64Array;
  /** Workers that hold entry e: holders[holderOffsets[e] .. holderOffsets[e+1]). */
  readonly holderOffsets: Uint32Array;
  readonly holders: Uint32Array;
  /** Enclosed payload of entry e (a small result the head holds), null for stored ones; null as a whole: none. */
  readonly inline: readonly (Uint8Array | null)[] | null;
}

// ---------------------------------------------------------------- client → head

export type ClientToHead =
  | { readonly kind: 'client-hello'; readonly versions: Versions; readonly name: string }
  | { readonly kind: 'template'; readonly spec: TemplateSpec }
  | { readonly kind: 'submit'; readonly layer: LayerSpec }
  /** Results of a put layer now stored on a worker. */
  | {
      readonly kind: 'put-done';
      readonly job: JobId;
      readonly indices: Uint32Array;
      readonly worker: WorkerId;
      readonly rows: Float64Array;
      readonly bytes: Float64Array;
    }
  | { readonly kind: 'cancel'; readonly range: TaskRange }
  /** The client no longer wants these results. */
  | { readonly kind: 'release'; readonly ranges: readonly TaskRange[] }
  /** It wants these, but nothing needs them now: their memory is for others, and they are made, or put, again for who asks. */
  | { readonly kind: 'evict'; readonly range: TaskRange }
  | { readonly kind: 'drop-job'; readonly job: JobId }
  /** All result messages up to this sequence number have arrived. */
  | { readonly kind: 'ack'; readonly sequence: number }
  | { readonly kind: 'ask'; readonly request: number; readonly question: Question }
  | { readonly kind: 'client-bye' };

export type Question =
  | { readonly about: 'status' }
  | { readonly about: 'explain'; readonly task: TaskRef }
  /** Who holds a result now? `lost`: a worker that could not give it (0: none), which then no longer counts as a holder. */
  | { readonly about: 'locate'; readonly task: TaskRef; readonly lost: number };

// ---------------------------------------------------------------- head → client

export type HeadToClient =
  | ClientWelcome
  | Refused
  | PeerTable
  | TaskResults
  /** Put results whose holders are gone: store them again, or fail the tasks that need them with DATA_LOST. */
  | { readonly kind: 'put-lost'; readonly job: JobId; readonly indices: Uint32Array }
  /** JSON of a StatusReport, an Explanation or a Location (core/graph/report). */
  | { readonly kind: 'answer'; readonly request: number; readonly json: string }
  /** JSON of a FaultEvent (core/notify/notifier), for who watches. */
  | { readonly kind: 'fault'; readonly json: string };

export interface ClientWelcome {
  readonly kind: 'client-welcome';
  readonly client: ClientId;
  readonly cluster: string;
  /** The client's block of job ids. */
  readonly firstJob: number;
  readonly jobCount: number;
}

/** Tasks that ended, in the order in which they did. Parallel arrays. */
export interface TaskResults {
  readonly kind: 'task-results';
  /** 1, 2, 3, … per client: acknowledged cumulatively. */
  readonly sequence: number;
  readonly job: JobId;
  readonly indices: Uint32Array;
  readonly outcomes: Uint8Array;
  readonly rows: Float64Array;
  readonly bytes: Float64Array;
  /** A worker that holds the result; 0 where it is enclosed or there is none. */
  readonly holders: Uint32Array;
  readonly inline: readonly (Uint8Array | null)[] | null;
  /** Failure of entry i, null for others; null as a whole: no failures. */
  readonly failures: readonly (FailureData | null)[] | null;
}

export const Outcome = { Done: 0, Failed: 1, Cancelled: 2 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];
