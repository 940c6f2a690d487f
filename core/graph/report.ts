/** Answers to a person's questions. Plain JSON. */
export interface StatusReport {
  readonly cluster: string;
  readonly address: string;
  readonly uptimeMs: number;
  readonly workers: readonly WorkerReport[];
  readonly clients: number;
  readonly tasks: Readonly<Record<TaskStateName, number>>;
  /** Counters since the start: 'tasks-retried', 'tasks-recomputed', 'stale-finish', 'workers-lost', … */
  readonly counters: Readonly<Record<string, number>>;
}

export type TaskStateName =
  | 'waiting'
  | 'ready'
  | 'assigned'
  | 'retry-wait'
  | 'done'
  | 'failed'
  | 'cancelled'
  | 'released';

export interface WorkerReport {
  readonly worker: number;
  readonly name: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly storedBytes: number;
  readonly spilledBytes: number;
  readonly rssBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: Readonly<Record<string, number>>;
  readonly assigned: number;
  readonly paused: boolean;
  readonly supervisorPid: number;
  readonly enginePid: number;
}

/** Why a task is where it is. `reason` is a sentence that names the way out. */
export interface Explanation {
  readonly task: string;
  readonly name: string;
  readonly state: TaskStateName | 'unknown';
  readonly attempt: number;
  readonly reason: string;
  /** Workers that hold its result or run it. */
  readonly workers: readonly string[];
  /** Unfinished inputs, at most 10. */
  readonly waitingFor: readonly string[];
  /** Last events in its life, oldest first. */
  readonly history: readonly string[];
}

/** Where a result lies. Empty holders: it is being made (again); ask later. */
export interface Location {
  readonly state: TaskStateName | 'unknown';
  readonly holders: readonly number[];
}
