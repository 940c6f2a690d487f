import type { NatsConnection, Subscription } from 'nats';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';
import { FaultHub } from './in-process.js';
import type { NatsUser } from './nats-connection.js';
import type { FaultEvent } from './notifier.js';
import { decodeFault, encodeFault, type Subjects } from './subjects.js';

/**
 * Publishes fault events and hears those of other processes. Events that NATS has not confirmed wait in a bounded
 * backlog and leave when it returns; an event may therefore arrive twice. Listeners of this process hear its own
 * events directly, NATS or not.
 */
export class NatsFaults implements NatsUser {
  readonly name = 'fault events';
  readonly #subjects: Subjects;
  readonly #log: Log;
  readonly #hub: FaultHub;
  /** Oldest first. The first `#sent` have been handed to the connection and await its confirmation. */
  #backlog: FaultEvent[] = [];
  #sent = 0;
  #dropped = 0;
  #connection: NatsConnection | null = null;
  #subscription: Subscription | null = null;
  #listening = false;
  #confirming: Promise<void> | null = null;

  constructor(subjects: Subjects, log: Log) {
    this.#subjects = subjects;
    this.#log = log;
    this.#hub = new FaultHub(log);
  }

  publish(event: FaultEvent): void {
    this.#hub.deliver(event);
    if (this.#backlog.length >= limits.notifyBacklog) {
      this.#dropped++;
      if (this.#sent === this.#backlog.length) return; // All under way to a server that is slow to confirm.
      this.#backlog.splice(this.#sent, 1);
    }
    this.#backlog.push(event);
    this.#sendBacklog();
  }

  #sendBacklog(): void {
    const connection = this.#connection;
    if (connection === null) return;
    try {
      while (this.#sent < this.#backlog.length) {
        const event = this.#backlog[this.#sent]!;
        connection.publish(this.#subjects.fault(event.kind), encodeFault(event));
        this.#sent++;
      }
    } catch {
      return; // The connection is closing: detach() follows, and the backlog waits for the next one.
    }
    if (this.#sent > 0) this.#confirming ??= this.#confirm(connection);
  }

  /** One round trip at a time: the server has everything that was sent before it. */
  async #confirm(connection: NatsConnection): Promise<void> {
    const count = this.#sent;
    try {
      await connection.flush();
    } catch {
      return; // The connection is gone; detach() has counted everything as unsent, or is about to.
    }
    if (connection !== this.#connection) return;
    this.#backlog.splice(0, count);
    this.#sent -= count;
    this.#confirming = this.#sent > 0 ? this.#confirm(connection) : null;
    if (this.#confirming === null) this.#sayDropped();
  }

  #sayDropped(): void {
    if (this.#dropped === 0) return;
    this.#log.warn('fault events were dropped because NATS did not take them in time', {
      count: this.#dropped,
    });
    this.#dropped = 0;
  }

  subscribe(handler: (event: FaultEvent) => void): () => void {
    this.#listening = true;
    if (this.#connection !== null) this.#listen(this.#connection);
    return this.#hub.subscribe(handler);
  }

  #listen(connection: NatsConnection): void {
    if (!this.#listening || this.#subscription !== null) return;
    this.#subscription = connection.subscribe(this.#subjects.allFaults, {
      callback: (error, message) => {
        if (error !== null) return;
        const event = decodeFault(message.data);
        if (event !== null) this.#hub.hand(event);
      },
    });
  }

  async attach(connection: NatsConnection): Promise<void> {
    this.#connection = connection;
    this.#listen(connection);
    await connection.flush(); // The server knows the subscription from here on.
    this.#sendBacklog();
  }

  detach(): void {
    this.#connection = null;
    this.#subscription = null;
    this.#confirming = null;
    this.#sent = 0;
  }

  /** Resolves when everything published so far is confirmed, or NATS is away. */
  async flush(): Promise<void> {
    await this.#hub.idle();
    while (this.#confirming !== null) await this.#confirming;
  }

  clear(): void {
    this.#hub.clear();
  }
}
