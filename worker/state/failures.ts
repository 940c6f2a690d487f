import type { ErrorCode } from '../../core/base/errors.js';
import { formatTask, type TaskRef } from '../../core/base/ids.js';
import type { FailureData } from '../../core/graph/failure.js';
import type { FailureReason } from '../../core/wire/messages.js';
import { type EffectSink, type Task, TaskState } from './api.js';
import { releaseInputs } from './inputs.js';
import { endTask, type Worker } from './worker.js';

/** Ends a task that failed, and says so to the head. */
export function failTask(
  worker: Worker,
  task: Task,
  reason: FailureReason,
  failure: FailureData,
  lostInputs: readonly TaskRef[],
  out: EffectSink,
): void {
  if (task.state === TaskState.Ended) return;
  releaseInputs(worker, task, out);
  endTask(worker, task);
  out.toHead({
    kind: 'task-failed',
    task: { job: task.job, index: task.index },
    attempt: task.attempt,
    reason,
    failure,
    lostInputs,
  });
}

/** A failure the node itself has to tell of. */
export function nodeFailure(worker: Worker, task: Task, code: ErrorCode, message: string): FailureData {
  return {
    name: 'VolleyError',
    message,
    stack: '',
    code,
    task: {
      name: task.group.message.name,
      id: formatTask(task.job, task.index),
      node: worker.options.name,
      attempt: task.attempt,
    },
  };
}

export function timeoutFailure(worker: Worker, task: Task): FailureData {
  const { name, timeoutMs } = task.group.message;
  const message = `task ${name} ran past its limit of ${timeoutMs} ms and was ended. Raise timeoutMs, or make the task smaller`;
  return nodeFailure(worker, task, 'TIMEOUT', message);
}

export function cancelledFailure(worker: Worker, task: Task): FailureData {
  return nodeFailure(worker, task, 'CANCELLED', `task ${task.group.message.name} was cancelled`);
}

export function lostFailure(
  worker: Worker,
  task: Task,
  inputs: readonly TaskRef[],
  detail: string,
): FailureData {
  const which = inputs.map(input => formatTask(input.job, input.index)).join(', ');
  return nodeFailure(worker, task, 'DATA_LOST', `input ${which} cannot be had: ${detail}`);
}
