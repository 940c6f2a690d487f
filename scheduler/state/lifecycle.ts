import { assert } from '../../core/base/assert.js';
import type { FailureData } from '../../core/graph/failure.js';
import { Outcome } from '../../core/wire/messages.js';
import { indexOf, layerOf, mark, taskAt } from './cluster.js';
import { dataLost, recallFailure, rememberFailure } from './failures.js';
import { eachBarrierSource, eachPointSource, eachReader, isBarrier } from './links.js';
import type { Cluster, Layer, Link, WorkerRow } from './model.js';
import { report } from './results.js';
import { Flag, none, State } from './slots.js';

/**
 * The transitions of a task. Two relations are kept up to date for every task in every state, so that no transition
 * has to think about who is listening: `unmet` (how many of my inputs are not there) and `consumers` (how many open
 * tasks read me). From them follow readiness, freeing and recomputing.
 */

/** Moves a task to another state and keeps the counts. */
export function move(cluster: Cluster, slot: number, next: State): void {
  const slots = cluster.slots;
  const layer = layerOf(cluster, slot);
  const before = slots.state[slot]!;
  slots.state[slot] = next;
  cluster.tally[before]!--;
  cluster.tally[next]!++;
  if (before === State.Ready) layer.ready--;
  if (before === State.Done) layer.done--;
  if (before === State.RetryWait) cluster.overdueAt.delete(slot);
  if (next === State.Done) layer.done++;
  if (next === State.Ready) {
    layer.ready++;
    layer.cursor = Math.min(layer.cursor, slot - layer.slot);
    listReady(cluster, layer);
  }
}

/** Puts a layer on the list placement works through. */
export function listReady(cluster: Cluster, layer: Layer): void {
  if (layer.listed) return;
  layer.listed = true;
  cluster.readyLayers.push(layer);
  cluster.readySorted = false;
}

/**
 * The task has yet to run: its inputs are needed. Inputs that were released are pushed to `demanded`. Returns a source
 * that failed or was cancelled, which dooms the task; else `none`.
 */
export function open(cluster: Cluster, slot: number, demanded: number[]): number {
  const slots = cluster.slots;
  const layer = layerOf(cluster, slot);
  assert((slots.flags[slot]! & Flag.Open) === 0, () => `task ${story(cluster, slot)} opened twice`);
  slots.flags[slot]! |= Flag.Open;
  layer.open++;
  if (layer.links.length === 0) return none;
  let doom: number = none;
  const hold = (source: number) => {
    if (source === none) return;
    const state = slots.state[source];
    if (slots.consumers[source]!++ === 0 && state === State.Released) demanded.push(source);
    if (state === State.Failed || state === State.Cancelled) doom = source;
  };
  if (layer.open === 1) {
    eachBarrierSource(layer, hold);
    layer.barrierDoom = doom;
  }
  doom = layer.barrierDoom;
  eachPointSource(layer, slot - layer.slot, hold);
  return doom;
}

/** The task will not run (again): its inputs are freed where it was the last to need them. */
export function close(cluster: Cluster, slot: number): void {
  const slots = cluster.slots;
  const layer = layerOf(cluster, slot);
  assert((slots.flags[slot]! & Flag.Open) !== 0, () => `task ${story(cluster, slot)} closed twice`);
  slots.flags[slot]! &= ~Flag.Open;
  layer.open--;
  if (layer.open === 0) cluster.idleLayers.add(layer);
  if (layer.links.length === 0) return;
  const drop = (source: number) => {
    if (source !== none && --slots.consumers[source]! === 0) freeIfUnneeded(cluster, source);
  };
  eachPointSource(layer, slot - layer.slot, drop);
  if (layer.open === 0) eachBarrierSource(layer, drop);
}

/** Makes a waiting task ready, or leaves it waiting, as its inputs say. */
export function requeue(cluster: Cluster, slot: number): void {
  const put = layerOf(cluster, slot).put;
  move(cluster, slot, cluster.slots.unmet[slot] === 0 && !put ? State.Ready : State.Waiting);
}

