import { limits } from '../../core/base/limits.js';
import type { EffectSink } from './api.js';
import { mark } from './cluster.js';
import { requeue, voidTicket } from './lifecycle.js';
import type { Cluster } from './model.js';
import { dropClient } from './on-client.js';
import { loseWorker } from './on-worker.js';

/** Leases, the grace of broken clients, and retries whose ticket went astray. */
export function onTick(cluster: Cluster, nowMs: number, out: EffectSink): void {
  forgiveOwnSilence(cluster, nowMs);
  for (const worker of [...cluster.workerList]) {
    const silentMs = nowMs - worker.lastHeardMs;
    if (silentMs <= cluster.options.leaseMs) continue;
    const reason = `no sign of life for ${(silentMs / 1000).toFixed(1)} s (lease ${cluster.options.leaseMs / 1000} s)`;
    mark(cluster, 'leases-expired');
    loseWorker(cluster, worker, reason, true, out);
    out.closeWorker(worker.id, reason);
  }
  for (const client of [...cluster.clients.values()]) {
    if (client.leftAtMs !== null && nowMs - client.leftAtMs >= cluster.options.clientGraceMs) {
      dropClient(cluster, client, out);
    }
  }
  for (const [slot, atMs] of cluster.overdueAt) {
    if (nowMs < atMs) continue;
    mark(cluster, 'retries-overdue');
    voidTicket(cluster, slot);
    requeue(cluster, slot);
  }
}

/** When the head itself did not get to run, its workers' words are still in the inbox: nobody is late but the head. */
function forgiveOwnSilence(cluster: Cluster, nowMs: number): void {
  const stalledMs = nowMs - cluster.lastTickMs;
  cluster.lastTickMs = nowMs;
  if (!(stalledMs > limits.headStallMs)) return;
  mark(cluster, 'head-stalls');
  for (const worker of cluster.workerList)
    worker.lastHeardMs = Math.min(nowMs, worker.lastHeardMs + stalledMs);
}
