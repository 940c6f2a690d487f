import type { ErrorCode } from '../base/errors.js';
import { type LinkLimits, Outbox } from './outbox.js';
import type { CloseReason, Link } from './transport.js';

/** What waits at the receiving end until its handler is set. */
type Delivery<In> =
  | { readonly batch: readonly In[]; readonly bytes: number }
  | { readonly closed: CloseReason };

/**
 * One end of an in-process stream. Batches cross at the end of the sender's turn (`setImmediate`), so neither side
 * ever runs inside the other's call, and a pair that answers each other cannot starve I/O.
 */
export class MemoryLink<In, Out> implements Link<In, Out> {
  readonly peer: string;
  /** Resolves when this end has closed. */
  readonly ended: Promise<void>;
  private readonly bounds: LinkLimits;
  private readonly outbox: Outbox<Out>;
  private markEnded!: () => void;
  private other: MemoryLink<Out, In> | null = null;
  /** In the order of arrival; kept while no handler is set, and while a delivery is under way. */
  private inbox: Delivery<In>[] = [];
  /** Bytes sent and not yet taken by the other end's handler. */
  private underway = 0;
  private scheduled = false;
  private closing = false;
  private closed: CloseReason | null = null;
  private batchHandler: ((batch: readonly In[]) => void) | null = null;
  private closeHandler: ((reason: CloseReason) => void) | null = null;

  constructor(peer: string, bounds: LinkLimits) {
    this.peer = peer;
    this.bounds = bounds;
    this.outbox = new Outbox(bounds, endOfTurn => this.pump(endOfTurn));
    this.ended = new Promise(resolve => {
      this.markEnded = resolve;
    });
  }

  connect(other: MemoryLink<Out, In>): void {
    this.other = other;
  }

  send(message: Out): void {
    if (this.closing || this.closed) return;
    this.outbox.push(message);
    if (this.outbox.bytes + this.underway > this.bounds.backlogBytes) {
      this.fail(
        'RESOURCE_EXHAUSTED',
        `${this.peer} reads too slowly: over ${this.bounds.backlogBytes} bytes wait`,
      );
    }
  }

  flush(): void {
    this.pump(false);
  }

  onBatch(handler: (batch: readonly In[]) => void): void {
    this.batchHandler = handler;
    this.schedule();
  }

  onClose(handler: (reason: CloseReason) => void): void {
    this.closeHandler = handler;
    const reason = this.closed;
    if (reason) setImmediate(() => handler(reason));
  }

  close(): void {
    if (this.closing || this.closed) return;
    this.pump(false);
    if (this.closed) return;
    this.closing = true;
    this.other?.endWith({ clean: true, message: `${this.other.peer} closed the stream` });
    this.finish({ clean: true, message: 'closed' });
  }

  private fail(code: ErrorCode, message: string): void {
    if (this.closed) return;
    this.other?.endWith({ clean: false, message: `${code}: ${message}`, code });
    this.finish({ clean: false, message: `${code}: ${message}`, code });
  }

  private pump(endOfTurn: boolean): void {
    for (;;) {
      if (this.closed || this.closing) return;
      const batch = this.outbox.take();
      if (batch === null) break;
      if (batch.bytes > this.bounds.messageBytes) {
        this.fail(
          'RESOURCE_EXHAUSTED',
          `a message of about ${batch.bytes} bytes is over the limit of ${this.bounds.messageBytes}`,
        );
        return;
      }
      this.underway += batch.bytes;
      this.other?.inbox.push({ batch: batch.messages, bytes: batch.bytes });
    }
    if (endOfTurn) this.other?.deliver();
    else this.other?.schedule();
  }

  private endWith(reason: CloseReason): void {
    this.inbox.push({ closed: reason });
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.inbox.length === 0) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.deliver();
    });
  }

  private deliver(): void {
    while (this.inbox.length > 0 && !this.closed) {
      const next = this.inbox[0]!;
      if ('closed' in next) {
        this.finish(next.closed);
        return;
      }
      if (!this.batchHandler) return;
      this.inbox.shift();
      if (this.other) this.other.underway -= next.bytes;
      this.batchHandler(next.batch);
    }
  }

  private finish(reason: CloseReason): void {
    if (this.closed) return;
    this.closed = reason;
    this.outbox.clear();
    this.inbox = [];
    setImmediate(() => {
      this.markEnded();
      this.closeHandler?.(reason);
    });
  }
}
