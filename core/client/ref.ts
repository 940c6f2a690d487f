import type { TaskRef } from '../base/ids.js';
import { formatTask } from '../base/ids.js';

/** A value that lies on the workers: pass it to many tasks, bring it here with get(), free it with release(). */
export class DataRef<T> {
  readonly task: TaskRef;
  private readonly fetch: () => Promise<unknown>;
  private readonly free: () => void;
  private enclosed: Uint8Array | null;

  /**
   * Made by Session.scatter, broadcast and persist only. `enclosed`: a small result, which came here with the news that it is done: no worker
   * keeps it, so it is passed by value.
   */
  constructor(
    task: TaskRef,
    fetch: () => Promise<unknown>,
    free: () => void,
    enclosed: Uint8Array | null = null,
  ) {
    this.task = task;
    this.fetch = fetch;
    this.free = free;
    this.enclosed = enclosed;
  }

  /** The value where it is here until it is released; else null. */
  get payload(): Uint8Array | null {
    return this.enclosed;
  }

  get(): Promise<T> {
    return this.fetch() as Promise<T>;
  }

  /** Frees the value once no submitted task needs it. Idempotent. */
  async release(): Promise<void> {
    this.enclosed = null;
    this.free();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  toString(): string {
    return `DataRef(${formatTask(this.task.job, this.task.index)})`;
  }
}
