import type { ClientId, JobId, WorkerId } from '../../core/base/ids.js';
import type { FailureData } from '../../core/graph/failure.js';
import type { KnownTemplates } from '../../core/graph/known-templates.js';
import type { Dependency, LayerSpec, TemplateSpec } from '../../core/graph/layer.js';
import type { RetryTicket } from '../../core/notify/notifier.js';
import type { WorkerHello } from '../../core/wire/messages.js';
import type { ClusterOptions } from './api.js';
import type { SlotTable } from './slots.js';

/** Everything the scheduler knows. Changed by `reduce` and `place` only. */
export interface Cluster {
  readonly options: ClusterOptions;
  readonly slots: SlotTable;
  readonly workers: Map<number, WorkerRow>;
  /** The same workers in the order of their numbers. */
  workerList: WorkerRow[];
  readonly clients: Map<number, ClientRow>;
  readonly jobs: Map<number, Job>;
  /** By layer number; null: the number is free. Number 0 is never used. */
  readonly layers: (Layer | null)[];
  readonly freeLayers: number[];
  /** Tasks by state. */
  readonly tally: Uint32Array;
  readonly counters: Map<string, number>;
  readonly requirements: Map<string, Requirement>;
  readonly known: KnownTemplates<Measure>;
  /** Payloads of inline results, by slot: until the client has them and no open task reads them. */
  readonly payloads: Map<number, Uint8Array>;
  /** Tasks in retry-wait: when the tick makes them ready without their ticket. Milliseconds. */
  readonly overdueAt: Map<number, number>;
  /** What happened to tasks something happened to, oldest story first. */
  readonly stories: Map<number, string[]>;
  /** Incarnations whose death was told. */
  readonly deaths: Set<number>;
  /** Layers with ready tasks, best first once sorted. */
  readyLayers: Layer[];
  readySorted: boolean;
  /** Layers that may have nothing left to keep; looked at when the event is done. */
  readonly idleLayers: Set<Layer>;
  /** Jobs with results to tell. */
  readonly reporting: Set<Job>;
  /** Put results to be stored again, by job. */
  readonly putLost: Map<Job, number[]>;
  /** Tickets placed or void. */
  settled: RetryTicket[];
  peersChanged: boolean;
  jobSerial: number;
  placeSerial: number;
  lastTickMs: number;
}

export interface Job {
  readonly id: JobId;
  readonly client: ClientRow;
  /** Age: lower is older. */
  readonly serial: number;
  /** Sorted by `first`, never overlapping. */
  readonly layers: Layer[];
  readonly templates: Map<number, TemplateSpec>;
  /** By template. */
  readonly measures: Map<number, Measure>;
  /** Workers that were told anything of it. */
  readonly knownBy: Set<number>;
  /** Its client is done with it; it stays only for readers in other jobs. */
  dropped: boolean;
  /** Results the next TaskResults messages carry: one message, but for very many enclosed bytes. */
  pending: PendingResults[];
  /** They are not to wait for others. */
  due: boolean;
}

/** Means over the last tasks or so, for placement; before the first, what such tasks usually take. */
export interface Measure {
  tasks: number;
  meanMs: number;
  meanBytes: number;
}

/** Which tasks of a layer a worker works through one after another. */
export interface Runs {
  /** Tasks in a run; the layer is cut into runs of that many from its first task on. */
  readonly length: number;
  /** Worker that is amid the run of this number. */
  readonly owners: Map<number, number>;
  /** Position a worker comes to next in the run it is amid. */
  readonly next: Map<number, number>;
}

export interface PendingResults {
  readonly indices: number[];
  readonly outcomes: number[];
  readonly rows: number[];
  readonly bytes: number[];
  readonly holders: number[];
  readonly inline: (Uint8Array | null)[];
  readonly failures: (FailureData | null)[];
  inlineBytes: number;
  failed: number;
}

