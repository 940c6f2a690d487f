import { assert } from '../../core/base/assert.js';
import type { TaskRef } from '../../core/base/ids.js';
import type { FailureReason } from '../../core/wire/messages.js';
import { type EffectSink, Intent, type Lane, type LaneResult, type Task, TaskState } from './api.js';
import { cancelledFailure, failTask, lostFailure, nodeFailure, timeoutFailure } from './failures.js';
import { releaseInputs } from './inputs.js';
import { hold } from './lanes.js';
import { count, endTask, jobOf, makeReady, type Worker } from './worker.js';

/** The lane, while it is busy with that batch; what is late is dropped. */
function laneWith(worker: Worker, index: number, batch: number): Lane | undefined {
  const lane = worker.lanes[index];
  if (lane?.batch?.id === batch) return lane;
  count(worker, 'stale-lane');
  return undefined;
}

export function onLaneStarted(worker: Worker, index: number, batch: number, nowMs: number): void {
  const lane = laneWith(worker, index, batch);
  if (lane === undefined) return;
  const task = lane.batch!.tasks[0]!;
  if (task.group.message.timeoutMs > 0) lane.deadlineMs = nowMs + task.group.message.timeoutMs;
}

export function onLaneResults(
  worker: Worker,
  index: number,
  batch: number,
  results: readonly LaneResult[],
  out: EffectSink,
): void {
  const lane = laneWith(worker, index, batch);
  for (const result of results) {
    const task = lane?.batch?.tasks[result.position];
    if (lane === undefined || task === undefined || lane.reported[result.position] === 1) {
      if (result.payload !== null) out.discard(result.payload);
      continue;
    }
    lane.reported[result.position] = 1;
    const killed = lane.killedFor?.task === task ? lane.killedFor.reason : null;
    if (killed === null) onResult(worker, task, result, out);
    else onHeeded(worker, task, killed, result, out);
  }
}

/** The task ended by itself when its signal fired: the same end as if its thread had been ended. */
function onHeeded(
  worker: Worker,
  task: Task,
  reason: FailureReason,
  result: LaneResult,
  out: EffectSink,
): void {
  if (result.payload !== null) out.discard(result.payload);
  failKilled(worker, task, reason, out);
}

function failKilled(worker: Worker, task: Task, reason: FailureReason, out: EffectSink): void {
  const failure = reason === 'timeout' ? timeoutFailure(worker, task) : cancelledFailure(worker, task);
  failTask(worker, task, reason, failure, [], out);
}

function onResult(worker: Worker, task: Task, result: LaneResult, out: EffectSink): void {
  if (task.state !== TaskState.Running) {
    count(worker, 'unwanted-result'); // Withdrawn or cancelled while it ran.
    if (result.payload !== null) out.discard(result.payload);
    return;
  }
  if (result.lost !== null) {
    const detail = result.failure?.message ?? '';
    failTask(
      worker,
      task,
      'input-lost',
      lostFailure(worker, task, [result.lost], detail),
      [result.lost],
      out,
    );
    return;
  }
  if (result.failure !== null) {
    const reason = result.system ? 'thread-lost' : 'application';
    failTask(worker, task, reason, result.failure, [], out);
    return;
  }
  const job = jobOf(worker, task.job);
  if (result.payload !== null) {
    out.keepResult({ job: task.job, index: task.index }, result.payload);
    job.results.add(task.index);
  }
  const stats = job.templates.get(task.group.message.template);
  if (stats !== undefined) {
    stats.meanUs = stats.meanUs < 0 ? result.durationUs : stats.meanUs * 0.8 + result.durationUs * 0.2;
  }
  releaseInputs(worker, task, out);
  endTask(worker, task);
  worker.reports.finish(task, result);
}

export function onLaneFree(worker: Worker, index: number, batch: number, out: EffectSink): void {
  const lane = laneWith(worker, index, batch);
  if (lane === undefined) return;
  const { tasks } = lane.batch!;
  const { count: held } = lane;
  freeLane(worker, lane);
  // Every task a thread claims is reported; what is left is the tail that was taken back, and tasks that are gone.
  for (let position = 0; position < held; position++) {
    const task = tasks[position]!;
    if (lane.reported[position] === 1 || task.state !== TaskState.Running) continue;
    backToReady(worker, task, out);
  }
}

