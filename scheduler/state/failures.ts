import { type ErrorCode, VolleyError } from '../../core/base/errors.js';
import { formatTask } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { FailureData } from '../../core/graph/failure.js';
import { toFailure } from '../../core/wire/failure.js';
import { layerOf, taskAt } from './cluster.js';
import type { Cluster } from './model.js';

/** A failure the scheduler itself decides on, about one task; carries the task's history. */
export function systemFailure(cluster: Cluster, slot: number, code: ErrorCode, message: string): FailureData {
  const { job, index } = taskAt(cluster, slot);
  const name = layerOf(cluster, slot).spec.options.name;
  const id = formatTask(job, index);
  const attempt = cluster.slots.attempt[slot]!;
  const error = new VolleyError(code, `task ${name} (${id}) ${message}`, {
    task: id,
    history: historyOf(cluster, slot),
  });
  // The head's own stack says nothing to the caller.
  error.stack = `${error.name}: ${error.message}`;
  return toFailure(error, { name, id, node: 'head', attempt });
}

/** Nothing can bring this result back. */
export function dataLost(cluster: Cluster, slot: number): FailureData {
  return systemFailure(
    cluster,
    slot,
    'DATA_LOST',
    'lost its result with the last worker that held it, and its client had released it: keep the reference until the tasks that read it are done',
  );
}

/** Keeps a failure for those who come to depend on the task later. */
export function rememberFailure(cluster: Cluster, slot: number, failure: FailureData): void {
  const layer = layerOf(cluster, slot);
  layer.anyFailure ??= failure;
  if (layer.anyFailure !== failure && layer.failures.size < limits.failuresPerLayer) {
    layer.failures.set(slot - layer.slot, failure);
  }
}

/** Why a failed task failed. */
export function recallFailure(cluster: Cluster, slot: number): FailureData | null {
  const layer = layerOf(cluster, slot);
  return layer.failures.get(slot - layer.slot) ?? layer.anyFailure;
}

/** Adds a line to the story of a task. Only for what is out of the ordinary. */
export function note(cluster: Cluster, slot: number, line: string): void {
  let lines = cluster.stories.get(slot);
  if (lines === undefined) {
    if (cluster.stories.size >= limits.stories) {
      for (const oldest of cluster.stories.keys()) {
        cluster.stories.delete(oldest);
        break;
      }
    }
    cluster.stories.set(slot, (lines = []));
  }
  lines.push(line);
  if (lines.length > limits.storyEvents) lines.shift();
}

export function historyOf(cluster: Cluster, slot: number): string[] {
  return [...(cluster.stories.get(slot) ?? [])];
}