/** The result is there: on a worker, or enclosed. */
export function complete(
  cluster: Cluster,
  slot: number,
  holder: number,
  payload: Uint8Array | null,
  rows: number,
  bytes: number,
): void {
  const slots = cluster.slots;
  move(cluster, slot, State.Done);
  slots.rows[slot] = rows;
  slots.bytes[slot] = bytes;
  slots.inputLosses[slot] = 0;
  if (payload !== null) {
    cluster.payloads.set(slot, payload);
    slots.flags[slot]! |= Flag.Inline;
  } else {
    slots.holder[slot] = holder;
  }
  close(cluster, slot);
  eachReader(cluster, slot, shiftPoint, shiftBarrier, -1);
  report(cluster, slot, Outcome.Done, null);
  freeIfUnneeded(cluster, slot);
}

/** Frees a result that neither its client nor an open task needs. */
export function freeIfUnneeded(cluster: Cluster, slot: number): void {
  if ((cluster.slots.flags[slot]! & Flag.Wanted) === 0) evict(cluster, slot);
}

/** Frees a result that no open task needs, whether or not its client wants it: it is made again for whoever asks. */
export function evict(cluster: Cluster, slot: number): void {
  const slots = cluster.slots;
  if (slots.state[slot] !== State.Done || slots.consumers[slot] !== 0) return;
  for (const holder of slots.holders(slot)) freeAt(cluster, slot, holder);
  forgetResult(cluster, slot);
}

/** Tells a worker, at the next placement, to free its copy. */
export function freeAt(cluster: Cluster, slot: number, worker: number): void {
  const row = cluster.workers.get(worker);
  if (row === undefined) return;
  const { job, index } = taskAt(cluster, slot);
  const list = row.frees.get(job);
  if (list === undefined) row.frees.set(job, [index]);
  else list.push(index);
}

/** Takes a holder away; without any left the result is lost. True when it was the last. */
export function dropHolder(cluster: Cluster, slot: number, worker: number): boolean {
  const slots = cluster.slots;
  if (!slots.removeHolder(slot, worker) || slots.holder[slot] !== 0) return false;
  forgetResult(cluster, slot);
  if ((slots.flags[slot]! & Flag.Wanted) !== 0 || slots.consumers[slot]! > 0) recompute(cluster, [slot]);
  return true;
}

/** done → released: readers miss the input again. */
function forgetResult(cluster: Cluster, slot: number): void {
  const slots = cluster.slots;
  slots.clearHolders(slot);
  if ((slots.flags[slot]! & Flag.Inline) !== 0) {
    slots.flags[slot]! &= ~Flag.Inline;
    cluster.payloads.delete(slot);
  }
  move(cluster, slot, State.Released);
  eachReader(cluster, slot, shiftPoint, shiftBarrier, 1);
  const layer = layerOf(cluster, slot);
  if (layer.done === 0) cluster.idleLayers.add(layer);
}

/** Runs released tasks again, and what they need of theirs: lineage. */
export function recompute(cluster: Cluster, stack: number[]): void {
  const slots = cluster.slots;
  const doomed: [number, number][] = [];
  const lostPuts: number[] = [];
  while (stack.length > 0) {
    const slot = stack.pop()!;
    if (slots.state[slot] !== State.Released) continue;
    const layer = layerOf(cluster, slot);
    move(cluster, slot, State.Waiting);
    const doom = open(cluster, slot, stack);
    if (layer.put) {
      // The client keeps what it put until it releases it; then nobody can bring it back.
      if ((slots.flags[slot]! & Flag.Wanted) === 0) lostPuts.push(slot);
      else askToPutAgain(cluster, slot);
      continue;
    }
    slots.attempt[slot]!++;
    mark(cluster, 'tasks-recomputed');
    if (doom !== none) doomed.push([slot, doom]);
    else requeue(cluster, slot);
  }
  for (const slot of lostPuts) end(cluster, slot, State.Failed, dataLost(cluster, slot));
  for (const [slot, source] of doomed) endLike(cluster, slot, source);
}

/** Asks the client, at the next placement, to store a put result again. */
export function askToPutAgain(cluster: Cluster, slot: number): void {
  const layer = layerOf(cluster, slot);
  const list = cluster.putLost.get(layer.job);
  if (list === undefined) cluster.putLost.set(layer.job, [indexOf(layer, slot)]);
  else list.push(indexOf(layer, slot));
}

/** Ends a task the way its source ended. */
export function endLike(cluster: Cluster, slot: number, source: number): void {
  if (cluster.slots.state[source] === State.Cancelled) end(cluster, slot, State.Cancelled, null);
  else end(cluster, slot, State.Failed, recallFailure(cluster, source));
}

