import type { ErrorCode } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import type { FailureData } from '../../core/graph/failure.js';
import type { RetryTicket } from '../../core/notify/notifier.js';
import type { TaskFailed } from '../../core/wire/messages.js';
import type { EffectSink } from './api.js';
import { findSlot, layerOf, mark, taskAt, taskFault } from './cluster.js';
import { historyOf, note, systemFailure } from './failures.js';
import { detach, dropHolder, end, freeAt, move, requeue, voidTicket } from './lifecycle.js';
import type { Cluster, WorkerRow } from './model.js';
import { Flag, none, State } from './slots.js';

/** An attempt failed. The caller has checked that it is the current one, on this worker. */
export function onTaskFailed(
  cluster: Cluster,
  slot: number,
  worker: WorkerRow,
  message: TaskFailed,
  nowMs: number,
  out: EffectSink,
): void {
  const moved = (cluster.slots.flags[slot]! & Flag.InputMoved) !== 0;
  detach(cluster, slot);
  switch (message.reason) {
    case 'application':
    case 'timeout':
      applicationFailure(cluster, slot, worker, message.failure, nowMs, out);
      break;
    case 'thread-lost':
      chargeSystemLoss(cluster, slot, worker, 'THREAD_LOST', 'lost its thread', message.failure, out);
      break;
    case 'input-lost':
      inputLost(cluster, slot, worker, message, moved, out);
      break;
    case 'cancelled':
      end(cluster, slot, State.Cancelled, null);
      break;
  }
}

function applicationFailure(
  cluster: Cluster,
  slot: number,
  worker: WorkerRow,
  failure: FailureData,
  nowMs: number,
  out: EffectSink,
): void {
  const slots = cluster.slots;
  const { retries, retryOn } = layerOf(cluster, slot).spec.options;
  const attempt = slots.attempt[slot]!;
  const text = `attempt ${attempt} on ${worker.name} failed: ${describe(failure)}`;
  note(cluster, slot, text);
  const failures = ++slots.applicationFailures[slot]!;
  const worthIt =
    retryOn === null || retryOn.some(what => what === failure.name || what === String(failure.code));
  if (failures > retries || !worthIt) {
    failForGood(cluster, slot, worker, failure, text, retries > 0 && worthIt, out);
    return;
  }
  const delayMs = Math.min(limits.retryMaxMs, limits.retryBaseMs * 2 ** (failures - 1));
  slots.attempt[slot]!++;
  mark(cluster, 'tasks-retried');
  out.fault(taskFault(cluster, 'task-retried', slot, worker, `${text}; again in ${delayMs} ms`));
  move(cluster, slot, State.RetryWait);
  // The shell adds up to half of the delay as jitter.
  cluster.overdueAt.set(slot, nowMs + delayMs * 1.5 + limits.retryOverdueMs);
  if (cluster.overdueAt.size > limits.retryTickets) return;
  slots.flags[slot]! |= Flag.Ticket;
  out.pushRetry({ ...taskAt(cluster, slot), attempt: slots.attempt[slot]! }, delayMs);
}

/** A retry ticket is due. It may come early, twice, or for a task that is long gone. */
export function onRetryDue(cluster: Cluster, ticket: RetryTicket, out: EffectSink): void {
  const slots = cluster.slots;
  const slot = findSlot(cluster, ticket.job, ticket.index);
  if (slot === none || slots.state[slot] !== State.RetryWait || slots.attempt[slot] !== ticket.attempt) {
    const waiting =
      slot !== none && (slots.flags[slot]! & Flag.Ticket) !== 0 && slots.attempt[slot] === ticket.attempt;
    mark(cluster, 'stale-retry');
    // One that came twice stays out until its attempt is placed.
    if (!waiting) out.settleRetry(ticket);
    return;
  }
  requeue(cluster, slot);
}

/**
 * The system, not the task, broke an attempt: again at once, within a budget of its own. Losses known to be engines
 * that died under the task do not count here: they lead to quarantine, which must not be forestalled.
 */
