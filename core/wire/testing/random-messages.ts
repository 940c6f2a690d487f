import type { ClientId, JobId, TaskRange, TaskRef, TemplateId, WorkerId } from '../../base/ids.js';
import type { Rng } from '../../base/rng.js';
import type { FailureData } from '../../graph/failure.js';
import { type Dependency, type LayerSpec, templateKinds } from '../../graph/layer.js';
import type {
  ClientToHead,
  DataAddress,
  HeadToClient,
  HeadToWorker,
  InputTable,
  PeerTable,
  WorkerToHead,
} from '../messages.js';

/** Random, valid messages of every kind. */
export class RandomMessages {
  private readonly rng: Rng;

  constructor(rng: Rng) {
    this.rng = rng;
  }

  workerToHead(): WorkerToHead {
    const n = this.int(20);
    return this.pick<() => WorkerToHead>([
      () => this.hello(),
      () => ({
        kind: 'heartbeat',
        storedBytes: this.int(2 ** 40),
        spilledBytes: this.int(9),
        rssBytes: this.int(2 ** 40),
        queued: this.int(100),
        running: this.int(100),
        paused: this.bool(),
      }),
      () => ({
        kind: 'tasks-finished',
        ...this.attempts(n),
        rows: this.f64(n),
        bytes: this.f64(n),
        durationUs: this.f64(n),
        inline: this.inline(n),
      }),
      () => ({
        kind: 'task-failed',
        task: this.ref(),
        attempt: this.int(9),
        reason: this.pick(['application', 'timeout', 'thread-lost', 'input-lost', 'cancelled'] as const),
        failure: this.failure(3),
        lostInputs: this.list(3, () => this.ref()),
      }),
      () => ({ kind: 'tasks-returned', ...this.attempts(n) }),
      () => ({
        kind: 'replicas-changed',
        added: this.list(5, () => this.ref()),
        dropped: this.list(5, () => this.ref()),
      }),
      () => ({
        kind: 'fault-seen',
        fault: this.pick(['partition-corrupt', 'peer-unreachable', 'memory-pressure'] as const),
        task: this.maybe(() => this.ref()),
        peer: this.maybe(() => this.u32() as WorkerId),
        detail: this.text(),
      }),
      () => ({ kind: 'worker-bye', reason: this.text() }),
    ])();
  }

  headToWorker(): HeadToWorker {
    const n = this.int(20);
    return this.pick<() => HeadToWorker>([
      () => ({
        kind: 'worker-welcome',
        worker: this.u32() as WorkerId,
        cluster: this.text(),
        heartbeatMs: this.int(9999),
        leaseMs: this.int(9999),
        natsUrl: this.text(),
      }),
      () => ({ kind: 'refused', code: 'VERSION_MISMATCH', message: this.text() }),
      () => this.peers(),
      () => this.template(),
      () => ({
        kind: 'assign-tasks',
        template: this.u32() as TemplateId,
        ...this.attempts(n),
        positions: this.u32s(n),
        args: this.maybe(() => this.table(n)),
        inputs: this.list(3, () => this.input(n)),
        slices: 1 + this.int(64),
        timeoutMs: this.rng() * 1e6,
        priority: this.rng() - 0.5,
        resources: this.bag(() => this.rng() * 8),
        inlineResult: this.bool(),
        reportedTogether: this.bool(),
        name: this.text(),
      }),
      () => ({ kind: 'cancel-tasks', ...this.attempts(n) }),
      () => ({ kind: 'retract-tasks', ...this.attempts(n) }),
      () => ({ kind: 'free-results', job: this.job(), indices: this.u32s(n) }),
      () => ({ kind: 'drop-job', job: this.job() }),
      () => ({ kind: 'shutdown', reason: this.text() }),
    ])();
  }

