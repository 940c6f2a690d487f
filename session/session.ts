import { VolleyError } from '../core/base/errors.js';
import type { TaskRef } from '../core/base/ids.js';
import type { Client } from '../core/client/client.js';
import type { Gathered } from '../core/client/collect.js';
import { gather } from '../core/client/collect.js';
import type { AnyFunction, Args } from '../core/client/delayed.js';
import { Delayed, findDelayed, inSubmissionOrder, replaceDelayed } from '../core/client/delayed.js';
import type { Future, FutureHandle } from '../core/client/future.js';
import type { ClientJob } from '../core/client/job.js';
import { DataRef } from '../core/client/ref.js';
import type { SubmitOptions } from '../core/client/submitter.js';
import { Submitter, taskOptions } from '../core/client/submitter.js';
import type { TaskOptions } from '../core/graph/layer.js';
import type { Explanation, StatusReport } from '../core/graph/report.js';
import type { FaultEvent } from '../core/notify/notifier.js';
import { encodePayload } from '../core/wire/payload.js';
import type { Attachment } from './embedded.js';
import { FrameSource } from './frame-source.js';

/** Values of delayed calls, wherever they stand in arrays and plain objects. */
export type Computed<T> =
  T extends Delayed<infer V>
    ? V
    : T extends readonly unknown[]
      ? { [K in keyof T]: Computed<T[K]> }
      : T extends Record<string, unknown>
        ? { [K in keyof T]: Computed<T[K]> }
        : T;

/** Submits tasks with one set of options: what session.with() gives. */
export class TaskRunner extends FrameSource {
  protected readonly submitter: Submitter;
  protected readonly options: Partial<TaskOptions>;

  constructor(client: Client, submitter: Submitter, options: Partial<TaskOptions>) {
    super(client);
    this.submitter = submitter;
    this.options = options;
  }

  /** Runs `fn(...args)` on a worker. Arguments may be, or contain in arrays and plain objects, futures and references. */
  submit<P extends readonly unknown[], R>(fn: (...args: [...P]) => R, ...args: Args<P>): Future<Awaited<R>> {
    return this.submitter.submit(fn as unknown as AnyFunction, args, this.options) as Future<Awaited<R>>;
  }

  /** One task an item, batched underneath. An async iterable gives an async iterable of futures. */
  map<T, R>(fn: (item: T) => R, items: AsyncIterable<T>): AsyncIterableIterator<FutureHandle<Awaited<R>>>;
  map<T, R>(fn: (item: T) => R, items: Iterable<T | Future<T> | DataRef<T>>): Future<Awaited<R>>[];
  map<T, R>(fn: (item: T) => R, items: Iterable<unknown> | AsyncIterable<T>): unknown {
    const plain = fn as unknown as AnyFunction;
    if (Symbol.asyncIterator in items) return this.mapAsync(plain, items);
    return this.submitter.map(plain, Array.isArray(items) ? items : [...items], this.options);
  }

