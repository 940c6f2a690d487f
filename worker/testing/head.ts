import type { JobId, TemplateId, WorkerId } from '../../core/base/ids.js';
import { silentLog } from '../../core/base/log.js';
import { shipFunction } from '../../core/client/ship.js';
import { createInProcessNotifier } from '../../core/notify/in-process.js';
import { createMemoryBulk } from '../../core/rpc/bulk-memory.js';
import { createMemoryTransport } from '../../core/rpc/memory.js';
import type { Link, Listening, Transport } from '../../core/rpc/transport.js';
import type {
  AssignTasks,
  HeadToWorker,
  InputTable,
  TaskFailed,
  WorkerHello,
  WorkerToHead,
} from '../../core/wire/messages.js';
import { encodeValue } from '../../core/wire/payload.js';
import { type Engine, type EngineOptions, startEngine } from '../shell/engine.js';

let nextAddress = 1;

/** A hand-driven head over the in-memory transport: says what a test tells it to, and keeps what workers say. */
export class HandHead {
  readonly address: string;
  readonly heard: WorkerToHead[] = [];
  /** Every worker that came, in order. */
  readonly hellos: WorkerHello[] = [];
  private readonly listening: Listening;
  private link: Link<WorkerToHead, HeadToWorker> | null = null;
  private waiting: { check: () => boolean; resolve: () => void }[] = [];
  private nextTemplate = 1;

  private constructor(address: string, listening: Listening) {
    this.address = address;
    this.listening = listening;
  }

  /** `greet`: what every hello is answered with; null: a welcome. In memory unless told otherwise. */
  static async start(
    greet: HeadToWorker | null = null,
    transport: Transport = createMemoryTransport(),
    address = `memory:hand-${process.pid}-${nextAddress++}`,
  ): Promise<HandHead> {
    let head: HandHead | null = null;
    const listening = await transport.listen(
      address,
      {
        worker: link => head!.accept(link, greet),
        client: link => link.close(),
      },
      { token: null, tls: null },
    );
    head = new HandHead(listening.address, listening);
    return head;
  }

  say(message: HeadToWorker): void {
    this.link!.send(message);
    this.link!.flush();
  }

  /** Installs a function; gives its template number. */
  install(job: number, fn: Function): TemplateId {
    const shipped = shipFunction(fn);
    return this.installBody(job, 'function', shipped.name, shipped.body);
  }

  installBody(job: number, kind: 'function' | 'fragment', name: string, body: Uint8Array): TemplateId {
    const template = this.nextTemplate++ as TemplateId;
    this.say({ kind: 'template', spec: { job: job as JobId, template, kind, name, body } });
    return template;
  }

  /** One assign-tasks message: a task for each list of arguments. */
  assign(
    job: number,
    template: TemplateId,
    args: readonly unknown[][],
    more: Partial<AssignTasks> & { first?: number; attempt?: number } = {},
  ): void {
    const { first = 0, attempt = 1, ...rest } = more;
    const encoded = args.map(each => encodeValue(each));
    const offsets = new Uint32Array(encoded.length + 1);
    encoded.forEach((bytes, i) => {
      offsets[i + 1] = offsets[i]! + bytes.byteLength;
    });
    this.say({
      kind: 'assign-tasks',
      job: job as JobId,
      template,
      indices: Uint32Array.from(args, (_, i) => first + i),
      attempts: new Uint32Array(args.length).fill(attempt),
      positions: Uint32Array.from(args, (_, i) => i),
      args: { offsets, bytes: Buffer.concat(encoded) },
      inputs: [],
      slices: 1,
      timeoutMs: 0,
      priority: 0,
      resources: {},
      inlineResult: true,
      reportedTogether: false,
      name: 'test',
      ...rest,
    });
  }

  /** Resolves when `check` holds; looked at after every frame. */
  until(check: () => boolean): Promise<void> {
    if (check()) return Promise.resolve();
    return new Promise(resolve => this.waiting.push({ check, resolve }));
  }

  /** Enclosed payloads of finished tasks, by index. */
  finished(job: number): Map<number, Uint8Array | null> {
    const all = new Map<number, Uint8Array | null>();
    for (const message of this.heard) {
      if (message.kind !== 'tasks-finished' || message.job !== job) continue;
      message.indices.forEach((index, i) => {
        all.set(index, message.inline?.[i] ?? null);
      });
    }
    return all;
  }

  failures(): TaskFailed[] {
    return this.heard.filter((message): message is TaskFailed => message.kind === 'task-failed');
  }

  close(): Promise<void> {
    return this.listening.close();
  }

  private accept(link: Link<WorkerToHead, HeadToWorker>, greet: HeadToWorker | null): void {
    this.link = link;
    link.onClose(() => {});
    link.onBatch(batch => {
      for (const message of batch) {
        this.heard.push(message);
        if (message.kind !== 'worker-hello') continue;
        this.hellos.push(message);
        this.say(greet ?? welcome(nextWorker++ as WorkerId));
      }
      const { waiting } = this;
      this.waiting = [];
      for (const each of waiting) {
        if (each.check()) each.resolve();
        else this.waiting.push(each);
      }
    });
  }
}

let nextWorker = 1;

export function welcome(worker: WorkerId): HeadToWorker {
  return {
    kind: 'worker-welcome',
    worker,
    cluster: 'local',
    heartbeatMs: 1000,
    leaseMs: 10_000,
    natsUrl: '',
  };
}

/** An engine in this process, joined to the hand-driven head. */
export function handEngine(head: HandHead, more: Partial<EngineOptions> = {}): Promise<Engine> {
  return startEngine({
    transport: createMemoryTransport(),
    bulk: createMemoryBulk(),
    head: head.address,
    security: { token: null, tls: null },
    name: 'tester',
    host: '127.0.0.1',
    threads: 2,
    memoryBytes: 256 * 1024 * 1024,
    spillDir: null,
    labels: { nodeType: 'vm' },
    resources: {},
    allowPaths: null,
    supervisorPid: process.pid,
    death: null,
    notifier: createInProcessNotifier(),
    log: silentLog,
    ...more,
  });
}

/** A table of whole results held by `holder`, read by all tasks of a message. */
export function inputTable(
  entries: readonly { job: number; index: number; holder: number; rows?: number; inline?: Uint8Array }[],
  more: Partial<InputTable> = {},
): InputTable {
  return {
    sliced: false,
    offsets: null,
    jobs: Uint32Array.from(entries, entry => entry.job),
    indices: Uint32Array.from(entries, entry => entry.index),
    bytes: Float64Array.from(entries, () => 1000),
    rows: Float64Array.from(entries, entry => entry.rows ?? 1),
    holderOffsets: Uint32Array.from({ length: entries.length + 1 }, (_, i) => i),
    holders: Uint32Array.from(entries, entry => entry.holder),
    inline: entries.some(entry => entry.inline) ? entries.map(entry => entry.inline ?? null) : null,
    ...more,
  };
}
