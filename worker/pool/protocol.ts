import type { MessagePort } from 'node:worker_threads';
import type { TaskRef } from '../../core/base/ids.js';
import type { NodeMemory } from '../../core/base/kernel-memory.js';
import type { FailureData } from '../../core/graph/failure.js';
import type { TemplateKind } from '../../core/graph/layer.js';
import type { PartitionHeader, SlicePlace } from '../../core/graph/partition.js';

/** What engine and pool threads say to each other. All of it is plain data that structured clone takes. */

/** Given to every thread when it starts. */
export interface ThreadSetup {
  /** Words of all lanes (see lane-words). */
  readonly words: SharedArrayBuffer;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly allowPaths: readonly string[] | null;
  /** What kernels run over; null where the system gave none. */
  readonly memory: NodeMemory | null;
  /** Bytes it may keep between tasks, outside of the node's memory. */
  readonly keptBytes: number;
  /** For how long nobody has had anything to do when it rehearses. Milliseconds. */
  readonly idleMs: number;
}

/** What a template's tasks run. */
export interface Template {
  readonly kind: TemplateKind;
  readonly body: Uint8Array;
}

/** One pool.run: tasks of one template, claimed by the thread one after another. Parallel arrays. */
export interface ThreadBatch {
  readonly lane: number;
  readonly batch: number;
  readonly job: number;
  readonly template: number;
  readonly name: string;
  /** Of small templates, so that threads that see them for the first time need not ask. */
  readonly definition: Template | null;
  readonly inlineResult: boolean;
  /** Say when the first task begins: it has a time limit. */
  readonly announce: boolean;
  /** Nobody waits for some of the tasks: send what is done with the reply, or after limits.togetherFlushMs. */
  readonly together: boolean;
  readonly indices: Uint32Array;
  readonly attempts: Uint32Array;
  readonly positions: Uint32Array;
  readonly args: { readonly offsets: Uint32Array; readonly bytes: Uint8Array } | null;
  /** By task, by dependency; null when there are none. */
  readonly inputs: readonly (readonly (readonly ThreadInput[])[])[] | null;
  /** By task: memory that may do for its result, so that it need not ask for it. */
  readonly rooms: readonly (Room | null)[] | null;
}

export interface Room {
  readonly arena: number;
  readonly offset: number;
  readonly byteLength: number;
}

/**
 * A slice a task reads: in an arena, enclosed with its header, in the memory of a peer, an enclosed value, or to be asked
 * for when the task comes to it. Trusted: a thread of this node wrote it.
 */
export type ThreadInput =
  | {
      readonly header: PartitionHeader;
      readonly arena: number;
      readonly offset: number;
      readonly trusted: boolean;
    }
  | { readonly header: PartitionHeader; readonly bytes: Uint8Array; readonly trusted: boolean }
  | AwayInput
  | { readonly value: Uint8Array }
  | AskedInput;

/** A slice of a result of `task` that lies in the memory of a peer, to be read there. */
export interface AwayInput {
  readonly header: PartitionHeader;
  readonly task: TaskRef;
  readonly place: SlicePlace;
}

export interface AskedInput {
  readonly ask: { readonly job: number; readonly index: number; readonly slice: number };
}

/** Ends of tasks of one batch. Enclosed results lie one after another in `bytes`; all others are in `others`. */
export interface ThreadResults {
  readonly batch: number;
  readonly lane: number;
  readonly positions: Uint32Array;
  readonly rows: Float64Array;
  readonly durationUs: Float64Array;
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
  readonly others: readonly ThreadOutcome[];
}

export type ThreadOutcome =
  | {
      readonly kind: 'stored';
      readonly position: number;
      readonly durationUs: number;
      readonly rows: number;
      /** Small results; null: they are in the slab the task asked for. */
      readonly bytes: Uint8Array | null;
      readonly slices: readonly { readonly header: PartitionHeader; readonly offset: number }[];
    }
  | {
      readonly kind: 'failed';
      readonly position: number;
      readonly durationUs: number;
      readonly failure: FailureData;
      readonly system: boolean;
      /** An input that was gone when the task came to it. */
      readonly lost: TaskRef | null;
    };

/** What pool.run resolves with: the results not sent before, and how many messages were. */
export interface ThreadReply extends ThreadResults {
  readonly streamed: number;
  readonly thread: number;
  /** The thread keeps something of the job, until it is told that the job is over. */
  readonly keeps: boolean;
}

/** Thread → engine, through its parentPort. */
export type FromThread =
  | { readonly kind: 'thread-ready'; readonly thread: number; readonly port: MessagePort }
  /** What tasks need is loaded: the first one need not wait for it. */
  | { readonly kind: 'thread-loaded'; readonly thread: number }
  | { readonly kind: 'task-begins'; readonly lane: number; readonly batch: number }
  | { readonly kind: 'results'; readonly results: ThreadResults }
  | Ask;

/** A question the thread sleeps on until its lane's answer word changes. */
export type Ask = { readonly thread: number; readonly lane: number; readonly batch: number } & (
  | { readonly kind: 'ask-slab'; readonly position: number; readonly byteLength: number }
  | { readonly kind: 'ask-arena'; readonly arena: number }
  | { readonly kind: 'ask-template'; readonly job: number; readonly template: number }
  | ({ readonly kind: 'ask-input' } & AskedInput)
);

/** Engine → thread, through the port of 'thread-ready'; there before the answer word changes. */
export type ToThread =
  /** `buffer`: null when it is that of the node's memory. */
  | { readonly kind: 'arena'; readonly arena: number; readonly buffer: SharedArrayBuffer | null }
  | { readonly kind: 'drop-arena'; readonly arena: number }
  | { readonly kind: 'drop-job'; readonly job: number }
  /** To all threads: whoever runs this batch has limits.abortGraceMs until its thread is ended. */
  | { readonly kind: 'abort'; readonly batch: number }
  | {
      readonly kind: 'template';
      readonly job: number;
      readonly template: number;
      readonly templateKind: TemplateKind;
      readonly body: Uint8Array;
    }
  /** A copy of an input, for the thread alone. */
  | { readonly kind: 'input'; readonly header: PartitionHeader; readonly bytes: Uint8Array }
  /** Why an answer is an error. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };
