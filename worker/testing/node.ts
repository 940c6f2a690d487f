import { expect } from 'vitest';
import type { JobId, TaskRef, TemplateId, WorkerId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import { headToWorker, workerToHead } from '../../core/wire/codec.js';
import type { AssignTasks, HeadToWorker, InputTable, WorkerToHead } from '../../core/wire/messages.js';
import type { Batch, EffectSink, Event, LaneResult, Pull, WorkerFault } from '../state/api.js';
import { dispatch, nextTickMs } from '../state/dispatch.js';
import { reduce } from '../state/reduce.js';
import { validate } from '../state/validate.js';
import { createWorker, type Worker, type WorkerOptions } from '../state/worker.js';
import type { Payload } from '../store/block.js';

export const J = 1 as JobId;
export const T = 1 as TemplateId;
const self = 9 as WorkerId;

/** A node's state machine with a recording shell around it. Messages cross the real codec, both ways. */
export class TestNode implements EffectSink {
  readonly worker: Worker;
  nowMs = 1000;
  /** What came out since it was last looked at. */
  said: string[] = [];
  readonly batches = new Map<number, Batch>();
  readonly pulls = new Map<number, Pull>();
  readonly kept: TaskRef[] = [];

  constructor(options: Partial<WorkerOptions> = {}) {
    this.worker = createWorker({
      worker: self,
      name: 'node',
      threads: 1,
      resources: {},
      fetchBytes: limits.fetchInFlightBytes,
      batchBytes: limits.batchInputMinBytes,
      ...options,
    });
    this.head({
      kind: 'template',
      spec: { job: J, template: T, kind: 'function', name: 'f', body: new Uint8Array(1) },
    });
    this.peers(1, 2, 3);
  }

  /** Feeds events as one drained batch. */
  on(...events: Event[]): this {
    for (const event of events) reduce(this.worker, event, this.nowMs, this);
    dispatch(this.worker, this.nowMs, this);
    validate(this.worker);
    return this;
  }

  head(...messages: HeadToWorker[]): this {
    const decoded = headToWorker.decode(headToWorker.encode(messages));
    return this.on(...decoded.map((message): Event => ({ kind: 'head', message })));
  }

  peers(...ids: number[]): this {
    const address = { grpc: 'x:1', socket: '', bootId: '', uid: 0 };
    const workers = ids.map(id => ({
      worker: id as WorkerId,
      name: `w${id}`,
      threads: 1,
      memoryBytes: 1,
      labels: {},
      address,
      supervisorPid: 1,
      enginePid: 1,
    }));
    return this.head({ kind: 'peers', workers });
  }

  /** Assigns tasks of job 1, in attempt 1 unless told otherwise. */
  assign(indices: number[], more: Partial<AssignTasks> & { attempt?: number } = {}): this {
    const { attempt = 1, ...rest } = more;
    return this.head({
      kind: 'assign-tasks',
      job: J,
      template: T,
      indices: Uint32Array.from(indices),
      attempts: new Uint32Array(indices.length).fill(attempt),
      positions: Uint32Array.from(indices),
      args: null,
      inputs: [],
      slices: 1,
      timeoutMs: 0,
      priority: 0,
      resources: {},
      inlineResult: false,
      reportedTogether: false,
      name: 'f',
      ...rest,
    });
  }

  orders(kind: 'cancel-tasks' | 'retract-tasks', indices: number[], attempt = 1): this {
    const attempts = new Uint32Array(indices.length).fill(attempt);
    return this.head({ kind, job: J, indices: Uint32Array.from(indices), attempts });
  }

  /** Teaches how long the template's tasks take, so that batches grow. */
  learn(meanUs: number): this {
    this.worker.jobs.get(J)!.templates.get(T)!.meanUs = meanUs;
    return this;
  }

  /** Results of these positions of the lane's batch; the batch ends when all of it is reported. */
  finish(lane: number, positions?: number[], more: Partial<LaneResult> = {}): this {
    const batch = this.batches.get(lane)!;
    const at = positions ?? batch.tasks.map((_, i) => i);
    const results = at.map(position => ({ ...result(position), ...more }));
    return this.on({ kind: 'lane-results', lane, batch: batch.id, results });
  }

  free(lane: number): this {
    const batch = this.batches.get(lane)!;
    this.batches.delete(lane);
    return this.on({ kind: 'lane-free', lane, batch: batch.id });
  }

  /** Results of the whole batch, and its end. */
  complete(lane: number): this {
    const batch = this.batches.get(lane)!;
    this.batches.delete(lane);
    const results = batch.tasks.map((_, position) => result(position));
    return this.on(
      { kind: 'lane-results', lane, batch: batch.id, results },
      { kind: 'lane-free', lane, batch: batch.id },
    );
  }

  die(lane: number, claimed: number): this {
    const batch = this.batches.get(lane)!;
    this.batches.delete(lane);
    return this.on({ kind: 'lane-died', lane, batch: batch.id, claimed, detail: 'gone' });
  }

  tail(lane: number, from: number): this {
    return this.on({ kind: 'tail-taken', lane, batch: this.batches.get(lane)!.id, from });
  }

  pulled(key: string): this {
    const pull = this.pullOf(key);
    this.pulls.delete(pull.id);
    return this.on({ kind: 'pull-done', pull: pull.id, task: pull.task, slice: pull.slice });
  }

  unpulled(key: string, code: string): this {
    const pull = this.pullOf(key);
    this.pulls.delete(pull.id);
    return this.on({ kind: 'pull-failed', pull: pull.id, code, detail: 'no' });
  }

  after(ms: number): this {
    this.nowMs += ms;
    expect(nextTickMs(this.worker)).toBeLessThanOrEqual(this.nowMs);
    return this.on({ kind: 'tick' });
  }

  /** Checks what came out since the last time, and that it was nothing else. */
  expectSaid(...lines: string[]): this {
    const { said } = this;
    this.said = [];
    expect(said).toEqual(lines);
    return this;
  }

  expectQuiet(): this {
    return this.expectSaid();
  }

  /** Nothing is left of any task. */
  expectIdle(): this {
    expect(this.worker.cells.size).toBe(0);
    expect(this.worker.pulls.size).toBe(0);
    expect([this.worker.fetching, this.worker.readyCount, this.worker.running]).toEqual([0, 0, 0]);
    return this;
  }

  private pullOf(key: string): Pull {
    const found = [...this.pulls.values()].find(
      pull => `${pull.task.job}/${pull.task.index}/${pull.slice}` === key,
    );
    expect(found, `a pull of ${key}`).toBeDefined();
    return found!;
  }

  // ------------------------------------------------------------ EffectSink

  toHead(message: WorkerToHead): void {
    const [decoded] = workerToHead.decode(workerToHead.encode([message]));
    this.said.push(describe(decoded!));
  }

  startPull(pull: Pull): void {
    this.pulls.set(pull.id, pull);
    this.said.push(`pull ${pull.task.index}/${pull.slice} from ${pull.peer}`);
  }

  abortPull(pull: number): void {
    this.pulls.delete(pull);
    this.said.push('abort pull');
  }

  installTemplate(): void {}

  runBatch(batch: Batch): void {
    this.batches.set(batch.lane, batch);
    const tasks = batch.tasks.map(task =>
      task.attempt === 1 ? task.index : `${task.index}#${task.attempt}`,
    );
    this.said.push(`lane ${batch.lane} runs ${tasks.join(' ')}`);
  }

  takeTail(lane: number): void {
    this.said.push(`take tail of lane ${lane}`);
  }

  killLane(lane: number): void {
    this.said.push(`kill lane ${lane}`);
  }

  keepResult(task: TaskRef): void {
    this.kept.push(task);
  }

  discard(): void {
    this.said.push('discard');
  }

  dropResult(task: TaskRef): void {
    this.said.push(`drop result ${task.index}`);
  }

  dropSlice(task: TaskRef, slice: number): void {
    this.said.push(`drop slice ${task.index}/${slice}`);
  }

  dropJob(job: JobId): void {
    this.said.push(`drop job ${job}`);
  }

  fault(fault: WorkerFault): void {
    this.said.push(`fault ${fault.kind} peer ${fault.peer}`);
  }
}

const payload: Payload = { slab: null, bytes: new Uint8Array(8), slices: [] };

function result(position: number): LaneResult {
  return {
    position,
    durationUs: 10,
    rows: 1,
    bytes: 8,
    inline: null,
    payload,
    failure: null,
    system: false,
    lost: null,
  };
}

function describe(message: WorkerToHead): string {
  switch (message.kind) {
    case 'tasks-finished':
      return `finished ${[...message.indices].join(' ')}`;
    case 'tasks-returned':
      return `returned ${[...message.indices].join(' ')}`;
    case 'task-failed': {
      const lost = message.lostInputs.map(input => input.index).join(' ');
      return `failed ${message.task.index}: ${message.reason}${lost === '' ? '' : ` ${lost}`}`;
    }
    case 'replicas-changed':
      return `replicas +${message.added.map(task => task.index)} -${message.dropped.map(task => task.index)}`;
    default:
      return message.kind;
  }
}

/** Whole results 100, 101, … of job 1, each with its holders. */
export function holdersTable(
  holders: readonly (readonly number[])[],
  more: Partial<InputTable> = {},
): InputTable {
  const offsets = [0];
  for (const list of holders) offsets.push(offsets.at(-1)! + list.length);
  return {
    sliced: false,
    offsets: null,
    jobs: new Uint32Array(holders.length).fill(J),
    indices: Uint32Array.from(holders, (_, i) => 100 + i),
    bytes: new Float64Array(holders.length).fill(1000),
    rows: new Float64Array(holders.length).fill(5),
    holderOffsets: Uint32Array.from(offsets),
    holders: Uint32Array.from(holders.flat()),
    inline: null,
    ...more,
  };
}
