import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { VolleyError } from '../../core/base/errors.js';
import { compileAtOnce, keepCode } from '../../core/base/keep-code.js';
import { limits } from '../../core/base/limits.js';
import type { Log } from '../../core/base/log.js';
import { createInProcessNotifier } from '../../core/notify/in-process.js';
import type { Notifier } from '../../core/notify/notifier.js';
import { createNodeBulk } from '../../core/rpc/bulk-node.js';
import { createGrpcTransport, preloadGrpc } from '../../core/rpc/grpc.js';
import type { WorkerWelcome } from '../../core/wire/messages.js';
import { heapLimitMb } from '../pool/threads.js';
import { removeLeftBehind } from '../store/left-behind.js';
import { DeferredNotifier } from './deferred-notifier.js';
import { type Engine, startEngine } from './engine.js';
import type { FromEngine, ToEngine } from './engine-ipc.js';
import { RunningFile } from './running-file.js';

/** The engine process of a worker node. Forked by a supervisor, told everything over IPC, ends with its supervisor. */

type Start = Extract<ToEngine, { kind: 'start' }>;

const log: Log = {
  info: (message, fields = {}) => tell({ kind: 'log', level: 'info', message, fields }),
  warn: (message, fields = {}) => tell({ kind: 'log', level: 'warn', message, fields }),
  error: (message, fields = {}) => tell({ kind: 'log', level: 'error', message, fields }),
};

let spillParent = tmpdir();
let runningFolder: string | null = null;
let stop: () => void = () => process.exit(0);

function tell(message: FromEngine): void {
  if (process.connected) process.send!(message);
}

/** Says a last word, and leaves when it has left. */
function leave(message: FromEngine, code: number): void {
  if (!process.connected) process.exit(code);
  process.send!(message, () => process.exit(code));
}

// While the supervisor says what to do. Should it fail, joining says why.
preloadGrpc().catch(() => {});

process.on('message', (message: ToEngine) => {
  if (message.kind === 'shutdown') return stop();
  spillParent = message.options.spillDir ?? spillParent;
  runningFolder = dirname(message.runningFile);
  start(message).catch(error => {
    const code = error instanceof VolleyError ? error.code : 'INTERNAL';
    leave({ kind: 'failed', code, message: String(error?.message ?? error) }, 1);
  });
});

// A terminal's Ctrl-C, or a kill of the group, reaches both processes: the supervisor says when to stop.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

// The supervisor is gone. Threads may be in endless loops: no orderly end is waited for.
process.on('disconnect', () => {
  removeLeftBehind(spillParent, 'spill', process.pid);
  if (runningFolder !== null) rmSync(runningFolder, { recursive: true, force: true });
  process.kill(process.pid, 'SIGKILL');
});

async function start({ options, name, supervisorPid, death, runningFile }: Start): Promise<void> {
  const running = new RunningFile(runningFile);
  const notifier = new DeferredNotifier();
  const engine = await startEngine({
    transport: createGrpcTransport({ log }),
    bulk: createNodeBulk({ log }),
    head: options.head,
    security: { token: options.token, tls: options.tls },
    name,
    host: options.host,
    threads: options.threads,
    memoryBytes: options.memoryBytes,
    spillDir: options.spillDir,
    labels: options.labels,
    resources: options.resources,
    allowPaths: options.allowPaths,
    supervisorPid,
    death,
    onRunning: (tasks, rssBytes) => running.write(tasks, rssBytes),
    onWelcome: welcome => {
      connectNotifier(options.nats || welcome.natsUrl, welcome, name).then(
        real => notifier.connect(real),
        error => log.warn('NATS cannot be used: fault events stay here', { error: String(error.message) }),
      );
    },
    rssLimitBytes: rssLimit(options.memoryBytes, options.threads),
    notifier,
    log,
  });
  tell({ kind: 'ready', worker: engine.worker, enginePid: process.pid });
  engine.loaded.then(
    () => {
      keepCode();
      compileAtOnce();
    },
    () => {},
  );
  await untilEnd(engine, notifier);
}

/** Slabs, the heaps of all threads, and the program itself. */
function rssLimit(memoryBytes: number, threads: number): number {
  return memoryBytes + threads * heapLimitMb(memoryBytes, threads) * 1024 * 1024 + limits.engineBaseBytes;
}

async function untilEnd(engine: Engine, notifier: Notifier): Promise<void> {
  let asked = false;
  const shutdown = new Promise<string>(resolve => {
    stop = () => {
      asked = true;
      resolve('the supervisor asked for it');
    };
  });
  const reason = await Promise.race([engine.closed, shutdown]);
  await engine.close();
  await notifier.flush();
  await notifier.close();
  leave({ kind: 'ended', reason, final: asked || engine.shutdownAsked() }, 0);
}

async function connectNotifier(url: string, welcome: WorkerWelcome, name: string): Promise<Notifier> {
  if (url === '') return createInProcessNotifier();
  const { connectNats } = await import('../../core/notify/nats.js');
  return connectNats({ url, cluster: welcome.cluster, source: name, log }).notifier;
}
