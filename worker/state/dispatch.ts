import type { WorkerId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import {
  type Batch,
  type Cell,
  CellState,
  type EffectSink,
  type Group,
  type Task,
  TaskState,
} from './api.js';
import { ownInputBytes } from './inputs.js';
import { fits, hold, takeTail } from './lanes.js';
import { loseCell } from './on-pull.js';
import type { Worker } from './worker.js';

/** Starts what can be started: pulls, then batches; then reports what has ended. Once per drained batch of events. */
export function dispatch(worker: Worker, nowMs: number, out: EffectSink): void {
  startPulls(worker, out);
  startBatches(worker, nowMs, out);
  shareTails(worker, nowMs, out);
  worker.reports.flush(out);
}

/** When the next tick is due: a time limit, or a batch that takes longer than it was sized for. Infinity: never. */
export function nextTickMs(worker: Worker): number {
  let next = Number.POSITIVE_INFINITY;
  const idle = worker.lanes.some(lane => lane.batch === null);
  for (const lane of worker.lanes) {
    if (lane.batch === null || lane.killing) continue;
    next = Math.min(next, lane.deadlineMs);
    if (!idle || lane.tailTaken) continue;
    if (!lane.looked) next = Math.min(next, lane.startedMs + beginsMs);
    if (lane.count > 1) next = Math.min(next, lane.startedMs + lateMs);
  }
  return next;
}

/** A batch that takes this long shares what it has not begun with idle lanes. Milliseconds. */
const lateMs = 2 * limits.threadBatchMs;
/** And so does one that has not begun what should take this long: a round trip to a thread costs a tenth of it. Milliseconds. */
const worthSharingMs = 2;
/** A thread that is there has begun with its batch long before. Milliseconds. */
const beginsMs = 5;

function startPulls(worker: Worker, out: EffectSink): void {
  const { pullQueue } = worker;
  for (let cell = pullQueue.peek(); cell !== undefined; cell = pullQueue.peek()) {
    if (worker.cells.get(cell.key) !== cell || cell.state !== CellState.Queued) {
      pullQueue.pop(); // Forgotten meanwhile.
      continue;
    }
    if (worker.pulls.size >= limits.fetchesInFlight) return;
    if (worker.pulls.size > 0 && worker.pullBytes + cell.bytes > worker.options.fetchBytes) return;
    // Paused: one at a time, and only while nothing runs that may free memory.
    if (worker.paused && worker.pulls.size + worker.running > 0) return;
    pullQueue.pop();
    startPull(worker, cell, out);
  }
}

function startPull(worker: Worker, cell: Cell, out: EffectSink): void {
  const peer = bestHolder(worker, cell);
  if (peer === null) {
    loseCell(worker, cell, 'no live worker holds it', out);
    return;
  }
  cell.state = CellState.Pulling;
  cell.pull = worker.nextSequence++;
  cell.peer = peer;
  worker.pulls.set(cell.pull, cell);
  worker.pullBytes += cell.bytes;
  worker.pullsPerPeer.set(peer, (worker.pullsPerPeer.get(peer) ?? 0) + 1);
  out.startPull({
    id: cell.pull,
    task: cell.task,
    slice: cell.slice,
    peer,
    from: worker.peers.get(peer)!,
    rows: cell.rows,
    bytes: cell.whole ? cell.bytes : -1,
    small: cell.small,
    reader: cell.whole ? null : cell.reader,
  });
}

/** Holders that failed least come first, then those with the fewest pulls open. */
function bestHolder(worker: Worker, cell: Cell): WorkerId | null {
  let best: WorkerId | null = null;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const holder of cell.holders) {
    if (!worker.peers.has(holder)) continue;
    const cost = (cell.failed.get(holder) ?? 0) * 1e6 + (worker.pullsPerPeer.get(holder) ?? 0);
    if (cost < bestCost) {
      best = holder;
      bestCost = cost;
    }
  }
  return best;
}

function startBatches(worker: Worker, nowMs: number, out: EffectSink): void {
  const skipped: Group[] = [];
  // Those lanes that are busy now will want some, too.
  const share = Math.ceil(worker.readyCount / worker.lanes.length);
  for (let index = 0; index < worker.lanes.length; index++) {
    const lane = worker.lanes[index]!;
    if (lane.batch !== null) continue;
    // Paused: what runs may end; one lane goes on when nothing does, since only progress frees memory.
    if (worker.paused && worker.running > 0) break;
    const group = nextGroup(worker, skipped);
    if (group === null) break;
    const tasks = takeTasks(worker, group, share);
    const batch: Batch = {
      id: worker.nextSequence++,
      lane: index,
      job: group.message.job,
      template: group.message.template,
      tasks,
      announce: group.message.timeoutMs > 0,
      together: group.message.reportedTogether,
    };
    lane.batch = batch;
    lane.count = tasks.length;
    lane.reported.fill(0, 0, tasks.length);
    lane.startedMs = nowMs;
    hold(worker, group.demand, 1);
    out.runBatch(batch);
  }
  for (const group of skipped) worker.ready.push(group);
}

