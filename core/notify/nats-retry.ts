import type { ConsumerMessages, JetStreamClient, JetStreamManager, JsMsg, NatsConnection } from 'nats';
import { monotonicClock } from '../base/clock.js';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';
import type { NatsUser } from './nats-connection.js';
import { DeadLetterBox } from './nats-dead-letters.js';
import { ensureStream } from './nats-stream.js';
import type { DeadLetter, RetryQueue, RetryTicket } from './notifier.js';
import { decodeTicket, encodeJson, type StoredTicket, type Subjects, ticketKey } from './subjects.js';

const consumerName = 'head';
const nanosecondsPerMs = 1e6;

interface Entry {
  readonly ticket: RetryTicket;
  /** When it may be handed out, on the monotonic clock. */
  readonly dueMs: number;
  readonly notBefore: number;
  /** Hands the ticket out should NATS not do so in time. Null once it was handed out. */
  timer: NodeJS.Timeout | null;
  /** Sent to NATS at least once: a copy may come by. */
  published: boolean;
  /** The delivery to acknowledge when the ticket is settled. */
  message: JsMsg | null;
}

/**
 * Retry tickets in a JetStream work queue: they survive the head. A timer of this process stands behind every ticket,
 * so that it is handed out whether NATS is there or not: at its time when NATS is away, limits.retryTakeoverMs later
 * when NATS has it. Whichever comes first wins; the other is recognised and dropped.
 */
export class NatsRetryQueue implements RetryQueue, NatsUser {
  readonly name = 'retry tickets';
  readonly #subjects: Subjects;
  readonly #ackWaitMs: number;
  readonly #log: Log;
  /** Part of the message ids: JetStream refuses an id it has seen, and a new head counts from 1 again. */
  readonly #incarnation = crypto.randomUUID();
  readonly #entries = new Map<string, Entry>();
  /** Tickets that are done with while their copy is still in NATS. Oldest first. */
  readonly #settled = new Set<string>();
  readonly #deadLetters: DeadLetterBox;
  #early: RetryTicket[] = [];
  #consumer: ((ticket: RetryTicket) => void) | null = null;
  #stream: JetStreamClient | null = null;
  #messages: ConsumerMessages | null = null;
  #closed = false;
  #saidRefused = false;

  constructor(subjects: Subjects, ackWaitMs: number, log: Log) {
    this.#subjects = subjects;
    this.#ackWaitMs = ackWaitMs;
    this.#log = log;
    this.#deadLetters = new DeadLetterBox(subjects, log);
  }

