import type { JobId, WorkerId } from '../../../core/base/ids.js';
import type { Rng } from '../../../core/base/rng.js';
import type { FailureData } from '../../../core/graph/failure.js';
import type { AssignTasks, FailureReason, HeadToWorker, WorkerToHead } from '../../../core/wire/messages.js';

interface HeldTask {
  readonly key: string;
  readonly job: JobId;
  readonly index: number;
  readonly attempt: number;
  readonly message: AssignTasks;
  /** Place in the message's arrays. */
  readonly at: number;
}

export interface MissingInput {
  readonly job: number;
  readonly index: number;
  /** It is listed with a holder that should have it. */
  readonly holders: readonly number[];
}

/**
 * A worker without threads: it keeps what it is told to keep, and does the next thing when the simulation says so. Mail
 * to it and from it waits in queues, in order.
 */
export class FakeWorker {
  readonly id: WorkerId;
  readonly threads: number;
  readonly inbox: HeadToWorker[] = [];
  readonly outbox: WorkerToHead[] = [];
  readonly tasks: HeldTask[] = [];
  readonly results = new Set<string>();
  readonly templates = new Set<string>();
  /** Stopped: it neither reads nor works nor speaks, and comes back. */
  stopped = false;
  lastFinish: WorkerToHead | null = null;

  constructor(id: WorkerId, threads: number) {
    this.id = id;
    this.threads = threads;
  }

  receive(message: HeadToWorker): void {
    switch (message.kind) {
      case 'template':
        this.templates.add(`${message.spec.job}:${message.spec.template}`);
        break;
      case 'assign-tasks':
        this.take(message);
        break;
      case 'cancel-tasks':
        this.remove(message, 0);
        break;
      case 'retract-tasks':
        this.giveBack(this.remove(message, this.threads));
        break;
      case 'free-results':
        for (const index of message.indices) this.results.delete(`${message.job}/${index}`);
        break;
      case 'drop-job':
        this.dropJob(message.job);
        break;
      default:
        break;
    }
  }

  running(): HeldTask[] {
    return this.tasks.slice(0, this.threads);
  }

  /** Inputs of the task that none of the listed holders has. */
  missingInputs(task: HeldTask, has: (worker: number, key: string) => boolean): MissingInput[] {
    const missing: MissingInput[] = [];
    for (const table of task.message.inputs) {
      const from = table.offsets === null ? 0 : table.offsets[task.at]!;
      const to = table.offsets === null ? table.jobs.length : table.offsets[task.at + 1]!;
      for (let entry = from; entry < to; entry++) {
        if (table.inline?.[entry]) continue;
        const holders = [
          ...table.holders.subarray(table.holderOffsets[entry], table.holderOffsets[entry + 1]),
        ];
        const [job, index] = [table.jobs[entry]!, table.indices[entry]!];
        if (!holders.some(holder => has(holder, `${job}/${index}`))) missing.push({ job, index, holders });
      }
    }
    return missing;
  }

  finish(task: HeldTask, random: Rng): void {
    this.drop(task);
    const inline = task.message.inlineResult && random() < 0.8;
    if (!inline) this.results.add(task.key);
    this.lastFinish = {
      kind: 'tasks-finished',
      job: task.job,
      indices: Uint32Array.of(task.index),
      attempts: Uint32Array.of(task.attempt),
      rows: Float64Array.of(task.index),
      bytes: Float64Array.of(Math.floor(random() * 1e7)),
      durationUs: Float64Array.of(random() * 10 ** (2 + random() * 4)),
      inline: inline ? [Uint8Array.of(task.index)] : null,
    };
    this.outbox.push(this.lastFinish);
  }

  fail(task: HeldTask, reason: FailureReason, lost: readonly MissingInput[] = []): void {
    this.drop(task);
    const failure: FailureData = { name: 'Boom', message: reason, stack: '' };
    this.outbox.push({
      kind: 'task-failed',
      task: { job: task.job, index: task.index },
      attempt: task.attempt,
      reason,
      failure,
      lostInputs: lost.map(({ job, index }) => ({ job: job as JobId, index })),
    });
  }

  /** As when a thread is killed for another's sake. */
  giveBack(tasks: readonly HeldTask[]): void {
    for (const task of tasks) {
      this.drop(task);
      this.outbox.push({
        kind: 'tasks-returned',
        job: task.job,
        indices: Uint32Array.of(task.index),
        attempts: Uint32Array.of(task.attempt),
      });
    }
  }

  private take(message: AssignTasks): void {
    if (!this.templates.has(`${message.job}:${message.template}`))
      throw new Error('a task before its template');
    for (let at = 0; at < message.indices.length; at++) {
      const index = message.indices[at]!;
      const key = `${message.job}/${index}`;
      this.tasks.push({ key, job: message.job, index, attempt: message.attempts[at]!, message, at });
    }
  }

  private drop(task: HeldTask): void {
    const at = this.tasks.indexOf(task);
    if (at >= 0) this.tasks.splice(at, 1);
  }

  /** Takes away those of the named tasks that stand at `from` or later. */
  private remove(
    message: { job: JobId; indices: Uint32Array; attempts: Uint32Array },
    from: number,
  ): HeldTask[] {
    const named = new Set(
      Array.from(message.indices, (index, i) => `${message.job}/${index}#${message.attempts[i]}`),
    );
    const found = this.tasks.slice(from).filter(task => named.has(`${task.key}#${task.attempt}`));
    for (const task of found) this.drop(task);
    return found;
  }

  private dropJob(job: number): void {
    for (const task of this.tasks.filter(held => held.job === job)) this.drop(task);
    for (const set of [this.results, this.templates]) {
      for (const key of set) if (key.startsWith(`${job}/`) || key.startsWith(`${job}:`)) set.delete(key);
    }
  }
}
