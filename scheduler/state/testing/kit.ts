import { expect } from 'vitest';
import { assert } from '../../../core/base/assert.js';
import type { ClientId, JobId, TaskRef, TemplateId, WorkerId } from '../../../core/base/ids.js';
import type { FailureData } from '../../../core/graph/failure.js';
import { type Dependency, defaultTaskOptions, type TaskOptions } from '../../../core/graph/layer.js';
import type { Explanation } from '../../../core/graph/report.js';
import { clientToHead, headToClient, headToWorker, workerToHead } from '../../../core/wire/codec.js';
import type {
  AssignTasks,
  ClientToHead,
  EngineDeath,
  FailureReason,
  HeadToClient,
  HeadToWorker,
  WorkerToHead,
} from '../../../core/wire/messages.js';
import type { EffectSink, Event } from '../api.js';
import { type Cluster, createCluster } from '../cluster.js';
import { explainTask } from '../explain.js';
import { place } from '../place.js';
import { reduce } from '../reduce.js';
import { validate } from '../validate.js';
import { draw } from './drawing.js';
import type { Finish, KitOptions } from './kit-options.js';
import { describeToClient, describeToWorker } from './lines.js';

/** A cluster, a client and its job 1, driven by hand. Every step is one event and one placement, then a full check. */
export function cluster(options: KitOptions = {}): Kit {
  const kit = new Kit(options);
  for (let i = 0; i < (options.workers ?? 0); i++) kit.join({ labels: options.labels?.[i] ?? {} });
  return kit;
}

/**
 * What the scheduler sends becomes lines such as `w0 assign a#1`, `client a done`, `w1 free b`, `fault worker-lost`,
 * taken off by `saw` and `runOn`; `expectQuiet` proves that none is left. Worker k has number k + 1. A task is named by
 * its layer and, from the second on, its position: `a`, `a.1`, `a.2`.
 */
export class Kit {
  readonly state: Cluster;
  nowMs = 0;
  lines: string[] = [];
  readonly assignments: (AssignTasks & { worker: number })[] = [];
  readonly layers = new Map<string, { first: number; count: number }>();
  sequence = 0;
  private readonly options: KitOptions;
  private readonly attempts = new Map<number, { worker: number; attempt: number }>();
  private nextIndex = 0;
  private joined = 0;
  private templates = 0;
  private readonly sink: EffectSink;

  constructor(options: KitOptions) {
    this.options = options;
    this.state = createCluster({
      name: 'test',
      leaseMs: 10_000,
      clientGraceMs: 60_000,
      systemRetries: options.systemRetries ?? 3,
    });
    this.sink = this.createSink();
    this.send({ kind: 'tick' });
    this.send({ kind: 'client-joined', client: 1 as ClientId, name: 'test', firstJob: 1, jobCount: 10 });
  }

  // ------------------------------------------------------------ steps

  /** One event, one placement, one check of everything. */
  send(event: Event): this {
    reduce(this.state, event, this.nowMs, this.sink);
    place(this.state, this.nowMs, this.sink);
    validate(this.state);
    return this;
  }

  client(message: ClientToHead): this {
    const [decoded] = clientToHead.decode(clientToHead.encode([message]));
    return this.send({ kind: 'client-message', client: 1 as ClientId, message: decoded! });
  }

  worker(worker: number, message: WorkerToHead): this {
    const [decoded] = workerToHead.decode(workerToHead.encode([message]));
    return this.send({ kind: 'worker-message', worker: (worker + 1) as WorkerId, message: decoded! });
  }

  join(with_: { labels?: Record<string, string>; death?: EngineDeath } = {}): this {
    const worker = this.joined++;
    return this.send({
      kind: 'worker-joined',
      worker: (worker + 1) as WorkerId,
      hello: {
        kind: 'worker-hello',
        versions: { volley: '0', protocol: 1, node: '20' },
        name: `w${worker}`,
        threads: this.options.threads ?? 1,
        memoryBytes: 1e9,
        labels: with_.labels ?? {},
        resources: this.options.resources ?? {},
        address: { grpc: `memory:${worker}`, socket: '', bootId: '', uid: 0 },
        supervisorPid: 100 + worker,
        enginePid: 200 + worker,
        death: with_.death ?? null,
      },
    });
  }

  /** Submits layers drawn like `a*4 -> b*4 => c; put p*2 -> d*2`: see drawing.ts. */
  submit(drawing: string, options: Partial<TaskOptions> = {}, job = 1): this {
    for (const drawn of draw(drawing)) {
      if (this.layers.has(drawn.name)) continue;
      const dependencies = drawn.inputs.map(({ from, rule, size }): Dependency => {
        const source = this.layers.get(from);
        assert(source !== undefined, `layer ${from} is not drawn yet`);
        const range = { job: (source as { job?: JobId }).job ?? (job as JobId), ...source };
        if (rule !== 'group') return { rule, from: range };
        return {
          rule,
          from: range,
          offsets: Uint32Array.from({ length: drawn.count + 1 }, (_, i) => i * size),
        };
      });
      this.addLayer(drawn.name, drawn.count, drawn.put, dependencies, options, job);
    }
    return this;
  }