  private mapAsync(
    fn: AnyFunction,
    items: AsyncIterable<unknown>,
  ): AsyncIterableIterator<FutureHandle<unknown>> {
    // Not an async generator: `yield` would await the future.
    const source = items[Symbol.asyncIterator]();
    const { submitter, options } = this;
    return {
      async next() {
        const item = await source.next();
        if (item.done === true) return { done: true, value: undefined };
        return { done: false, value: submitter.submit(fn, [item.value], options) };
      },
      async return() {
        await source.return?.();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

/** A program's connection to the cluster that runs its work, be that this very process. */
export class Session extends TaskRunner {
  readonly address: string;
  private readonly attachment: Attachment;
  private readonly data: ClientJob;

  /** Made by connect() and LocalCluster.connect(). */
  constructor(attachment: Attachment) {
    super(attachment.client, new Submitter(attachment.client.openJob('tasks')), taskOptions({}));
    this.attachment = attachment;
    this.address = attachment.address;
    this.data = attachment.client.openJob('data');
  }

  /** The same session with other task options. */
  with(options: SubmitOptions): TaskRunner {
    return new TaskRunner(this.client, this.submitter, taskOptions(options));
  }

  /** The values of futures and references, wherever they stand in arrays and plain objects. Throws the first failure. */
  gather<T>(value: T): Promise<Gathered<T>> {
    return gather(value);
  }

  /** Stores a value on a worker once, to be passed to many tasks. Kept here until released, in case the worker is lost. */
  scatter<T>(value: T): Promise<DataRef<T>> {
    return this.store(value, false);
  }

  /** Like scatter, with a copy on every node. */
  broadcast<T>(value: T): Promise<DataRef<T>> {
    return this.store(value, true);
  }

  /** Runs delayed calls and what they need, each once, and gives the values in their places. */
  async compute<T>(graph: T): Promise<Computed<T>> {
    const { roots, futures } = this.submitGraph(graph);
    const values = new Map<Delayed<unknown>, unknown>();
    await Promise.all(roots.map(async root => values.set(root, await futures.get(root)!)));
    return replaceDelayed(graph, root => values.get(root)) as Computed<T>;
  }

  /** Runs a delayed call and keeps its result on the workers until released. */
  async persist<T>(graph: Delayed<T>): Promise<DataRef<T>> {
    if (!(graph instanceof Delayed)) {
      throw new VolleyError(
        'INVALID_ARGUMENT',
        'session.persist takes a delayed call; a dataframe has persist() itself',
      );
    }
    const future = this.submitGraph(graph).futures.get(graph)! as Future<T>;
    await future;
    return new DataRef<T>(
      future.task,
      () => future.then(),
      () => future.group.release(),
      future.payload,
    );
  }

  /** Why a task is where it is. Takes a future, a reference or the text `job/index`. */
  explain(task: Future<unknown> | DataRef<unknown> | string): Promise<Explanation> {
    this.submitter.flush();
    return this.client.explain(typeof task === 'string' ? parseTask(task) : task.task);
  }

  /** Nodes, labels, threads, bytes, tasks by state. */
  async status(): Promise<StatusReport> {
    return { ...(await this.client.status()), address: this.address };
  }

  /** Calls back for every fault the cluster tells of from now on: lost workers, retries, … Returns the way to stop. */
  onFault(handler: (event: FaultEvent) => void): () => void {
    return this.client.onFault(handler);
  }

  /** Resolves once this many workers have joined. */
  async waitForWorkers(count: number): Promise<void> {
    await this.client.waitForWorkers(count);
  }

  /** Cancels what is unfinished, frees what is kept, ends the session. Idempotent. */
  close(): Promise<void> {
    this.submitter.flush();
    return this.attachment.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async store<T>(value: T, everywhere: boolean): Promise<DataRef<T>> {
    const { range } = await this.data.put([encodePayload(value)], everywhere);
    const task: TaskRef = { job: range.job, index: range.first };
    return new DataRef<T>(
      task,
      () => this.data.fetchValue(task, 0),
      () => this.data.release(range),
    );
  }

  private submitGraph(graph: unknown): {
    roots: Delayed<unknown>[];
    futures: Map<Delayed<unknown>, Future<unknown>>;
  } {
    const roots = findDelayed(graph);
    const futures = new Map<Delayed<unknown>, Future<unknown>>();
    for (const node of inSubmissionOrder(roots)) {
      const args = node.args.map(arg => replaceDelayed(arg, input => futures.get(input)!));
      futures.set(node, this.submitter.submit(node.fn, args, this.options));
    }
    this.submitter.flush();
    const wanted = new Set(roots);
    // Results nobody outside the graph asks for are freed as soon as the calls that need them are done.
    this.submitter.release(
      [...futures].filter(([node]) => !wanted.has(node)).map(([, future]) => future.task),
    );
    return { roots, futures };
  }
}

function parseTask(text: string): TaskRef {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  if (match === null) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `not a task: ${text}; write job/index, as errors and status show it`,
    );
  }
  return { job: Number(match[1]), index: Number(match[2]) } as TaskRef;
}
