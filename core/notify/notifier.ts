/**
 * Fault notifications: hints for heads, peers, dashboards and people. Never the truth (leases and attempt numbers
 * are), so publishing never fails and never waits.
 */
export interface Notifier {
  publish(event: FaultEvent): void;
  /** Returns the way to stop listening. */
  subscribe(handler: (event: FaultEvent) => void): () => void;
  /** Resolves when everything published so far has left (or cannot). */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export const faultKinds = [
  'worker-lost',
  'worker-draining',
  'engine-crashed',
  'task-failed',
  'task-retried',
  'task-quarantined',
  'partition-lost',
  'partition-corrupt',
  'peer-unreachable',
  'memory-pressure',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** The one documented schema (docs/nats.md): small JSON on `volley.<cluster>.fault.<kind>`. */
export interface FaultEvent {
  readonly version: 1;
  readonly kind: FaultKind;
  readonly cluster: string;
  /** Who says so: 'head', or a worker's name. */
  readonly source: string;
  /** ISO time, for people. */
  readonly at: string;
  /** Worker number and name, where one is concerned. */
  readonly worker?: number;
  readonly workerName?: string;
  readonly pid?: number;
  /** `job/index`, name and attempt, where a task is concerned. */
  readonly task?: string;
  readonly taskName?: string;
  readonly attempt?: number;
  readonly detail: string;
}

/** Retries that wait for their time. At-least-once: attempts fence repeats. */
export interface RetryQueue {
  /** Holds a ticket back until `delayMs` has passed, then hands it to the consumer. */
  push(ticket: RetryTicket, delayMs: number): void;
  /** Sets the one consumer. It may get a ticket more than once. */
  consume(handler: (ticket: RetryTicket) => void): void;
  /** The attempt is placed (or void): the ticket is done with. */
  settle(ticket: RetryTicket): void;
  /** A task ended for good: exhausted or quarantined. Goes to `volley.<cluster>.dead-letter`. */
  deadLetter(letter: DeadLetter): void;
  close(): Promise<void>;
}

export interface RetryTicket {
  readonly job: number;
  readonly index: number;
  /** The attempt that is to be placed. */
  readonly attempt: number;
}

export interface DeadLetter extends RetryTicket {
  readonly name: string;
  readonly reason: string;
  readonly history: readonly string[];
}
