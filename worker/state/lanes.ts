import { assert } from '../../core/base/assert.js';
import type { EffectSink, Lane, Task } from './api.js';
import type { Worker } from './worker.js';

/** The lane that holds a running task. */
export function laneOf(worker: Worker, task: Task): Lane {
  const lane = worker.lanes.find(each => each.batch?.tasks.includes(task));
  assert(lane !== undefined, () => `running task ${task.job}/${task.index} is on a lane`);
  return lane;
}

/** Asks for the part of a batch that was not begun, if that is `least` tasks or more. 0: there is an answer in any case. */
export function takeTail(lane: Lane, out: EffectSink, least = 0): void {
  const { batch } = lane;
  if (batch === null || lane.killing) return;
  out.takeTail(batch.lane, batch.id, least);
}

/** What is on lanes, each task once: neither tails that were taken back nor tasks whose result has arrived. */
export function tasksOnLanes(worker: Worker): Task[] {
  const tasks: Task[] = [];
  for (const { batch, count, reported } of worker.lanes) {
    if (batch === null) continue;
    for (let position = 0; position < count; position++) {
      if (reported[position] === 0) tasks.push(batch.tasks[position]!);
    }
  }
  return tasks;
}

/** Resources of one running task of each batch. */
export function hold(worker: Worker, demand: Task['group']['demand'], sign: 1 | -1): void {
  for (const [name, units] of demand) {
    worker.free.set(name, (worker.free.get(name) ?? 0) - sign * units);
  }
}

/** True when one more task with this demand may run. */
export function fits(worker: Worker, demand: Task['group']['demand']): boolean {
  for (const [name, units] of demand) {
    if ((worker.free.get(name) ?? 0) < units) return false;
  }
  return true;
}