/**
 * Ends an open task without a result, and with it every open task that reads it, in the same way: whoever awaits one
 * of those gets the root failure. Assigned ones are recalled from their workers, whose later words about them are stale.
 */
export function end(
  cluster: Cluster,
  first: number,
  state: typeof State.Failed | typeof State.Cancelled,
  failure: FailureData | null,
): void {
  const slots = cluster.slots;
  const stack = [first];
  const pushPoint = (_: Cluster, reader: number) => {
    if ((slots.flags[reader]! & Flag.Open) !== 0) stack.push(reader);
  };
  const pushBarrier = (_: Cluster, link: Link) => {
    const layer = link.reader;
    if (layer.open === 0) return;
    for (let slot = layer.slot; slot < layer.slot + layer.count; slot++) pushPoint(cluster, slot);
  };
  while (stack.length > 0) {
    const slot = stack.pop()!;
    if ((slots.flags[slot]! & Flag.Open) === 0) continue;
    if (slots.state[slot] === State.Assigned) recall(cluster, slot);
    voidTicket(cluster, slot);
    move(cluster, slot, state);
    if (failure !== null) rememberFailure(cluster, slot, failure);
    report(cluster, slot, state === State.Failed ? Outcome.Failed : Outcome.Cancelled, failure);
    eachReader(cluster, slot, pushPoint, pushBarrier, 0);
    close(cluster, slot);
  }
}

/** Takes an assigned task off its worker's account. The state is left to the caller. */
export function detach(cluster: Cluster, slot: number): WorkerRow | null {
  const slots = cluster.slots;
  const worker = cluster.workers.get(slots.owner[slot]!) ?? null;
  slots.owner[slot] = 0;
  const retracting = (slots.flags[slot]! & Flag.Retracting) !== 0;
  slots.flags[slot]! &= ~(Flag.Retracting | Flag.InputMoved);
  if (worker === null) return null;
  worker.assigned.delete(slot);
  worker.queuedMs = worker.assigned.size === 0 ? 0 : worker.queuedMs - slots.expectedMs[slot]!;
  if (retracting) worker.retracting--;
  for (const [name, units] of layerOf(cluster, slot).requirement.resources) {
    worker.inUse.set(name, worker.inUse.get(name)! - units);
  }
  return worker;
}

/** Takes an assigned task away from its worker for good. */
function recall(cluster: Cluster, slot: number): void {
  const attempt = cluster.slots.attempt[slot]!;
  const worker = detach(cluster, slot);
  if (worker === null) return;
  const { job, index } = taskAt(cluster, slot);
  let list = worker.cancels.get(job);
  if (list === undefined) worker.cancels.set(job, (list = { indices: [], attempts: [] }));
  list.indices.push(index);
  list.attempts.push(attempt);
}

/** Its retry ticket is placed or has become pointless. */
export function voidTicket(cluster: Cluster, slot: number): void {
  const slots = cluster.slots;
  if ((slots.flags[slot]! & Flag.Ticket) === 0) return;
  slots.flags[slot]! &= ~Flag.Ticket;
  cluster.settled.push({ ...taskAt(cluster, slot), attempt: slots.attempt[slot]! });
}

function shiftPoint(cluster: Cluster, reader: number, by: number): void {
  const slots = cluster.slots;
  slots.unmet[reader]! += by;
  const state = slots.state[reader];
  if (by < 0) {
    if (state === State.Waiting && slots.unmet[reader] === 0) requeue(cluster, reader);
  } else if (state === State.Ready) {
    move(cluster, reader, State.Waiting);
  } else if (state === State.Assigned) {
    slots.flags[reader]! |= Flag.InputMoved;
  }
}

function shiftBarrier(cluster: Cluster, link: Link, by: number): void {
  assert(isBarrier(link), 'only barriers count their sources');
  const crossed = by > 0 ? link.missing === 0 : link.missing === 1;
  link.missing += by;
  if (!crossed) return;
  const layer = link.reader;
  for (let slot = layer.slot; slot < layer.slot + layer.count; slot++) shiftPoint(cluster, slot, by);
}

/** A task for an assertion's message. */
export function story(cluster: Cluster, slot: number): string {
  const { job, index } = taskAt(cluster, slot);
  const past = cluster.stories.get(slot)?.join('; ') ?? 'nothing noted';
  return `${job}/${index} (attempt ${cluster.slots.attempt[slot]}, state ${cluster.slots.state[slot]}): ${past}`;
}
