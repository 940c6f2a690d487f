import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { entryFile } from '../../core/base/entries.js';
import { VolleyError } from '../../core/base/errors.js';
import type { WorkerId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { Log } from '../../core/base/log.js';
import type { EngineDeath } from '../../core/wire/messages.js';
import { folderPrefix, removeLeftBehind } from '../store/left-behind.js';
import { engineEnv } from './engine-env.js';
import type { FromEngine, ToEngine, WorkerOptions } from './engine-ipc.js';
import { readRunning } from './running-file.js';

export type { WorkerOptions } from './engine-ipc.js';

export interface Supervisor {
  readonly pid: number;
  /** Process and number of the engine that runs now; 0 while there is none. */
  readonly enginePid: () => number;
  readonly worker: () => number;
  /** Why it ended, and the exit code that fits: 0 after a shutdown that was asked for. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Shuts the engine down in an orderly way; ends it after limits.stopMs. */
  readonly close: () => Promise<void>;
}

/** As WorkerOptions; the head may be told later, when the engine has been started. */
export type SupervisorOptions = Omit<WorkerOptions, 'head'> & { readonly head: string | Promise<string> };

export interface SupervisorHooks {
  readonly log?: Log;
  /** A new incarnation has joined. */
  readonly onReady?: (worker: number, enginePid: number) => void;
}

/**
 * Starts the engine process of a worker node and keeps it running: a dead one is restarted and its cause of death
 * told to the head; an unreachable head is tried again for as long as it takes. Resolves when the first engine has
 * joined; rejects when the head refuses it.
 */
export async function startSupervisor(
  options: SupervisorOptions,
  hooks: SupervisorHooks = {},
): Promise<Supervisor> {
  const keeper = new EngineKeeper(options, hooks);
  keeper.start(null);
  await keeper.joined;
  return keeper;
}

/** For those who give no log: plain lines. */
const stderrLog: Log = {
  info() {},
  warn: (message, fields) => writeLine(message, fields),
  error: (message, fields) => writeLine(message, fields),
};

function writeLine(message: string, fields: Record<string, unknown> = {}): void {
  process.stderr.write(`volley worker: ${message} ${JSON.stringify(fields)}\n`);
}

/** How the last engine went. */
interface LastWords {
  ready: boolean;
  failed: { code: string; message: string } | null;
  ended: { reason: string; final: boolean } | null;
}

class EngineKeeper implements Supervisor {
  readonly pid = process.pid;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly joined: Promise<void>;
  private readonly options: SupervisorOptions;
  private readonly hooks: SupervisorHooks;
  private readonly log: Log;
  private readonly name: string;
  private readonly spillParent: string;
  private readonly folder: string;
  private engine: ChildProcess | null = null;
  private workerId = 0;
  private closing = false;
  /** Said once, until it answers again. */
  private saidUnreachable = false;
  private backOffMs: number = limits.engineRestartBaseMs;
  /** Times of crashes within the last minute, milliseconds. */
  private crashes: number[] = [];
  private timer: NodeJS.Timeout | null = null;
  private end: (end: { code: number; reason: string }) => void = () => {};
  private join: () => void = () => {};
  private refuse: (error: VolleyError) => void = () => {};

  constructor(options: SupervisorOptions, hooks: SupervisorHooks) {
    this.options = options;
    this.hooks = hooks;
    this.log = hooks.log ?? stderrLog;
    this.spillParent = options.spillDir ?? tmpdir();
    removeLeftBehind(this.spillParent, 'spill');
    removeLeftBehind(tmpdir(), 'worker');
    this.name = options.name ?? `${hostname()}-${process.pid}`;
    this.folder = mkdtempSync(join(tmpdir(), folderPrefix('worker', process.pid)));
    this.closed = new Promise(resolve => {
      this.end = resolve;
    });
    this.joined = new Promise((resolve, reject) => {
      this.join = resolve;
      this.refuse = reject;
    });
    this.joined.catch(() => {});
  }

  enginePid(): number {
    return this.engine?.pid ?? 0;
  }

  worker(): number {
    return this.workerId;
  }

  start(death: EngineDeath | null): void {
    const engine = fork(entryFile('engine'), [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
      env: engineEnv(this.options, process.env),
    });
    this.engine = engine;
    const last: LastWords = { ready: false, failed: null, ended: null };
    engine.on('message', (message: FromEngine) => this.hear(message, last));
    engine.on('error', error => this.log.error('the engine cannot be started', { error: error.message }));
    engine.once('exit', (code, signal) => this.gone(engine, last, code, signal));
    const { head } = this.options;
    if (typeof head === 'string') this.tell(engine, head, death);
    else head.then(address => this.tell(engine, address, death));
  }

  private tell(engine: ChildProcess, head: string, death: EngineDeath | null): void {
    const start: ToEngine = {
      kind: 'start',
      options: { ...this.options, head },
      name: this.name,
      supervisorPid: process.pid,
      death,
      runningFile: this.runningFile(),
    };
    if (engine.connected) engine.send(start);
  }

  async close(): Promise<void> {
    this.closing = true;
    const { engine } = this;
    if (engine === null) {
      if (this.timer !== null) clearTimeout(this.timer);
      this.finish(0, 'closed');
    } else {
      const shutdown: ToEngine = { kind: 'shutdown' };
      if (engine.connected) engine.send(shutdown);
      setTimeout(() => engine.kill('SIGKILL'), limits.stopMs).unref();
    }
    await this.closed;
  }

  private hear(message: FromEngine, last: LastWords): void {
    switch (message.kind) {
      case 'ready':
        last.ready = true;
        this.workerId = message.worker;
        this.saidUnreachable = false;
        this.backOffMs = limits.engineRestartBaseMs;
        this.log.info('joined the head', { worker: message.worker, enginePid: message.enginePid });
        this.hooks.onReady?.(message.worker, message.enginePid);
        this.join();
        return;
      case 'failed':
        last.failed = message;
        return;
      case 'ended':
        last.ended = message;
        return;
      case 'log':
        this.log[message.level](message.message, message.fields);
        return;
    }
  }

  private gone(engine: ChildProcess, last: LastWords, exitCode: number | null, signal: string | null): void {
    if (engine.pid !== undefined) removeLeftBehind(this.spillParent, 'spill', engine.pid);
    const dead = this.workerId;
    this.engine = null;
    this.workerId = 0;
    if (this.closing) {
      this.finish(0, last.ended?.reason ?? 'closed');
      return;
    }
    if (last.ended?.final) {
      this.finish(0, last.ended.reason);
      return;
    }
    if (last.ended !== null) {
      this.log.warn('lost the head; joining again', { reason: last.ended.reason });
      this.later(null);
      return;
    }
    if (last.failed !== null) {
      this.onFailed(last.failed);
      return;
    }
    const cause = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
    const seen = readRunning(this.runningFile());
    this.log.error(`the engine died: ${cause}`, { ...seen, worker: dead });
    if (!this.mayRestart()) {
      this.finish(
        1,
        `the engine died more than ${limits.engineRestartsPerMinute} times within a minute, at last with ${cause}`,
      );
      return;
    }
    const { pid } = engine;
    this.later(last.ready ? { exitCode, signal, ...seen, worker: dead as WorkerId, pid: pid ?? 0 } : null);
  }

  /** The engine could not join. */
  private onFailed({ code, message }: { code: string; message: string }): void {
    if (code === 'UNREACHABLE' || code === 'RESOURCE_EXHAUSTED') {
      if (!this.saidUnreachable) this.log.warn(`${message}. Trying again until it answers`, { code });
      this.saidUnreachable = true;
      this.later(null);
      return;
    }
    const error = new VolleyError(code as VolleyError['code'], message, { head: this.options.head });
    this.refuse(error);
    this.finish(1, message);
  }

  private mayRestart(): boolean {
    const nowMs = performance.now();
    this.crashes = this.crashes.filter(at => nowMs - at < 60_000);
    this.crashes.push(nowMs);
    return this.crashes.length <= limits.engineRestartsPerMinute;
  }

  private later(death: EngineDeath | null): void {
    this.timer = setTimeout(() => {
      this.timer = null;
      this.start(death);
    }, this.backOffMs);
    this.backOffMs = Math.min(2 * this.backOffMs, limits.engineRestartMaxMs);
  }

  private runningFile(): string {
    return join(this.folder, 'running');
  }

  private finish(code: number, reason: string): void {
    rmSync(this.folder, { recursive: true, force: true });
    this.refuse(new VolleyError('UNREACHABLE', reason, { head: this.options.head }));
    this.end({ code, reason });
  }
}
