import { monotonicClock } from '../../core/base/clock.js';
import type { WorkerId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { Log } from '../../core/base/log.js';
import type { Notifier } from '../../core/notify/notifier.js';
import type { BulkServer, BulkTransport } from '../../core/rpc/bulk.js';
import { ownVersions } from '../../core/rpc/handshake.js';
import type { PeerSecurity, Transport } from '../../core/rpc/transport.js';
import type { EngineDeath, WorkerHello, WorkerWelcome } from '../../core/wire/messages.js';
import { ThreadPool } from '../pool/pool.js';
import { Threads } from '../pool/threads.js';
import type { Event } from '../state/api.js';
import { createWorker } from '../state/worker.js';
import { Store } from '../store/store.js';
import { AwaySlices } from './away.js';
import { bulkStore } from './bulk-store.js';
import { type Joined, joinHead } from './join.js';
import { EngineLoop } from './loop.js';
import { Puller } from './puller.js';
import { Templates } from './templates.js';

export interface EngineOptions {
  readonly transport: Transport;
  readonly bulk: BulkTransport;
  /** Address of the head. */
  readonly head: string;
  readonly security: PeerSecurity;
  readonly name: string;
  /** Where the data plane listens. */
  readonly host: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly spillDir: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: Readonly<Record<string, number>>;
  readonly allowPaths: readonly string[] | null;
  readonly supervisorPid: number;
  readonly death: EngineDeath | null;
  /** Told before each batch starts and after each ends. */
  readonly onRunning?: (tasks: EngineDeath['running'], rssBytes: number) => void;
  /** Told once, before the first task: for what depends on the cluster's name. */
  readonly onWelcome?: (welcome: WorkerWelcome) => void;
  /** Resident bytes at which the node pauses, and from twice that ends; for engines that have a process of their own. */
  readonly rssLimitBytes?: number;
  readonly notifier: Notifier;
  readonly log: Log;
}

export interface Engine {
  readonly worker: WorkerId;
  /** Why it ended: the stream to the head is gone, or a shutdown was asked. */
  readonly closed: Promise<string>;
  /** Settles when the threads have loaded what tasks need: the first one then runs like the others. */
  readonly loaded: Promise<void>;
  /** True once the head has asked this node to leave for good. */
  shutdownAsked(): boolean;
  close(): Promise<void>;
}

/** Starts store and data plane around the threads, which it ends, and joins the head. Rejects with UNREACHABLE or the code of a refusal. */
export async function startEngine(options: EngineOptions, threads = new Threads(options)): Promise<Engine> {
  const inbox = new Inbox();
  const emit = (event: Event): void => inbox.push(event);
  const templates = new Templates();
  let pool: ThreadPool | null = null;
  const store = new Store({
    memoryBytes: options.memoryBytes,
    node: threads.memory,
    spillDir: options.spillDir,
    onDropArena: arena => pool?.dropArena(arena),
    onCorrupt: (task, detail) => emit({ kind: 'result-gone', task, detail }),
  });
  let ending: (reason: string) => void = () => {};
  const broken = new Promise<string>(resolve => {
    ending = resolve;
  });
  let server: BulkServer | null = null;
  try {
    pool = new ThreadPool({
      threads,
      store,
      log: options.log,
      template: (job, template) => templates.get(job, template),
      emit,
      onBroken: ending,
    });
    const put = bulkStore(store, task => emit({ kind: 'stored', task }));
    const security = { token: options.security.token, tls: options.security.tls };
    server = await options.bulk.serve(put, {
      host: options.host,
      port: 0,
      security,
      socket: true,
      memory: threads.memory,
    });
    const hello = helloOf(options, server);
    const joined = await joinHead(options.transport, options.head, options.security, hello);
    return run(options, { inbox, store, pool, templates, server, joined, broken, ending });
  } catch (error) {
    await (pool?.close() ?? threads.end());
    await server?.close();
    await store.close();
    throw error;
  }
}

interface Parts {
  readonly inbox: Inbox;
  readonly store: Store;
  readonly pool: ThreadPool;
  readonly templates: Templates;
  readonly server: BulkServer;
  readonly joined: Joined;
  readonly broken: Promise<string>;
  readonly ending: (reason: string) => void;
}

function run(options: EngineOptions, parts: Parts): Engine {
  const { inbox, store, pool, templates, server, joined, broken, ending } = parts;
  const { welcome, link } = joined;
  options.onWelcome?.(welcome);
  const emit = (event: Event): void => inbox.push(event);
  const away = new AwaySlices();
  const client = options.bulk.client(options.security);
  const puller = new Puller({ client, store, away, templates, emit });
  const state = createWorker({
    worker: welcome.worker,
    name: options.name,
    threads: options.threads,
    resources: options.resources,
    fetchBytes: Math.min(limits.fetchInFlightBytes, options.memoryBytes * limits.fetchShare),
    batchBytes: batchInputBytes(options),
  });
  const loop = new EngineLoop({
    state,
    store,
    away,
    pool,
    templates,
    puller,
    link,
    welcome,
    clock: monotonicClock,
    notifier: options.notifier,
    log: options.log,
    name: options.name,
    onRunning: options.onRunning ?? null,
    rssLimitBytes: options.rssLimitBytes ?? Number.POSITIVE_INFINITY,
    onEnd: ending,
  });
  inbox.connect(event => loop.push(event));
  joined.onMessages(messages => {
    for (const message of messages) loop.push({ kind: 'head', message });
  });
  joined.ended.then(reason => ending(`the stream to the head ended: ${reason.message}`));
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    ending('closed');
    loop.stop();
    link.send({ kind: 'worker-bye', reason: 'closed' });
    link.close();
    puller.close();
    await pool.close();
    away.close();
    await server.close();
    await store.close();
  };
  return {
    worker: welcome.worker,
    closed: broken,
    loaded: pool.loaded,
    shutdownAsked: () => state.shutdown !== null,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function helloOf(options: EngineOptions, server: BulkServer): WorkerHello {
  return {
    kind: 'worker-hello',
    versions: ownVersions(),
    name: options.name,
    threads: options.threads,
    memoryBytes: options.memoryBytes,
    labels: options.labels,
    resources: options.resources,
    address: server.address,
    supervisorPid: options.supervisorPid,
    enginePid: process.pid,
    death: options.death,
  };
}

/** Events that come before the loop runs are kept for it: a client may put before the first message is here. */
class Inbox {
  private handler: ((event: Event) => void) | null = null;
  private readonly early: Event[] = [];

  push(event: Event): void {
    if (this.handler === null) this.early.push(event);
    else this.handler(event);
  }

  connect(handler: (event: Event) => void): void {
    this.handler = handler;
    for (const event of this.early.splice(0)) handler(event);
  }
}

function batchInputBytes({ memoryBytes, threads }: EngineOptions): number {
  const share = (memoryBytes * limits.batchInputShare) / threads;
  return Math.min(limits.batchInputMaxBytes, Math.max(limits.batchInputMinBytes, share));
}
