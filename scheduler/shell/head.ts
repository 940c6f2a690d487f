import { type Clock, monotonicClock } from '../../core/base/clock.js';
import { limits } from '../../core/base/limits.js';
import type { Log } from '../../core/base/log.js';
import { seededRng } from '../../core/base/rng.js';
import type { StatusReport } from '../../core/graph/report.js';
import type { Notifier, RetryQueue } from '../../core/notify/notifier.js';
import { checkClusterName } from '../../core/notify/subjects.js';
import type { ServerSecurity, Transport } from '../../core/rpc/transport.js';
import type { ClientToHead } from '../../core/wire/messages.js';
import type { Event } from '../state/api.js';
import { createCluster } from '../state/cluster.js';
import { statusReport } from '../state/explain.js';
import { place } from '../state/place.js';
import { createEffects } from './effects.js';
import { applyEvent, describeEvent } from './events.js';
import { Loop } from './loop.js';
import { Peers } from './peers.js';

export interface HeadOptions {
  readonly transport: Transport;
  /** `host:port`; port 0 picks one. */
  readonly address: string;
  readonly security: ServerSecurity;
  readonly clusterName: string;
  readonly leaseMs: number;
  /** Not closed by the head: whoever made them closes them after it. */
  readonly notifier: Notifier;
  readonly retryQueue: RetryQueue;
  /** Told to the workers, so that they publish too; '' for none. */
  readonly natsUrl: string;
  readonly log: Log;
  readonly clock?: Clock;
  /** Retries of a task whose worker was lost. Default limits.systemRetries. */
  readonly systemRetries?: number;
  /** Seeds the jitter of retries. Default: the process id. */
  readonly seed?: number;
  /** A bug stopped the scheduler; its story is in the log. A process should end with a code other than 0. */
  readonly onFatal?: (error: unknown) => void;
}

export interface Head {
  /** As bound. */
  readonly address: string;
  status(): StatusReport;
  /** Orderly: nobody new is let in, streams end, the port is free. */
  close(): Promise<void>;
}

/** Starts a head: the scheduler's state machine behind a listening transport. Rejects with INSECURE_BIND, INVALID_ARGUMENT. */
export async function startHead(options: HeadOptions): Promise<Head> {
  const { transport, clusterName, leaseMs, notifier, retryQueue, log } = options;
  checkClusterName(clusterName);
  const clock = options.clock ?? monotonicClock;
  const startedMs = clock.nowMs();
  const systemRetries = options.systemRetries ?? limits.systemRetries;
  const { clientGraceMs } = limits;
  const cluster = createCluster({ name: clusterName, leaseMs, clientGraceMs, systemRetries });
  let address = options.address;
  const status = (): StatusReport => {
    const nowMs = clock.nowMs();
    return { ...statusReport(cluster, nowMs), address, uptimeMs: nowMs - startedMs };
  };

  const peers = new Peers({
    cluster: clusterName,
    leaseMs,
    natsUrl: options.natsUrl,
    log,
    push: event => loop.push(event),
  });
  const rng = seededRng(options.seed ?? process.pid);
  const out = createEffects(clusterName, peers, notifier, retryQueue, rng, log);
  const loop = new Loop({
    handle(event) {
      if (isStatusQuestion(event)) {
        // The state knows neither its address nor the time of day.
        const json = JSON.stringify(status());
        peers.sendToClient(event.client, { kind: 'answer', request: event.message.request, json });
      } else {
        applyEvent(cluster, event, clock.nowMs(), out, peers);
      }
    },
    place: () => place(cluster, clock.nowMs(), out),
    flush: () => peers.flush(),
    fatal(error, event) {
      const story = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log.error('the scheduler stopped on a bug', {
        event: event === null ? 'place' : describeEvent(event),
        story,
      });
      clearInterval(ticker);
      peers.closeAll();
      options.onFatal?.(error);
    },
  });
  const ticker = setInterval(() => loop.push({ kind: 'tick' }), limits.headTickMs);
  ticker.unref(); // The listener keeps the process alive; an embedded head must not.
  // What anybody in the cluster publishes reaches the clients too, NATS or not.
  const unsubscribe = notifier.subscribe(event => {
    peers.broadcastToClients({ kind: 'fault', json: JSON.stringify(event) });
  });
  retryQueue.consume(ticket => loop.push({ kind: 'retry-due', ticket }));

  const listening = await transport.listen(options.address, peers.acceptor, options.security).catch(error => {
    clearInterval(ticker);
    throw error;
  });
  address = listening.address;
  let closing: Promise<void> | null = null;
  const close = async () => {
    clearInterval(ticker);
    unsubscribe();
    loop.stop();
    peers.closeAll();
    await listening.close();
  };
  return { address, status, close: () => (closing ??= close()) };
}

type ClientEvent = Extract<Event, { kind: 'client-message' }>;
type Ask = Extract<ClientToHead, { kind: 'ask' }>;

function isStatusQuestion(event: Event): event is ClientEvent & { readonly message: Ask } {
  return (
    event.kind === 'client-message' &&
    event.message.kind === 'ask' &&
    event.message.question.about === 'status'
  );
}
