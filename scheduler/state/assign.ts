import type { BytesTable } from '../../core/graph/layer.js';
import type { InputTable } from '../../core/wire/messages.js';
import type { EffectSink } from './api.js';
import { pointTable, sharedTable } from './input-table.js';
import { isBarrier } from './links.js';
import type { Cluster, Layer, Link, WorkerRow } from './model.js';

/** Sends each worker the tasks of the layer it was just given: one message, and before it the template if it is new there. */
export function sendAssignments(
  cluster: Cluster,
  layer: Layer,
  crew: readonly WorkerRow[],
  out: EffectSink,
): void {
  const shared = new Map<Link, InputTable>();
  for (const worker of crew) {
    const positions = worker.batch;
    if (positions.length === 0) continue;
    worker.batch = [];
    installTemplate(layer, worker, out);
    const { spec } = layer;
    const inputs = layer.links.map(link => {
      if (!isBarrier(link)) return pointTable(cluster, link, positions);
      let table = shared.get(link);
      if (table === undefined) shared.set(link, (table = sharedTable(cluster, link)));
      return table;
    });
    const attempts = new Uint32Array(positions.length);
    for (let i = 0; i < attempts.length; i++)
      attempts[i] = cluster.slots.attempt[layer.slot + positions[i]!]!;
    out.toWorker(worker.id, {
      kind: 'assign-tasks',
      job: layer.job.id,
      template: spec.template!,
      indices: Uint32Array.from(positions, position => layer.first + position),
      attempts,
      positions: Uint32Array.from(positions),
      args: spec.args === null ? null : sliceArgs(spec.args, positions),
      inputs,
      slices: spec.slices,
      timeoutMs: spec.options.timeoutMs,
      priority: spec.options.priority,
      resources: spec.options.resources,
      inlineResult: spec.options.inlineResult,
      name: spec.options.name,
    });
  }
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
