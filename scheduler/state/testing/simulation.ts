import { assert } from '../../../core/base/assert.js';
import type { ClientId, JobId, TaskRange, TemplateId, WorkerId } from '../../../core/base/ids.js';
import { type Rng, seededRng } from '../../../core/base/rng.js';
import { type Dependency, defaultTaskOptions, type LayerSpec } from '../../../core/graph/layer.js';
import type { RetryTicket } from '../../../core/notify/notifier.js';
import type { ClientToHead, EngineDeath, HeadToClient } from '../../../core/wire/messages.js';
import type { EffectSink, Event } from '../api.js';
import { type Cluster, createCluster, findSlot, layerOf } from '../cluster.js';
import { place } from '../place.js';
import { reduce } from '../reduce.js';
import { Flag, none, State } from '../slots.js';
import { validate } from '../validate.js';
import { FakeWorker } from './fake-worker.js';

const client = 1 as ClientId;

/**
 * A whole cluster in one thread, driven by a seeded generator: random layers, kills, stops, failures, late, repeated and
 * lost words. Everything the scheduler believes is checked after every event.
 */
export class Simulation {
  readonly random: Rng;
  readonly state: Cluster;
  readonly workers = new Map<number, FakeWorker>();
  /** How often each task was told to the client. */
  readonly told = new Map<string, number>();
  readonly submitted: LayerSpec[] = [];
  nowMs = 0;
  /** Misfortune happens. */
  chaos = true;
  private readonly mail: HeadToClient[] = [];
  private readonly tickets: { ticket: RetryTicket; dueMs: number }[] = [];
  private readonly puts = new Set<number>();
  private readonly job: JobId;
  private nextWorker = 1;
  private nextIndex = 0;
  private readonly sink: EffectSink;

  constructor(seed: number) {
    this.random = seededRng(seed);
    this.job = 1 as JobId;
    this.state = createCluster({ name: 'sim', leaseMs: 3000, clientGraceMs: 60_000, systemRetries: 1000 });
    this.sink = {
      toWorker: (worker, message) => this.workers.get(worker)?.inbox.push(message),
      toClient: (_, message) => this.mail.push(message),
      closeWorker: () => {},
      closeClient: (_, reason) => assert(false, reason),
      fault: () => {},
      pushRetry: (ticket, delayMs) => {
        if (!this.chaos || this.random() < 0.8) this.tickets.push({ ticket, dueMs: this.nowMs + delayMs });
      },
      settleRetry: () => {},
      deadLetter: () => {},
    };
    this.apply({ kind: 'client-joined', client, name: 'sim', firstJob: 1, jobCount: 10 });
    for (const [at, kind] of (['function', 'fragment'] as const).entries()) {
      const spec = {
        job: this.job,
        template: (at + 1) as TemplateId,
        kind,
        name: 't',
        body: new Uint8Array(),
      };
      this.say({ kind: 'template', spec });
    }
    for (let i = 0; i < 3; i++) this.join(null);
  }

  /** One random thing happens. */
  step(): void {
    const dice = this.random();
    if (dice < 0.03) this.submitLayer();
    else if (dice < 0.06) this.advance(this.random() < 0.2 ? 800 : 50);
    else if (dice < 0.14) this.clientActs();
    else if (this.chaos && dice < 0.16) this.misfortune();
    else if (this.chaos && dice < 0.18) this.clientChangesItsMind();
    else this.workerActs();
  }

  /** No more misfortune; runs until nothing is left to do. */
  heal(): void {
    this.chaos = false;
    for (const worker of this.workers.values()) if (worker.stopped) this.kill(worker, false);
    while (this.workers.size < 2) this.join(null);
    for (let round = 0; this.busy(); round++) {
      assert(round < 20_000, () => `no end in sight: ${this.stuck()}`);
      for (const worker of [...this.workers.values()]) {
        while (worker.inbox.length > 0) worker.receive(worker.inbox.shift()!);
        for (const task of worker.running()) this.execute(worker, task);
        while (worker.outbox.length > 0) this.deliver(worker);
      }
      while (this.mail.length > 0) this.read(this.mail.shift()!);
      this.storePuts();
      this.advance(500);
    }
  }

  dropJob(): void {
    this.say({ kind: 'drop-job', job: this.job });
    for (const worker of this.workers.values())
      while (worker.inbox.length > 0) worker.receive(worker.inbox.shift()!);
  }

  private busy(): boolean {
    const open = this.state.layers.some(layer => layer !== null && layer.open > 0);
    return open || this.mail.length > 0 || this.puts.size > 0;
  }

  private stuck(): string {
    return JSON.stringify([...this.state.tally]);
  }

  private apply(event: Event): void {
    reduce(this.state, event, this.nowMs, this.sink);
    // Batches of several events between placements, as under load.
    if (!this.chaos || this.random() < 0.7) place(this.state, this.nowMs, this.sink);
    validate(this.state);
  }

