import { VolleyError } from '../base/errors.js';
import type { JobId, TaskRange, TaskRef } from '../base/ids.js';
import { formatTask } from '../base/ids.js';
import type { FailureData } from '../graph/failure.js';
import { fromFailure } from '../wire/failure.js';
import { Outcome } from '../wire/messages.js';
import { decodeValue } from '../wire/payload.js';
import type { LayerTracker, TaskEnd } from './tracker.js';

export type FutureStatus = 'pending' | 'done' | 'failed' | 'cancelled';

const Pending = 0;
const statusNames: readonly FutureStatus[] = ['pending', 'done', 'failed', 'cancelled'];

/** What a group of tasks needs of its client. */
export interface GroupHost {
  /** Brings a stored result here and decodes it. */
  fetchValue(task: TaskRef, holder: number): Promise<unknown>;
  cancel(range: TaskRange): void;
  release(range: TaskRange): void;
  /** Keeps the process alive while somebody waits. */
  hold(): void;
  unhold(): void;
}

/**
 * The tasks of one submitted layer, as arrays: a future is only a position in it. The client holds the group until
 * every task has ended; users hold it through their futures.
 */
export class TaskGroup implements LayerTracker {
  readonly job: JobId;
  readonly first: number;
  readonly name: string;
  private readonly host: GroupHost;
  private tasks = 0;
  private ended = 0;
  private ends: Uint8Array;
  private holders: Uint32Array;
  private readonly payloads: (Uint8Array | null)[] = [];
  private readonly failures = new Map<number, FailureData | Error>();
  private readonly listeners = new Map<number, (() => void)[]>();
  private readonly values = new Map<number, Promise<unknown>>();
  /** Listeners and fetches under way: a release waits for them. */
  private uses = 0;
  private released = false;
  /** Cancelled in the turn that submits them. Null once they are submitted. */
  private cancelledEarly: number[] | null = [];
  private releaseWhenIdle = false;

  /** Empty at first: `append` adds tasks until the layer is submitted. */
  constructor(host: GroupHost, job: JobId, first: number, capacity: number, name: string) {
    this.host = host;
    this.job = job;
    this.first = first;
    this.name = name;
    this.ends = new Uint8Array(capacity);
    this.holders = new Uint32Array(capacity);
  }

  get count(): number {
    return this.tasks;
  }

  get settled(): boolean {
    return this.ended === this.tasks;
  }

  get range(): TaskRange {
    return { job: this.job, first: this.first, count: this.tasks };
  }

  /** Adds a task and gives its position. */
  append(): number {
    if (this.tasks === this.ends.length) {
      const ends = new Uint8Array(this.tasks * 2 + 8);
      ends.set(this.ends);
      this.ends = ends;
      const holders = new Uint32Array(this.tasks * 2 + 8);
      holders.set(this.holders);
      this.holders = holders;
    }
    this.payloads.push(null);
    return this.tasks++;
  }

  settle(position: number, end: TaskEnd): void {
    if (this.ends[position] !== Pending) return;
    this.ends[position] = end.outcome + 1;
    this.holders[position] = end.holder;
    this.payloads[position] = end.inline;
    if (end.failure !== null) this.failures.set(position, end.failure);
    this.wake(position);
  }

  abandon(error: Error): void {
    for (let position = 0; position < this.count; position++) {
      if (this.ends[position] !== Pending) continue;
      this.ends[position] = Outcome.Failed + 1;
      this.failures.set(position, error);
      this.wake(position);
    }
  }

  status(position: number): FutureStatus {
    return statusNames[this.ends[position]!]!;
  }

  ref(position: number): TaskRef {
    return { job: this.job, index: this.first + position };
  }

  /** The encoded result where it is already here: dependents then carry it instead of naming the task. */
  payload(position: number): Uint8Array | null {
    return this.payloads[position]!;
  }

  holder(position: number): number {
    return this.holders[position]!;
  }

  /** Calls back once when the task has ended: at once if it has. */
  whenSettled(position: number, listener: () => void): void {
    if (this.ends[position] !== Pending) {
      listener();
      return;
    }
    this.use();
    const listeners = this.listeners.get(position);
    if (listeners === undefined) this.listeners.set(position, [listener]);
    else listeners.push(listener);
  }

  value(position: number): Promise<unknown> {
    let value = this.values.get(position);
    if (value === undefined) {
      value = this.produce(position, this.ends[position] === Outcome.Done + 1 ? null : new Error('awaited'));
      this.values.set(position, value);
    }
    return value;
  }

  cancel(position: number): void {
    if (this.ends[position] !== Pending) return;
    if (this.cancelledEarly !== null) this.cancelledEarly.push(position);
    else this.host.cancel({ job: this.job, first: this.first + position, count: 1 });
  }

  /** The head has been sent the tasks: now, and not before, it understands what was asked about them meanwhile. */
  submitted(): void {
    const positions = this.cancelledEarly ?? [];
    this.cancelledEarly = null;
    for (const position of positions) this.cancel(position);
  }

