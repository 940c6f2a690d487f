import { limits } from '../../core/base/limits.js';
import type { EffectSink } from './api.js';
import { sendAssignments } from './assign.js';
import { voidTicket, move } from './lifecycle.js';
import type { Cluster, Layer, WorkerRow } from './model.js';
import { flushOrders, flushSettled } from './orders.js';
import { expectedMs, prefetchFactor, queueMs, room } from './policy/credits.js';
import { sharedInputs, taskInputs } from './policy/locality.js';
import { eligibleFor } from './requirement.js';
import { flushResults, isBackedUp } from './results.js';
import { retract } from './retract.js';
import { Flag, State } from './slots.js';

/**
 * Gives ready tasks to workers, once per drained batch of events, and sends everything the batch has led to. Highest
 * user priority first, then older jobs, then deeper layers (so that memory is released early), then lower indices.
 */
export function place(cluster: Cluster, _nowMs: number, out: EffectSink): void {
  flushOrders(cluster, out);
  cluster.placeSerial++;
  sortReady(cluster);
  let kept = 0;
  for (const layer of cluster.readyLayers) {
    if (layer.ready > 0) placeLayer(cluster, layer, out);
    if (layer.ready > 0) cluster.readyLayers[kept++] = layer;
    else layer.listed = false;
  }
  cluster.readyLayers.length = kept;
  retract(cluster, out);
  flushSettled(cluster, out);
  flushResults(cluster, out);
}

function sortReady(cluster: Cluster): void {
  if (cluster.readySorted) return;
  cluster.readySorted = true;
  cluster.readyLayers.sort(
    (a, b) =>
      b.spec.options.priority - a.spec.options.priority ||
      a.job.serial - b.job.serial ||
      b.depth - a.depth ||
      a.first - b.first,
  );
}

function placeLayer(cluster: Cluster, layer: Layer, out: EffectSink): void {
  const requirement = layer.requirement;
  const factor = prefetchFactor(layer);
  if (requirement.blockedSerial === cluster.placeSerial && factor <= requirement.blockedFactor) return;
  if (layer.spec.options.inlineResult && isBackedUp(layer.job.client)) return;
  const crew = eligibleFor(cluster, requirement);
  const near = layer.links.some(link => link.rule !== 'all' && link.rule !== 'all-to-all');
  const roomLeft = near ? placeNear(cluster, layer, crew, factor) : placeAnywhere(cluster, layer, crew, factor);
  if (!roomLeft) {
    requirement.blockedSerial = cluster.placeSerial;
    requirement.blockedFactor = factor;
  }
  sendAssignments(cluster, layer, crew, out);
}

/** All tasks of the layer read the same: they differ only in where they can start first. False: everybody is full. */
function placeAnywhere(cluster: Cluster, layer: Layer, crew: readonly WorkerRow[], factor: number): boolean {
  const inputs = sharedInputs(cluster, layer);
  const ms = expectedMs(layer);
  while (layer.ready > 0) {
    let best: WorkerRow | null = null;
    let bestStart = Number.POSITIVE_INFINITY;
    let bestRoom = 0;
    for (const worker of crew) {
      const left = room(worker, layer, factor);
      if (left <= 0) continue;
      const start = queueMs(worker) + inputs.moveMs(worker.id);
      if (start < bestStart || (start === bestStart && worker.assigned.size < best!.assigned.size)) {
        best = worker;
        bestStart = start;
        bestRoom = left;
      }
    }
    if (best === null) return false;
    // Where room is ample tasks are short: some at a time, so that the search does not cost more than they do.
    const run = Math.min(layer.ready, Math.max(1, bestRoom >> 3));
    for (let k = 0; k < run; k++) assignTask(cluster, best, layer, nextReady(cluster, layer, layer.cursor), ms);
  }
  return true;
}

/**
 * Each task has inputs of its own. It waits for the worker where it would start first, unless another would be idle:
 * so a worker's queue holds tasks near their data, and nobody stands by while there is work. False: everybody is full.
 */
function placeNear(cluster: Cluster, layer: Layer, crew: readonly WorkerRow[], factor: number): boolean {
  const ms = expectedMs(layer);
  const passed: number[] = [];
  let rooms = 0;
  for (const worker of crew) rooms += Math.max(0, room(worker, layer, factor));
  let position = layer.cursor;
  for (let seen = 0, ready = layer.ready; rooms > 0 && seen < ready && passed.length < limits.placementWindow; seen++) {
    position = nextReady(cluster, layer, position);
    const worker = earliest(cluster, layer, position, crew);
    if (worker !== null && room(worker, layer, factor) > 0) {
      assignTask(cluster, worker, layer, position, ms);
      rooms--;
    } else {
      passed.push(position);
    }
    position++;
  }
  for (const waiting of passed) {
    const idle = crew.filter(worker => worker.assigned.size < worker.threads && room(worker, layer, factor) > 0);
    if (idle.length === 0) break;
    assignTask(cluster, earliest(cluster, layer, waiting, idle)!, layer, waiting, ms);
    rooms--;
  }
  layer.cursor = layer.ready === 0 ? layer.count : nextReady(cluster, layer, passed[0] ?? layer.cursor);
  return rooms > 0;
}

/** The worker on which the task would start first, by queued work and bytes to move; full ones count too. */
function earliest(
  cluster: Cluster,
  layer: Layer,
  position: number,
  crew: readonly WorkerRow[],
): WorkerRow | null {
  const inputs = taskInputs(cluster, layer, position);
  let best: WorkerRow | null = null;
  let bestStart = Number.POSITIVE_INFINITY;
  for (const worker of crew) {
    if (worker.paused || worker.leaving) continue;
    const start = queueMs(worker) + inputs.moveMs(worker.id);
    if (start < bestStart || (start === bestStart && worker.assigned.size < best!.assigned.size)) {
      best = worker;
      bestStart = start;
    }
  }
  return best;
}

/** Position of the first ready task at or after `from`. There is one. */
function nextReady(cluster: Cluster, layer: Layer, from: number): number {
  const state = cluster.slots.state;
  const slot = layer.slot + from;
  return (state[slot] === State.Ready ? slot : state.indexOf(State.Ready, slot)) - layer.slot;
}

function assignTask(cluster: Cluster, worker: WorkerRow, layer: Layer, position: number, ms: number): void {
  const slots = cluster.slots;
  const slot = layer.slot + position;
  voidTicket(cluster, slot);
  move(cluster, slot, State.Assigned);
  slots.flags[slot]! &= ~(Flag.InputMoved | Flag.Retracting);
  slots.owner[slot] = worker.id;
  slots.expectedMs[slot] = ms;
  // What the column rounded to is what will be taken off again.
  worker.queuedMs += slots.expectedMs[slot]!;
  worker.assigned.add(slot);
  worker.batch.push(position);
  for (const [name, units] of layer.requirement.resources) {
    worker.inUse.set(name, (worker.inUse.get(name) ?? 0) + units);
  }
  if (position === layer.cursor) layer.cursor++;
}
