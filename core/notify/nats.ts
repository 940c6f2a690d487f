import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';
import { NatsConnector, type NatsUser, parseNatsUrl } from './nats-connection.js';
import { NatsFaults } from './nats-notifier.js';
import { NatsRetryQueue } from './nats-retry.js';
import type { Notifier, RetryQueue } from './notifier.js';
import { subjectsOf } from './subjects.js';

export interface NatsSettings {
  /** `nats://[token@]host:4222`. */
  readonly url: string;
  /** Letters, digits and '-': part of every subject. */
  readonly cluster: string;
  /** Goes before a token in the URL. */
  readonly token?: string;
  /** 'head', or a worker's name: how the connection is called on the server. */
  readonly source: string;
  readonly log: Log;
  /** Whether this process takes the retry tickets. Default: when the source is 'head'. */
  readonly retries?: boolean;
  /** Default limits.retryAckWaitMs. */
  readonly ackWaitMs?: number;
}

/**
 * Fault events and retry tickets over NATS. Returns at once: the connection is made, kept and made again behind it,
 * and everything works without it (see docs/nats.md). Throws INVALID_ARGUMENT for a bad URL or cluster name.
 * Both parts share the connection: close both.
 */
export function connectNats(settings: NatsSettings): { notifier: Notifier; retryQueue?: RetryQueue } {
  const { log } = settings;
  const subjects = subjectsOf(settings.cluster);
  const target = parseNatsUrl(settings.url, settings.token);
  const faults = new NatsFaults(subjects, log);
  const ackWaitMs = settings.ackWaitMs ?? limits.retryAckWaitMs;
  const withRetries = settings.retries ?? settings.source === 'head';
  const retries = withRetries ? new NatsRetryQueue(subjects, ackWaitMs, log) : null;
  const users: NatsUser[] = retries === null ? [faults] : [faults, retries];
  const connector = new NatsConnector(target, `volley ${settings.source}`, users, log);

  let open = users.length;
  const closeOne = async () => {
    if (--open === 0) await connector.close();
  };
  const notifier: Notifier = {
    publish: event => faults.publish(event),
    subscribe: handler => faults.subscribe(handler),
    async flush() {
      await connector.firstAttempt;
      await bounded(faults.flush());
    },
    close: once(async () => {
      await bounded(faults.flush());
      faults.clear();
      await closeOne();
    }),
  };
  if (retries === null) return { notifier };
  const retryQueue: RetryQueue = {
    push: (ticket, delayMs) => retries.push(ticket, delayMs),
    consume: handler => retries.consume(handler),
    settle: ticket => retries.settle(ticket),
    deadLetter: letter => retries.deadLetter(letter),
    close: once(async () => {
      await bounded(retries.close());
      await closeOne();
    }),
  };
  return { notifier, retryQueue };
}

/** Later calls get the first one's promise. */
function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => (running ??= action());
}

/** A server that has stopped answering must not hold up a close. */
async function bounded(action: Promise<void>): Promise<void> {
  const stop = new AbortController();
  const late = sleep(limits.natsAnswerMs, undefined, { signal: stop.signal }).catch(() => {});
  await Promise.race([action, late]);
  stop.abort();
}