  private say(message: ClientToHead): void {
    this.apply({ kind: 'client-message', client, message });
  }

  private advance(ms: number): void {
    this.nowMs += ms;
    for (const worker of this.workers.values()) {
      if (worker.stopped) continue;
      const numbers = { storedBytes: 0, spilledBytes: 0, rssBytes: 0, queued: 0, running: 0 };
      worker.outbox.push({ kind: 'heartbeat', ...numbers, paused: this.chaos && this.random() < 0.05 });
      this.deliver(worker, worker.outbox.length);
    }
    for (const { ticket } of this.tickets.filter(({ dueMs }) => dueMs <= this.nowMs)) {
      this.apply({ kind: 'retry-due', ticket });
      if (this.random() < 0.1) this.apply({ kind: 'retry-due', ticket });
    }
    this.tickets.splice(0, this.tickets.length, ...this.tickets.filter(({ dueMs }) => dueMs > this.nowMs));
    this.apply({ kind: 'tick' });
  }

  // ------------------------------------------------------------ the client

  private submitLayer(): void {
    const sources = this.submitted.filter(layer => this.isUsable(layer)).slice(-6);
    const dependencies: Dependency[] = [];
    let count = 1 + Math.floor(this.random() * 8);
    const put = this.random() < 0.15;
    for (let k = 0; !put && k < 2 && sources.length > 0 && this.random() < 0.75; k++) {
      const source = sources[Math.floor(this.random() * sources.length)]!;
      const from = { job: this.job, first: source.first, count: source.count };
      const dependency = this.dependency(from, count);
      if (dependency.rule === 'one-to-one') {
        if (dependencies.some(other => other.rule !== 'all')) continue;
        count = source.count;
      }
      dependencies.push(dependency);
    }
    const layer: LayerSpec = {
      job: this.job,
      first: this.nextIndex,
      count,
      template: put ? null : ((1 + Math.floor(this.random() * 2)) as TemplateId),
      dependencies,
      args: null,
      slices: 8,
      options: {
        ...defaultTaskOptions,
        name: `layer${this.submitted.length}`,
        retries: Math.floor(this.random() * 3),
        priority: Math.floor(this.random() * 2),
        inlineResult: this.random() < 0.3,
        reportedTogether: this.random() < 0.5,
      },
    };
    this.nextIndex += count;
    this.submitted.push(layer);
    this.say({ kind: 'submit', layer });
    if (put) for (let i = 0; i < count; i++) this.puts.add(layer.first + i);
  }

  /** A client refers only to what it has not released. */
  private isUsable(layer: LayerSpec): boolean {
    for (let i = 0; i < layer.count; i++) {
      const slot = findSlot(this.state, this.job, layer.first + i);
      if (slot === none || (this.state.slots.flags[slot]! & Flag.Wanted) === 0) return false;
    }
    return true;
  }

  private dependency(from: TaskRange, count: number): Dependency {
    const pick = Math.floor(this.random() * 5);
    if (pick === 0) return { rule: 'one-to-one', from };
    if (pick === 1) return { rule: 'all', from };
    if (pick === 2) return { rule: 'all-to-all', from };
    const cuts = Array.from({ length: count - 1 }, () => Math.floor(this.random() * (from.count + 1)));
    const offsets = Uint32Array.from([0, ...cuts.sort((a, b) => a - b), from.count]);
    if (pick === 3) return { rule: 'group', from, offsets };
    const indices = Uint32Array.from(
      { length: from.count },
      () => from.first + Math.floor(this.random() * from.count),
    );
    return { rule: 'explicit', offsets, jobs: new Uint32Array(from.count).fill(from.job), indices };
  }

  private clientActs(): void {
    const message = this.mail.shift();
    if (message !== undefined) this.read(message);
    else this.storePuts();
  }

  private read(message: HeadToClient): void {
    if (message.kind === 'put-lost') for (const index of message.indices) this.puts.add(index);
    if (message.kind !== 'task-results') return;
    for (const index of message.indices) {
      const key = `${message.job}/${index}`;
      this.told.set(key, (this.told.get(key) ?? 0) + 1);
    }
    if (this.random() < 0.7) this.say({ kind: 'ack', sequence: message.sequence });
  }

  private storePuts(): void {
    for (const index of [...this.puts]) {
      const worker = this.anyWorker();
      if (worker === null) return;
      this.puts.delete(index);
      worker.results.add(`${this.job}/${index}`);
      const numbers = { rows: Float64Array.of(1), bytes: Float64Array.of(100) };
      this.say({
        kind: 'put-done',
        job: this.job,
        indices: Uint32Array.of(index),
        worker: worker.id,
        ...numbers,
      });
    }
  }

  private clientChangesItsMind(): void {
    const layer = this.submitted[Math.floor(this.random() * this.submitted.length)];
    if (layer === undefined) return;
    const range = { job: this.job, first: layer.first, count: layer.count };
    const dice = this.random();
    if (dice < 0.25) this.say({ kind: 'cancel', range });
    else if (dice < 0.5) this.say({ kind: 'evict', range });
    else this.say({ kind: 'release', ranges: [range] });
  }