  clientToHead(): ClientToHead {
    const n = this.int(20);
    return this.pick<() => ClientToHead>([
      () => ({ kind: 'client-hello', versions: this.versions(), name: this.text() }),
      () => this.template(),
      () => ({ kind: 'submit', layer: this.layer(n) }),
      () => ({
        kind: 'put-done',
        job: this.job(),
        indices: this.u32s(n),
        worker: this.u32() as WorkerId,
        rows: this.f64(n),
        bytes: this.f64(n),
      }),
      () => ({ kind: 'cancel', range: this.range(n) }),
      () => ({ kind: 'release', ranges: this.list(4, () => this.range(n)) }),
      () => ({ kind: 'evict', range: this.range(n) }),
      () => ({ kind: 'drop-job', job: this.job() }),
      () => ({ kind: 'ack', sequence: this.int(2 ** 45) }),
      () => ({ kind: 'ask', request: this.u32(), question: { about: 'status' } }),
      () => ({ kind: 'ask', request: this.u32(), question: { about: 'explain', task: this.ref() } }),
      () => ({ kind: 'ask', request: 1, question: { about: 'locate', task: this.ref(), lost: this.int(9) } }),
      () => ({ kind: 'client-bye' }),
    ])();
  }

  headToClient(): HeadToClient {
    const n = this.int(20);
    return this.pick<() => HeadToClient>([
      () => ({
        kind: 'client-welcome',
        client: this.u32() as ClientId,
        cluster: this.text(),
        firstJob: this.u32(),
        jobCount: this.u32(),
      }),
      () => ({ kind: 'refused', code: 'UNAUTHENTICATED', message: this.text() }),
      () => this.peers(),
      () => ({
        kind: 'task-results',
        sequence: this.int(2 ** 45),
        job: this.job(),
        indices: this.u32s(n),
        outcomes: Uint8Array.from({ length: n }, () => this.int(3)),
        rows: this.f64(n),
        bytes: this.f64(n),
        holders: this.u32s(n),
        inline: this.inline(n),
        failures: this.maybe(() => Array.from({ length: n }, () => this.maybe(() => this.failure(2)))),
      }),
      () => ({ kind: 'put-lost', job: this.job(), indices: this.u32s(n) }),
      () => ({ kind: 'answer', request: this.u32(), json: this.text() }),
      () => ({ kind: 'fault', json: this.text() }),
    ])();
  }

  failure(depth: number): FailureData {
    return {
      name: this.text(),
      message: this.text(),
      stack: this.text(),
      ...(this.bool() ? { code: this.pick([this.text(), this.int(99)]) } : {}),
      ...(depth > 0 && this.bool() ? { cause: this.failure(depth - 1) } : {}),
      ...(depth > 0 && this.bool() ? { errors: this.list(3, () => this.failure(depth - 1)) } : {}),
      ...(this.bool() ? { properties: this.bytes(5) } : {}),
      ...(this.bool() ? { thrown: this.bytes(0) } : {}),
      ...(this.bool()
        ? { task: { name: this.text(), id: '1/2', node: this.text(), attempt: this.int(5) } }
        : {}),
    };
  }

  private hello(): WorkerToHead {
    return {
      kind: 'worker-hello',
      versions: this.versions(),
      name: this.text(),
      threads: this.int(64),
      memoryBytes: this.int(2 ** 40),
      labels: this.bag(() => this.text()),
      resources: this.bag(() => this.rng()),
      address: this.address(),
      supervisorPid: this.int(99_999),
      enginePid: this.int(99_999),
      death: this.maybe(() => ({
        exitCode: this.maybe(() => this.int(256)),
        signal: this.maybe(() => 'SIGKILL'),
        pid: this.u32(),
        rssBytes: this.int(2 ** 40),
        running: this.list(4, () => ({ ...this.ref(), attempt: this.int(4) })),
        worker: this.u32() as WorkerId,
      })),
    };
  }

  private peers(): PeerTable {
    return {
      kind: 'peers',
      workers: this.list(4, () => ({
        worker: this.u32() as WorkerId,
        name: this.text(),
        threads: this.int(64),
        memoryBytes: this.int(2 ** 40),
        labels: this.bag(() => this.text()),
        address: this.address(),
        supervisorPid: this.int(99_999),
        enginePid: this.int(99_999),
      })),
    };
  }

  private template(): HeadToWorker & ClientToHead {
    const spec = {
      job: this.job(),
      template: this.u32() as TemplateId,
      kind: this.pick(templateKinds),
      name: this.text(),
      body: this.bytes(this.int(200)),
    };
    return { kind: 'template', spec };
  }

