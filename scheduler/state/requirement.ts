import type { TaskOptions } from '../../core/graph/layer.js';
import type { Cluster, Layer, Requirement, WorkerRow } from './model.js';

/** What the tasks of a layer ask of a worker. Layers that ask the same share one. */
export function requirementOf(cluster: Cluster, options: TaskOptions): Requirement {
  const labels = Object.entries(options.labels).sort(byName);
  const resources = Object.entries(options.resources)
    .filter(([name, units]) => name !== 'cpu' && units > 0)
    .sort(byName);
  const cpu = options.resources.cpu ?? 1;
  const key = JSON.stringify([labels, resources, cpu]);
  let requirement = cluster.requirements.get(key);
  if (requirement === undefined) {
    requirement = {
      key,
      labels,
      resources,
      cpu,
      layers: 0,
      eligible: null,
      blockedSerial: 0,
      blockedFactor: 0,
    };
    cluster.requirements.set(key, requirement);
  }
  return requirement;
}

/** Forgets a layer's requirement when it was the last to ask it. */
export function dropRequirement(cluster: Cluster, layer: Layer): void {
  if (--layer.requirement.layers === 0) cluster.requirements.delete(layer.requirement.key);
}

/** Workers whose labels and resources suffice, busy or not, in the order of their numbers. */
export function eligibleFor(cluster: Cluster, requirement: Requirement): readonly WorkerRow[] {
  requirement.eligible ??= cluster.workerList.filter(worker => satisfies(worker, requirement));
  return requirement.eligible;
}

/** True when the worker carries every label and offers every resource. */
export function satisfies(worker: WorkerRow, requirement: Requirement): boolean {
  return (
    worker.threads >= requirement.cpu &&
    requirement.labels.every(([name, value]) => worker.hello.labels[name] === value) &&
    requirement.resources.every(([name, units]) => offered(worker, name) >= units)
  );
}

/** Units of a resource a worker has in all. Its memory budget is one, unless it says otherwise. */
export function offered(worker: WorkerRow, name: string): number {
  return worker.hello.resources[name] ?? (name === 'memory' ? worker.hello.memoryBytes : 0);
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}
