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
      onWorkerJoined(cluster, event.worker, event.hello, nowMs, out);
      break;
    case 'worker-message':
      onWorkerMessage(cluster, event.worker, event.message, nowMs, out);
      break;
    case 'worker-left':
      onWorkerLeft(cluster, event.worker, event.clean, event.reason, out);
      break;
    case 'client-joined':
      onClientJoined(cluster, event, out);
      break;
    case 'client-message':
      onClientMessage(cluster, event.client, event.message, nowMs, out);
      break;
    case 'client-left':
      onClientLeft(cluster, event.client, event.clean, nowMs, out);
      break;
    case 'retry-due':
      onRetryDue(cluster, event.ticket, out);
      break;
    case 'tick':
      onTick(cluster, nowMs, out);
      break;
    default:
      assertNever(event);
  }
}