  push(ticket: RetryTicket, delayMs: number): void {
    const key = ticketKey(ticket);
    const known = this.#entries.get(key);
    if (this.#closed || (known !== undefined && known.timer !== null)) return; // Waits already.
    if (this.#entries.size >= limits.retryTickets) delayMs = 0; // Loses its wait, not itself.
    const entry: Entry = {
      ticket,
      dueMs: monotonicClock.nowMs() + delayMs,
      notBefore: Math.ceil(Date.now() + delayMs),
      timer: null,
      published: known?.published ?? false,
      message: known?.message ?? null,
    };
    this.#entries.set(key, entry);
    this.#arm(key, entry);
    this.#store(key, entry);
  }

  #arm(key: string, entry: Entry): void {
    if (entry.timer !== null) clearTimeout(entry.timer);
    const waitMs = Math.max(0, entry.dueMs - monotonicClock.nowMs());
    const graceMs = this.#stream === null ? 0 : limits.retryTakeoverMs;
    entry.timer = setTimeout(() => this.#handOut(key, entry), waitMs + graceMs);
  }

  /** Gives NATS the ticket. Waits for nothing: when it fails, the timer is there. */
  #store(key: string, entry: Entry): void {
    if (this.#stream === null) return;
    const { job, index, attempt } = entry.ticket;
    const stored: StoredTicket = { job, index, attempt, notBefore: entry.notBefore };
    entry.published = true;
    const msgID = `${this.#incarnation}/${key}`;
    const stream = this.#stream;
    stream
      .publish(this.#subjects.retry, encodeJson(stored), { msgID, timeout: limits.natsAnswerMs })
      .catch(error => {
        if (stream !== this.#stream || this.#saidRefused) return;
        this.#saidRefused = true; // Once a connection: it may be every ticket.
        this.#log.warn('NATS does not take retry tickets; they come from this process', {
          error: String(error),
        });
      });
  }

  #handOut(key: string, entry: Entry): void {
    if (entry.timer === null) return; // Handed out already.
    clearTimeout(entry.timer);
    entry.timer = null;
    if (this.#consumer !== null) this.#consumer(entry.ticket);
    else if (this.#entries.has(key)) this.#early.push(entry.ticket);
  }

  consume(handler: (ticket: RetryTicket) => void): void {
    this.#consumer = handler;
    const early = this.#early;
    this.#early = [];
    for (const ticket of early) handler(ticket);
  }

  settle(ticket: RetryTicket): void {
    const key = ticketKey(ticket);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    if (entry.timer !== null) clearTimeout(entry.timer);
    entry.timer = null;
    if (entry.message !== null) entry.message.ack();
    else if (entry.published) this.#rememberSettled(key);
  }

  #rememberSettled(key: string): void {
    if (this.#settled.size >= limits.settledTickets) {
      for (const oldest of this.#settled) {
        this.#settled.delete(oldest); // Should its copy come by after all, the scheduler finds it stale.
        break;
      }
    }
    this.#settled.add(key);
  }

  deadLetter(letter: DeadLetter): void {
    this.#deadLetters.add(letter);
  }

  /** One delivery from the work queue. Never throws: an exception here would end the delivery. */
  #onMessage(message: JsMsg): void {
    const stored = decodeTicket(message.data);
    if (stored === null) {
      message.term();
      this.#log.warn('a retry ticket in NATS is not one of ours', { bytes: message.data.length });
      return;
    }
    const key = ticketKey(stored);
    const known = this.#entries.get(key);
    if (this.#settled.delete(key)) {
      message.ack();
    } else if (known === undefined) {
      this.#adopt(key, stored, message);
    } else {
      const waitMs = known.timer === null ? 0 : known.dueMs - monotonicClock.nowMs();
      known.published = true;
      if (waitMs > 0) {
        message.nak(Math.ceil(waitMs));
      } else {
        known.message = message;
        this.#handOut(key, known);
      }
    }
  }

  /** A ticket of a head before this one (or one that came twice): held back if need be, then handed out. */
  #adopt(key: string, stored: StoredTicket, message: JsMsg): void {
    const longestMs = limits.retryMaxMs * (1 + limits.retryJitter); // The wall clock may have been set meanwhile.
    const waitMs = Math.min(stored.notBefore - Date.now(), longestMs);
    if (waitMs > 0) {
      message.nak(Math.ceil(waitMs));
      return;
    }
    const { job, index, attempt, notBefore } = stored;
    const ticket = { job, index, attempt };
    this.#entries.set(key, { ticket, dueMs: 0, notBefore, timer: null, published: true, message });
    if (this.#consumer !== null) this.#consumer(ticket);
    else this.#early.push(ticket);
  }

  async attach(connection: NatsConnection): Promise<void> {
    const timeout = limits.natsAnswerMs;
    const manager = await connection.jetstreamManager({ timeout });
    await this.#ensureStream(manager);
    await this.#deadLetters.ensureStream(manager);
    const stream = connection.jetstream({ timeout });
    const consumer = await stream.consumers.get(this.#subjects.retryStream, consumerName);
    this.#messages = await consumer.consume({
      max_messages: limits.retryPullBatch,
      expires: limits.natsPingMs,
      callback: message => this.#onMessage(message),
    });
    // Deliveries end while the connection lives when somebody deleted the stream: begin anew.
    this.#messages.closed().then(() => {
      if (this.#stream === stream && !this.#closed) void connection.close();
    });
    this.#stream = stream;
    this.#saidRefused = false;
    for (const [key, entry] of this.#entries) {
      if (entry.timer === null) continue;
      this.#arm(key, entry);
      this.#store(key, entry); // Again, where it was sent before: the server may have lost it. The id tells it apart.
    }
    this.#deadLetters.attach(stream);
  }

  async #ensureStream(manager: JetStreamManager): Promise<void> {
    const { RetentionPolicy, DiscardPolicy, AckPolicy, StorageType } = await import('nats');
    await ensureStream(manager, {
      name: this.#subjects.retryStream,
      subjects: [this.#subjects.retry],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      storage: StorageType.File,
      max_msgs: limits.retryTickets,
      max_age: limits.retryTicketAgeMs * nanosecondsPerMs,
    });
    await manager.consumers.add(this.#subjects.retryStream, {
      durable_name: consumerName,
      ack_policy: AckPolicy.Explicit,
      ack_wait: this.#ackWaitMs * nanosecondsPerMs,
      max_deliver: -1,
      max_ack_pending: limits.retryTickets, // Its default of 1,000 counts held-back tickets and would stall others.
    });
  }

  detach(): void {
    this.#stream = null;
    this.#messages = null;
    this.#deadLetters.detach();
    for (const [key, entry] of this.#entries) {
      entry.message = null; // Comes again on the next connection.
      if (entry.timer !== null) this.#arm(key, entry);
    }
  }

  /** Unsettled tickets stay in NATS for the next head; those in hand are given back. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#entries.values()) {
      entry.message?.nak();
      if (entry.timer !== null) clearTimeout(entry.timer);
      entry.timer = null;
    }
    this.#entries.clear();
    this.#settled.clear();
    this.#messages?.stop();
    await this.#deadLetters.flush();
  }
}
