import { formatTask } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { Log } from '../../core/base/log.js';
import type { Rng } from '../../core/base/rng.js';
import type { FaultEvent, FaultKind, Notifier, RetryQueue } from '../../core/notify/notifier.js';
import type { EffectSink, Fault } from '../state/api.js';
import type { Peers } from './peers.js';

/** Faults an operator wants in the head's log; those of single tasks are in the fault events and the counters. */
const logged: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'worker-lost',
  'worker-draining',
  'engine-crashed',
  'task-quarantined',
  'memory-pressure',
]);

/** Carries out what the scheduler decided. Called inside reduce and place: only queues. */
export function createEffects(
  cluster: string,
  peers: Peers,
  notifier: Notifier,
  retryQueue: RetryQueue,
  rng: Rng,
  log: Log,
): EffectSink {
  return {
    toWorker: (worker, message) => peers.sendToWorker(worker, message),
    toClient: (client, message) => peers.sendToClient(client, message),
    closeWorker: (worker, reason) => peers.closeWorker(worker, reason),
    closeClient: (client, reason) => peers.closeClient(client, reason),
    fault(fault) {
      const event = faultEvent(cluster, fault);
      if (logged.has(fault.kind)) {
        const { version: _version, kind, cluster: _cluster, source: _source, at: _at, ...fields } = event;
        log.warn(kind, fields);
      }
      notifier.publish(event);
    },
    pushRetry(ticket, delayMs) {
      retryQueue.push(ticket, Math.round(delayMs * (1 + limits.retryJitter * rng())));
    },
    settleRetry: ticket => retryQueue.settle(ticket),
    deadLetter: letter => retryQueue.deadLetter(letter),
  };
}

function faultEvent(cluster: string, fault: Fault): FaultEvent {
  const { kind, worker, workerName, pid, task, taskName, attempt, detail } = fault;
  return {
    version: 1,
    kind,
    cluster,
    source: 'head',
    at: new Date().toISOString(),
    ...(worker === null ? {} : { worker, workerName }),
    ...(pid > 0 ? { pid } : {}),
    ...(task === null ? {} : { task: formatTask(task.job, task.index), taskName, attempt }),
    detail,
  };
}
