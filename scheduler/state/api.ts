import type { ClientId, TaskRef, WorkerId } from '../../core/base/ids.js';
import type { DeadLetter, FaultKind, RetryTicket } from '../../core/notify/notifier.js';
import type {
  ClientToHead,
  HeadToClient,
  HeadToWorker,
  WorkerHello,
  WorkerToHead,
} from '../../core/wire/messages.js';

/**
 * The scheduler is a pure state machine: the shell feeds events to `reduce`, calls `place` once per drained batch and
 * carries out the effects. Nothing in this folder reads a clock, does I/O, draws random numbers or awaits.
 */
export type Event =
  /** The handshake is over: versions and credentials were checked by the shell, which assigned the number. */
  | { readonly kind: 'worker-joined'; readonly worker: WorkerId; readonly hello: WorkerHello }
  | { readonly kind: 'worker-message'; readonly worker: WorkerId; readonly message: WorkerToHead }
  /** Its stream ended. */
  | {
      readonly kind: 'worker-left';
      readonly worker: WorkerId;
      readonly clean: boolean;
      readonly reason: string;
    }
  | {
      readonly kind: 'client-joined';
      readonly client: ClientId;
      readonly name: string;
      readonly firstJob: number;
      readonly jobCount: number;
    }
  | { readonly kind: 'client-message'; readonly client: ClientId; readonly message: ClientToHead }
  | { readonly kind: 'client-left'; readonly client: ClientId; readonly clean: boolean }
  | { readonly kind: 'retry-due'; readonly ticket: RetryTicket }
  /** Every 100 ms or so: leases, client grace, overdue retry tickets. */
  | { readonly kind: 'tick' };

/** Where effects go. Called synchronously from reduce and place; the shell only queues. */
export interface EffectSink {
  toWorker(worker: WorkerId, message: HeadToWorker): void;
  toClient(client: ClientId, message: HeadToClient): void;
  /** The worker is fenced off (lease expired, protocol broken): close its stream. Its later words are dropped. */
  closeWorker(worker: WorkerId, reason: string): void;
  closeClient(client: ClientId, reason: string): void;
  /** To be published. */
  fault(fault: Fault): void;
  /** Hold back a retry: `delayMs` before jitter (the shell adds up to 50 %). */
  pushRetry(ticket: RetryTicket, delayMs: number): void;
  settleRetry(ticket: RetryTicket): void;
  deadLetter(letter: DeadLetter): void;
}

export interface Fault {
  readonly kind: FaultKind;
  readonly worker: WorkerId | null;
  readonly workerName: string;
  readonly pid: number;
  readonly task: TaskRef | null;
  readonly taskName: string;
  readonly attempt: number;
  readonly detail: string;
}

export interface ClusterOptions {
  readonly name: string;
  readonly leaseMs: number;
  readonly clientGraceMs: number;
  readonly systemRetries: number;
}
