import { assert } from '../../core/base/assert.js';
import type { JobId, TaskRef, WorkerId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { InputTable } from '../../core/wire/messages.js';
import {
  type Cell,
  CellState,
  type EffectSink,
  type Group,
  type InputSet,
  type Task,
  TaskState,
} from './api.js';
import { makeReady, type Worker } from './worker.js';

/** Entries of a table that a task reads: from, to (exclusive). */
export function entryRange(table: InputTable, ordinal: number): [number, number] {
  if (table.offsets === null) return [0, table.indices.length];
  return [table.offsets[ordinal]!, table.offsets[ordinal + 1]!];
}

/** The slice of each entry that a task reads. */
export function sliceOf(table: InputTable, position: number): number {
  return table.sliced ? position : 0;
}

/** Bytes a task reads that others of its group do not: about, for slices. */
export function ownInputBytes({ group, ordinal }: Task): number {
  let bytes = 0;
  for (const table of group.message.inputs) {
    if (isShared(table)) continue;
    const [from, to] = entryRange(table, ordinal);
    let sum = 0;
    for (let entry = from; entry < to; entry++) sum += table.bytes[entry]!;
    bytes += table.sliced ? sum / group.fanOut : sum;
  }
  return bytes;
}

/** True when every task of the group reads the same slices of this table. */
function isShared(table: InputTable): boolean {
  return table.offsets === null && !table.sliced;
}

/** The tables all tasks of a group read alike are looked at once. */
export function sharedSets(worker: Worker, group: Group): InputSet[] {
  const sets: InputSet[] = [];
  for (const table of group.message.inputs) {
    if (!isShared(table)) continue;
    const set = newSet();
    addEntries(worker, group, table, 0, table.indices.length, 0, set);
    if (set.cells.length > 0) sets.push(set);
  }
  return sets;
}

/** Finds what the task lacks; it is ready when that is nothing. */
export function gatherInputs(worker: Worker, task: Task): void {
  const { group } = task;
  const { message } = group;
  const sets: InputSet[] = [...group.shared];
  let own: InputSet | null = null;
  for (const table of message.inputs) {
    if (isShared(table)) continue;
    own ??= newSet();
    const [from, to] = entryRange(table, task.ordinal);
    addEntries(worker, group, table, from, to, sliceOf(table, message.positions[task.ordinal]!), own);
  }
  if (own !== null && own.cells.length > 0) sets.push(own);
  task.sets = sets;
  for (const set of sets) {
    set.users++;
    if (set.missing > 0) {
      set.tasks.push(task);
      task.missing++;
    }
  }
  if (task.missing === 0) {
    makeReady(worker, task);
  } else {
    task.state = TaskState.Fetching;
    worker.fetching++;
  }
}

/** A cell's slice is here now: sets and tasks that waited for nothing else move on. */
export function cellArrived(worker: Worker, cell: Cell): void {
  cell.state = CellState.Here;
  for (const set of cell.sets) {
    if (--set.missing > 0) continue;
    for (const task of set.tasks) {
      if (task.state !== TaskState.Fetching) continue;
      if (--task.missing > 0) continue;
      worker.fetching--;
      makeReady(worker, task);
    }
    set.tasks.length = 0;
  }
}

/** The task has ended: cells nobody else reads are forgotten, their pulls stopped. */
export function releaseInputs(worker: Worker, task: Task, out: EffectSink): void {
  for (const set of task.sets) {
    set.users--;
    assert(set.users >= 0, 'a set has users or none');
    if (set.users === 0) releaseSet(worker, set, out);
  }
  task.sets = [];
}

/** Nobody reads this set any more. */
export function releaseSet(worker: Worker, set: InputSet, out: EffectSink): void {
  for (const cell of set.cells) {
    cell.sets.delete(set);
    if (cell.sets.size === 0) forgetCell(worker, cell, out);
  }
}

export function forgetCell(worker: Worker, cell: Cell, out: EffectSink): void {
  if (worker.cells.get(cell.key) !== cell) return;
  worker.cells.delete(cell.key);
  if (cell.state === CellState.Pulling) {
    out.abortPull(cell.pull);
    endPull(worker, cell);
  } else if (cell.state === CellState.Here && !cell.whole) {
    out.dropSlice(cell.task, cell.slice);
  }
}

/** Books of a pull that is over. */
export function endPull(worker: Worker, cell: Cell): void {
  worker.pulls.delete(cell.pull);
  worker.pullBytes -= cell.bytes;
  const open = (worker.pullsPerPeer.get(cell.peer) ?? 1) - 1;
  if (open <= 0) worker.pullsPerPeer.delete(cell.peer);
  else worker.pullsPerPeer.set(cell.peer, open);
}

function newSet(): InputSet {
  return { cells: [], missing: 0, tasks: [], users: 0 };
}

function addEntries(
  worker: Worker,
  group: Group,
  table: InputTable,
  from: number,
  to: number,
  slice: number,
  set: InputSet,
): void {
  for (let entry = from; entry < to; entry++) {
    if (table.inline?.[entry]) continue;
    const job = table.jobs[entry]! as JobId;
    const index = table.indices[entry]!;
    if (worker.jobs.get(job)?.results.has(index)) continue;
    const cell = cellOf(worker, group, table, entry, { job, index }, slice);
    if (cell.sets.has(set)) continue;
    cell.sets.add(set);
    set.cells.push(cell);
    if (cell.state !== CellState.Here) set.missing++;
  }
}

export function cellKey(task: TaskRef, slice: number): string {
  return `${task.job}/${task.index}/${slice}`;
}

function cellOf(
  worker: Worker,
  group: Group,
  table: InputTable,
  entry: number,
  task: TaskRef,
  slice: number,
): Cell {
  const key = cellKey(task, slice);
  const holders: WorkerId[] = [];
  for (let at = table.holderOffsets[entry]!; at < table.holderOffsets[entry + 1]!; at++) {
    const holder = table.holders[at]! as WorkerId;
    if (holder !== worker.options.worker) holders.push(holder);
  }
  const known = worker.cells.get(key);
  if (known !== undefined) {
    for (const holder of holders) if (!known.holders.includes(holder)) known.holders.push(holder);
    return known;
  }
  const cell: Cell = {
    key,
    task,
    slice,
    whole: !table.sliced,
    rows: table.sliced ? -1 : table.rows[entry]!,
    bytes: table.sliced ? table.bytes[entry]! / group.fanOut : table.bytes[entry]!,
    small: table.bytes[entry]! <= limits.copiedResultBytes,
    reader: group.message,
    priority: group.message.priority,
    sequence: worker.nextSequence++,
    holders,
    failed: new Map(),
    tries: 0,
    state: CellState.Queued,
    pull: 0,
    peer: 0 as WorkerId,
    sets: new Set(),
  };
  worker.cells.set(key, cell);
  worker.pullQueue.push(cell);
  return cell;
}