  /** No future of this group is left (or its owner said so): results are freed once nobody waits for them. */
  release(): void {
    if (this.released) return;
    if (this.uses > 0) {
      this.releaseWhenIdle = true;
      return;
    }
    this.released = true;
    this.host.release(this.range);
  }

  get isReleased(): boolean {
    return this.released;
  }

  private async produce(position: number, asked: Error | null): Promise<unknown> {
    if (this.ends[position] === Pending) {
      await new Promise<void>(resolve => this.whenSettled(position, resolve));
    }
    const task = this.ref(position);
    switch (this.ends[position]! - 1) {
      case Outcome.Done: {
        const payload = this.payloads[position]!;
        if (payload !== null) return decodeValue(payload);
        if (this.released) {
          throw new VolleyError(
            'RELEASED',
            `the result of task ${formatTask(task.job, task.index)} was released`,
          );
        }
        this.use();
        try {
          return await this.host.fetchValue(task, this.holders[position]!);
        } finally {
          this.unuse();
        }
      }
      case Outcome.Cancelled:
        throw cancelledError(formatTask(task.job, task.index));
      default: {
        const failure = this.failures.get(position)!;
        throw failure instanceof Error ? failure : fromFailure(failure, await stackOfAwait(asked));
      }
    }
  }

  private wake(position: number): void {
    this.ended++;
    const listeners = this.listeners.get(position);
    if (listeners === undefined) return;
    this.listeners.delete(position);
    for (const listener of listeners) {
      listener();
      // One turn later: what the listener woke may still fetch the value.
      queueMicrotask(() => queueMicrotask(() => this.unuse()));
    }
  }

  private use(): void {
    this.uses++;
    this.host.hold();
  }

  private unuse(): void {
    this.host.unhold();
    if (--this.uses === 0 && this.releaseWhenIdle) this.release();
  }
}

/**
 * Where a value is awaited, for the error that is thrown there. `await future` calls then() from an empty stack: then
 * V8 finds the awaiting function by the promises that hang on the one to be rejected, once they do.
 */
async function stackOfAwait(asked: Error | null): Promise<string | undefined> {
  await null;
  const { stack } = new Error('awaited');
  return stack?.includes('\n    at async ') ? stack : asked?.stack;
}

/**
 * Keeps a group's results wanted: every future of the group points here, the client does not. When the last future is
 * collected so is this, and the results are released.
 */
export class GroupHandle {
  readonly group: TaskGroup;

  constructor(group: TaskGroup) {
    this.group = group;
    collected.register(this, group);
  }
}

const collected = new FinalizationRegistry<TaskGroup>(group => group.release());

/**
 * A future as `for await` hands it out. At run time it is a Future; the type leaves `then` out, since TypeScript takes
 * every awaitable that an async iterator gives for its value.
 */
export interface FutureHandle<T> {
  readonly status: FutureStatus;
  readonly task: TaskRef;
  readonly name: string;
  cancel(): void;
  whenSettled(listener: () => void): void;
  /** The value, or the task's own error: what awaiting gives. */
  result(): Promise<T>;
}

/** The result of a task that may not have ended yet. Awaiting it gives the value or throws the task's own error. */
export class Future<T> implements PromiseLike<T>, FutureHandle<T> {
  private readonly handle: GroupHandle;
  private readonly position: number;

  /** Made by Session.submit and Session.map only. */
  constructor(handle: GroupHandle, position: number) {
    this.handle = handle;
    this.position = position;
  }

  get status(): FutureStatus {
    return this.handle.group.status(this.position);
  }

  /** The task: `job/index` is `${job}/${index}`, as explain takes it. */
  get task(): TaskRef {
    return this.handle.group.ref(this.position);
  }

  get name(): string {
    return this.handle.group.name;
  }

  // biome-ignore lint/suspicious/noThenProperty: a Future is awaitable by design, and the only thenable of Volley.
  then<A = T, B = never>(
    onValue?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result().then(onValue, onError);
  }

  result(): Promise<T> {
    return this.handle.group.value(this.position) as Promise<T>;
  }

  catch<B>(onError: (error: unknown) => B | PromiseLike<B>): Promise<T | B> {
    return this.then(null, onError);
  }

  finally(action: () => void): Promise<T> {
    return this.then().finally(action);
  }

  /** Asks for the task to be stopped. Awaiting it then throws CANCELLED, unless it had ended before. */
  cancel(): void {
    this.handle.group.cancel(this.position);
  }

  /** Calls back once when the task has ended, however it did: at once if it has. */
  whenSettled(listener: () => void): void {
    this.handle.group.whenSettled(this.position, listener);
  }

  /** For those who keep a result beyond its future. */
  get group(): TaskGroup {
    return this.handle.group;
  }

  /** For arguments: the encoded value where it is here, else null. */
  get payload(): Uint8Array | null {
    return this.handle.group.payload(this.position);
  }

  toString(): string {
    const { job, index } = this.task;
    return `Future(${this.name} ${formatTask(job, index)}, ${this.status})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

export function cancelledError(task: string): VolleyError {
  return new VolleyError('CANCELLED', `task ${task} was cancelled`, { task });
}
