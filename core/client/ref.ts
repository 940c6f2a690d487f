import type { TaskRef } from '../base/ids.js';
import { formatTask } from '../base/ids.js';

/** A value that lies on the workers: pass it to many tasks, bring it here with get(), free it with release(). */
export class DataRef<T> {
  readonly task: TaskRef;
  private readonly fetch: () => Promise<unknown>;
  private readonly free: () => void;

  /** Made by Session.scatter, broadcast and persist only. */
  constructor(task: TaskRef, fetch: () => Promise<unknown>, free: () => void) {
    this.task = task;
    this.fetch = fetch;
    this.free = free;
  }

  get(): Promise<T> {
    return this.fetch() as Promise<T>;
  }

  /** Frees the value once no submitted task needs it. Idempotent. */
  async release(): Promise<void> {
    this.free();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  toString(): string {
    return `DataRef(${formatTask(this.task.job, this.task.index)})`;
  }
}
