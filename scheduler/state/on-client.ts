import { assertNever } from '../../core/base/assert.js';
import type { ClientId, JobId, TaskRange, TaskRef } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { LayerSpec, TemplateSpec } from '../../core/graph/layer.js';
import type { Location } from '../../core/graph/report.js';
import type { ClientToHead, Question } from '../../core/wire/messages.js';
import type { EffectSink, Event } from './api.js';
import { checkLayer } from './check-layer.js';
import { findLayer, findSlot, firstLayerFrom, mark, stateName } from './cluster.js';
import { explainTask, statusReport } from './explain.js';
import { addLayer } from './layers.js';
import { askToPutAgain, complete, dropHolder, end, evict, freeAt, recompute } from './lifecycle.js';
import type { ClientRow, Cluster, Job } from './model.js';
import { peerTable } from './peers.js';
import { dropJob } from './reclaim.js';
import { acknowledge, unwant } from './results.js';
import { Flag, none, State } from './slots.js';

export function onClientJoined(
  cluster: Cluster,
  event: Extract<Event, { kind: 'client-joined' }>,
  out: EffectSink,
): void {
  if (cluster.clients.size >= limits.clients) {
    out.closeClient(event.client, `the head already serves ${limits.clients} clients, its limit`);
    return;
  }
  cluster.clients.set(event.client, {
    id: event.client,
    name: event.name,
    firstJob: event.firstJob,
    jobCount: event.jobCount,
    jobs: new Set(),
    sequence: 0,
    unacked: [],
    unackedBytes: 0,
    leftAtMs: null,
  });
  out.toClient(event.client, peerTable(cluster));
}

/** Its stream ended: on purpose, or not, and then its work goes on for a while in case somebody looks. */
export function onClientLeft(
  cluster: Cluster,
  id: ClientId,
  clean: boolean,
  nowMs: number,
  out: EffectSink,
): void {
  const client = cluster.clients.get(id);
  if (client === undefined) return;
  if (clean) dropClient(cluster, client, out);
  else client.leftAtMs ??= nowMs;
}

/** Forgets a client and its jobs, youngest first: those read the older ones. */
export function dropClient(cluster: Cluster, client: ClientRow, out: EffectSink): void {
  cluster.clients.delete(client.id);
  client.leftAtMs ??= 0;
  for (const job of [...client.jobs].reverse()) dropJob(cluster, job, out);
}

export function onClientMessage(
  cluster: Cluster,
  id: ClientId,
  message: ClientToHead,
  nowMs: number,
  out: EffectSink,
): void {
  const client = cluster.clients.get(id);
  if (client === undefined) {
    mark(cluster, 'stale-client-message');
    return;
  }
  switch (message.kind) {
    case 'template':
      onTemplate(cluster, client, message.spec, out);
      break;
    case 'submit':
      onSubmit(cluster, client, message.layer, out);
      break;
    case 'put-done':
      onPutDone(cluster, client, message);
      break;
    case 'cancel':
      eachTask(cluster, client, message.range, slot => cancel(cluster, slot));
      break;
    case 'release':
      for (const range of message.ranges) eachTask(cluster, client, range, slot => unwant(cluster, slot));
      return;
    case 'evict':
      eachTask(cluster, client, message.range, slot => evict(cluster, slot));
      return;
    case 'drop-job': {
      const job = jobOf(cluster, client, message.job);
      if (job !== null) dropJob(cluster, job, out);
      break;
    }
    case 'ack':
      acknowledge(cluster, client, message.sequence);
      break;
    case 'ask': {
      const json = JSON.stringify(answer(cluster, client, message.question, nowMs));
      out.toClient(id, { kind: 'answer', request: message.request, json });
      break;
    }
    case 'client-bye':
      dropClient(cluster, client, out);
      break;
    case 'client-hello':
      mark(cluster, 'repeated-hello');
      break;
    default:
      assertNever(message);
  }
}

/** The job, made when it is first spoken of; null when the client may not use the number. */
function openJob(cluster: Cluster, client: ClientRow, id: JobId): Job | null {
  const known = cluster.jobs.get(id);
  if (known !== undefined) return known.client === client && !known.dropped ? known : null;
  if (id < client.firstJob || id >= client.firstJob + client.jobCount) return null;
  const job: Job = {
    id,
    client,
    serial: ++cluster.jobSerial,
    layers: [],
    templates: new Map(),
    measures: new Map(),
    knownBy: new Set(),
    dropped: false,
    pending: [],
    due: false,
  };
  cluster.jobs.set(id, job);
  client.jobs.add(job);
  return job;
}

