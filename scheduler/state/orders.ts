import type { JobId } from '../../core/base/ids.js';
import type { EffectSink } from './api.js';
import type { Cluster } from './model.js';
import { flushPeers } from './peers.js';

/** Sends what the events of a batch have led to, before new tasks: a task may be one that was just freed or recalled. */
export function flushOrders(cluster: Cluster, out: EffectSink): void {
  flushPeers(cluster, out);
  for (const worker of cluster.workerList) {
    for (const [job, list] of worker.cancels) {
      out.toWorker(worker.id, {
        kind: 'cancel-tasks',
        job: job as JobId,
        indices: Uint32Array.from(list.indices),
        attempts: Uint32Array.from(list.attempts),
      });
    }
    worker.cancels.clear();
    for (const [job, indices] of worker.frees) {
      out.toWorker(worker.id, {
        kind: 'free-results',
        job: job as JobId,
        indices: Uint32Array.from(indices),
      });
    }
    worker.frees.clear();
  }
  for (const [job, indices] of cluster.putLost) {
    if (job.client.leftAtMs !== null) continue;
    out.toClient(job.client.id, { kind: 'put-lost', job: job.id, indices: Uint32Array.from(indices) });
  }
  cluster.putLost.clear();
}

/** Retry tickets that were placed or have become pointless. */
export function flushSettled(cluster: Cluster, out: EffectSink): void {
  const settled = cluster.settled;
  if (settled.length === 0) return;
  cluster.settled = [];
  for (const ticket of settled) out.settleRetry(ticket);
}
