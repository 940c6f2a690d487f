import type { PeerTable } from '../../core/wire/messages.js';
import type { EffectSink } from './api.js';
import type { Cluster } from './model.js';

/** All live workers, as nodes and clients know them. */
export function peerTable(cluster: Cluster): PeerTable {
  return {
    kind: 'peers',
    workers: cluster.workerList.map(({ id, hello }) => ({
      worker: id,
      name: hello.name,
      threads: hello.threads,
      memoryBytes: hello.memoryBytes,
      labels: hello.labels,
      address: hello.address,
      supervisorPid: hello.supervisorPid,
      enginePid: hello.enginePid,
    })),
  };
}

/** Tells everyone, when workers have come or gone: before any message that names one of them. */
export function flushPeers(cluster: Cluster, out: EffectSink): void {
  if (!cluster.peersChanged) return;
  cluster.peersChanged = false;
  const table = peerTable(cluster);
  for (const worker of cluster.workerList) out.toWorker(worker.id, table);
  for (const client of cluster.clients.values()) if (client.leftAtMs === null) out.toClient(client.id, table);
}
