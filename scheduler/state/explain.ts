import { formatTask, type TaskRef } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { Explanation, StatusReport, TaskStateName } from '../../core/graph/report.js';
import { findSlot, layerOf, stateName, taskAt } from './cluster.js';
import { historyOf, recallFailure } from './failures.js';
import { eachPointSource, eachSpanSource, isBarrier } from './links.js';
import type { Cluster, Layer, Requirement, WorkerRow } from './model.js';
import { prefetchFactor, room } from './policy/credits.js';
import { eligibleFor, offered } from './requirement.js';
import { isBackedUp } from './results.js';
import { Flag, none, State, stateNames } from './slots.js';

/** Inputs an explanation lists. */
const listedInputs = 10;

/** The cluster in numbers. */
export function statusReport(cluster: Cluster, _nowMs: number): Omit<StatusReport, 'address' | 'uptimeMs'> {
  const tasks = {} as Record<TaskStateName, number>;
  for (const [state, name] of stateNames.entries()) tasks[name] = cluster.tally[state]!;
  return {
    cluster: cluster.options.name,
    workers: cluster.workerList.map(worker => ({
      worker: worker.id,
      name: worker.name,
      threads: worker.threads,
      memoryBytes: worker.hello.memoryBytes,
      storedBytes: worker.storedBytes,
      spilledBytes: worker.spilledBytes,
      rssBytes: worker.rssBytes,
      labels: worker.hello.labels,
      resources: worker.hello.resources,
      assigned: worker.assigned.size,
      paused: worker.paused,
      supervisorPid: worker.hello.supervisorPid,
      enginePid: worker.hello.enginePid,
    })),
    clients: cluster.clients.size,
    tasks,
    counters: Object.fromEntries(cluster.counters),
  };
}

/** Why a task is where it is, in a sentence that names the way out. */
export function explainTask(cluster: Cluster, task: TaskRef, nowMs: number): Explanation {
  const slots = cluster.slots;
  const slot = findSlot(cluster, task.job, task.index);
  const id = formatTask(task.job, task.index);
  if (slot === none) {
    const reason = 'the head knows no such task: it was never submitted, or it was released';
    return {
      task: id,
      name: '',
      state: 'unknown',
      attempt: 0,
      reason,
      workers: [],
      waitingFor: [],
      history: [],
    };
  }
  const missing = missingInputs(cluster, slot);
  const state = slots.state[slot]!;
  const open = (slots.flags[slot]! & Flag.Open) !== 0;
  const holders = state === State.Assigned ? [slots.owner[slot]!] : slots.holders(slot);
  return {
    task: id,
    name: layerOf(cluster, slot).spec.options.name,
    state: stateName(state),
    attempt: slots.attempt[slot]!,
    reason: reasonOf(cluster, slot, missing.count, nowMs),
    workers: holders.map(holder => cluster.workers.get(holder)?.name ?? `worker ${holder}`),
    waitingFor: open ? missing.first : [],
    history: historyOf(cluster, slot),
  };
}

function reasonOf(cluster: Cluster, slot: number, missing: number, nowMs: number): string {
  const slots = cluster.slots;
  const layer = layerOf(cluster, slot);
  switch (slots.state[slot]) {
    case State.Waiting:
      if (layer.put) return 'waiting for its client to store it on a worker';
      return `waiting for ${missing} unfinished ${missing === 1 ? 'input' : 'inputs'}`;
    case State.Ready:
      return whyNotPlaced(cluster, layer);
    case State.Assigned: {
      const worker = cluster.workers.get(slots.owner[slot]!)!;
      const ahead = [...worker.assigned].indexOf(slot);
      return ahead < worker.threads
        ? `running on ${worker.name}`
        : `queued on ${worker.name} behind ${ahead} other tasks`;
    }
    case State.RetryWait:
      return whyHeldBack(cluster, slot, nowMs);
    case State.Done:
      return (slots.flags[slot]! & Flag.Inline) !== 0 ? 'done; the head holds its result' : 'done';
    case State.Failed: {
      const failure = recallFailure(cluster, slot);
      return failure === null ? 'failed' : `failed: ${failure.name}: ${failure.message}`;
    }
    case State.Cancelled:
      return 'cancelled, or an input of it was';
    default:
      return 'done; its result was released, and will be computed again if something needs it';
  }
}

