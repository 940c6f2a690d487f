import type { PartitionHeader } from '../../core/graph/partition.js';
import type { FragmentInput } from '../../dataframe/physical/task.js';
import type { ThreadInput } from './protocol.js';

/** One task as a runner sees it. */
export interface TaskRun {
  readonly attempt: number;
  readonly position: number;
  readonly args: Uint8Array | null;
  /** By dependency. */
  readonly inputs: readonly (readonly ThreadInput[])[];
  readonly inlineResult: boolean;
  /** Bytes of a slice: a view of its arena, what was enclosed, or a copy that each call asks for. */
  view(input: Exclude<ThreadInput, { value: Uint8Array }>): FragmentInput;
  /** Memory for the result, at most one per task. */
  allocate(byteLength: number): Uint8Array;
}

/** What a task gave: a value to be sent along, or slices of what it allocated. */
export type TaskOutput =
  | { readonly kind: 'value'; readonly rows: number; readonly value: Uint8Array }
  | {
      readonly kind: 'stored';
      readonly rows: number;
      readonly slices: readonly { readonly header: PartitionHeader; readonly offset: number }[];
    };

/** A template made ready to run in one thread. */
export interface TaskRunner {
  run(task: TaskRun): Promise<TaskOutput> | TaskOutput;
  /** It holds what is worth keeping until its job ends; else one is made for each batch. */
  readonly keeps: boolean;
}