export function chargeSystemLoss(
  cluster: Cluster,
  slot: number,
  worker: WorkerRow,
  code: ErrorCode,
  what: string,
  failure: FailureData | null,
  out: EffectSink,
): void {
  const slots = cluster.slots;
  const losses = ++slots.systemLosses[slot]! - slots.engineKills[slot]!;
  const text = `attempt ${slots.attempt[slot]} ${what}`;
  note(cluster, slot, text);
  if (losses > cluster.options.systemRetries) {
    const message = `${what}, the ${losses}${ordinal(losses)} system failure of at most ${cluster.options.systemRetries} that are retried`;
    failForGood(
      cluster,
      slot,
      worker,
      failure ?? systemFailure(cluster, slot, code, message),
      text,
      true,
      out,
    );
    return;
  }
  slots.attempt[slot]!++;
  mark(cluster, 'tasks-retried');
  out.fault(taskFault(cluster, 'task-retried', slot, worker, text));
  requeue(cluster, slot);
}

/** The task killed too many engines: it is not let near another. */
export function quarantine(cluster: Cluster, slot: number, out: EffectSink): void {
  const kills = cluster.slots.engineKills[slot]!;
  const failure = systemFailure(
    cluster,
    slot,
    'TASK_QUARANTINED',
    `was running each time when ${kills} engines died, and will not be run again: see data.history`,
  );
  mark(cluster, 'tasks-quarantined');
  out.fault(taskFault(cluster, 'task-quarantined', slot, null, failure.message));
  writeOff(cluster, slot, failure.message, out);
  end(cluster, slot, State.Failed, failure);
}

/** Inputs could not be pulled. What is gone is made again; the task waits and is charged no attempt. */
function inputLost(
  cluster: Cluster,
  slot: number,
  worker: WorkerRow,
  message: TaskFailed,
  moved: boolean,
  out: EffectSink,
): void {
  const slots = cluster.slots;
  const losses = ++slots.inputLosses[slot]!;
  const text = `attempt ${slots.attempt[slot]} on ${worker.name} could not get its inputs: ${describe(message.failure)}`;
  note(cluster, slot, text);
  mark(cluster, 'inputs-lost', message.lostInputs.length);
  if (losses > limits.inputLosses) {
    const failure = systemFailure(
      cluster,
      slot,
      'DATA_LOST',
      `could not get its inputs in ${losses} attempts: ${describe(message.failure)}`,
    );
    failForGood(cluster, slot, worker, failure, text, true, out);
    return;
  }
  slots.attempt[slot]!++;
  requeue(cluster, slot);
  // When an input has moved since the task was placed, its report speaks of holders that are known to be gone. A holder
  // that is only out of reach gets a second chance: its lease decides whether it lives.
  if (moved || (message.failure.code === 'UNREACHABLE' && losses === 1)) return;
  for (const ref of message.lostInputs) {
    const input = findSlot(cluster, ref.job, ref.index);
    if (input === none || slots.state[input] !== State.Done) continue;
    const holders = slots.holders(input);
    for (const holder of holders) freeAt(cluster, input, holder);
    let lost = false;
    for (const holder of holders) lost = dropHolder(cluster, input, holder) || lost;
    if (!lost) continue;
    mark(cluster, 'partitions-lost');
    out.fault(taskFault(cluster, 'partition-lost', input, null, `no holder could give it to ${worker.name}`));
  }
}

function failForGood(
  cluster: Cluster,
  slot: number,
  worker: WorkerRow,
  failure: FailureData,
  text: string,
  deadLetter: boolean,
  out: EffectSink,
): void {
  mark(cluster, 'tasks-failed');
  out.fault(taskFault(cluster, 'task-failed', slot, worker, text));
  if (deadLetter) writeOff(cluster, slot, text, out);
  end(cluster, slot, State.Failed, failure);
}

function writeOff(cluster: Cluster, slot: number, reason: string, out: EffectSink): void {
  voidTicket(cluster, slot);
  out.deadLetter({
    ...taskAt(cluster, slot),
    attempt: cluster.slots.attempt[slot]!,
    name: layerOf(cluster, slot).spec.options.name,
    reason,
    history: historyOf(cluster, slot),
  });
}

function describe(failure: FailureData): string {
  return `${failure.name}: ${failure.message}`.slice(0, 300);
}

function ordinal(n: number): string {
  return ['th', 'st', 'nd', 'rd'][n % 100 > 10 && n % 100 < 14 ? 0 : n % 10] ?? 'th';
}
