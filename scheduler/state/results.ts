import { limits } from '../../core/base/limits.js';
import type { FailureData } from '../../core/graph/failure.js';
import { Outcome } from '../../core/wire/messages.js';
import type { EffectSink } from './api.js';
import { findSlot, indexOf, layerOf } from './cluster.js';
import { freeIfUnneeded } from './lifecycle.js';
import type { ClientRow, Cluster, Job, PendingResults } from './model.js';
import { Flag } from './slots.js';

/**
 * Notes the end of a task for its client. Told once: a recomputed result is found by asking where it lies. Where a layer is
 * reported together, what is done waits for the last of it, or for other news of the job.
 */
export function report(cluster: Cluster, slot: number, outcome: Outcome, failure: FailureData | null): void {
  const slots = cluster.slots;
  if ((slots.flags[slot]! & Flag.Reported) !== 0) return;
  slots.flags[slot]! |= Flag.Reported;
  const layer = layerOf(cluster, slot);
  const pending = pendingOf(layer.job);
  cluster.reporting.add(layer.job);
  const done = outcome === Outcome.Done;
  const payload = cluster.payloads.get(slot) ?? null;
  pending.indices.push(indexOf(layer, slot));
  pending.outcomes.push(outcome);
  pending.rows.push(done ? slots.rows[slot]! : 0);
  pending.bytes.push(done ? slots.bytes[slot]! : 0);
  pending.holders.push(done ? slots.holder[slot]! : 0);
  pending.inline.push(payload);
  pending.failures.push(failure);
  pending.inlineBytes += payload?.byteLength ?? 0;
  if (failure !== null) pending.failed++;
  const together = layer.spec.options.reportedTogether && done && payload === null;
  const last = --layer.unreported === 0;
  if (!together || last || pending.indices.length >= limits.reportedTogether) layer.job.due = true;
}

/** One TaskResults message per job with news; more where much is enclosed. */
export function flushResults(cluster: Cluster, out: EffectSink): void {
  for (const job of cluster.reporting) {
    if (!job.due) continue;
    job.due = false;
    cluster.reporting.delete(job);
    const pending = job.pending.splice(0);
    if (job.dropped || job.client.leftAtMs !== null) continue;
    for (const part of pending) sendResults(job, part, out);
  }
}

function sendResults(job: Job, pending: PendingResults, out: EffectSink): void {
  const client = job.client;
  const sequence = ++client.sequence;
  const enclosed = pending.indices.filter((_, i) => pending.inline[i] !== null);
  if (enclosed.length > 0) {
    client.unacked.push({ sequence, job: job.id, indices: enclosed, bytes: pending.inlineBytes });
    client.unackedBytes += pending.inlineBytes;
  }
  out.toClient(client.id, {
    kind: 'task-results',
    sequence,
    job: job.id,
    indices: Uint32Array.from(pending.indices),
    outcomes: Uint8Array.from(pending.outcomes),
    rows: Float64Array.from(pending.rows),
    bytes: Float64Array.from(pending.bytes),
    holders: Uint32Array.from(pending.holders),
    inline: enclosed.length > 0 ? pending.inline : null,
    failures: pending.failed > 0 ? pending.failures : null,
  });
}

/**
 * The client has these payloads and encloses them itself from now on. It sent every submit that refers to them
 * before the acknowledgement, so only readers known by now still need the head's copy.
 */
export function acknowledge(cluster: Cluster, client: ClientRow, sequence: number): void {
  while (client.unacked.length > 0 && client.unacked[0]!.sequence <= sequence) {
    const message = client.unacked.shift()!;
    client.unackedBytes -= message.bytes;
    for (const index of message.indices) {
      const slot = findSlot(cluster, message.job, index);
      if (slot < cluster.slots.capacity) unwant(cluster, slot);
    }
  }
}

/** The client does not want this result any more. */
export function unwant(cluster: Cluster, slot: number): void {
  const slots = cluster.slots;
  if ((slots.flags[slot]! & Flag.Wanted) === 0) return;
  slots.flags[slot]! &= ~Flag.Wanted;
  const layer = layerOf(cluster, slot);
  if (--layer.wanted === 0) cluster.idleLayers.add(layer);
  freeIfUnneeded(cluster, slot);
}

/** True while a client has not taken in enough of its enclosed results: no more of them, please. */
export function isBackedUp(client: ClientRow): boolean {
  return client.unackedBytes > limits.unackedInlineBytes;
}

/** Where the next result goes: a message is ended well before it would be too large to send. */
function pendingOf(job: Job): PendingResults {
  const last = job.pending.at(-1);
  if (last !== undefined && last.inlineBytes < limits.enclosedBytes) return last;
  const next: PendingResults = {
    indices: [],
    outcomes: [],
    rows: [],
    bytes: [],
    holders: [],
    inline: [],
    failures: [],
    inlineBytes: 0,
    failed: 0,
  };
  job.pending.push(next);
  return next;
}
