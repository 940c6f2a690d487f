import { limits } from '../../core/base/limits.js';
import type { BytesTable, Dependency, LayerSpec } from '../../core/graph/layer.js';
import { firstLayerFrom } from './cluster.js';
import type { Cluster, Job } from './model.js';
import { State } from './slots.js';

/** What is wrong with a submitted layer, or null. Clients are trusted with code, not with the tables of the head. */
export function checkLayer(cluster: Cluster, job: Job, spec: LayerSpec): string | null {
  const { first, count, template } = spec;
  const label = `layer ${spec.options.name} (tasks ${first} to ${first + count - 1} of job ${spec.job})`;
  if (!isCount(first) || !isCount(count) || first + count > limits.tasksPerJob) {
    return `${label} lies outside of a job's ${limits.tasksPerJob} tasks`;
  }
  const unfinished =
    cluster.tally[State.Waiting]! +
    cluster.tally[State.Ready]! +
    cluster.tally[State.Assigned]! +
    cluster.tally[State.RetryWait]!;
  if (unfinished + count > limits.queuedTasks) {
    return `${label} would raise the unfinished tasks above the limit of ${limits.queuedTasks}: submit less at a time`;
  }
  if (overlaps(job, first, count)) return `${label} overlaps tasks that were submitted before`;
  if (template !== null && !job.templates.has(template))
    return `${label} names template ${template}, which was not sent`;
  if (!(spec.slices >= 1)) return `${label} has ${spec.slices} slices`;
  if (spec.args !== null && !isTable(spec.args, count))
    return `${label} has arguments that are not one per task`;
  for (const dependency of spec.dependencies) {
    const fault = checkDependency(spec, dependency);
    if (fault !== null) return `${label} has a dependency '${dependency.rule}' ${fault}`;
  }
  return null;
}

function overlaps(job: Job, first: number, count: number): boolean {
  const layer = job.layers[firstLayerFrom(job, first)];
  return layer !== undefined && layer.first < first + count;
}

function checkDependency(spec: LayerSpec, dependency: Dependency): string | null {
  if (dependency.rule === 'explicit') {
    const { offsets, jobs, indices } = dependency;
    if (jobs.length !== indices.length) return 'with unequal tables';
    if (!isOffsets(offsets, spec.count, indices.length)) return 'whose offsets are not one per task';
    return pointsAhead(spec, dependency) ? 'that points at itself or ahead within the layer' : null;
  }
  const { from } = dependency;
  if (!isCount(from.first) || !isCount(from.count)) return 'on no valid range';
  if (from.job === spec.job && from.first < spec.first + spec.count && spec.first < from.first + from.count) {
    return 'on its own layer';
  }
  if (dependency.rule === 'one-to-one' && from.count !== spec.count) {
    return `on ${from.count} results for ${spec.count} tasks`;
  }
  if (dependency.rule === 'group' && !isOffsets(dependency.offsets, spec.count, from.count)) {
    return 'whose offsets are not one per task';
  }
  return null;
}

/** Edges within a layer must go from lower to higher index, or nobody could start. */
function pointsAhead(spec: LayerSpec, dependency: Extract<Dependency, { rule: 'explicit' }>): boolean {
  for (let position = 0; position < spec.count; position++) {
    for (let edge = dependency.offsets[position]!; edge < dependency.offsets[position + 1]!; edge++) {
      if (dependency.jobs[edge] !== spec.job) continue;
      const source = dependency.indices[edge]!;
      if (source >= spec.first + position && source < spec.first + spec.count) return true;
    }
  }
  return false;
}

function isTable(table: BytesTable, count: number): boolean {
  return isOffsets(table.offsets, count, table.bytes.byteLength);
}

/** `count` + 1 rising numbers, none above `end`. */
function isOffsets(offsets: Uint32Array, count: number, end: number): boolean {
  if (offsets.length !== count + 1 || offsets[count]! > end) return false;
  for (let i = 0; i < count; i++) if (offsets[i]! > offsets[i + 1]!) return false;
  return true;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}
