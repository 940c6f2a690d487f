import type { JobId } from '../../core/base/ids.js';
import type { AssignTasks, HeadToWorker } from '../../core/wire/messages.js';
import { type EffectSink, type Group, Intent, type Task, TaskState } from './api.js';
import { cancelledFailure, failTask } from './failures.js';
import { forgetCell, gatherInputs, releaseInputs, releaseSet, sharedSets } from './inputs.js';
import { laneOf, takeTail } from './lanes.js';
import { leavePeers } from './on-pull.js';
import { count, endTask, jobOf, taskOf, type Worker } from './worker.js';

/** Applies one message of the head. */
export function onHead(worker: Worker, message: HeadToWorker, out: EffectSink): void {
  switch (message.kind) {
    case 'assign-tasks':
      onAssign(worker, message, out);
      return;
    case 'template': {
      const { spec } = message;
      jobOf(worker, spec.job).templates.set(
        spec.template,
        worker.known.of(spec, () => ({ kind: spec.kind, meanUs: -1 })),
      );
      out.installTemplate(spec);
      return;
    }
    case 'peers':
      worker.peers.clear();
      worker.unreachable.clear();
      for (const peer of message.workers) worker.peers.set(peer.worker, peer.address);
      leavePeers(worker, out);
      return;
    case 'cancel-tasks':
      forTasks(worker, message, task => cancelTask(worker, task, out));
      return;
    case 'retract-tasks':
      forTasks(worker, message, task => retractTask(worker, task, out));
      return;
    case 'free-results':
      for (const index of message.indices) freeResult(worker, message.job, index, out);
      return;
    case 'drop-job':
      onDropJob(worker, message.job, out);
      return;
    case 'shutdown':
      worker.shutdown = message.reason;
      return;
    case 'worker-welcome':
    case 'refused':
      return; // The shell's handshake has dealt with them.
  }
}

function onAssign(worker: Worker, message: AssignTasks, out: EffectSink): void {
  const job = jobOf(worker, message.job);
  let largest = 0;
  for (const position of message.positions) if (position > largest) largest = position;
  const group: Group = {
    message,
    sequence: worker.nextSequence++,
    ready: [],
    readyHead: 0,
    queued: false,
    demand: Object.entries({ cpu: 1, ...message.resources }),
    fanOut: largest + 1,
    shared: [],
  };
  group.shared = sharedSets(worker, group);
  for (let ordinal = 0; ordinal < message.indices.length; ordinal++) {
    const index = message.indices[ordinal]!;
    const attempt = message.attempts[ordinal]!;
    const before = job.tasks.get(index);
    if (before !== undefined) {
      count(worker, 'assigned-twice');
      if (before.attempt >= attempt) continue;
      withdraw(worker, before, out);
    }
    const task: Task = {
      job: message.job,
      index,
      attempt,
      group,
      ordinal,
      state: TaskState.Ready,
      intent: Intent.Run,
      missing: 0,
      sets: [],
    };
    job.tasks.set(index, task);
    gatherInputs(worker, task);
  }
  for (const set of group.shared) if (set.users === 0) releaseSet(worker, set, out); // All were here already.
}

function cancelTask(worker: Worker, task: Task, out: EffectSink): void {
  if (task.state === TaskState.Running) {
    task.intent = Intent.Cancel;
    takeTail(laneOf(worker, task), out);
    return;
  }
  failTask(worker, task, 'cancelled', cancelledFailure(worker, task), [], out);
}

function retractTask(worker: Worker, task: Task, out: EffectSink): void {
  if (task.state === TaskState.Running) {
    if (task.intent === Intent.Cancel) return;
    task.intent = Intent.Retract;
    takeTail(laneOf(worker, task), out);
    return;
  }
  releaseInputs(worker, task, out);
  endTask(worker, task);
  worker.reports.giveBack(task);
}

/** Out of the books without a word: the head knows a newer attempt, or has dropped the job. */
function withdraw(worker: Worker, task: Task, out: EffectSink): void {
  const lane = task.state === TaskState.Running ? laneOf(worker, task) : null;
  releaseInputs(worker, task, out);
  endTask(worker, task);
  task.intent = Intent.Cancel;
  if (lane !== null) takeTail(lane, out);
}

function freeResult(worker: Worker, id: JobId, index: number, out: EffectSink): void {
  worker.jobs.get(id)?.results.delete(index);
  out.dropResult({ job: id, index });
}

function onDropJob(worker: Worker, id: JobId, out: EffectSink): void {
  const job = worker.jobs.get(id);
  if (job !== undefined) {
    for (const task of [...job.tasks.values()]) withdraw(worker, task, out);
    worker.jobs.delete(id);
  }
  for (const cell of [...worker.cells.values()]) {
    if (cell.task.job === id && cell.sets.size === 0) forgetCell(worker, cell, out);
  }
  worker.reports.forget(id);
  out.dropJob(id);
}

function forTasks(
  worker: Worker,
  message: { readonly job: JobId; readonly indices: Uint32Array; readonly attempts: Uint32Array },
  act: (task: Task) => void,
): void {
  for (let i = 0; i < message.indices.length; i++) {
    const task = taskOf(worker, message.job, message.indices[i]!, message.attempts[i]!);
    if (task !== undefined) act(task);
  }
}
