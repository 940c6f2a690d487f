import { assert } from '../../core/base/assert.js';
import { CellState, type Task, TaskState } from './api.js';
import type { Worker } from './worker.js';

/** Checks the invariants of the whole node. For tests and the simulator: its cost grows with the number of tasks. */
export function validate(worker: Worker): void {
  const counts = { fetching: 0, ready: 0, running: 0 };
  const onLanes = new Set<Task>(worker.lanes.flatMap(lane => lane.batch?.tasks ?? []));
  for (const job of worker.jobs.values()) {
    for (const [index, task] of job.tasks) {
      assert(task.index === index && task.job === job.id, 'a task is filed under its own name');
      assert(task.state !== TaskState.Ended, 'a task that ended is forgotten');
      if (task.state === TaskState.Fetching) counts.fetching++;
      else if (task.state === TaskState.Ready) counts.ready++;
      else counts.running++;
      checkTask(task, onLanes);
    }
  }
  assert(
    counts.fetching === worker.fetching,
    () => `${worker.fetching} fetching, counted ${counts.fetching}`,
  );
  assert(counts.ready === worker.readyCount, () => `${worker.readyCount} ready, counted ${counts.ready}`);
  assert(counts.running === worker.running, () => `${worker.running} running, counted ${counts.running}`);
  checkPulls(worker);
  const idle = worker.lanes.every(lane => lane.batch === null);
  if (idle) assert(worker.running === 0, 'no task runs without a lane');
}

function checkTask(task: Task, onLanes: ReadonlySet<Task>): void {
  const missing = task.sets.filter(set => set.missing > 0).length;
  assert((task.state === TaskState.Fetching) === task.missing > 0, 'a task fetches while it lacks something');
  assert(task.missing === missing, () => `${task.missing} sets missing, counted ${missing}`);
  if (task.state === TaskState.Running) assert(onLanes.has(task), 'a running task is on a lane');
  if (task.state === TaskState.Ready) assert(task.group.queued, 'a ready task is in the queue');
}

function checkPulls(worker: Worker): void {
  let bytes = 0;
  for (const [id, cell] of worker.pulls) {
    assert(cell.pull === id && cell.state === CellState.Pulling, 'a pull has a cell that waits for it');
    bytes += cell.bytes;
  }
  assert(Math.abs(bytes - worker.pullBytes) < 1, 'bytes in flight add up');
  let open = 0;
  for (const pulls of worker.pullsPerPeer.values()) open += pulls;
  assert(open === worker.pulls.size, 'pulls by peer add up');
  for (const cell of worker.cells.values()) {
    assert(cell.sets.size > 0, () => `cell ${cell.key} has a reader`);
    for (const set of cell.sets) assert(set.users > 0, 'a set has a user');
  }
}