  /** Submits one layer with dependencies of any kind. */
  addLayer(
    name: string,
    count: number,
    put: boolean,
    dependencies: Dependency[],
    options: Partial<TaskOptions> = {},
    job = 1,
  ): this {
    const template = put ? null : (++this.templates as TemplateId);
    if (template !== null) {
      const spec = {
        job: job as JobId,
        template,
        kind: this.options.kind ?? 'function',
        name,
        body: new Uint8Array([1]),
      };
      this.client({ kind: 'template', spec });
    }
    const first = this.nextIndex;
    this.nextIndex += count;
    this.layers.set(name, Object.assign({ first, count }, job === 1 ? {} : { job }));
    return this.client({
      kind: 'submit',
      layer: {
        job: job as JobId,
        first,
        count,
        template,
        dependencies,
        args: null,
        slices: dependencies.some(d => d.rule === 'all-to-all') ? 1 : 2,
        options: { ...defaultTaskOptions, name, ...options },
      },
    });
  }

  /** Expects these tasks to have just been assigned to the worker. */
  runOn(worker: number, ...tasks: string[]): this {
    for (const task of tasks) {
      const at = this.lines.findIndex(line => line.startsWith(`w${worker} assign ${task}#`));
      assert(at >= 0, `${task} was not assigned to w${worker}; seen: ${this.lines.join(' | ') || 'nothing'}`);
      this.lines.splice(at, 1);
    }
    return this;
  }

  finish(task: string, how: Finish = {}): this {
    const ref = this.ref(task);
    const last = this.attempts.get(ref.index) ?? { worker: 0, attempt: 1 };
    return this.worker(how.worker ?? last.worker, {
      kind: 'tasks-finished',
      job: ref.job,
      indices: Uint32Array.of(ref.index),
      attempts: Uint32Array.of(how.attempt ?? last.attempt),
      rows: Float64Array.of(how.rows ?? 10),
      bytes: Float64Array.of(how.inline?.byteLength ?? how.bytes ?? 1000),
      durationUs: Float64Array.of((how.ms ?? 100) * 1000),
      inline: how.inline === undefined ? null : [how.inline],
    });
  }

  fail(
    task: string,
    reason: FailureReason = 'application',
    how: { attempt?: number; worker?: number; lost?: string[]; failure?: Partial<FailureData> } = {},
  ): this {
    const ref = this.ref(task);
    const last = this.attempts.get(ref.index) ?? { worker: 0, attempt: 1 };
    return this.worker(how.worker ?? last.worker, {
      kind: 'task-failed',
      task: ref,
      attempt: how.attempt ?? last.attempt,
      reason,
      failure: { name: 'Boom', message: 'no', stack: '', ...how.failure },
      lostInputs: (how.lost ?? []).map(name => this.ref(name)),
    });
  }

  giveBack(...tasks: string[]): this {
    for (const task of tasks) {
      const ref = this.ref(task);
      const { worker, attempt } = this.attempts.get(ref.index)!;
      this.worker(worker, {
        kind: 'tasks-returned',
        job: ref.job,
        indices: Uint32Array.of(ref.index),
        attempts: Uint32Array.of(attempt),
      });
    }
    return this;
  }

  /** The worker's stream ends. */
  lose(worker: number, clean = false): this {
    return this.send({
      kind: 'worker-left',
      worker: (worker + 1) as WorkerId,
      clean,
      reason: 'stream ended',
    });
  }

