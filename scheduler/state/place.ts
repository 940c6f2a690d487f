import { limits } from '../../core/base/limits.js';
import type { EffectSink } from './api.js';
import { sendAssignments } from './assign.js';
import { move, voidTicket } from './lifecycle.js';
import type { Cluster, Layer, Requirement, WorkerRow } from './model.js';
import { flushOrders, flushSettled } from './orders.js';
import { prefetchFactor, queueMs, room } from './policy/credits.js';
import { sharedInputs, taskInputs } from './policy/locality.js';
import { keepsRuns, nextInRun } from './policy/runs.js';
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
  if (!crew.some(worker => room(worker, layer, factor) > 0)) {
    block(cluster, requirement, factor);
    return;
  }
  const near = layer.links.some(link => link.rule !== 'all' && link.rule !== 'all-to-all');
  const roomLeft = near
    ? placeNear(cluster, layer, crew, factor)
    : placeAnywhere(cluster, layer, crew, factor);
  if (!roomLeft) block(cluster, requirement, factor);
  sendAssignments(cluster, layer, crew, out);
}

/** Later layers that ask the same need not look for room again in this round. */
function block(cluster: Cluster, requirement: Requirement, factor: number): void {
  requirement.blockedSerial = cluster.placeSerial;
  requirement.blockedFactor = factor;
}

/** All tasks of the layer read the same: they differ only in where they can start first. False: everybody is full. */
function placeAnywhere(cluster: Cluster, layer: Layer, crew: readonly WorkerRow[], factor: number): boolean {
  const inputs = sharedInputs(cluster, layer);
  const ms = layer.measure.meanMs;
  const inRuns = crew.length > 1 && keepsRuns(layer);
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
    for (let k = 0; k < run; k++) {
      const position = inRuns
        ? nextInRun(cluster, layer, best, crew.length)
        : nextReady(cluster, layer, layer.cursor);
      assignTask(cluster, best, layer, position, ms);
    }
  }
  return true;
}

/** Each task has inputs of its own. False: everybody is full. */
function placeNear(cluster: Cluster, layer: Layer, crew: readonly WorkerRow[], factor: number): boolean {
  while (placeWindow(cluster, layer, crew, factor) && layer.ready > 0) {}
  if (layer.ready > 0) layer.cursor = nextReady(cluster, layer, layer.cursor);
  return crew.some(worker => room(worker, layer, factor) > 0);
}

/**
 * Looks at the next few ready tasks. Those that would start first on an idle worker go there; idle workers that are
 * left take any; only then queues are filled, each with tasks near their data. False: nothing could be placed.
 */
function placeWindow(cluster: Cluster, layer: Layer, crew: readonly WorkerRow[], factor: number): boolean {
  const ms = layer.measure.meanMs;
  const hasRoom = (worker: WorkerRow | null) => worker !== null && room(worker, layer, factor) > 0;
  const isIdle = (worker: WorkerRow) => worker.assigned.size < worker.threads && hasRoom(worker);
  let idle = crew.filter(isIdle);
  const ready = layer.ready;
  const passed: number[] = [];
  let position = layer.cursor;
  for (let seen = 0; seen < ready && passed.length < limits.placementWindow; seen++) {
    if (!crew.some(hasRoom)) break;
    position = nextReady(cluster, layer, position);
    const worker = earliest(cluster, layer, position, crew);
    if (hasRoom(worker) && (idle.length === 0 || isIdle(worker!))) {
      assignTask(cluster, worker!, layer, position, ms);
      if (idle.length > 0) idle = idle.filter(isIdle);
    } else {
      passed.push(position);
    }
    position++;
  }
  for (const waiting of passed) {
    const worker = earliest(cluster, layer, waiting, idle.length > 0 ? idle : crew);
    if (!hasRoom(worker)) continue;
    assignTask(cluster, worker!, layer, waiting, ms);
    idle = idle.filter(isIdle);
  }
  return layer.ready < ready;
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
