import { VolleyError } from '../base/errors.js';
import type { TaskRef } from '../base/ids.js';
import { limits } from '../base/limits.js';
import type { BytesTable, Dependency, TaskOptions } from '../graph/layer.js';
import { defaultTaskOptions } from '../graph/layer.js';
import { decodeValue, encodeValue, InputSlot } from '../wire/payload.js';
import type { AnyFunction } from './delayed.js';
import { isPlainObject } from './delayed.js';
import type { TaskGroup } from './future.js';
import { Future, GroupHandle } from './future.js';
import type { ClientJob } from './job.js';
import { DataRef } from './ref.js';
import type { ShippedFunction } from './ship.js';
import { shipFunction } from './ship.js';

/** What users say of a task; see TaskOptions. */
export interface SubmitOptions {
  readonly name?: string;
  readonly retries?: number;
  /** What is worth a retry: error classes, class names or codes. Default: everything. */
  readonly retryOn?: RetryOn | readonly RetryOn[];
  readonly timeoutMs?: number;
  readonly priority?: number;
  readonly resources?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
}

type RetryOn = string | (new (...args: never[]) => Error);

/** Gathers the submissions of one turn into layers: calls of one function with one set of options share a layer. */
export class Submitter {
  private readonly job: ClientJob;
  private open: OpenLayer | null = null;

  constructor(job: ClientJob) {
    this.job = job;
  }

  submit(fn: AnyFunction, args: readonly unknown[], options: Partial<TaskOptions>): Future<unknown> {
    const shipped = shipFunction(fn);
    let layer = this.open;
    if (layer === null || layer.shipped !== shipped || layer.options !== options) {
      this.flush();
      layer = new OpenLayer(this.job, shipped, options, 8);
      this.open = layer;
      queueMicrotask(() => this.flush());
    }
    return layer.add(args);
  }

  map(fn: AnyFunction, items: readonly unknown[], options: Partial<TaskOptions>): Future<unknown>[] {
    this.flush();
    const layer = new OpenLayer(this.job, shipFunction(fn), options, items.length);
    const futures = items.map(item => layer.add([item]));
    layer.submit();
    return futures;
  }

  /** Gives up single results: freed when no submitted task needs them any more. */
  release(tasks: readonly TaskRef[]): void {
    this.job.releaseTasks(tasks);
  }

  flush(): void {
    const layer = this.open;
    this.open = null;
    if (layer === null) return;
    try {
      layer.submit();
    } catch (error) {
      // The submit() calls that filled it have returned: their futures must say it.
      layer.abandon(error as Error);
    }
  }
}

class OpenLayer {
  readonly shipped: ShippedFunction;
  readonly options: Partial<TaskOptions>;
  private readonly job: ClientJob;
  private readonly group: TaskGroup;
  private readonly handle: GroupHandle;
  private readonly args: Uint8Array[] = [];
  private readonly inputOffsets: number[] = [0];
  private readonly inputJobs: number[] = [];
  private readonly inputIndices: number[] = [];

  constructor(job: ClientJob, shipped: ShippedFunction, options: Partial<TaskOptions>, capacity: number) {
    this.job = job;
    this.shipped = shipped;
    this.options = options;
    this.group = job.openGroup(options.name ?? shipped.name, capacity);
    this.handle = new GroupHandle(this.group);
  }

  add(args: readonly unknown[]): Future<unknown> {
    const start = this.inputJobs.length;
    const encoded = encodeValue(this.replaceInputs(args, start, 0));
    if (encoded.byteLength > limits.taskArgumentBytes) {
      this.inputJobs.length = this.inputIndices.length = start;
      throw new VolleyError(
        'RESOURCE_EXHAUSTED',
        `the arguments of ${this.group.name} are ${encoded.byteLength} bytes; above ${limits.taskArgumentBytes} pass a reference: await session.scatter(value)`,
      );
    }
    this.args.push(encoded);
    this.inputOffsets.push(this.inputJobs.length);
    return new Future(this.handle, this.group.append());
  }

  abandon(error: Error): void {
    this.group.abandon(error);
  }

  submit(): void {
    if (this.group.count === 0) return;
    const { shipped } = this;
    const template = this.job.templateByKey(shipped.hash, 'function', shipped.name, shipped.body);
    const dependencies: Dependency[] = [];
    if (this.inputJobs.length > 0) {
      dependencies.push({
        rule: 'explicit',
        offsets: Uint32Array.from(this.inputOffsets),
        jobs: Uint32Array.from(this.inputJobs),
        indices: Uint32Array.from(this.inputIndices),
      });
    }
    this.job.submitGroup(this.group, {
      template,
      dependencies,
      args: concatenate(this.args),
      slices: 1,
      options: { inlineResult: true, ...this.options, name: this.group.name },
    });
  }

  /** Futures and references become input slots, or values where they are here already. Same reference: nothing found. */
  private replaceInputs(value: unknown, start: number, depth: number): unknown {
    if (typeof value !== 'object' || value === null || depth > limits.decodeDepth) return value;
    if (value instanceof Future || value instanceof DataRef) {
      const { payload } = value;
      return payload !== null ? decodeValue(payload) : this.input(value, start);
    }
    if (Array.isArray(value)) {
      let copy: unknown[] | null = null;
      for (let i = 0; i < value.length; i++) {
        const replaced = this.replaceInputs(value[i], start, depth + 1);
        if (replaced !== value[i]) {
          copy ??= value.slice();
          copy[i] = replaced;
        }
      }
      return copy ?? value;
    }
    if (!isPlainObject(value)) return value;
    let copy: Record<string, unknown> | null = null;
    for (const key of Object.keys(value)) {
      const replaced = this.replaceInputs(value[key], start, depth + 1);
      if (replaced !== value[key]) {
        copy ??= { ...value };
        copy[key] = replaced;
      }
    }
    return copy ?? value;
  }

  private input(source: Future<unknown> | DataRef<unknown>, start: number): InputSlot {
    const { job, index } = source.task;
    this.inputJobs.push(job);
    this.inputIndices.push(index);
    return new InputSlot(this.inputJobs.length - 1 - start);
  }
}

/** Options as tasks carry them. The result is compared by reference: make it once per set. */
export function taskOptions(options: SubmitOptions): Partial<TaskOptions> {
  const { retryOn, ...rest } = options;
  for (const key of ['retries', 'timeoutMs'] as const) {
    const value = rest[key];
    if (value !== undefined && !(value >= 0 && Number.isFinite(value))) {
      throw new VolleyError('INVALID_ARGUMENT', `${key} must be a number of at least 0, not ${value}`);
    }
  }
  const names = retryOn === undefined ? defaultTaskOptions.retryOn : [retryOn].flat().map(retryName);
  return { ...rest, retryOn: names };
}

function retryName(what: RetryOn): string {
  return typeof what === 'string' ? what : what.name;
}

function concatenate(parts: readonly Uint8Array[]): BytesTable {
  const offsets = new Uint32Array(parts.length + 1);
  for (let i = 0; i < parts.length; i++) offsets[i + 1] = offsets[i]! + parts[i]!.byteLength;
  const bytes = new Uint8Array(offsets[parts.length]!);
  for (let i = 0; i < parts.length; i++) bytes.set(parts[i]!, offsets[i]!);
  return { offsets, bytes };
}
