import { limits } from '../base/limits.js';
import { type Log, silentLog } from '../base/log.js';
import type { FaultEvent, Notifier, RetryQueue, RetryTicket } from './notifier.js';
import { ticketKey } from './subjects.js';

/** Fault events for the subscribers of this process. */
export function createInProcessNotifier(log: Log = silentLog): Notifier {
  const hub = new FaultHub(log);
  return {
    publish: event => hub.deliver(event),
    subscribe: handler => hub.subscribe(handler),
    flush: () => hub.idle(),
    async close() {
      await hub.idle();
      hub.clear();
    },
  };
}

/** Hands events to local subscribers after the publisher's turn, so that a publisher never meets its listeners. */
export class FaultHub {
  readonly #handlers = new Set<(event: FaultEvent) => void>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  subscribe(handler: (event: FaultEvent) => void): () => void {
    const own = (event: FaultEvent) => handler(event); // The same handler may subscribe twice.
    this.#handlers.add(own);
    return () => {
      this.#handlers.delete(own);
    };
  }

  deliver(event: FaultEvent): void {
    if (this.#handlers.size > 0) queueMicrotask(() => this.hand(event));
  }

  /** At once; for events that come from outside. */
  hand(event: FaultEvent): void {
    for (const handler of [...this.#handlers]) {
      try {
        handler(event);
      } catch (error) {
        this.#log.error('a listener for fault events threw', { kind: event.kind, error: String(error) });
      }
    }
  }

  /** Resolves when all that was delivered has been handed out: microtasks run in order. */
  idle(): Promise<void> {
    return new Promise(resolve => queueMicrotask(resolve));
  }

  clear(): void {
    this.#handlers.clear();
  }
}

/** Retries held back by timers. At most limits.retryTickets wait; a ticket beyond that loses its wait, not itself. */
export function createInProcessRetryQueue(log: Log = silentLog): RetryQueue {
  return new TimerRetryQueue(log);
}

class TimerRetryQueue implements RetryQueue {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Due before there was a consumer. */
  #early: RetryTicket[] = [];
  #consumer: ((ticket: RetryTicket) => void) | null = null;
  #closed = false;
  #saidFull = false;
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  push(ticket: RetryTicket, delayMs: number): void {
    if (this.#closed) return;
    const key = ticketKey(ticket);
    if (this.#timers.has(key)) return; // Waits already.
    if (this.#timers.size >= limits.retryTickets) {
      delayMs = 0;
      if (!this.#saidFull) {
        this.#log.warn('too many retries wait; further ones are not held back', {
          limit: limits.retryTickets,
        });
      }
      this.#saidFull = true;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.#hand(ticket);
    }, delayMs);
    this.#timers.set(key, timer);
  }

  #hand(ticket: RetryTicket): void {
    if (this.#consumer === null) this.#early.push(ticket);
    else this.#consumer(ticket);
  }

  consume(handler: (ticket: RetryTicket) => void): void {
    this.#consumer = handler;
    const early = this.#early;
    this.#early = [];
    for (const ticket of early) handler(ticket);
  }

  settle(ticket: RetryTicket): void {
    const key = ticketKey(ticket);
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  deadLetter(letter: Parameters<RetryQueue['deadLetter']>[0]): void {
    this.#log.warn('task given up', { ...letter });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
