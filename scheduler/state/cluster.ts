import type { TaskRef } from '../../core/base/ids.js';
import { KnownTemplates } from '../../core/graph/known-templates.js';
import type { TaskStateName } from '../../core/graph/report.js';
import type { ClusterOptions, Fault } from './api.js';
import type { Cluster, Job, Layer, WorkerRow } from './model.js';
import { none, SlotTable, stateNames } from './slots.js';

export type { Cluster } from './model.js';

/** A cluster without workers, clients or tasks. */
export function createCluster(options: ClusterOptions): Cluster {
  return {
    options,
    slots: new SlotTable(),
    workers: new Map(),
    workerList: [],
    clients: new Map(),
    jobs: new Map(),
    layers: [null],
    freeLayers: [],
    tally: new Uint32Array(stateNames.length),
    counters: new Map(),
    requirements: new Map(),
    known: new KnownTemplates(),
    payloads: new Map(),
    overdueAt: new Map(),
    stories: new Map(),
    deaths: new Set(),
    readyLayers: [],
    readySorted: true,
    idleLayers: new Set(),
    reporting: new Set(),
    putLost: new Map(),
    settled: [],
    peersChanged: false,
    jobSerial: 0,
    placeSerial: 0,
    lastTickMs: Number.NaN,
  };
}

/** Counts something for the status report and the tests. */
export function mark(cluster: Cluster, counter: string, by = 1): void {
  if (by > 0) cluster.counters.set(counter, (cluster.counters.get(counter) ?? 0) + by);
}

/** Position, among the job's layers, of the first that ends after this index. */
export function firstLayerFrom(job: Job, index: number): number {
  const layers = job.layers;
  let low = 0;
  let high = layers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const layer = layers[middle]!;
    if (layer.first + layer.count <= index) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The layer that holds this index of the job, or null. */
export function findLayer(job: Job | undefined, index: number): Layer | null {
  const layer = job?.layers[firstLayerFrom(job, index)];
  return layer !== undefined && layer.first <= index ? layer : null;
}

/** The slot of a task, or `none`. */
export function findSlot(cluster: Cluster, job: number, index: number): number {
  const layer = findLayer(cluster.jobs.get(job), index);
  return layer === null ? none : layer.slot + index - layer.first;
}

/** The layer of a slot in use. */
export function layerOf(cluster: Cluster, slot: number): Layer {
  return cluster.layers[cluster.slots.layer[slot]!]!;
}

/** Index in its job of the task in a slot. */
export function indexOf(layer: Layer, slot: number): number {
  return layer.first + slot - layer.slot;
}

export function taskAt(cluster: Cluster, slot: number): TaskRef {
  const layer = layerOf(cluster, slot);
  return { job: layer.job.id, index: indexOf(layer, slot) };
}

export function stateName(state: number): TaskStateName {
  return stateNames[state]!;
}

/** A fault about a task. */
export function taskFault(
  cluster: Cluster,
  kind: Fault['kind'],
  slot: number,
  worker: WorkerRow | null,
  detail: string,
): Fault {
  return {
    kind,
    worker: worker?.id ?? null,
    workerName: worker?.name ?? '',
    pid: worker?.hello.enginePid ?? 0,
    task: taskAt(cluster, slot),
    taskName: layerOf(cluster, slot).spec.options.name,
    attempt: cluster.slots.attempt[slot]!,
    detail,
  };
}

/** A fault about a worker. */
export function workerFault(kind: Fault['kind'], worker: WorkerRow, detail: string): Fault {
  return {
    kind,
    worker: worker.id,
    workerName: worker.name,
    pid: worker.hello.enginePid,
    task: null,
    taskName: '',
    attempt: 0,
    detail,
  };
}