  // ------------------------------------------------------------ the workers

  private anyWorker(): FakeWorker | null {
    const live = [...this.workers.values()].filter(worker => !worker.stopped);
    return live[Math.floor(this.random() * live.length)] ?? null;
  }

  private workerActs(): void {
    const worker = this.anyWorker();
    if (worker === null) return;
    const dice = this.random();
    if (dice < 0.4 && worker.inbox.length > 0) worker.receive(worker.inbox.shift()!);
    else if (dice < 0.7 && worker.outbox.length > 0) this.deliver(worker);
    else {
      const running = worker.running();
      const task = running[Math.floor(this.random() * running.length)];
      if (task !== undefined) this.execute(worker, task);
    }
  }

  private execute(worker: FakeWorker, task: FakeWorker['tasks'][number]): void {
    const missing = worker.missingInputs(task, (holder, key) => {
      const peer = this.workers.get(holder);
      return peer !== undefined && !peer.stopped && peer.results.has(key);
    });
    if (missing.length > 0) {
      this.checkMissing(worker, task, missing);
      worker.fail(task, 'input-lost', missing);
      return;
    }
    const dice = this.random();
    if (!this.chaos || dice < 0.9) worker.finish(task, this.random);
    else if (dice < 0.94) worker.fail(task, 'application');
    else if (dice < 0.96) worker.fail(task, 'thread-lost');
    else if (dice < 0.98) worker.giveBack(worker.tasks.slice(0, 2));
    else worker.finish(task, this.random);
  }

  /** A task the head takes to be running must find its inputs, unless a holder is gone. */
  private checkMissing(
    worker: FakeWorker,
    task: FakeWorker['tasks'][number],
    missing: ReturnType<FakeWorker['missingInputs']>,
  ): void {
    const { slots } = this.state;
    const slot = findSlot(this.state, task.job, task.index);
    if (slot === none || slots.state[slot] !== State.Assigned || slots.owner[slot] !== worker.id) return;
    if (slots.attempt[slot] !== task.attempt || (slots.flags[slot]! & Flag.InputMoved) !== 0) return;
    for (const { job, index, holders } of missing) {
      const healthy = holders.filter(holder => this.workers.get(holder)?.stopped === false);
      assert(
        healthy.length === 0,
        `${layerOf(this.state, slot).spec.options.name} lacks ${job}/${index}, freed too soon`,
      );
    }
  }

  private deliver(worker: FakeWorker, count = 1): void {
    for (let i = 0; i < count; i++) {
      const message = worker.outbox.shift();
      if (message === undefined) return;
      this.apply({ kind: 'worker-message', worker: worker.id, message });
    }
    if (this.chaos && worker.lastFinish !== null && this.random() < 0.02) {
      this.apply({ kind: 'worker-message', worker: worker.id, message: worker.lastFinish });
    }
  }

  private join(death: EngineDeath | null): void {
    const id = this.nextWorker++ as WorkerId;
    const threads = 1 + Math.floor(this.random() * 3);
    this.workers.set(id, new FakeWorker(id, threads));
    this.apply({
      kind: 'worker-joined',
      worker: id,
      hello: {
        kind: 'worker-hello',
        versions: { volley: '0', protocol: 1, node: '20' },
        name: `w${id}`,
        threads,
        memoryBytes: 1e9,
        labels: {},
        resources: {},
        address: { grpc: '', socket: '', bootId: '', uid: 0 },
        supervisorPid: 0,
        enginePid: 0,
        death,
      },
    });
  }

  private misfortune(): void {
    const dice = this.random();
    const all = [...this.workers.values()];
    const worker = all[Math.floor(this.random() * all.length)];
    if (worker === undefined || dice < 0.3) {
      if (this.workers.size < 6) this.join(null);
    } else if (dice < 0.6) {
      this.kill(worker, this.random() < 0.3);
    } else if (dice < 0.8) {
      const running = worker.running().map(({ job, index, attempt }) => ({ job, index, attempt }));
      this.kill(worker, false);
      this.join({ exitCode: 134, signal: null, rssBytes: 1e9, running, worker: worker.id, pid: 99 });
    } else if (worker.stopped && this.state.workers.has(worker.id)) {
      worker.stopped = false;
    } else if (worker.stopped) {
      // Its lease ran out while it was stopped: all it still has to say is dropped.
      this.deliver(worker, worker.outbox.length);
      this.workers.delete(worker.id);
    } else {
      worker.stopped = true;
    }
  }

  private kill(worker: FakeWorker, clean: boolean): void {
    this.workers.delete(worker.id);
    this.apply({ kind: 'worker-left', worker: worker.id, clean, reason: 'killed' });
    this.deliver(worker, worker.outbox.length);
  }
}