/** The first group with a ready task that may run now. Those whose resources are taken wait in `skipped`. */
function nextGroup(worker: Worker, skipped: Group[]): Group | null {
  for (let group = worker.ready.peek(); group !== undefined; group = worker.ready.peek()) {
    skipEnded(group);
    if (group.readyHead >= group.ready.length) {
      worker.ready.pop();
      retire(group);
    } else if (!fits(worker, group.demand)) {
      worker.ready.pop();
      skipped.push(group);
    } else {
      return group;
    }
  }
  return null;
}

/** Tasks for one batch: as many as should last limits.threadBatchMs, but not more than this lane's share. */
function takeTasks(worker: Worker, first: Group, share: number): Task[] {
  const size = Math.min(share, batchSize(worker, first));
  const tasks: Task[] = [];
  let bytes = 0;
  for (let group: Group | null = first; group !== null && tasks.length < size; ) {
    while (group.readyHead < group.ready.length && tasks.length < size) {
      const task: Task = group.ready[group.readyHead]!;
      // A repeated attempt runs alone: if it ends its engine again, nobody else is suspected.
      if (task.state === TaskState.Ready && task.attempt > 1 && tasks.length > 0) return tasks;
      // The inputs of a batch are in memory together.
      if (task.state === TaskState.Ready) bytes += ownInputBytes(task);
      if (tasks.length > 0 && bytes > worker.options.batchBytes) return tasks;
      group.readyHead++;
      if (task.state !== TaskState.Ready) continue;
      task.state = TaskState.Running;
      worker.readyCount--;
      worker.running++;
      tasks.push(task);
      if (task.attempt > 1) return tasks;
    }
    group = tasks.length < size ? nextAlike(worker, group) : null;
  }
  return tasks;
}

function batchSize(worker: Worker, group: Group): number {
  const { message } = group;
  if (message.timeoutMs > 0) return 1;
  const mean = meanUsOf(worker, message);
  if (mean < 0) return 1;
  const lasting = Math.round((limits.threadBatchMs * 1000) / Math.max(mean, 1));
  return Math.max(1, Math.min(limits.threadBatchTasks, lasting));
}

/** What one task is expected to take, microseconds; -1: nobody knows. */
function meanUsOf(worker: Worker, { job, template, inputs }: Group['message']): number {
  const stats = worker.jobs.get(job)?.templates.get(template);
  if (stats === undefined || stats.meanUs >= 0) return stats?.meanUs ?? -1;
  return stats.kind === 'fragment' && inputs.length > 0 ? limits.unknownFragmentMs * 1000 : -1;
}

/** The next group in order, when its tasks can join a batch of `group`, which is used up. */
function nextAlike(worker: Worker, group: Group): Group | null {
  worker.ready.pop();
  retire(group);
  const next = worker.ready.peek();
  if (next === undefined) return null;
  const a = group.message;
  const b = next.message;
  const alike =
    a.job === b.job &&
    a.template === b.template &&
    a.inlineResult === b.inlineResult &&
    a.reportedTogether === b.reportedTogether &&
    a.slices === b.slices &&
    a.name === b.name &&
    b.timeoutMs === 0 &&
    isPlain(group) &&
    isPlain(next);
  return alike ? next : null;
}

/** Holds one cpu and nothing else. */
function isPlain(group: Group): boolean {
  return group.demand.length === 1 && group.demand[0]![1] === 1;
}

function skipEnded(group: Group): void {
  while (group.readyHead < group.ready.length && group.ready[group.readyHead]!.state !== TaskState.Ready) {
    group.readyHead++;
  }
}

function retire(group: Group): void {
  group.queued = false;
  group.ready = [];
  group.readyHead = 0;
}

/**
 * Idle lanes, and a batch that is late or has much left to begin: its tail goes round. How far a thread has come only its
 * words say, and no more than once in limits.threadFlushMs its results: so the shell looks, and leaves what is not worth it.
 */
function shareTails(worker: Worker, nowMs: number, out: EffectSink): void {
  if (worker.paused || !worker.lanes.some(lane => lane.batch === null)) return;
  for (const lane of worker.lanes) {
    if (lane.batch === null || lane.tailTaken) continue;
    const ageMs = nowMs - lane.startedMs;
    lane.looked ||= ageMs >= beginsMs;
    const meanUs = meanUsOf(worker, lane.batch.tasks[0]!.group.message);
    const least = Math.max(1, Math.ceil((worthSharingMs * 1000) / Math.max(meanUs, 1)));
    if (lane.count > 1 && ageMs >= lateMs) takeTail(lane, out);
    else if (lane.count > least) takeTail(lane, out, least);
    // Whoever is there need not wait for a thread that is still starting.
    else if (lane.looked) takeTail(lane, out, lane.count);
  }
}
