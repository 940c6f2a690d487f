import { limits } from '../base/limits.js';

/** Bounds of one link; tests lower them. */
export interface LinkLimits {
  readonly messageBytes: number;
  readonly flushBytes: number;
  readonly flushMessages: number;
  readonly backlogBytes: number;
  readonly handshakeMs: number;
  readonly closeMs: number;
}

export const defaultLinkLimits: LinkLimits = {
  messageBytes: limits.controlMessageBytes,
  flushBytes: limits.controlFlushBytes,
  flushMessages: limits.controlFlushMessages,
  backlogBytes: limits.controlBacklogBytes,
  handshakeMs: limits.handshakeMs,
  closeMs: limits.linkCloseMs,
};

/** One frame's worth of messages and their size, as roughBytes sees it. */
export interface Batch<M> {
  readonly messages: readonly M[];
  readonly bytes: number;
}

/**
 * Messages on their way out. They leave as batches: at the end of the event-loop turn, or at once when a batch is
 * full. `leave` is asked to take what there is and calls `take` as often as it has room; `endOfTurn` tells it that no
 * sender is below it on the stack.
 */
export class Outbox<M> {
  /** Bytes waiting here. */
  bytes = 0;
  /** Messages before `head` were taken. */
  private head = 0;
  private queue: M[] = [];
  private sizes: number[] = [];
  private scheduled = false;
  private readonly bounds: LinkLimits;
  private readonly leave: (endOfTurn: boolean) => void;

  constructor(bounds: LinkLimits, leave: (endOfTurn: boolean) => void) {
    this.bounds = bounds;
    this.leave = leave;
  }

  push(message: M): void {
    const size = roughBytes(message);
    this.queue.push(message);
    this.sizes.push(size);
    this.bytes += size;
    if (this.bytes >= this.bounds.flushBytes || this.queue.length - this.head >= this.bounds.flushMessages) {
      this.leave(false);
    } else if (!this.scheduled) {
      this.scheduled = true;
      setImmediate(() => {
        this.scheduled = false;
        this.leave(true);
      });
    }
  }

  /** The next batch, within the flush bounds (a single large message goes alone), or null. */
  take(): Batch<M> | null {
    const { flushBytes, flushMessages } = this.bounds;
    const from = this.head;
    if (from === this.queue.length) return null;
    let to = from;
    let bytes = 0;
    while (to < this.queue.length && to - from < flushMessages) {
      const size = this.sizes[to]!;
      if (to > from && bytes + size > flushBytes) break;
      bytes += size;
      to++;
    }
    this.bytes -= bytes;
    const messages = from === 0 && to === this.queue.length ? this.queue : this.queue.slice(from, to);
    this.head = to;
    if (to === this.queue.length) this.clear();
    else if (to > 65_536) this.compact();
    return { messages, bytes };
  }

  clear(): void {
    this.queue = [];
    this.sizes = [];
    this.head = 0;
    this.bytes = 0;
  }

  /** Drops what was taken; rarely, so that draining a long queue stays linear. */
  private compact(): void {
    this.queue = this.queue.slice(this.head);
    this.sizes = this.sizes.slice(this.head);
    this.head = 0;
  }
}

/** Nesting of messages is shallow (failures aside, whose size does not matter here). */
const sizedDepth = 6;

/** About what a value takes on the wire; exact for arrays and text, which are all that can be large. */
export function roughBytes(value: unknown, depth = 0): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength + 4;
  if (depth === sizedDepth) return 8;
  let bytes = 4;
  if (Array.isArray(value)) {
    for (const item of value) bytes += roughBytes(item, depth + 1);
  } else {
    for (const key in value) bytes += roughBytes((value as Record<string, unknown>)[key], depth + 1);
  }
  return bytes;
}
