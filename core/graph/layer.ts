import type { JobId, TaskRange, TemplateId } from '../base/ids.js';

/**
 * The language between those who build work (functions, dataframes) and the one who places it.
 * A layer is `count` tasks made from one template, with one rule for each of their inputs. The head
 * expands it; it never learns what a template does.
 */
export interface LayerSpec {
  readonly job: JobId;
  /** Index of the layer's first task in the job. Layers of one job never overlap. */
  readonly first: number;
  readonly count: number;
  /** What each task runs. `null`: a put layer, whose results the client stores itself. */
  readonly template: TemplateId | null;
  readonly dependencies: readonly Dependency[];
  /** Argument bytes of each task; null when the template needs none. */
  readonly args: BytesTable | null;
  /** Slices per result: 1, or the fan-out of a shuffle. */
  readonly slices: number;
  readonly options: TaskOptions;
}

/** How the inputs of task `i` (0-based in its layer) are found in `from`. */
export type Dependency =
  /** Task i reads result i. Both ranges have the same count. */
  | { readonly rule: 'one-to-one'; readonly from: TaskRange }
  /** Every task reads every result, in order: all-to-one when the layer has one task, else a broadcast. */
  | { readonly rule: 'all'; readonly from: TaskRange }
  /** Task i reads slice i of every result, in order: a shuffle. */
  | { readonly rule: 'all-to-all'; readonly from: TaskRange }
  /** Task i reads results offsets[i] to offsets[i+1]-1 of the range: concat, coalesce, tree(k). */
  | { readonly rule: 'group'; readonly from: TaskRange; readonly offsets: Uint32Array }
  /** Task i reads (jobs[k], indices[k]) for k from offsets[i] to offsets[i+1]-1: a graph in CSR form. */
  | {
      readonly rule: 'explicit';
      readonly offsets: Uint32Array;
      readonly jobs: Uint32Array;
      readonly indices: Uint32Array;
    };

/** `count` byte strings, one after another. String i is bytes[offsets[i], offsets[i+1]). */
export interface BytesTable {
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
}

export interface TaskOptions {
  /** For people: shown by explain, errors, events. */
  readonly name: string;
  /** Retries of the task's own exceptions. System failures have a budget of their own. */
  readonly retries: number;
  /** Class names or error codes that are worth a retry; null: all. */
  readonly retryOn: readonly string[] | null;
  /** Milliseconds one attempt may run; 0: no limit. */
  readonly timeoutMs: number;
  /** Higher first. */
  readonly priority: number;
  /** Units each task holds while it runs: `cpu` defaults to 1; others must be offered by a worker. */
  readonly resources: Readonly<Record<string, number>>;
  /** The worker must carry every one of these labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** True: a small result travels to the client with its finish report and is not stored on the worker. */
  readonly inlineResult: boolean;
  /**
   * True: the client hears of tasks that are done once all of the layer are, or one has failed; a message for each few of them would
   * wake it for nothing. Results that are enclosed travel at once.
   */
  readonly reportedTogether: boolean;
}

export const defaultTaskOptions: TaskOptions = {
  name: 'task',
  retries: 0,
  retryOn: null,
  timeoutMs: 0,
  priority: 0,
  resources: {},
  labels: {},
  inlineResult: false,
  reportedTogether: false,
};

/** What a template holds. The body is opaque to head and wire: msgpack of a FunctionTemplate or a Fragment. */
export interface TemplateSpec {
  readonly job: JobId;
  readonly template: TemplateId;
  readonly kind: TemplateKind;
  readonly name: string;
  readonly body: Uint8Array;
}

/**
 * 'function': a shipped TypeScript function (core/client/ship). 'fragment': a dataframe pipeline (dataframe/physical).
 * 'stream': one that reads what its first dependency gave entry by entry, and is done with each before the next, so that
 * they need not be in memory together.
 */
export const templateKinds = ['function', 'fragment', 'stream'] as const;
export type TemplateKind = (typeof templateKinds)[number];
