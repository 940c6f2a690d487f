import type { JobId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { EffectSink } from './api.js';
import { indexOf, layerOf, mark } from './cluster.js';
import type { Cluster, WorkerRow } from './model.js';
import { prefetchFactor, queueMs, room } from './policy/credits.js';
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
  let taken = 0;
  // The last that were given are the last to start.
  const candidates = [...donor.assigned].slice(-unstarted).reverse();
  for (const slot of candidates) {
    if (taken === wanted) break;
    const layer = layerOf(cluster, slot);
    if (!satisfies(idle, layer.requirement) || room(idle, layer, prefetchFactor(layer)) <= taken) continue;
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