export interface Layer {
  /** Its number in `Cluster.layers`. */
  readonly id: number;
  readonly job: Job;
  readonly spec: LayerSpec;
  readonly first: number;
  readonly count: number;
  /** Slot of its first task. */
  readonly slot: number;
  readonly put: boolean;
  /** Longest path to a layer without inputs. */
  depth: number;
  readonly requirement: Requirement;
  readonly links: Link[];
  /** Dependencies of other layers that read results of this one. */
  readonly readers: Set<Span>;
  /** Tasks with Flag.Open, in state done, with Flag.Wanted, in state ready. */
  open: number;
  /** Tasks whose end its client was not told, nor is about to be. */
  unreported: number;
  done: number;
  wanted: number;
  ready: number;
  /** No position below it is ready. */
  cursor: number;
  /** Null while none of its tasks was placed in a run. */
  runs: Runs | null;
  /** A failed or cancelled source of one of its barriers, as seen when the first task was opened; else `none`. */
  barrierDoom: number;
  /** In `Cluster.readyLayers`. */
  listed: boolean;
  /** Shared by the job's layers of one template: a loop of single submits is measured as a whole. */
  readonly measure: Measure;
  /** Failures by position; those beyond the bound share `anyFailure`. */
  readonly failures: Map<number, FailureData>;
  anyFailure: FailureData | null;
}

/** One dependency of a layer, resolved: the rule is kept, edges are not (but for 'explicit'). */
export interface Link {
  readonly rule: Dependency['rule'];
  readonly reader: Layer;
  readonly spans: Span[];
  /** Entries of the source range; edges for 'explicit'. */
  readonly entries: number;
  /** 'group' and 'explicit': entries of reader i are offsets[i] to offsets[i+1]-1. */
  readonly offsets: Uint32Array | null;
  /** 'explicit': slot of each entry. */
  readonly sources: Uint32Array | null;
  /** 'explicit': the same slots sorted, and the reader position of each. */
  readonly sortedSources: Uint32Array | null;
  readonly sortedReaders: Uint32Array | null;
  /** 'all' and 'all-to-all': entries that are not done. */
  missing: number;
}

/** The part of a link's sources that lies in one layer. */
export interface Span {
  readonly link: Link;
  readonly source: Layer;
  /** First position in the source layer, and how many. For 'explicit': bounds only. */
  readonly from: number;
  readonly count: number;
  /** Entry number of the first. */
  readonly at: number;
}

/** What a worker must offer; shared by layers that ask the same. */
export interface Requirement {
  readonly key: string;
  readonly labels: readonly (readonly [string, string])[];
  /** Without `cpu`, which credits stand for. */
  readonly resources: readonly (readonly [string, number])[];
  readonly cpu: number;
  layers: number;
  /** Null: to be worked out again. */
  eligible: WorkerRow[] | null;
  /** In this placement round, nobody had room for tasks prefetched up to this factor. */
  blockedSerial: number;
  blockedFactor: number;
}

export interface WorkerRow {
  readonly id: WorkerId;
  readonly name: string;
  readonly hello: WorkerHello;
  readonly threads: number;
  lastHeardMs: number;
  storedBytes: number;
  spilledBytes: number;
  rssBytes: number;
  paused: boolean;
  /** It said goodbye: no new tasks. */
  leaving: boolean;
  /** Slots in the order of assignment: the first `threads` are taken to be running. */
  readonly assigned: Set<number>;
  /** Expected durations of what is assigned. Milliseconds. */
  queuedMs: number;
  /** Assigned tasks with Flag.Retracting. */
  retracting: number;
  /** Custom resources held by assigned tasks. */
  readonly inUse: Map<string, number>;
  /** Templates it has, by job. */
  readonly templates: Map<number, Set<number>>;
  /** Results to free and tasks to cancel, by job: told at the next placement. */
  readonly frees: Map<number, number[]>;
  readonly cancels: Map<number, { indices: number[]; attempts: number[] }>;
  /** Positions placed in the layer at hand. */
  batch: number[];
}

export interface ClientRow {
  readonly id: ClientId;
  readonly name: string;
  readonly firstJob: number;
  readonly jobCount: number;
  readonly jobs: Set<Job>;
  sequence: number;
  /** Result messages with enclosed payloads that are not acknowledged, oldest first. */
  readonly unacked: { sequence: number; job: number; indices: number[]; bytes: number }[];
  unackedBytes: number;
  /** When its stream broke; null: attached. */
  leftAtMs: number | null;
}
