import type { TaskRef } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import { type Cell, CellState, type EffectSink, type Task, TaskState } from './api.js';
import { failTask, lostFailure, nodeFailure } from './failures.js';
import { cellArrived, cellKey, endPull } from './inputs.js';
import { count, jobOf, type Worker } from './worker.js';

export function onPullDone(
  worker: Worker,
  { pull, task, slice }: { readonly pull: number; readonly task: TaskRef; readonly slice: number },
  out: EffectSink,
): void {
  const cell = worker.pulls.get(pull);
  if (cell === undefined) {
    count(worker, 'stale-pull'); // It was complete before it could be stopped.
    const other = worker.cells.get(cellKey(task, slice));
    const wanted = other?.state === CellState.Here || worker.jobs.get(task.job)?.results.has(task.index);
    if (!wanted) out.dropSlice(task, slice);
    return;
  }
  endPull(worker, cell);
  if (cell.whole) {
    jobOf(worker, cell.task.job).results.add(cell.task.index);
    out.toHead({ kind: 'replicas-changed', added: [cell.task], dropped: [] });
  }
  cellArrived(worker, cell);
}

export function onPullFailed(
  worker: Worker,
  pull: number,
  code: string,
  detail: string,
  out: EffectSink,
): void {
  const cell = worker.pulls.get(pull);
  if (cell === undefined) {
    count(worker, 'stale-pull');
    return;
  }
  endPull(worker, cell);
  const { peer } = cell;
  if (code === 'OUT_OF_MEMORY') {
    // The node's own trouble: its holders are as good as before.
    failReaders(worker, cell, task =>
      failTask(worker, task, 'thread-lost', nodeFailure(worker, task, 'OUT_OF_MEMORY', detail), [], out),
    );
    return;
  }
  if (code === 'CORRUPT_PARTITION') {
    out.fault({ kind: 'partition-corrupt', task: cell.task, peer, detail });
  } else if (code !== 'NOT_FOUND' && !worker.unreachable.has(peer)) {
    worker.unreachable.add(peer);
    out.fault({ kind: 'peer-unreachable', task: cell.task, peer, detail });
  }
  cell.tries++;
  cell.failed.set(peer, (cell.failed.get(peer) ?? 0) + 1);
  // It will not have it the next time either.
  if (code === 'NOT_FOUND') cell.holders = cell.holders.filter(holder => holder !== peer);
  if (cell.tries >= limits.fetchAttempts || cell.holders.length === 0) {
    loseCell(worker, cell, detail, out);
    return;
  }
  cell.state = CellState.Queued;
  worker.pullQueue.push(cell);
}

/** Pulls from peers that left go to other holders now: a stream to a stopped machine would only end much later. */
export function leavePeers(worker: Worker, out: EffectSink): void {
  for (const [pull, cell] of [...worker.pulls]) {
    if (worker.peers.has(cell.peer)) continue;
    out.abortPull(pull);
    onPullFailed(worker, pull, 'NOT_FOUND', `worker ${cell.peer} has left`, out);
  }
}

/** No holder can give it: all who need it fail, and the head has it made again. */
export function loseCell(worker: Worker, cell: Cell, detail: string, out: EffectSink): void {
  const lost: TaskRef[] = [cell.task];
  failReaders(worker, cell, task =>
    failTask(worker, task, 'input-lost', lostFailure(worker, task, lost, detail), lost, out),
  );
}

function failReaders(worker: Worker, cell: Cell, fail: (task: Task) => void): void {
  cell.state = CellState.Queued; // Its pull is over; the last reader that ends forgets it.
  for (const set of [...cell.sets]) {
    for (const task of [...set.tasks]) if (task.state === TaskState.Fetching) fail(task);
  }
  worker.cells.delete(cell.key);
}