  /** Time passes, in steps of the shell's ticks; workers named in `alive` send heartbeats. */
  pass(ms: number, alive: readonly number[] = []): this {
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs = Math.min(end, this.nowMs + 1000);
      for (const worker of alive) this.heartbeat(worker);
      this.send({ kind: 'tick' });
    }
    return this;
  }

  heartbeat(worker: number, paused = false): this {
    const numbers = { storedBytes: 0, spilledBytes: 0, rssBytes: 0, queued: 0, running: 0 };
    return this.worker(worker, { kind: 'heartbeat', ...numbers, paused });
  }

  put(worker: number, ...tasks: string[]): this {
    return this.client({
      kind: 'put-done',
      job: 1 as JobId,
      indices: Uint32Array.from(tasks, task => this.ref(task).index),
      worker: (worker + 1) as WorkerId,
      rows: new Float64Array(tasks.length).fill(1),
      bytes: new Float64Array(tasks.length).fill(500),
    });
  }

  cancel(layer: string): this {
    return this.client({ kind: 'cancel', range: { job: 1 as JobId, ...this.layers.get(layer)! } });
  }

  release(...layers: string[]): this {
    const ranges = layers.map(layer => ({ job: 1 as JobId, ...this.layers.get(layer)! }));
    return this.client({ kind: 'release', ranges });
  }

  evict(layer: string): this {
    return this.client({ kind: 'evict', range: { job: 1 as JobId, ...this.layers.get(layer)! } });
  }

  /** Asks who holds it. */
  locate(task: string): this {
    const question = { about: 'locate', task: this.ref(task), lost: 0 } as const;
    return this.client({ kind: 'ask', request: 1, question });
  }

  ack(): this {
    return this.client({ kind: 'ack', sequence: this.sequence });
  }

  dropJob(job = 1): this {
    return this.client({ kind: 'drop-job', job: job as JobId });
  }

  // ------------------------------------------------------------ what is expected

  /** Takes these lines off what was sent. */
  saw(...lines: string[]): this {
    for (const line of lines) {
      const at = this.lines.indexOf(line);
      assert(at >= 0, `expected '${line}'; seen: ${this.lines.join(' | ') || 'nothing'}`);
      this.lines.splice(at, 1);
    }
    return this;
  }

  /** The counter goes up by one in this step. */
  hits(counter: string, step: () => unknown): this {
    const before = this.count(counter);
    step();
    expect(this.count(counter), counter).toBe(before + 1);
    return this;
  }

  expectQuiet(): this {
    expect(this.lines).toEqual([]);
    validate(this.state);
    return this;
  }

  count(counter: string): number {
    return this.state.counters.get(counter) ?? 0;
  }

  explain(task: string): Explanation {
    return explainTask(this.state, this.ref(task), this.nowMs);
  }

  /** The last assignment that held the task. */
  assignment(task: string): AssignTasks {
    const { index } = this.ref(task);
    const found = this.assignments.findLast(message => message.indices.includes(index));
    assert(found !== undefined, `${task} was never assigned`);
    return found;
  }

  ref(task: string): TaskRef {
    const [name, position] = task.split('.');
    const layer = this.layers.get(name!);
    assert(layer !== undefined, `no layer ${name}`);
    return {
      job: ((layer as { job?: JobId }).job ?? 1) as JobId,
      index: layer.first + Number(position ?? 0),
    };
  }

  /** The name of a task by its index: the opposite of `ref`. */
  name(index: number): string {
    for (const [name, { first, count }] of this.layers) {
      if (index >= first && index < first + count) return index === first ? name : `${name}.${index - first}`;
    }
    return `?${index}`;
  }

  private createSink(): EffectSink {
    const add = (line: string) => this.lines.push(line);
    const task = (ticket: { index: number; attempt: number }) =>
      `${this.name(ticket.index)}#${ticket.attempt}`;
    return {
      toWorker: (worker, message) => this.onWorkerMail(worker - 1, message),
      toClient: (client, message) => this.onClientMail(client, message),
      closeWorker: worker => add(`close w${worker - 1}`),
      closeClient: (client, reason) => add(`close client ${client}: ${reason}`),
      fault: fault =>
        add(`fault ${fault.kind}${fault.task === null ? '' : ` ${this.name(fault.task.index)}`}`),
      pushRetry: (ticket, delayMs) => add(`retry ${task(ticket)} in ${delayMs}`),
      settleRetry: ticket => add(`settle ${task(ticket)}`),
      deadLetter: letter => add(`dead-letter ${task(letter)}`),
    };
  }

  private onWorkerMail(worker: number, sent: HeadToWorker): void {
    const message = headToWorker.decode(headToWorker.encode([sent]))[0]!;
    if (message.kind === 'assign-tasks') {
      this.assignments.push({ ...message, worker });
      for (let i = 0; i < message.indices.length; i++) {
        this.attempts.set(message.indices[i]!, { worker, attempt: message.attempts[i]! });
      }
    }
    const lines = describeToWorker(message, index => this.name(index));
    this.lines.push(...lines.map(line => `w${worker} ${line}`));
  }

  private onClientMail(client: ClientId, sent: HeadToClient): void {
    const message = headToClient.decode(headToClient.encode([sent]))[0]!;
    if (message.kind === 'task-results') {
      expect(message.sequence).toBe(this.sequence + 1);
      this.sequence = message.sequence;
    }
    const who = client === 1 ? 'client' : `client${client}`;
    this.lines.push(...describeToClient(message, index => this.name(index)).map(line => `${who} ${line}`));
  }
}
