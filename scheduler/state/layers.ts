import { limits } from '../../core/base/limits.js';
import type { LayerSpec } from '../../core/graph/layer.js';
import { systemFailure } from './failures.js';
import { end, endLike, listReady, move, open, recompute } from './lifecycle.js';
import { eachPointSource, eachSpanSource, isBarrier } from './links.js';
import type { Cluster, Job, Layer, Measure } from './model.js';
import { requirementOf } from './requirement.js';
import { resolve } from './resolve.js';
import { Flag, none, State } from './slots.js';

/** Adds a checked layer and its tasks. */
export function addLayer(cluster: Cluster, job: Job, spec: LayerSpec): void {
  const slots = cluster.slots;
  const id = cluster.freeLayers.pop() ?? cluster.layers.length;
  const slot = slots.allocate(spec.count, id);
  const layer: Layer = {
    id,
    job,
    spec,
    first: spec.first,
    count: spec.count,
    slot,
    put: spec.template === null,
    depth: 0,
    requirement: requirementOf(cluster, spec.options),
    links: [],
    readers: new Set(),
    open: 0,
    done: 0,
    unreported: spec.count,
    wanted: spec.count,
    ready: 0,
    cursor: 0,
    runs: null,
    barrierDoom: none,
    listed: false,
    measure: measureOf(cluster, job, spec),
    failures: new Map(),
    anyFailure: null,
  };
  layer.requirement.layers++;
  cluster.layers[id] = layer;
  insertSorted(job.layers, layer);
  slots.attempt.fill(1, slot, slot + spec.count);
  cluster.tally[State.Waiting]! += spec.count;
  const known = spec.dependencies.map(dependency => resolve(cluster, layer, dependency));
  if (layer.links.length === 0 && !known.includes(false)) openAll(cluster, layer);
  else openEach(cluster, layer, known.includes(false));
}

/** Without inputs every task is ready, in a few fills. */
function openAll(cluster: Cluster, layer: Layer): void {
  const slots = cluster.slots;
  const last = layer.slot + layer.count;
  slots.flags.fill(Flag.Wanted | Flag.Open, layer.slot, last);
  layer.open = layer.count;
  if (layer.put) return;
  slots.state.fill(State.Ready, layer.slot, last);
  cluster.tally[State.Waiting]! -= layer.count;
  cluster.tally[State.Ready]! += layer.count;
  layer.ready = layer.count;
  listReady(cluster, layer);
}

/** Counts what each task waits for. `broken`: an input range is unknown, so that no task can run. */
function openEach(cluster: Cluster, layer: Layer, broken: boolean): void {
  const slots = cluster.slots;
  const barriers = countBarriers(cluster, layer);
  const demanded: number[] = [];
  const doomed: [number, number][] = [];
  for (let slot = layer.slot; slot < layer.slot + layer.count; slot++) {
    const points = countPoints(cluster, layer, slot - layer.slot);
    slots.unmet[slot] = barriers + points.missing;
    slots.flags[slot] = Flag.Wanted;
    const doom = open(cluster, slot, demanded);
    if (broken || points.unknown) doomed.push([slot, none]);
    else if (doom !== none) doomed.push([slot, doom]);
    else if (slots.unmet[slot] === 0) move(cluster, slot, State.Ready);
  }
  for (const [slot, source] of doomed) {
    if ((slots.flags[slot]! & Flag.Open) === 0) continue;
    if (source === none) end(cluster, slot, State.Failed, unknownInput(cluster, slot));
    else endLike(cluster, slot, source);
  }
  recompute(cluster, demanded);
}

/** Barriers of the layer with sources that are not done. */
function countBarriers(cluster: Cluster, layer: Layer): number {
  let barriers = 0;
  for (const link of layer.links) {
    if (!isBarrier(link)) continue;
    eachSpanSource(link, source => {
      if (cluster.slots.state[source] !== State.Done) link.missing++;
    });
    if (link.missing > 0) barriers++;
  }
  return barriers;
}

function countPoints(
  cluster: Cluster,
  layer: Layer,
  position: number,
): { missing: number; unknown: boolean } {
  let missing = 0;
  let unknown = false;
  eachPointSource(layer, position, source => {
    if (source === none) unknown = true;
    if (cluster.slots.state[source] !== State.Done) missing++;
  });
  return { missing, unknown };
}

function unknownInput(cluster: Cluster, slot: number) {
  return systemFailure(
    cluster,
    slot,
    'RELEASED',
    'reads a result the head does not know: it was released, or never submitted. Keep the reference until everything that reads it is submitted',
  );
}

function measureOf(cluster: Cluster, job: Job, { template, dependencies }: LayerSpec): Measure {
  const known = template === null ? undefined : job.measures.get(template);
  if (known !== undefined) return known;
  const spec = template === null ? undefined : job.templates.get(template);
  const cut = spec?.kind === 'fragment' && dependencies.length > 0;
  const meanMs = cut ? limits.unknownFragmentMs : limits.unknownTaskMs;
  const unmeasured = () => ({ tasks: 0, meanMs, meanBytes: 0 });
  const measure = spec === undefined ? unmeasured() : cluster.known.of(spec, unmeasured);
  if (template !== null) job.measures.set(template, measure);
  return measure;
}

function insertSorted(layers: Layer[], layer: Layer): void {
  let at = layers.length;
  while (at > 0 && layers[at - 1]!.first > layer.first) at--;
  layers.splice(at, 0, layer);
}
