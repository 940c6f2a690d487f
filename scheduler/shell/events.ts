import { isVolleyError } from '../../core/base/errors.js';
import type { EffectSink, Event } from '../state/api.js';
import type { Cluster } from '../state/model.js';
import { reduce } from '../state/reduce.js';
import type { Peers } from './peers.js';

/** Applies an event. A message that breaks a rule is its sender's fault and costs the sender its stream; anything else thrown is a bug. */
export function applyEvent(
  cluster: Cluster,
  event: Event,
  nowMs: number,
  out: EffectSink,
  peers: Peers,
): void {
  try {
    reduce(cluster, event, nowMs, out);
  } catch (error) {
    if (!isVolleyError(error)) throw error;
    if (event.kind === 'worker-message') peers.violate(event.worker, 'worker', error.message);
    else if (event.kind === 'client-message') peers.violate(event.client, 'client', error.message);
    else throw error;
  }
}

/** What an event was, for the log of a bug: kinds and numbers, no payload. */
export function describeEvent(event: Event): string {
  switch (event.kind) {
    case 'worker-message':
      return `${event.kind} ${event.message.kind} of worker ${event.worker}`;
    case 'client-message':
      return `${event.kind} ${event.message.kind} of client ${event.client}`;
    case 'worker-joined':
    case 'worker-left':
      return `${event.kind} ${event.worker}`;
    case 'client-joined':
    case 'client-left':
      return `${event.kind} ${event.client}`;
    case 'retry-due':
      return `${event.kind} ${event.ticket.job}/${event.ticket.index} attempt ${event.ticket.attempt}`;
    default:
      return event.kind;
  }
}
