import { assertNever } from '../../core/base/assert.js';
import type { EffectSink, Event } from './api.js';
import type { Cluster } from './model.js';
import { onClientJoined, onClientLeft, onClientMessage } from './on-client.js';
import { onRetryDue } from './on-failure.js';
import { onTick } from './on-tick.js';
import { onWorkerJoined, onWorkerLeft } from './on-worker.js';
import { onWorkerMessage } from './on-worker-message.js';
import { reclaimIdle } from './reclaim.js';

/** Applies one event. Synchronous; sees only its arguments, so a log replays exactly. */
export function reduce(cluster: Cluster, event: Event, nowMs: number, out: EffectSink): void {
  apply(cluster, event, nowMs, out);
  if (cluster.idleLayers.size > 0) reclaimIdle(cluster, out);
}

function apply(cluster: Cluster, event: Event, nowMs: number, out: EffectSink): void {
  switch (event.kind) {
    case 'worker-joined':
      return onWorkerJoined(cluster, event.worker, event.hello, nowMs, out);
    case 'worker-message':
      return onWorkerMessage(cluster, event.worker, event.message, nowMs, out);
    case 'worker-left':
      return onWorkerLeft(cluster, event.worker, event.clean, event.reason, out);
    case 'client-joined':
      return onClientJoined(cluster, event, out);
    case 'client-message':
      return onClientMessage(cluster, event.client, event.message, nowMs, out);
    case 'client-left':
      return onClientLeft(cluster, event.client, event.clean, nowMs, out);
    case 'retry-due':
      return onRetryDue(cluster, event.ticket, out);
    case 'tick':
      return onTick(cluster, nowMs, out);
    default:
      return assertNever(event);
  }
}
