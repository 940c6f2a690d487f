import { assertNever } from '../../core/base/assert.js';
import type { TaskRef, WorkerId } from '../../core/base/ids.js';
import type { TasksFinished, TasksReturned, WorkerToHead } from '../../core/wire/messages.js';
import type { EffectSink } from './api.js';
import { findLayer, findSlot, mark, workerFault } from './cluster.js';
import { complete, detach, dropHolder, freeAt, requeue } from './lifecycle.js';
import type { Cluster, Layer, Measure, WorkerRow } from './model.js';
import { onTaskFailed } from './on-failure.js';
import { none, State } from './slots.js';

/** One message of a worker. Each is a sign of life; what comes from one that is fenced off is counted and dropped. */
export function onWorkerMessage(
  cluster: Cluster,
  id: WorkerId,
  message: WorkerToHead,
  nowMs: number,
  out: EffectSink,
): void {
  const worker = cluster.workers.get(id);
  if (worker === undefined) {
    markStale(cluster, message);
    return;
  }
  worker.lastHeardMs = nowMs;
  switch (message.kind) {
    case 'tasks-finished':
      onFinished(cluster, worker, message);
      break;
    case 'task-failed': {
      const slot = findSlot(cluster, message.task.job, message.task.index);
      if (!isCurrent(cluster, slot, worker, message.attempt)) {
        mark(cluster, 'stale-failure');
        return;
      }
      onTaskFailed(cluster, slot, worker, message, nowMs, out);
      break;
    }
    case 'tasks-returned':
      onReturned(cluster, worker, message);
      break;
    case 'heartbeat':
      worker.storedBytes = message.storedBytes;
      worker.spilledBytes = message.spilledBytes;
      worker.rssBytes = message.rssBytes;
      worker.paused = message.paused;
      return;
    case 'replicas-changed':
      for (const ref of message.added) onReplica(cluster, worker, ref);
      for (const ref of message.dropped) onReplicaDropped(cluster, worker, ref);
      return;
    case 'fault-seen':
      // A hint. The task that could not get its input says so itself, and only that is acted upon.
      mark(cluster, message.fault);
      break;
    case 'worker-bye':
      worker.leaving = true;
      out.fault(workerFault('worker-draining', worker, message.reason));
      return;
    case 'worker-hello':
      mark(cluster, 'repeated-hello');
      break;
    default:
      assertNever(message);
  }
}

/** True when this worker runs this attempt of the task now. */
function isCurrent(cluster: Cluster, slot: number, worker: WorkerRow, attempt: number): boolean {
  const slots = cluster.slots;
  return (
    slot !== none &&
    slots.state[slot] === State.Assigned &&
    slots.owner[slot] === worker.id &&
    slots.attempt[slot] === attempt
  );
}

function onFinished(cluster: Cluster, worker: WorkerRow, message: TasksFinished): void {
  const job = cluster.jobs.get(message.job);
  let layer: Layer | null = null;
  let finished = 0;
  for (let i = 0; i < message.indices.length; i++) {
    const index = message.indices[i]!;
    if (layer === null || index < layer.first || index >= layer.first + layer.count)
      layer = findLayer(job, index);
    const slot = layer === null ? none : layer.slot + index - layer.first;
    const payload = message.inline?.[i] ?? null;
    if (layer === null || !isCurrent(cluster, slot, worker, message.attempts[i]!)) {
      dropFinish(cluster, slot, worker, payload !== null);
      continue;
    }
    finished++;
    measure(layer.measure, message.durationUs[i]! / 1000, message.bytes[i]!);
    detach(cluster, slot);
    complete(cluster, slot, worker.id, payload, message.rows[i]!, message.bytes[i]!);
  }
  mark(cluster, 'tasks-finished', finished);
}

/** Cancelled or taken over meanwhile: the result it stored is of no use. */
function dropFinish(cluster: Cluster, slot: number, worker: WorkerRow, enclosed: boolean): void {
  mark(cluster, 'stale-finish');
  if (slot === none || enclosed) return;
  const holds = cluster.slots.holders(slot).includes(worker.id);
  const runs = cluster.slots.owner[slot] === worker.id;
  if (!holds && !runs) freeAt(cluster, slot, worker.id);
}

function measure(means: Measure, ms: number, bytes: number): void {
  means.tasks++;
  const weight = 1 / Math.min(means.tasks, 64);
  means.meanMs += (ms - means.meanMs) * weight;
  means.meanBytes += (bytes - means.meanBytes) * weight;
}

function onReturned(cluster: Cluster, worker: WorkerRow, message: TasksReturned): void {
  for (let i = 0; i < message.indices.length; i++) {
    const slot = findSlot(cluster, message.job, message.indices[i]!);
    if (!isCurrent(cluster, slot, worker, message.attempts[i]!)) {
      mark(cluster, 'stale-return');
      continue;
    }
    detach(cluster, slot);
    mark(cluster, 'tasks-returned');
    requeue(cluster, slot);
  }
}

function onReplica(cluster: Cluster, worker: WorkerRow, ref: TaskRef): void {
  const slot = findSlot(cluster, ref.job, ref.index);
  if (slot === none) return;
  if (cluster.slots.state[slot] !== State.Done || cluster.slots.holder[slot] === 0) {
    freeAt(cluster, slot, worker.id);
    return;
  }
  cluster.jobs.get(ref.job)!.knownBy.add(worker.id);
  cluster.slots.addHolder(slot, worker.id);
}

function onReplicaDropped(cluster: Cluster, worker: WorkerRow, ref: TaskRef): void {
  const slot = findSlot(cluster, ref.job, ref.index);
  if (slot !== none && cluster.slots.state[slot] === State.Done) dropHolder(cluster, slot, worker.id);
}

function markStale(cluster: Cluster, message: WorkerToHead): void {
  if (message.kind === 'tasks-finished') mark(cluster, 'stale-finish', message.indices.length);
  else if (message.kind === 'task-failed') mark(cluster, 'stale-failure');
  else if (message.kind === 'tasks-returned') mark(cluster, 'stale-return', message.indices.length);
  else mark(cluster, 'stale-message');
}
