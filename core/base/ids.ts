/** Branded ids. All are u32; strings exist only at the edge (names, addresses, messages to people). */

/** A job number, unique in a cluster: the head grants each client a block of them at the handshake. */
export type JobId = number & { readonly __id: 'job' };
/** A worker's number: a new one for every incarnation, so a stale message can never name a live worker. */
export type WorkerId = number & { readonly __id: 'worker' };
/** A client's number, assigned by the head at attach. */
export type ClientId = number & { readonly __id: 'client' };
/** The number of a template (function or plan fragment) within its job. */
export type TemplateId = number & { readonly __id: 'template' };

/** One task of the cluster, and the name of the result it makes. */
export interface TaskRef {
  readonly job: JobId;
  /** Index within the job: 0..2^32-1. */
  readonly index: number;
}

/** Consecutive tasks of one job: indices `first` to `first + count - 1`. */
export interface TaskRange {
  readonly job: JobId;
  readonly first: number;
  readonly count: number;
}

/** How a task is written for people and in map keys: `job/index`. */
export function formatTask(job: number, index: number): string {
  return `${job}/${index}`;
}
