import { limits } from '../../../core/base/limits.js';
import type { Layer, WorkerRow } from '../model.js';
import { offered } from '../requirement.js';

/**
 * How many tasks of a layer a worker holds per thread beyond those it runs. Short tasks need a queue to hide the round
 * trip to the head; long ones, and roots that fill memory or may do so, get one.
 */
export function prefetchFactor(layer: Layer): number {
  const { tasks, meanMs, meanBytes } = layer.measure;
  if (layer.links.length === 0 && (tasks === 0 || meanBytes >= limits.bigResultBytes)) return 1;
  return Math.max(1, limits.prefetchMs / Math.max(meanMs, 1e-3));
}

/** How many more tasks of the layer a worker may be given. Negative when it holds more than it should. */
export function room(worker: WorkerRow, layer: Layer, factor: number): number {
  if (worker.paused || worker.leaving) return 0;
  const prefetch = Math.min(limits.prefetchTasks, Math.ceil(worker.threads * factor));
  let left = worker.threads + Math.max(worker.threads, prefetch) - worker.assigned.size;
  for (const [name, units] of layer.requirement.resources) {
    const free = offered(worker, name) - (worker.inUse.get(name) ?? 0);
    left = Math.min(left, Math.floor(free / units));
  }
  return left;
}

/** When a new task would start on the worker, all else being equal: milliseconds from now. */
export function queueMs(worker: WorkerRow): number {
  return worker.queuedMs / worker.threads;
}
