import type { ChildProcess } from 'node:child_process';
import { entryFile } from '../core/base/entries.js';
import { VolleyError } from '../core/base/errors.js';
import type { HeadMessage, ReadyMessage } from '../core/base/forked.js';
import { limits } from '../core/base/limits.js';
import { childProcess } from '../core/base/on-demand.js';
import { connect } from './connect.js';
import type { Session } from './session.js';

export interface LocalClusterOptions {
  /** Worker processes. Default: 2. */
  readonly workers?: number;
  /** Default: 1. */
  readonly threadsPerWorker?: number;
  /** Default: each worker's own (a share of the machine). */
  readonly memoryBytesPerWorker?: number;
  /** A NATS server for fault events and retry tickets. Default: in-process. */
  readonly nats?: string;
  /** Default: `local`. Names the NATS subjects. */
  readonly clusterName?: string;
  /** Silence after which a worker counts as lost. */
  readonly leaseMs?: number;
  /** Labels of worker i; the list is repeated when it is shorter. */
  readonly labels?: readonly Readonly<Record<string, string>>[];
  readonly resources?: readonly Readonly<Record<string, number>>[];
  /** Show what head and workers log. */
  readonly verbose?: boolean;
}

/** A worker process of a local cluster: a supervisor and the engine it watches. */
export interface LocalWorker {
  /** Its number at the head; a new one after every restart. */
  readonly id: number;
  /** The supervisor's process. */
  readonly pid: number;
  readonly enginePid: number;
  /** Sends a signal to both. */
  kill(signal?: NodeJS.Signals): void;
}

/** A head and workers as processes of this machine, over real gRPC. They end with close(), or with this process. */
export class LocalCluster {
  readonly workers: LocalWorker[] = [];
  #address = '';
  private readonly options: LocalClusterOptions;
  private readonly children: Child[] = [];
  private readonly sessions = new Set<Session>();
  private closing: Promise<void> | null = null;

  private constructor(head: Child, options: LocalClusterOptions) {
    this.children.push(head);
    this.options = options;
  }

  get address(): string {
    return `grpc://${this.#address}`;
  }

  /** Resolves when head and workers are up. Nothing is left behind when it rejects. */
  static async start(options: LocalClusterOptions = {}): Promise<LocalCluster> {
    const count = options.workers ?? 2;
    if (!Number.isInteger(count) || count < 0) {
      throw new VolleyError('INVALID_ARGUMENT', `workers must be a whole number of at least 0, not ${count}`);
    }
    const args = ['head', '--port', '0'];
    if (options.nats !== undefined) args.push('--nats', options.nats);
    if (options.clusterName !== undefined) args.push('--cluster-name', options.clusterName);
    if (options.leaseMs !== undefined) args.push('--lease-ms', String(options.leaseMs));
    const head = new Child('head', args, options.verbose ?? false);
    const cluster = new LocalCluster(head, options);
    try {
      // All at once: workers are told the head's address when it has one.
      const started = Array.from({ length: count }, (_, i) => cluster.startWorker(i));
      const [{ address }, ...workers] = await Promise.all([head.ready, ...started]);
      cluster.#address = address ?? '';
      cluster.workers.push(...workers);
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Starts one more worker. */
  async addWorker(): Promise<LocalWorker> {
    const worker = await this.startWorker(this.workers.length);
    this.workers.push(worker);
    return worker;
  }

  async connect(): Promise<Session> {
    const session = await connect(this.address, { name: `local-${process.pid}` });
    this.sessions.add(session);
    await session.waitForWorkers(this.workers.filter(w => processLives(w.pid)).length);
    return session;
  }

  /** Closes the sessions it gave, then stops workers and head. Idempotent. */
  close(): Promise<void> {
    this.closing ??= (async () => {
      await Promise.all([...this.sessions].map(session => session.close()));
      await Promise.all(this.children.slice(1).map(child => child.stop()));
      await this.children[0]!.stop();
    })();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async startWorker(i: number): Promise<LocalWorker> {
    const { options } = this;
    const args = ['worker', '--head-from-parent', '--threads', String(options.threadsPerWorker ?? 1)];
    if (options.memoryBytesPerWorker !== undefined)
      args.push('--memory', String(options.memoryBytesPerWorker));
    if (options.nats !== undefined) args.push('--nats', options.nats);
    const at = <T>(list: readonly T[] | undefined) => list?.[i % Math.max(1, list.length)];
    for (const [key, value] of Object.entries(at(options.labels) ?? {}))
      args.push('--label', `${key}=${value}`);
    for (const [key, value] of Object.entries(at(options.resources) ?? {}))
      args.push('--resource', `${key}=${value}`);
    const child = new Child(`worker ${i}`, args, options.verbose ?? false);
    this.children.push(child);
    this.children[0]!.ready.then(
      ({ address }) => child.tell({ kind: 'head', address: address ?? '' }),
      () => {}, // start() says it.
    );
    await child.ready;
    return {
      get id() {
        return child.last.worker ?? 0;
      },
      get pid() {
        return child.process.pid ?? 0;
      },
      get enginePid() {
        return child.last.enginePid ?? 0;
      },
      kill(signal = 'SIGKILL') {
        for (const pid of [child.process.pid, child.last.enginePid])
          if (pid !== undefined) signalProcess(pid, signal);
      },
    };
  }
}

/** A forked `volley` command. It ends by itself when this process does: its IPC channel closes. */
class Child {
  readonly process: ChildProcess;
  readonly ready: Promise<ReadyMessage>;
  /** The newest ready message: a worker sends one per incarnation. */
  last: ReadyMessage = { kind: 'ready' };
  private readonly exited: Promise<void>;

  constructor(name: string, args: readonly string[], verbose: boolean) {
    this.process = childProcess().fork(entryFile('cli'), args, {
      stdio: ['ignore', 'ignore', verbose ? 'inherit' : 'pipe', 'ipc'],
      // A cluster of its own: this program's settings are not its children's.
      env: { ...process.env, VOLLEY_HEAD: '', VOLLEY_TOKEN_FILE: '' },
      execArgv: [],
    });
    let said = '';
    this.process.stderr?.on('data', chunk => {
      said = (said + chunk).slice(-4096);
    });
    this.exited = new Promise(resolve => this.process.once('exit', () => resolve()));
    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.process.kill('SIGKILL');
        reject(new VolleyError('UNREACHABLE', `${name} did not start within ${limits.startMs} ms: ${said}`));
      }, limits.startMs);
      this.process.on('message', message => {
        if ((message as ReadyMessage)?.kind !== 'ready') return;
        clearTimeout(timer);
        this.last = message as ReadyMessage;
        resolve(this.last);
      });
      this.process.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(
          new VolleyError('UNREACHABLE', `${name} ended at its start (${signal ?? code}): ${said.trim()}`),
        );
      });
    });
    this.ready.catch(() => {});
  }

  tell(message: HeadMessage): void {
    if (this.process.connected) this.process.send(message);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.process.kill('SIGKILL');
      if (this.last.enginePid !== undefined) signalProcess(this.last.enginePid, 'SIGKILL');
    }, limits.stopMs);
    await this.exited;
    clearTimeout(timer);
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}

function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
