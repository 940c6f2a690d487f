import type { JobId } from '../../core/base/ids.js';
import type { TasksFinished, TasksReturned } from '../../core/wire/messages.js';
import type { EffectSink, LaneResult, Task } from './api.js';

interface Finishes {
  readonly indices: number[];
  readonly attempts: number[];
  readonly rows: number[];
  readonly bytes: number[];
  readonly durationUs: number[];
  readonly inline: (Uint8Array | null)[];
  anyInline: boolean;
}

interface Returns {
  readonly indices: number[];
  readonly attempts: number[];
}

/** Ends of tasks of one drained batch, gathered into one message per job. */
export class Reports {
  private readonly finished = new Map<JobId, Finishes>();
  private readonly returned = new Map<JobId, Returns>();

  finish(task: Task, result: LaneResult): void {
    let list = this.finished.get(task.job);
    if (list === undefined) {
      list = {
        indices: [],
        attempts: [],
        rows: [],
        bytes: [],
        durationUs: [],
        inline: [],
        anyInline: false,
      };
      this.finished.set(task.job, list);
    }
    list.indices.push(task.index);
    list.attempts.push(task.attempt);
    list.rows.push(result.rows);
    list.bytes.push(result.bytes);
    list.durationUs.push(result.durationUs);
    list.inline.push(result.inline);
    if (result.inline !== null) list.anyInline = true;
  }

  giveBack(task: Task): void {
    let list = this.returned.get(task.job);
    if (list === undefined) this.returned.set(task.job, (list = { indices: [], attempts: [] }));
    list.indices.push(task.index);
    list.attempts.push(task.attempt);
  }

  /** What a dropped job had to say interests nobody. */
  forget(job: JobId): void {
    this.finished.delete(job);
    this.returned.delete(job);
  }

  flush(out: EffectSink): void {
    for (const [job, list] of this.finished) out.toHead(finishedMessage(job, list));
    for (const [job, list] of this.returned) out.toHead(returnedMessage(job, list));
    this.finished.clear();
    this.returned.clear();
  }
}

function finishedMessage(job: JobId, list: Finishes): TasksFinished {
  return {
    kind: 'tasks-finished',
    job,
    indices: Uint32Array.from(list.indices),
    attempts: Uint32Array.from(list.attempts),
    rows: Float64Array.from(list.rows),
    bytes: Float64Array.from(list.bytes),
    durationUs: Float64Array.from(list.durationUs),
    inline: list.anyInline ? list.inline : null,
  };
}

function returnedMessage(job: JobId, list: Returns): TasksReturned {
  return {
    kind: 'tasks-returned',
    job,
    indices: Uint32Array.from(list.indices),
    attempts: Uint32Array.from(list.attempts),
  };
}
