import type { Event } from '../state/api.js';

/** What the loop drives. All of it is synchronous. */
export interface LoopSteps {
  /** One event. Throws only for a bug. */
  handle(event: Event): void;
  /** Once per drained batch. */
  place(): void;
  /** Sends what the batch caused. */
  flush(): void;
  /** A bug came to light: the loop has stopped for good. */
  fatal(error: unknown, event: Event | null): void;
}

/** The head's one loop: everything that arrived in a turn is drained, then placed once, then flushed. */
export class Loop {
  readonly #steps: LoopSteps;
  #inbox: Event[] = [];
  #spare: Event[] = [];
  #scheduled = false;
  #stopped = false;

  constructor(steps: LoopSteps) {
    this.#steps = steps;
  }

  /** Queues an event for the drain at the end of this turn. */
  push(event: Event): void {
    if (this.#stopped) return;
    this.#inbox.push(event);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.drain());
  }

  drain(): void {
    this.#scheduled = false;
    if (this.#stopped || this.#inbox.length === 0) return;
    const batch = this.#inbox;
    this.#inbox = this.#spare;
    let current: Event | null = null;
    try {
      for (current of batch) this.#steps.handle(current);
      current = null;
      this.#steps.place();
      this.#steps.flush();
    } catch (error) {
      this.#stopped = true;
      this.#steps.fatal(error, current);
    }
    batch.length = 0;
    this.#spare = batch;
  }

  stop(): void {
    this.#stopped = true;
    this.#inbox.length = 0;
  }
}