/** `claimed` tasks had been begun; the last one was running unless its result has arrived. */
export function onLaneDied(
  worker: Worker,
  index: number,
  batch: number,
  claimed: number,
  detail: string,
  out: EffectSink,
): void {
  const lane = laneWith(worker, index, batch);
  if (lane === undefined) return;
  const { tasks } = lane.batch!;
  const { killedFor, count: held } = lane;
  // A thread that dies before it claims anything is laid at the first task's door, so that it cannot go on forever.
  const running = killedFor === null ? Math.max(0, claimed - 1) : claimed - 1;
  freeLane(worker, lane);
  for (let position = held - 1; position >= 0; position--) {
    const task = tasks[position]!;
    if (lane.reported[position] === 1 || task.state !== TaskState.Running) continue;
    if (position !== running) {
      backToReady(worker, task, out);
    } else if (killedFor === null) {
      const message = `the thread of task ${task.group.message.name} ended: ${detail}`;
      failTask(worker, task, 'thread-lost', nodeFailure(worker, task, 'THREAD_LOST', message), [], out);
    } else if (killedFor.task !== task) {
      backToReady(worker, task, out); // Another's sake: not an attempt.
    } else {
      failKilled(worker, task, killedFor.reason, out);
    }
  }
}

/** Tasks from position `from` on will not be begun: they are cancelled, handed back, or wait again. */
export function onTailTaken(
  worker: Worker,
  index: number,
  batch: number,
  from: number,
  out: EffectSink,
): void {
  const lane = laneWith(worker, index, batch);
  if (lane === undefined) return;
  const { tasks } = lane.batch!;
  const { count: held } = lane;
  lane.tailTaken = true;
  lane.count = Math.min(held, from);
  for (let position = held - 1; position >= lane.count; position--) {
    const task = tasks[position]!;
    if (task.state === TaskState.Running) backToReady(worker, task, out);
  }
  for (let position = 0; position < lane.count; position++) {
    const task = tasks[position]!;
    if (task.intent === Intent.Retract) task.intent = Intent.Run; // It has begun: left alone.
    if (position !== from - 1 || task.intent !== Intent.Cancel || lane.reported[position] === 1) continue;
    if (lane.killing) continue;
    lane.killing = true;
    lane.killedFor = { task, reason: 'cancelled' };
    out.killLane(index, batch);
  }
}

export function onBatchRefused(
  worker: Worker,
  index: number,
  batch: number,
  lost: readonly TaskRef[],
  detail: string,
  out: EffectSink,
): void {
  const lane = laneWith(worker, index, batch);
  if (lane === undefined) return;
  const { tasks } = lane.batch!;
  freeLane(worker, lane);
  for (const input of lost) worker.jobs.get(input.job)?.results.delete(input.index);
  for (const task of tasks) {
    if (task.state !== TaskState.Running) continue;
    if (task.intent !== Intent.Run) backToReady(worker, task, out);
    else if (lost.length > 0) {
      failTask(worker, task, 'input-lost', lostFailure(worker, task, lost, detail), lost, out);
    } else {
      failTask(worker, task, 'thread-lost', nodeFailure(worker, task, 'OUT_OF_MEMORY', detail), [], out);
    }
  }
}

/** Ends the threads whose task ran out of time. */
export function onTick(worker: Worker, nowMs: number, out: EffectSink): void {
  worker.lanes.forEach((lane, index) => {
    if (lane.batch === null || lane.killing || lane.deadlineMs > nowMs) return;
    lane.killing = true;
    lane.killedFor = { task: lane.batch.tasks[0]!, reason: 'timeout' };
    out.killLane(index, lane.batch.id);
  });
}

function freeLane(worker: Worker, lane: Lane): void {
  assert(lane.batch !== null, 'a busy lane is freed');
  hold(worker, lane.batch.tasks[0]!.group.demand, -1);
  lane.batch = null;
  lane.deadlineMs = Number.POSITIVE_INFINITY;
  lane.killedFor = null;
  lane.killing = false;
  lane.tailTaken = false;
  lane.looked = false;
}

/** A task a lane did not begin, or whose outcome died with its thread. */
function backToReady(worker: Worker, task: Task, out: EffectSink): void {
  worker.running--;
  const { intent } = task;
  makeReady(worker, task, true);
  if (intent === Intent.Cancel) {
    failTask(worker, task, 'cancelled', cancelledFailure(worker, task), [], out);
  } else if (intent === Intent.Retract) {
    releaseInputs(worker, task, out);
    endTask(worker, task);
    worker.reports.giveBack(task);
  }
}
