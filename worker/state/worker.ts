import type { JobId, TemplateId, WorkerId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import { KnownTemplates } from '../../core/graph/known-templates.js';
import type { TemplateKind } from '../../core/graph/layer.js';
import type { DataAddress } from '../../core/wire/messages.js';
import type { Cell, Group, Lane, Task } from './api.js';
import { Intent, TaskState } from './api.js';
import { WaitHeap } from './heap.js';
import { Reports } from './reports.js';

export interface WorkerOptions {
  readonly worker: WorkerId;
  /** For error messages. */
  readonly name: string;
  readonly threads: number;
  readonly resources: Readonly<Record<string, number>>;
  /** Bytes that pulls in flight may reserve; one pull is always allowed. */
  readonly fetchBytes: number;
  /** Input bytes of a batch of several tasks. */
  readonly batchBytes: number;
}

/** Measured run time of a template's tasks: sizes the batches. Jobs with the same template share it. */
export interface TemplateStats {
  readonly kind: TemplateKind;
  /** Moving mean, microseconds; -1 before the first. */
  meanUs: number;
}

export interface Job {
  readonly id: JobId;
  readonly tasks: Map<number, Task>;
  /** Results that are complete here: made here, put here, or pulled whole. */
  readonly results: Set<number>;
  readonly templates: Map<TemplateId, TemplateStats>;
}

/** All a node knows of its work. Changed by `reduce` and `dispatch` only. */
export interface Worker {
  readonly options: WorkerOptions;
  readonly jobs: Map<JobId, Job>;
  readonly peers: Map<WorkerId, DataAddress>;
  /** Groups with ready tasks. */
  readonly ready: WaitHeap<Group>;
  readonly cells: Map<string, Cell>;
  readonly pullQueue: WaitHeap<Cell>;
  readonly pulls: Map<number, Cell>;
  readonly pullsPerPeer: Map<WorkerId, number>;
  /** Peers reported as unreachable since the peer table changed. */
  readonly unreachable: Set<WorkerId>;
  readonly lanes: readonly Lane[];
  /** Units of each resource that no running task holds; 'cpu' among them. */
  readonly free: Map<string, number>;
  readonly reports: Reports;
  readonly known: KnownTemplates<TemplateStats>;
  pullBytes: number;
  /** Tasks by state, for heartbeats. */
  fetching: number;
  readyCount: number;
  running: number;
  /** Memory is over its limit: nothing new is begun. */
  paused: boolean;
  shutdown: string | null;
  nextSequence: number;
  /** Counted, never acted upon: stale messages and the like. */
  readonly counters: Map<string, number>;
}

export function createWorker(options: WorkerOptions): Worker {
  const lanes: Lane[] = [];
  for (let i = 0; i < options.threads; i++) {
    lanes.push({
      batch: null,
      count: 0,
      reported: new Uint8Array(limits.threadBatchTasks),
      startedMs: 0,
      deadlineMs: Number.POSITIVE_INFINITY,
      tailTaken: false,
      looked: false,
      killedFor: null,
      killing: false,
    });
  }
  return {
    options,
    jobs: new Map(),
    peers: new Map(),
    ready: new WaitHeap<Group>(group => group.message.priority),
    cells: new Map(),
    pullQueue: new WaitHeap<Cell>(cell => cell.priority),
    pulls: new Map(),
    pullsPerPeer: new Map(),
    unreachable: new Set(),
    lanes,
    free: new Map([...Object.entries(options.resources), ['cpu', options.resources.cpu ?? options.threads]]),
    reports: new Reports(),
    known: new KnownTemplates(),
    pullBytes: 0,
    fetching: 0,
    readyCount: 0,
    running: 0,
    paused: false,
    shutdown: null,
    nextSequence: 1,
    counters: new Map(),
  };
}

export function count(worker: Worker, name: string): void {
  worker.counters.set(name, (worker.counters.get(name) ?? 0) + 1);
}

export function jobOf(worker: Worker, id: JobId): Job {
  let job = worker.jobs.get(id);
  if (job === undefined) {
    job = { id, tasks: new Map(), results: new Set(), templates: new Map() };
    worker.jobs.set(id, job);
  }
  return job;
}

/** The task, when it is here in this very attempt. */
export function taskOf(worker: Worker, job: JobId, index: number, attempt: number): Task | undefined {
  const task = worker.jobs.get(job)?.tasks.get(index);
  if (task === undefined || task.attempt !== attempt) {
    count(worker, 'stale-task');
    return undefined;
  }
  return task;
}

/** Into the ready queue: at the end, or in front when it had been handed to a lane before. */
export function makeReady(worker: Worker, task: Task, front = false): void {
  const { group } = task;
  task.state = TaskState.Ready;
  task.intent = Intent.Run;
  worker.readyCount++;
  if (front && group.readyHead > 0) group.ready[--group.readyHead] = task;
  else if (front) group.ready.unshift(task);
  else group.ready.push(task);
  if (!group.queued) {
    group.queued = true;
    worker.ready.push(group);
  }
}

/** Out of the books: whatever state it is in. The caller tells the head. */
export function endTask(worker: Worker, task: Task): void {
  if (task.state === TaskState.Fetching) worker.fetching--;
  // A ready task stays in its group's list; dispatch skips what has ended.
  else if (task.state === TaskState.Ready) worker.readyCount--;
  else if (task.state === TaskState.Running) worker.running--;
  task.state = TaskState.Ended;
  const tasks = worker.jobs.get(task.job)?.tasks;
  if (tasks?.get(task.index) === task) tasks.delete(task.index);
}
