import { isCoded, isNested } from '../column/layout.js';
import { mapTaskRows, type PlanOptions, planConstants, scanTaskRows, taskRows } from './constants.js';
import type { LayerOrigin, Pipeline, ScanOrigin } from './pipeline.js';
import type { Layer } from './stage.js';
import { sumOf } from './stage.js';

/**
 * Several consecutive splits or partitions of a large source in one task: a task that keeps state (groups, a hash table,
 * sorted rows) keeps it once for all of them, and there are fewer such states to bring together. Decided by row counts
 * alone; where they are not known, and for small sources, nothing changes. Waits for a layer's statistics.
 */
export async function coalesced(pipeline: Pipeline, options: PlanOptions): Promise<Pipeline> {
  const { origin } = pipeline;
  if (origin.kind === 'scan') return coalescedScan(pipeline, options);
  if (origin.whole === null || pipeline.tasks === 1) return pipeline;
  const layer: Layer = origin.whole;
  return overGroups(pipeline, origin, layer, groups((await layer.stats()).rows, taskRows, options, 0));
}

/**
 * The same for rows that are only dealt out to the destinations of a shuffle: as many bytes a task as a destination gets. There are
 * fewer slices, and so fewer of everything that is done once a slice or a task.
 */
export async function coalescedMap(pipeline: Pipeline, options: PlanOptions): Promise<Pipeline> {
  const { origin } = pipeline;
  if (origin.kind === 'scan' || origin.whole === null || pipeline.tasks === 1) return pipeline;
  const layer: Layer = origin.whole;
  if (layer.schema.some(({ type }) => isCoded(type) || isNested(type))) return pipeline;
  const { rows, bytes } = await layer.stats();
  const most = (total: number) => mapTaskRows(total, sumOf(bytes));
  return overGroups(pipeline, origin, layer, groups(rows, most, options, 1 / 2));
}

/** A task for each group of the layer's partitions; without groups, as it was. */
function overGroups(
  pipeline: Pipeline,
  origin: LayerOrigin,
  layer: Layer,
  offsets: Uint32Array | null,
): Pipeline {
  if (offsets === null) return pipeline;
  const dependency = { rule: 'group', from: layer.range, offsets } as const;
  return { ...pipeline, origin: { ...origin, dependency, whole: null }, tasks: offsets.length - 1 };
}

/** As `coalesced`, for pipelines that read files: nothing is waited for. */
export function coalescedScan(pipeline: Pipeline, options: PlanOptions): Pipeline {
  const { origin } = pipeline;
  if (origin.kind !== 'scan' || origin.splits.some(splits => splits.some(split => split.rows < 0)))
    return pipeline;
  const rows = origin.splits.map(splits => splits.reduce((sum, split) => sum + split.rows, 0));
  // The number of tasks that was meant, although row groups are cut as they are: the nearest to it. Who asks for so many rows means at most.
  const beyond = options.taskRows === undefined ? 1 / 2 : 0;
  const offsets = groups(Float64Array.from(rows), scanTaskRows, options, beyond);
  if (offsets === null) return pipeline;
  const splits = Array.from({ length: offsets.length - 1 }, (_, i) =>
    origin.splits.slice(offsets[i], offsets[i + 1]).flat(),
  );
  const grouped: ScanOrigin = { ...origin, splits };
  return { ...pipeline, origin: grouped, tasks: splits.length };
}

/** Where each task's partitions begin, and the end; null: one each. `beyond`: share of the last one that may be too much. */
function groups(
  rows: Float64Array,
  rowsOfTask: (total: number) => number,
  options: PlanOptions,
  beyond: number,
): Uint32Array | null {
  const total = sumOf(rows);
  const small = total <= planConstants.taskShare * planConstants.minTaskRows;
  if (options.taskRows === undefined && small) return null;
  const most = options.taskRows ?? rowsOfTask(total);
  const offsets = [0];
  let held = 0;
  for (let i = 0; i < rows.length; i++) {
    if (i > 0 && held + rows[i]! * (1 - beyond) > most) {
      offsets.push(i);
      held = 0;
    }
    held += rows[i]!;
  }
  if (offsets.length === rows.length) return null;
  return Uint32Array.from([...offsets, rows.length]);
}
