import { limits } from '../../core/base/limits.js';
import type { BytesTable } from '../../core/graph/layer.js';
import type { AssignTasks, InputTable } from '../../core/wire/messages.js';
import type { EffectSink } from './api.js';
import { mark, taskFault } from './cluster.js';
import { systemFailure } from './failures.js';
import { pointTable, sharedTable } from './input-table.js';
import { detach, end } from './lifecycle.js';
import { eachPointSource, isBarrier } from './links.js';
import type { Cluster, Layer, Link, WorkerRow } from './model.js';
import { State } from './slots.js';

/**
 * Sends each worker the tasks of the layer it was just given: one message (more where arguments or enclosed inputs are
 * large), and before it the template if it is new there.
 */
export function sendAssignments(
  cluster: Cluster,
  layer: Layer,
  crew: readonly WorkerRow[],
  out: EffectSink,
): void {
  const shared = new Map<Link, InputTable>();
  for (const link of crew.some(worker => worker.batch.length > 0) ? layer.links : []) {
    if (isBarrier(link)) shared.set(link, sharedTable(cluster, link));
  }
  let sharedBytes = 0;
  for (const table of shared.values())
    for (const payload of table.inline ?? []) sharedBytes += payload?.byteLength ?? 0;
  for (const worker of crew) {
    if (worker.batch.length === 0) continue;
    const positions = worker.batch;
    worker.batch = [];
    installTemplate(layer, worker, out);
    for (const part of split(cluster, layer, positions, sharedBytes, out)) {
      out.toWorker(worker.id, assignment(cluster, layer, part, shared));
    }
  }
}

/** Positions that together enclose a bounded number of bytes. Tasks no message could carry fail, saying the way out. */
function split(
  cluster: Cluster,
  layer: Layer,
  positions: number[],
  sharedBytes: number,
  out: EffectSink,
): number[][] {
  const args = layer.spec.args;
  if (args === null && cluster.payloads.size === 0) return [positions];
  const parts: number[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const position of positions) {
    let size = args === null ? 0 : args.offsets[position + 1]! - args.offsets[position]!;
    if (cluster.payloads.size > 0) {
      eachPointSource(layer, position, source => (size += cluster.payloads.get(source)?.byteLength ?? 0));
    }
    if (sharedBytes + size > limits.assignmentBytes) {
      refuseTask(cluster, layer.slot + position, sharedBytes + size, out);
      continue;
    }
    if (bytes + size > limits.enclosedBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(position);
    bytes += size;
  }
  return parts;
}

function refuseTask(cluster: Cluster, slot: number, bytes: number, out: EffectSink): void {
  const failure = systemFailure(
    cluster,
    slot,
    'RESOURCE_EXHAUSTED',
    `needs ${bytes} bytes of arguments and small results in one message, above the limit of ${limits.assignmentBytes}: scatter large values, or combine the results in steps`,
  );
  detach(cluster, slot);
  mark(cluster, 'tasks-failed');
  out.fault(taskFault(cluster, 'task-failed', slot, null, failure.message));
  end(cluster, slot, State.Failed, failure);
}

function assignment(
  cluster: Cluster,
  layer: Layer,
  positions: readonly number[],
  shared: ReadonlyMap<Link, InputTable>,
): AssignTasks {
  const { spec } = layer;
  return {
    kind: 'assign-tasks',
    job: layer.job.id,
    template: spec.template!,
    indices: Uint32Array.from(positions, position => layer.first + position),
    attempts: Uint32Array.from(positions, position => cluster.slots.attempt[layer.slot + position]!),
    positions: Uint32Array.from(positions),
    args: spec.args === null ? null : sliceArgs(spec.args, positions),
    inputs: layer.links.map(link => shared.get(link) ?? pointTable(cluster, link, positions)),
    slices: spec.slices,
    timeoutMs: spec.options.timeoutMs,
    priority: spec.options.priority,
    resources: spec.options.resources,
    inlineResult: spec.options.inlineResult,
    reportedTogether: isReportedTogether(cluster, layer),
    name: spec.options.name,
  };
}

/**
 * True when nothing follows from only some of the layer's tasks being done: no reader begins, no client hears of it, and no task waits for
 * the room they leave. What they tell then may wait for others, as every message stops a thread where there are few cores.
 */
function isReportedTogether(cluster: Cluster, { spec, readers }: Layer): boolean {
  const { reportedTogether, inlineResult } = spec.options;
  if (!reportedTogether || inlineResult || cluster.tally[State.Ready]! > 0) return false;
  for (const { link } of readers) if (!isBarrier(link)) return false;
  return true;
}

function installTemplate(layer: Layer, worker: WorkerRow, out: EffectSink): void {
  const { job, spec } = layer;
  let known = worker.templates.get(job.id);
  if (known === undefined) worker.templates.set(job.id, (known = new Set()));
  if (known.has(spec.template!)) return;
  known.add(spec.template!);
  job.knownBy.add(worker.id);
  out.toWorker(worker.id, { kind: 'template', spec: job.templates.get(spec.template!)! });
}

/** The argument strings of some tasks. Consecutive ones share the layer's bytes. */
export function sliceArgs(args: BytesTable, positions: readonly number[]): BytesTable {
  const offsets = new Uint32Array(positions.length + 1);
  let isRun = true;
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i]!;
    offsets[i + 1] = offsets[i]! + args.offsets[position + 1]! - args.offsets[position]!;
    isRun &&= position === positions[0]! + i;
  }
  if (isRun) {
    const start = args.offsets[positions[0]!]!;
    return { offsets, bytes: args.bytes.subarray(start, start + offsets[positions.length]!) };
  }
  const bytes = new Uint8Array(offsets[positions.length]!);
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i]!;
    bytes.set(args.bytes.subarray(args.offsets[position]!, args.offsets[position + 1]!), offsets[i]!);
  }
  return { offsets, bytes };
}
