import type { PartitionHeader } from '../../core/graph/partition.js';
import type { IoEnv } from '../io/source.js';

/** What a fragment may use of the thread it runs in. */
export interface FragmentEnv extends IoEnv {
  /** Shared, uninitialised memory for the one slab of the result. Called at most once per task. Throws OUT_OF_MEMORY. */
  allocate(byteLength: number): Uint8Array;
}

/** An input slice: header and bytes, valid while the task runs. */
export interface FragmentInput {
  readonly header: PartitionHeader;
  readonly bytes: Uint8Array;
  /** Where the bytes are not in memory until somebody asks for them: reads those from `offset` on into their place. */
  readInto?(target: Uint8Array, offset: number): void;
  /** Written by a task of this process and in its memory ever since: values need no check. Absent: they do. */
  readonly trusted?: boolean;
}

/** An input, or what reads it: then each call gives bytes of their own, which last as long as they are referred to. */
export type FragmentEntry = FragmentInput | (() => FragmentInput);

export function readEntry(entry: FragmentEntry): FragmentInput {
  return typeof entry === 'function' ? entry() : entry;
}

export interface FragmentResult {
  /** Rows over all slices (or as the receipt says). */
  readonly rows: number;
  /** Enclosed result (inspect, file sinks); then there is no slab. */
  readonly inline: Uint8Array | null;
  /** What env.allocate returned, filled; slices[s] starts at `offset` in it. */
  readonly slab: Uint8Array | null;
  readonly slices: readonly { readonly header: PartitionHeader; readonly offset: number }[];
}