function whyHeldBack(cluster: Cluster, slot: number, nowMs: number): string {
  const latestMs = (cluster.overdueAt.get(slot) ?? nowMs) - limits.retryOverdueMs - nowMs;
  const seconds = Math.max(0, latestMs / 1000).toFixed(1);
  return `held back until its retry, attempt ${cluster.slots.attempt[slot]}, in ${seconds} s at the latest`;
}

function whyNotPlaced(cluster: Cluster, layer: Layer): string {
  if (cluster.workerList.length === 0)
    return 'no workers have joined: start one with `volley worker --head URL`';
  const crew = eligibleFor(cluster, layer.requirement);
  if (crew.length === 0) return whyNobody(cluster.workerList, layer.requirement);
  if (layer.spec.options.inlineResult && isBackedUp(layer.job.client)) {
    return 'its client has not taken in the results it was sent: no more are made until it does';
  }
  const paused = crew.filter(worker => worker.paused || worker.leaving);
  const workers = crew.length === 1 ? 'the only eligible worker' : `all ${crew.length} eligible workers`;
  const verb = crew.length === 1 ? 'is' : 'are';
  if (paused.length === crew.length) {
    return `${workers} ${verb} paused (out of memory) or leaving: free results, raise --memory, or add a worker`;
  }
  const factor = prefetchFactor(layer);
  if (crew.every(worker => room(worker, layer, factor) <= 0)) {
    return `${workers} ${verb} busy${resourceShortage(crew, layer.requirement)}`;
  }
  return 'next to be placed';
}

/** What every worker lacks, and what they have instead. */
function whyNobody(workers: readonly WorkerRow[], requirement: Requirement): string {
  for (const [name, value] of requirement.labels) {
    if (workers.some(worker => worker.hello.labels[name] === value)) continue;
    return `no worker carries label ${name}=${value}; workers have: ${distinct(workers.map(labelsOf))}. Start one with --label ${name}=${value}`;
  }
  for (const [name, units] of requirement.resources) {
    if (workers.some(worker => offered(worker, name) >= units)) continue;
    const best = Math.max(...workers.map(worker => offered(worker, name)));
    return `no worker offers ${units} of resource ${name}; the most is ${best}. Start one with --resource ${name}=${units}`;
  }
  if (workers.every(worker => worker.threads < requirement.cpu)) {
    return `no worker has ${requirement.cpu} threads; the most is ${Math.max(...workers.map(worker => worker.threads))}`;
  }
  const labels = requirement.labels.map(([name, value]) => `${name}=${value}`);
  const resources = requirement.resources.map(([name, units]) => `${units} of ${name}`);
  return `no single worker has all of: ${[...labels, ...resources].join(', ')}; workers have: ${distinct(workers.map(labelsOf))}`;
}

function resourceShortage(crew: readonly WorkerRow[], requirement: Requirement): string {
  for (const [name, units] of requirement.resources) {
    const used = (worker: WorkerRow) => worker.inUse.get(name) ?? 0;
    if (crew.every(worker => offered(worker, name) - used(worker) < units))
      return `: resource ${name} is in use`;
  }
  return '';
}

function labelsOf(worker: WorkerRow): string {
  const labels = Object.entries(worker.hello.labels).map(([name, value]) => `${name}=${value}`);
  return labels.length === 0 ? 'no labels' : labels.join(' ');
}

function distinct(texts: readonly string[]): string {
  return [...new Set(texts)].slice(0, listedInputs).join('; ');
}

/** Inputs that are not there: how many, and the first of them. */
function missingInputs(cluster: Cluster, slot: number): { count: number; first: string[] } {
  const layer = layerOf(cluster, slot);
  const first: string[] = [];
  let count = 0;
  const look = (source: number) => {
    if (source === none || cluster.slots.state[source] === State.Done) return;
    count++;
    if (first.length >= listedInputs) return;
    const { job, index } = taskAt(cluster, source);
    const name = layerOf(cluster, source).spec.options.name;
    first.push(`${name} ${formatTask(job, index)} (${stateName(cluster.slots.state[source]!)})`);
  };
  eachPointSource(layer, slot - layer.slot, look);
  for (const link of layer.links) if (isBarrier(link)) eachSpanSource(link, look);
  return { count, first };
}
