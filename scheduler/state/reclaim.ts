import type { EffectSink } from './api.js';
import { firstLayerFrom } from './cluster.js';
import { close, detach, end, voidTicket } from './lifecycle.js';
import type { Cluster, Job, Layer } from './model.js';
import { dropRequirement } from './requirement.js';
import { unlink } from './resolve.js';
import { unwant } from './results.js';
import { Flag, State } from './slots.js';

/**
 * Gives back the slots of layers nobody can come back to: no open task, no result, no client that wants one, and no
 * layer that might need its results again. Called once per event.
 */
export function reclaimIdle(cluster: Cluster, out: EffectSink): void {
  for (const layer of cluster.idleLayers) {
    cluster.idleLayers.delete(layer);
    if (cluster.layers[layer.id] !== layer || !isIdle(layer)) continue;
    removeLayer(cluster, layer);
    const layers = layer.job.layers;
    layers.splice(firstLayerFrom(layer.job, layer.first), 1);
    if (layer.job.dropped && layers.length === 0) forgetJob(cluster, layer.job, out);
  }
}

/** The client is done with the job: unfinished tasks are cancelled, results freed, as far as other jobs allow. */
export function dropJob(cluster: Cluster, job: Job, out: EffectSink): void {
  if (job.dropped) return;
  job.dropped = true;
  job.pending.length = 0;
  cluster.putLost.delete(job);
  if (job.layers.some(hasForeignReader)) {
    dropGently(cluster, job);
    return;
  }
  for (const layer of job.layers) closeLayer(cluster, layer);
  for (const layer of job.layers) removeLayer(cluster, layer);
  job.layers.length = 0;
  forgetJob(cluster, job, out);
}

/** Another job reads results of this one: they stay until it does not, even to be recomputed. */
function dropGently(cluster: Cluster, job: Job): void {
  const slots = cluster.slots;
  for (const layer of job.layers) {
    for (let slot = layer.slot; slot < layer.slot + layer.count; slot++) {
      if ((slots.flags[slot]! & Flag.Open) !== 0) end(cluster, slot, State.Cancelled, null);
      unwant(cluster, slot);
    }
    cluster.idleLayers.add(layer);
  }
}

/** Takes the open tasks of a layer off workers' and inputs' accounts, without a word to anyone. */
function closeLayer(cluster: Cluster, layer: Layer): void {
  const slots = cluster.slots;
  if (layer.open === 0) return;
  for (let slot = layer.slot; slot < layer.slot + layer.count; slot++) {
    if ((slots.flags[slot]! & Flag.Open) === 0) continue;
    if (slots.state[slot] === State.Assigned) detach(cluster, slot);
    voidTicket(cluster, slot);
    close(cluster, slot);
  }
}

/** Frees the slots and everything kept by slot. */
function removeLayer(cluster: Cluster, layer: Layer): void {
  const slots = cluster.slots;
  const last = layer.slot + layer.count;
  for (const link of layer.links) {
    unlink(link);
    for (const span of link.spans) cluster.idleLayers.add(span.source);
  }
  for (let slot = layer.slot; slot < last; slot++) cluster.tally[slots.state[slot]!]!--;
  forgetSlots(cluster.payloads, layer.slot, last);
  forgetSlots(cluster.overdueAt, layer.slot, last);
  forgetSlots(cluster.stories, layer.slot, last);
  slots.free(layer.slot, layer.count);
  layer.ready = 0;
  cluster.layers[layer.id] = null;
  cluster.freeLayers.push(layer.id);
  cluster.idleLayers.delete(layer);
  dropRequirement(cluster, layer);
}

function forgetSlots(map: Map<number, unknown>, from: number, to: number): void {
  if (map.size > to - from) {
    for (let slot = from; slot < to; slot++) map.delete(slot);
  } else {
    for (const slot of map.keys()) if (slot >= from && slot < to) map.delete(slot);
  }
}

/** The last trace of a job. */
function forgetJob(cluster: Cluster, job: Job, out: EffectSink): void {
  cluster.jobs.delete(job.id);
  cluster.reporting.delete(job);
  job.client.jobs.delete(job);
  for (const id of job.knownBy) {
    const worker = cluster.workers.get(id);
    if (worker === undefined) continue;
    worker.templates.delete(job.id);
    worker.frees.delete(job.id);
    worker.cancels.delete(job.id);
    out.toWorker(worker.id, { kind: 'drop-job', job: job.id });
  }
}

function isIdle(layer: Layer): boolean {
  if (layer.open > 0 || layer.done > 0 || layer.wanted > 0) return false;
  for (const span of layer.readers) if (span.link.reader !== layer) return false;
  return true;
}

function hasForeignReader(layer: Layer): boolean {
  for (const span of layer.readers) if (span.link.reader.job !== layer.job) return true;
  return false;
}