  private layer(count: number): LayerSpec {
    return {
      job: this.job(),
      first: this.int(1000),
      count,
      template: this.maybe(() => this.u32() as TemplateId),
      dependencies: this.list(4, () => this.dependency(count)),
      args: this.maybe(() => this.table(count)),
      slices: 1 + this.int(64),
      options: {
        name: this.text(),
        retries: this.int(9),
        retryOn: this.maybe(() => this.list(3, () => this.text())),
        timeoutMs: this.rng() * 1e5,
        priority: this.rng() - 0.5,
        resources: this.bag(() => this.rng()),
        labels: this.bag(() => this.text()),
        inlineResult: this.bool(),
        reportedTogether: this.bool(),
      },
    };
  }

  private dependency(count: number): Dependency {
    const edges = this.int(20);
    return this.pick<() => Dependency>([
      () => ({ rule: 'one-to-one', from: this.range(count) }),
      () => ({ rule: 'all', from: this.range(this.int(99)) }),
      () => ({ rule: 'all-to-all', from: this.range(this.int(99)) }),
      () => ({ rule: 'group', from: this.range(edges), offsets: this.offsets(count, edges) }),
      () => ({
        rule: 'explicit',
        offsets: this.offsets(count, edges),
        jobs: this.u32s(edges),
        indices: this.u32s(edges),
      }),
    ])();
  }

  private input(tasks: number): InputTable {
    const n = this.int(10);
    const holders = this.int(20);
    return {
      sliced: this.bool(),
      offsets: this.maybe(() => this.offsets(tasks, n)),
      jobs: this.u32s(n),
      indices: this.u32s(n),
      bytes: this.f64(n),
      rows: this.f64(n),
      holderOffsets: this.offsets(n, holders),
      holders: this.u32s(holders),
      inline: this.inline(n),
    };
  }

  private address(): DataAddress {
    return {
      grpc: '127.0.0.1:1',
      socket: this.text(),
      bootId: this.text(),
      uid: this.pick([-1, 0, 4294967294]),
    };
  }

  private versions() {
    return { volley: '0.1.0', protocol: this.int(9), node: this.text() };
  }

  private attempts(n: number): { job: JobId; indices: Uint32Array; attempts: Uint32Array } {
    return { job: this.job(), indices: this.u32s(n), attempts: this.u32s(n) };
  }

  private table(count: number): { offsets: Uint32Array; bytes: Uint8Array } {
    const total = this.int(100);
    const offsets = this.offsets(count, total);
    offsets[0] = 0;
    return { offsets, bytes: this.bytes(offsets[count]!) };
  }

  private offsets(count: number, total: number): Uint32Array {
    return Uint32Array.from({ length: count + 1 }, () => this.int(total + 1)).sort();
  }

  private inline(n: number): (Uint8Array | null)[] | null {
    return this.maybe(() => Array.from({ length: n }, () => this.maybe(() => this.bytes(this.int(30)))));
  }

  private ref(): TaskRef {
    return { job: this.job(), index: this.u32() };
  }

  private range(count: number): TaskRange {
    return { job: this.job(), first: this.int(2 ** 31), count };
  }

  private bag<T>(value: () => T): Record<string, T> {
    return Object.fromEntries(this.list(4, () => [`k${this.int(99)}`, value()] as const));
  }

  private job(): JobId {
    return this.u32() as JobId;
  }

  private bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.int(256));
  }

  private u32s(length: number): Uint32Array {
    return Uint32Array.from({ length }, () => this.u32());
  }

  private f64(length: number): Float64Array {
    return Float64Array.from({ length }, () => this.int(2 ** 50));
  }

  private text(): string {
    return this.pick([
      '',
      'a',
      'größe',
      '日本語 🚀',
      'x'.repeat(this.int(300)),
      '__proto__',
      'line\nline\u0000',
    ]);
  }

  private list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.int(most + 1) }, make);
  }

  private maybe<T>(make: () => T): T | null {
    return this.bool() ? make() : null;
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!;
  }

  private bool(): boolean {
    return this.rng() < 0.5;
  }

  private u32(): number {
    return this.int(2 ** 32);
  }

  private int(below: number): number {
    return Math.floor(this.rng() * below);
  }
}
