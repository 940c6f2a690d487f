import type { JobId, TaskRef, TemplateId, WorkerId } from '../../core/base/ids.js';
import type { FailureData } from '../../core/graph/failure.js';
import type { TemplateSpec } from '../../core/graph/layer.js';
import type {
  AssignTasks,
  DataAddress,
  FailureReason,
  HeadToWorker,
  WorkerToHead,
} from '../../core/wire/messages.js';
import type { Payload } from '../store/block.js';

/**
 * The worker node is a pure state machine of the same shape as the scheduler: the shell feeds events to `reduce`,
 * calls `dispatch` once per drained batch and carries out the effects. No clock, I/O, randomness or await in here.
 *
 * A lane is one seat in the thread pool. It runs one batch of tasks at a time; its thread claims them one by one,
 * and the engine may take back the unclaimed tail at any moment.
 */
export type Event =
  | { readonly kind: 'head'; readonly message: HeadToWorker }
  | { readonly kind: 'pull-done'; readonly pull: number; readonly task: TaskRef; readonly slice: number }
  | { readonly kind: 'pull-failed'; readonly pull: number; readonly code: string; readonly detail: string }
  /** Only for batches that announce: the thread begins with its (only) task. */
  | { readonly kind: 'lane-started'; readonly lane: number; readonly batch: number }
  | {
      readonly kind: 'lane-results';
      readonly lane: number;
      readonly batch: number;
      readonly results: readonly LaneResult[];
    }
  /** The batch is over and all its results were delivered. */
  | { readonly kind: 'lane-free'; readonly lane: number; readonly batch: number }
  /** Its thread has ended; `claimed` tasks of the batch had been begun, the last of which it was running. */
  | {
      readonly kind: 'lane-died';
      readonly lane: number;
      readonly batch: number;
      readonly claimed: number;
      readonly detail: string;
    }
  /** Answer to takeTail: tasks from this position on will not be begun. */
  | { readonly kind: 'tail-taken'; readonly lane: number; readonly batch: number; readonly from: number }
  /** The batch never reached a thread: inputs that were here are gone, or cannot be brought back to memory. */
  | {
      readonly kind: 'batch-refused';
      readonly lane: number;
      readonly batch: number;
      readonly lost: readonly TaskRef[];
      readonly detail: string;
    }
  /** A client stored this result here. */
  | { readonly kind: 'stored'; readonly task: TaskRef }
  /** A result that was here is gone: its spill file was corrupt. */
  | { readonly kind: 'result-gone'; readonly task: TaskRef; readonly detail: string }
  | { readonly kind: 'memory'; readonly paused: boolean }
  | { readonly kind: 'tick' };

/** How one task of a batch ended. Exactly one of inline, payload and failure is set. */
export interface LaneResult {
  readonly position: number;
  readonly durationUs: number;
  readonly rows: number;
  readonly bytes: number;
  readonly inline: Uint8Array | null;
  readonly payload: Payload | null;
  readonly failure: FailureData | null;
  /** True: the node's fault, not the task's own (no memory). */
  readonly system: boolean;
  /** An input that was gone when the task came to it. */
  readonly lost: TaskRef | null;
}

/** Where effects go. Called synchronously; the shell only queues. */
export interface EffectSink {
  toHead(message: WorkerToHead): void;
  startPull(pull: Pull): void;
  abortPull(pull: number): void;
  installTemplate(spec: TemplateSpec): void;
  runBatch(batch: Batch): void;
  /**
   * Take back what the lane's thread has not begun; answered by 'tail-taken'. With `least` for another thread that is there and has nothing to
   * do: not less than so many tasks, else nothing happens.
   */
  takeTail(lane: number, batch: number, least: number): void;
  /** End the lane's thread; answered by 'lane-died'. */
  killLane(lane: number, batch: number): void;
  keepResult(task: TaskRef, payload: Payload): void;
  /** A result nobody wants. */
  discard(payload: Payload): void;
  dropResult(task: TaskRef): void;
  /** One pulled slice that no task here reads any more. */
  dropSlice(task: TaskRef, slice: number): void;
  dropJob(job: JobId): void;
  fault(fault: WorkerFault): void;
}

export interface WorkerFault {
  readonly kind: 'partition-corrupt' | 'peer-unreachable';
  readonly task: TaskRef | null;
  readonly peer: WorkerId | null;
  readonly detail: string;
}

