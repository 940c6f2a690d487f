import type { JobId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { EffectSink } from './api.js';
import { indexOf, layerOf, mark } from './cluster.js';
import type { Cluster, Layer, WorkerRow } from './model.js';
import { prefetchFactor, queueMs, room } from './policy/credits.js';
import { type Inputs, sharedInputs, taskInputs } from './policy/locality.js';
import { satisfies } from './requirement.js';
import { Flag } from './slots.js';

/**
 * Work stealing by request: when a worker is idle after placement and another has work that waits, half of that is
 * asked back. What has started meanwhile stays where it is.
 */
export function retract(cluster: Cluster, out: EffectSink): void {
  let served = 0;
  for (const idle of cluster.workerList) {
    if (idle.assigned.size >= idle.threads || idle.paused || idle.leaving) continue;
    if (++served > limits.retractWorkers) return;
    const donor = findDonor(cluster, idle);
    if (donor !== null) askBack(cluster, donor, idle, out);
  }
}

/** The worker with the most unstarted work, when that is worth a round trip. */
function findDonor(cluster: Cluster, idle: WorkerRow): WorkerRow | null {
  let donor: WorkerRow | null = null;
  for (const worker of cluster.workerList) {
    if (worker === idle || worker.retracting > 0) continue;
    if (worker.assigned.size <= worker.threads || queueMs(worker) < limits.retractMs) continue;
    if (donor === null || queueMs(worker) > queueMs(donor)) donor = worker;
  }
  return donor;
}

function askBack(cluster: Cluster, donor: WorkerRow, idle: WorkerRow, out: EffectSink): void {
  const unstarted = donor.assigned.size - donor.threads;
  const wanted = Math.ceil(unstarted / 2);
  const lists = new Map<JobId, { indices: number[]; attempts: number[] }>();
  const shared = new Map<Layer, Inputs>();
  let taken = 0;
  // The last that were given are the last to start.
  const candidates = [...donor.assigned].slice(-unstarted).reverse();
  for (const slot of candidates) {
    if (taken === wanted) break;
    const layer = layerOf(cluster, slot);
    if (!satisfies(idle, layer.requirement) || room(idle, layer, prefetchFactor(layer)) <= taken) continue;
    if (extraMoveMs(cluster, slot, donor, idle, shared) >= queueMs(donor) / 2) continue;
    cluster.slots.flags[slot]! |= Flag.Retracting;
    donor.retracting++;
    taken++;
    let list = lists.get(layer.job.id);
    if (list === undefined) lists.set(layer.job.id, (list = { indices: [], attempts: [] }));
    list.indices.push(indexOf(layer, slot));
    list.attempts.push(cluster.slots.attempt[slot]!);
  }
  for (const [job, { indices, attempts }] of lists) {
    out.toWorker(donor.id, {
      kind: 'retract-tasks',
      job,
      indices: Uint32Array.from(indices),
      attempts: Uint32Array.from(attempts),
    });
  }
  mark(cluster, 'tasks-retracted', taken);
}

/** How much longer the task's inputs would take to the idle worker: with too much of it, it would be placed back. */
function extraMoveMs(
  cluster: Cluster,
  slot: number,
  donor: WorkerRow,
  idle: WorkerRow,
  shared: Map<Layer, Inputs>,
): number {
  const layer = layerOf(cluster, slot);
  if (layer.links.length === 0) return 0;
  let barrier = shared.get(layer);
  if (barrier === undefined) shared.set(layer, (barrier = sharedInputs(cluster, layer)));
  const own = taskInputs(cluster, layer, slot - layer.slot);
  return barrier.moveMs(idle.id) + own.moveMs(idle.id) - barrier.moveMs(donor.id) - own.moveMs(donor.id);
}
