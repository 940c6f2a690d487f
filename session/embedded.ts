import { limits } from '../core/base/limits.js';
import { silentLog } from '../core/base/log.js';
import type { Client } from '../core/client/client.js';
import { openClient } from '../core/client/client.js';
import { createInProcessNotifier, createInProcessRetryQueue } from '../core/notify/in-process.js';
import { createMemoryBulk } from '../core/rpc/bulk-memory.js';
import { createMemoryTransport } from '../core/rpc/memory.js';
import { startHead } from '../scheduler/shell/head.js';
import type { Threads, ThreadsOptions } from '../worker/pool/threads.js';
import { startEngine } from '../worker/shell/engine.js';
import type { EmbeddedOptions } from './options.js';
import { warmUp } from './warm-up.js';

const open = { token: null, tls: null };
let sessions = 0;

/** A client and what has to be shut down with it. */
export interface Attachment {
  readonly client: Client;
  readonly address: string;
  close(): Promise<void>;
}

/** Runs head state, engine and client in this process over the in-memory transport: no port, no file, no server. */
export async function startEmbedded(
  options: EmbeddedOptions,
  node: ThreadsOptions,
  threads: Threads,
): Promise<Attachment> {
  const transport = createMemoryTransport();
  const bulk = createMemoryBulk();
  const notifier = createInProcessNotifier();
  const retryQueue = createInProcessRetryQueue();
  const head = await startHead({
    transport,
    address: `memory:embedded-${++sessions}`,
    security: open,
    clusterName: 'local',
    leaseMs: limits.embeddedLeaseMs,
    notifier,
    retryQueue,
    natsUrl: '',
    log: silentLog,
  });
  const [engine, link] = await Promise.all([
    startEngine(
      {
        ...node,
        transport,
        bulk,
        head: head.address,
        security: open,
        host: '127.0.0.1',
        spillDir: options.spillDir ?? null,
        resources: { ...options.resources },
        supervisorPid: process.pid,
        death: null,
        notifier,
        log: silentLog,
      },
      threads,
    ),
    transport.attachAsClient(head.address, open),
  ]);
  const client = await openClient(link, bulk.client(open), 'embedded');
  client.isHere = true;
  // Threads do not keep the program alive by themselves.
  client.hold();
  await Promise.all([engine.loaded, warmUp(client)]);
  client.unhold();
  return {
    client,
    address: head.address,
    async close() {
      await client.close();
      await engine.close();
      await head.close();
      await retryQueue.close();
      await notifier.close();
    },
  };
}