export interface Pull {
  readonly id: number;
  readonly task: TaskRef;
  readonly slice: number;
  readonly peer: WorkerId;
  readonly from: DataAddress;
  /** What it must have when it is whole; -1: unknown. */
  readonly rows: number;
  readonly bytes: number;
  /** Its result is small enough to lie on its node's heap. */
  readonly small: boolean;
  /** A part of a result, and the template whose task asked for it first; null: a whole result, which stays here. */
  readonly reader: { readonly job: JobId; readonly template: TemplateId } | null;
}

/** Tasks of one template for one lane. */
export interface Batch {
  readonly id: number;
  readonly lane: number;
  readonly job: JobId;
  readonly template: TemplateId;
  readonly tasks: readonly Task[];
  /** The thread says when it begins: the task has a time limit. */
  readonly announce: boolean;
  /** The thread tells of tasks that are done when the batch is over, or has gone on for long. */
  readonly together: boolean;
}

export const TaskState = { Fetching: 0, Ready: 1, Running: 2, Ended: 3 } as const;
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

/** What the head wants of a task that is on a lane. Not a state: the task runs on until the thread answers. */
export const Intent = { Run: 0, Cancel: 1, Retract: 2 } as const;
export type Intent = (typeof Intent)[keyof typeof Intent];

/** One attempt of one task, from assignment to its end. */
export interface Task {
  readonly job: JobId;
  readonly index: number;
  readonly attempt: number;
  readonly group: Group;
  /** Position in the group's message: where its arguments and inputs are. */
  readonly ordinal: number;
  state: TaskState;
  intent: Intent;
  /** Input sets that are not complete. Invariant: 0 unless Fetching. */
  missing: number;
  sets: readonly InputSet[];
}

/** The tasks of one assign-tasks message. */
export interface Group {
  readonly message: AssignTasks;
  /** Order of arrival; ties of priority are broken by it. */
  readonly sequence: number;
  /** Ready tasks, first in first out, from `readyHead` on. */
  ready: Task[];
  readyHead: number;
  /** In the ready heap. */
  queued: boolean;
  /** Units of each resource one running task of it holds; 'cpu' is always among them. */
  readonly demand: readonly (readonly [string, number])[];
  /** At least the fan-out of sliced inputs: its largest position plus one. */
  readonly fanOut: number;
  /** Sets shared by all its tasks. */
  shared: readonly InputSet[];
}

/** Inputs that tasks wait for together: one task's own, or a table every task of a group reads. */
export interface InputSet {
  readonly cells: Cell[];
  missing: number;
  readonly tasks: Task[];
  /** Tasks that have not ended yet. */
  users: number;
}

export const CellState = { Queued: 0, Pulling: 1, Here: 2 } as const;
export type CellState = (typeof CellState)[keyof typeof CellState];

/** One slice of one result that lives elsewhere, pulled once for all who need it. */
export interface Cell {
  readonly key: string;
  readonly task: TaskRef;
  readonly slice: number;
  /** The whole result, so that this node becomes a holder of it. */
  readonly whole: boolean;
  readonly rows: number;
  /** Estimate of what is in flight while it is pulled. */
  readonly bytes: number;
  /** Its result is small enough to lie on its node's heap. */
  readonly small: boolean;
  /** Of the group that asked for it first. */
  readonly reader: { readonly job: JobId; readonly template: TemplateId };
  readonly priority: number;
  readonly sequence: number;
  holders: WorkerId[];
  /** How often each holder was tried and failed. */
  readonly failed: Map<WorkerId, number>;
  tries: number;
  state: CellState;
  pull: number;
  peer: WorkerId;
  readonly sets: Set<InputSet>;
}

export interface Lane {
  batch: Batch | null;
  /** Tasks at positions from here on are not the lane's any more. */
  count: number;
  /** Position is 1 when its result has arrived. */
  readonly reported: Uint8Array;
  /** When the batch was handed over. */
  startedMs: number;
  /** When its task runs out of time; Infinity without a limit or before the thread began. */
  deadlineMs: number;
  /** Its tail was taken back: it has none to share. */
  tailTaken: boolean;
  /** It should have begun, and somebody looked. */
  looked: boolean;
  /** The task for whose sake the thread is being ended. */
  killedFor: { readonly task: Task; readonly reason: FailureReason } | null;
  /** The thread is being ended. */
  killing: boolean;
}
