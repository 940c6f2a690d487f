import { limits } from '../../../core/base/limits.js';
import type { Cluster, Layer, Runs, WorkerRow } from '../model.js';
import { State } from '../slots.js';

/**
 * Partitions that are neighbours are mostly read together, by a task that puts small ones together, so they should lie together: of a
 * layer whose tasks could run anywhere, each worker is given runs of neighbours instead of every other task. Only partitions have neighbours:
 * results of functions are read as their program pleases.
 */
export function keepsRuns({ job, spec, count }: Layer): boolean {
  if (spec.template === null || count < 2) return false;
  const kind = job.templates.get(spec.template)?.kind;
  return kind !== undefined && kind !== 'function';
}

/** Position of the ready task the worker should be given: the next of its run, else the first of a run nobody is amid, else the last. */
export function nextInRun(cluster: Cluster, layer: Layer, worker: WorkerRow, crew: number): number {
  layer.runs ??= {
    length: Math.min(limits.placementRun, Math.ceil(layer.count / crew)),
    owners: new Map(),
    next: new Map(),
  };
  const { runs } = layer;
  const own = runs.next.get(worker.id);
  const position =
    own !== undefined && cluster.slots.state[layer.slot + own] === State.Ready
      ? own
      : (firstOfNobody(cluster, layer, runs, worker.id) ?? lastReady(cluster, layer));
  if (own !== undefined) leave(runs, worker.id, own);
  enter(runs, worker.id, position, layer.count);
  return position;
}

function leave({ length, owners, next }: Runs, worker: number, position: number): void {
  next.delete(worker);
  owners.delete(Math.floor(position / length));
}

/** The worker goes on behind this task, unless its run ends there or is somebody else's. */
function enter({ length, owners, next }: Runs, worker: number, position: number, count: number): void {
  const run = Math.floor(position / length);
  const after = position + 1;
  if (after % length === 0 || after === count || owners.has(run)) return;
  owners.set(run, worker);
  next.set(worker, after);
}

function firstOfNobody(cluster: Cluster, layer: Layer, runs: Runs, worker: number): number | null {
  const { state } = cluster.slots;
  for (let position = layer.cursor; position < layer.count; position++) {
    if (state[layer.slot + position] !== State.Ready) continue;
    const run = Math.floor(position / runs.length);
    const owner = runs.owners.get(run);
    if (owner === undefined || owner === worker) return position;
    if (!cluster.workers.has(owner)) {
      leave(runs, owner, run * runs.length);
      return position;
    }
    position = (run + 1) * runs.length - 1;
  }
  return null;
}

function lastReady({ slots }: Cluster, { slot, count }: Layer): number {
  return slots.state.lastIndexOf(State.Ready, slot + count - 1) - slot;
}
