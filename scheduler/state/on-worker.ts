import { formatTask, type WorkerId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { EngineDeath, WorkerHello } from '../../core/wire/messages.js';
import type { EffectSink } from './api.js';
import { findSlot, layerOf, mark, taskFault, workerFault } from './cluster.js';
import { note } from './failures.js';
import { detach, dropHolder, requeue } from './lifecycle.js';
import type { Cluster, Layer, WorkerRow } from './model.js';
import { chargeSystemLoss, quarantine } from './on-failure.js';
import { Flag, none, State } from './slots.js';

/** A worker is there. What its predecessor on that node died of may come with it. */
export function onWorkerJoined(
  cluster: Cluster,
  id: WorkerId,
  hello: WorkerHello,
  nowMs: number,
  out: EffectSink,
): void {
  if (cluster.workers.size >= limits.workers) {
    out.closeWorker(id, `the cluster already has ${limits.workers} workers, its limit`);
    return;
  }
  cluster.workers.set(id, {
    id,
    name: hello.name,
    hello,
    threads: Math.max(1, hello.threads),
    lastHeardMs: nowMs,
    storedBytes: 0,
    spilledBytes: 0,
    rssBytes: 0,
    paused: false,
    leaving: false,
    assigned: new Set(),
    queuedMs: 0,
    retracting: 0,
    inUse: new Map(),
    templates: new Map(),
    frees: new Map(),
    cancels: new Map(),
    batch: [],
  });
  mark(cluster, 'workers-joined');
  workersChanged(cluster);
  if (hello.death !== null) onEngineDeath(cluster, cluster.workers.get(id)!, hello.death, out);
}

/** Its stream ended. */
export function onWorkerLeft(
  cluster: Cluster,
  id: WorkerId,
  clean: boolean,
  reason: string,
  out: EffectSink,
): void {
  const worker = cluster.workers.get(id);
  if (worker !== undefined) loseWorker(cluster, worker, reason, !(clean || worker.leaving), out);
}

/**
 * The worker and all it held are gone. `charged`: it was not on purpose, so the tasks it was running (the first
 * `threads` it was given) are charged a system loss: one of them may be the cause.
 */
export function loseWorker(
  cluster: Cluster,
  worker: WorkerRow,
  reason: string,
  charged: boolean,
  out: EffectSink,
): void {
  const slots = cluster.slots;
  cluster.workers.delete(worker.id);
  workersChanged(cluster);
  mark(cluster, charged ? 'workers-lost' : 'workers-left');
  const detail = `${reason}; ${worker.assigned.size} tasks assigned`;
  // One that said goodbye was announced then.
  if (charged) out.fault(workerFault('worker-lost', worker, detail));
  else if (!worker.leaving) out.fault(workerFault('worker-draining', worker, detail));
  const assigned = [...worker.assigned];
  for (const slot of assigned) detach(cluster, slot);
  dropResults(cluster, worker, out);
  for (const [order, slot] of assigned.entries()) {
    // Failing one of them may have ended others that read it.
    if (slots.state[slot] !== State.Assigned) continue;
    if (charged && order < worker.threads) {
      chargeSystemLoss(
        cluster,
        slot,
        worker,
        'WORKER_LOST',
        `lost worker ${worker.name} (${reason})`,
        null,
        out,
      );
    } else {
      slots.attempt[slot]!++;
      requeue(cluster, slot);
    }
  }
}

/** Takes the worker from the holders of every result; one fault per layer that lost some for good. */
function dropResults(cluster: Cluster, worker: WorkerRow, out: EffectSink): void {
  const { holder, moreHolders } = cluster.slots;
  const lost = new Map<Layer, { first: number; count: number }>();
  const drop = (slot: number) => {
    const layer = layerOf(cluster, slot);
    if (!dropHolder(cluster, slot, worker.id)) return;
    const entry = lost.get(layer);
    if (entry === undefined) lost.set(layer, { first: slot, count: 1 });
    else entry.count++;
  };
  for (let slot = holder.indexOf(worker.id); slot >= 0; slot = holder.indexOf(worker.id, slot + 1)) {
    if (cluster.slots.state[slot] === State.Done) drop(slot);
  }
  for (const [slot, others] of [...moreHolders]) if (others.includes(worker.id)) drop(slot);
  for (const [layer, { first, count }] of lost) {
    mark(cluster, 'partitions-lost', count);
    out.fault(
      taskFault(
        cluster,
        'partition-lost',
        first,
        worker,
        `${count} results of ${layer.spec.options.name} were only there`,
      ),
    );
  }
}

/** A supervisor tells what its engine died of, and what that was running: the suspects. */
function onEngineDeath(cluster: Cluster, successor: WorkerRow, death: EngineDeath, out: EffectSink): void {
  if (cluster.deaths.has(death.worker)) return;
  if (cluster.deaths.size >= limits.engineDeaths)
    cluster.deaths.delete(cluster.deaths.values().next().value!);
  cluster.deaths.add(death.worker);
  mark(cluster, 'engines-crashed');
  const cause = death.signal === null ? `exit code ${death.exitCode}` : `signal ${death.signal}`;
  const running = death.running.map(task => formatTask(task.job, task.index)).join(', ');
  const detail = `engine of worker ${death.worker} ended with ${cause}, ${Math.round(death.rssBytes / 2 ** 20)} MiB resident, running ${running || 'nothing'}`;
  out.fault({ ...workerFault('engine-crashed', successor, detail), worker: death.worker, pid: death.pid });
  const slots = cluster.slots;
  for (const task of death.running) {
    const slot = findSlot(cluster, task.job, task.index);
    if (slot === none || (slots.flags[slot]! & Flag.Open) === 0 || slots.attempt[slot]! < task.attempt)
      continue;
    slots.engineKills[slot]!++;
    note(
      cluster,
      slot,
      `attempt ${task.attempt} was running when an engine of ${successor.name} ended with ${cause}`,
    );
    if (slots.engineKills[slot]! >= limits.engineKills) quarantine(cluster, slot, out);
  }
}

/** Derived from the set of workers: their order, who may run what, what peers know. */
function workersChanged(cluster: Cluster): void {
  cluster.workerList = [...cluster.workers.values()].sort((a, b) => a.id - b.id);
  for (const requirement of cluster.requirements.values()) requirement.eligible = null;
  cluster.peersChanged = true;
}