function jobOf(cluster: Cluster, client: ClientRow, id: JobId): Job | null {
  const job = cluster.jobs.get(id);
  return job !== undefined && job.client === client ? job : null;
}

function onTemplate(cluster: Cluster, client: ClientRow, spec: TemplateSpec, out: EffectSink): void {
  const job = openJob(cluster, client, spec.job);
  if (job === null) {
    refuse(cluster, client, `job ${spec.job} is not one of its jobs`, out);
    return;
  }
  job.templates.set(spec.template, spec);
}

function onSubmit(cluster: Cluster, client: ClientRow, spec: LayerSpec, out: EffectSink): void {
  const job = openJob(cluster, client, spec.job);
  if (job === null) {
    refuse(cluster, client, `job ${spec.job} is not one of its jobs`, out);
    return;
  }
  const fault = checkLayer(cluster, job, spec);
  if (fault !== null) {
    refuse(cluster, client, fault, out);
    return;
  }
  if (spec.count > 0) addLayer(cluster, job, spec);
}

/** The client broke the protocol: its later words could not be trusted to mean anything. */
function refuse(cluster: Cluster, client: ClientRow, reason: string, out: EffectSink): void {
  mark(cluster, 'clients-refused');
  dropClient(cluster, client, out);
  out.closeClient(client.id, reason);
}

function onPutDone(
  cluster: Cluster,
  client: ClientRow,
  message: Extract<ClientToHead, { kind: 'put-done' }>,
): void {
  const job = jobOf(cluster, client, message.job);
  const alive = cluster.workers.has(message.worker);
  const slots = cluster.slots;
  if (job !== null && alive) job.knownBy.add(message.worker);
  for (let i = 0; i < message.indices.length; i++) {
    const index = message.indices[i]!;
    const layer = job === null ? null : findLayer(job, index);
    if (layer === null || !layer.put) {
      mark(cluster, 'stale-put');
      continue;
    }
    const slot = layer.slot + index - layer.first;
    const state = slots.state[slot];
    if (state === State.Waiting) {
      if (alive) complete(cluster, slot, message.worker, null, message.rows[i]!, message.bytes[i]!);
      else askToPutAgain(cluster, slot);
    } else if (state === State.Done && alive) {
      slots.addHolder(slot, message.worker);
    } else if (alive) {
      freeAt(cluster, slot, message.worker);
    }
  }
}

/** Ends an unfinished task at once, whatever it was doing; what its worker still says of it is stale. */
function cancel(cluster: Cluster, slot: number): void {
  if ((cluster.slots.flags[slot]! & Flag.Open) === 0) return;
  mark(cluster, 'tasks-cancelled');
  end(cluster, slot, State.Cancelled, null);
}

/** Visits the tasks of a range that exist; ranges of others' jobs are passed over. */
function eachTask(
  cluster: Cluster,
  client: ClientRow,
  range: TaskRange,
  visit: (slot: number) => void,
): void {
  const job = jobOf(cluster, client, range.job);
  if (job === null) return;
  const end = range.first + range.count;
  for (let at = firstLayerFrom(job, range.first); at < job.layers.length; at++) {
    const layer = job.layers[at]!;
    if (layer.first >= end) break;
    const from = Math.max(range.first, layer.first) - layer.first;
    const to = Math.min(end, layer.first + layer.count) - layer.first;
    for (let position = from; position < to; position++) visit(layer.slot + position);
  }
}

function answer(cluster: Cluster, client: ClientRow, question: Question, nowMs: number): unknown {
  switch (question.about) {
    case 'status':
      return statusReport(cluster, nowMs);
    case 'explain':
      return explainTask(cluster, question.task, nowMs);
    case 'locate':
      return locate(cluster, client, question.task, question.lost);
    default:
      return assertNever(question);
  }
}

/**
 * Who holds a result. A holder that could not give it to its own client no longer counts; what was evicted comes back for
 * whoever asks.
 */
function locate(cluster: Cluster, client: ClientRow, task: TaskRef, lost: number): Location {
  const slots = cluster.slots;
  const slot = findSlot(cluster, task.job, task.index);
  if (slot === none) return { state: 'unknown', holders: [] };
  const held = slots.state[slot] === State.Done && slots.holders(slot).includes(lost);
  if (held && jobOf(cluster, client, task.job) !== null) {
    mark(cluster, 'results-not-found');
    freeAt(cluster, slot, lost);
    dropHolder(cluster, slot, lost);
  }
  if ((slots.flags[slot]! & Flag.Wanted) !== 0) recompute(cluster, [slot]);
  const state = slots.state[slot]!;
  return { state: stateName(state), holders: state === State.Done ? slots.holders(slot) : [] };
}
