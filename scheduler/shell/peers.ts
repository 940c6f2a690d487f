import type { ClientId, WorkerId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { Log } from '../../core/base/log.js';
import type { Acceptor, Link } from '../../core/rpc/transport.js';
import type {
  ClientToHead,
  HeadToClient,
  HeadToWorker,
  Refused,
  WorkerHello,
  WorkerToHead,
} from '../../core/wire/messages.js';
import type { Event } from '../state/api.js';
import { type Refusal, refuseClient, refuseWorker } from './hello.js';

export interface PeerSettings {
  readonly cluster: string;
  readonly leaseMs: number;
  readonly natsUrl: string;
  readonly log: Log;
  /** Where accepted peers' doings go. */
  readonly push: (event: Event) => void;
}

/** How often a worker must speak to keep its lease: a few chances within it. Milliseconds. */
export function heartbeatFor(leaseMs: number): number {
  return Math.max(10, Math.min(limits.heartbeatMs, Math.floor(leaseMs / 4)));
}

/**
 * The streams of workers and clients: handshake, numbers, the way out. A peer that breaks the protocol loses its
 * stream; nobody else notices.
 */
export class Peers {
  readonly #settings: PeerSettings;
  readonly #workers = new Map<WorkerId, Link<WorkerToHead, HeadToWorker>>();
  readonly #clients = new Map<ClientId, Link<ClientToHead, HeadToClient>>();
  /** Streams that have not said hello. */
  readonly #strangers = new Set<{ close(): void }>();
  /** Links that were sent something since the last flush. */
  readonly #touched = new Set<{ flush(): void }>();
  #lastWorker = 0;
  #lastClient = 0;
  #closing = false;

  constructor(settings: PeerSettings) {
    this.#settings = settings;
  }

  readonly acceptor: Acceptor = {
    worker: link => this.#greet(link, refuseWorker, hello => this.#admitWorker(link, hello as WorkerHello)),
    client: link => {
      this.#greet(link, refuseClient, hello => this.#admitClient(link, (hello as { name: string }).name));
    },
  };

  /**
   * Waits for the hello, checks it, and hands the rest of the stream to what `admit` returns; `admit` returns a
   * refusal when there is no room.
   */
  #greet<In, Out>(
    link: Link<In, Out | Refused>,
    refuse: (message: unknown) => Refusal | null,
    admit: (hello: In) => PeerHandlers<In> | Refusal,
  ): void {
    let handlers: PeerHandlers<In> | null = null;
    let done = false;
    this.#strangers.add(link);
    const turnAway = (refusal: Refusal) => {
      done = true;
      this.#settings.log.warn('peer refused', { peer: link.peer, ...refusal });
      link.send({ kind: 'refused', ...refusal });
      link.close();
    };
    const late = setTimeout(() => {
      turnAway({ code: 'PROTOCOL', message: `no hello within ${limits.handshakeMs} ms` });
    }, limits.handshakeMs);
    link.onClose(reason => {
      clearTimeout(late);
      this.#strangers.delete(link);
      done = true;
      handlers?.onClose(reason.clean, reason.message);
    });
    link.onBatch(batch => {
      let from = 0;
      if (handlers === null) {
        if (done || batch.length === 0) return;
        clearTimeout(late);
        const refusal = this.#closing
          ? ({ code: 'PROTOCOL', message: 'the head is shutting down' } as const)
          : refuse(batch[0]);
        if (refusal !== null) return turnAway(refusal);
        const admitted = admit(batch[0]!);
        if ('code' in admitted) return turnAway(admitted);
        this.#strangers.delete(link);
        handlers = admitted;
        from = 1;
      }
      for (let i = from; i < batch.length; i++) handlers.onMessage(batch[i]!);
    });
  }

  #admitWorker(
    link: Link<WorkerToHead, HeadToWorker>,
    hello: WorkerHello,
  ): PeerHandlers<WorkerToHead> | Refusal {
    const { cluster, leaseMs, natsUrl, log, push } = this.#settings;
    if (this.#workers.size >= limits.workers) return full('workers', limits.workers);
    const worker = ++this.#lastWorker as WorkerId;
    this.#workers.set(worker, link);
    link.send({
      kind: 'worker-welcome',
      worker,
      cluster,
      heartbeatMs: heartbeatFor(leaseMs),
      leaseMs,
      natsUrl,
    });
    push({ kind: 'worker-joined', worker, hello });
    log.info('worker joined', { worker, name: hello.name, peer: link.peer, threads: hello.threads });
    return {
      onMessage: message => {
        if (this.#workers.get(worker) !== link) return; // Fenced off: its later words are dropped.
        if (message.kind === 'worker-hello') return this.violate(worker, 'worker', 'a second worker-hello');
        push({ kind: 'worker-message', worker, message });
      },
      onClose: (clean, reason) => {
        if (!this.#workers.delete(worker)) return;
        log.info('worker left', { worker, name: hello.name, clean, reason });
        push({ kind: 'worker-left', worker, clean, reason });
      },
    };
  }

  #admitClient(link: Link<ClientToHead, HeadToClient>, name: string): PeerHandlers<ClientToHead> | Refusal {
    const { cluster, log, push } = this.#settings;
    if (this.#clients.size >= limits.clients) return full('clients', limits.clients);
    const client = this.#nextClient();
    const firstJob = client * limits.jobsPerClient;
    const jobCount = limits.jobsPerClient;
    this.#clients.set(client, link);
    link.send({ kind: 'client-welcome', client, cluster, firstJob, jobCount });
    push({ kind: 'client-joined', client, name, firstJob, jobCount });
    log.info('client attached', { client, name, peer: link.peer });
    return {
      onMessage: message => {
        if (this.#clients.get(client) !== link) return;
        if (message.kind === 'client-hello') return this.violate(client, 'client', 'a second client-hello');
        push({ kind: 'client-message', client, message });
      },
      onClose: (clean, reason) => {
        if (!this.#clients.delete(client)) return;
        log.info('client left', { client, name, clean, reason });
        push({ kind: 'client-left', client, clean });
      },
    };
  }

  /** 1 to 65,535 in turn, so that client * jobsPerClient stays a u32: 65,535 attaches pass before a number comes again. */
  #nextClient(): ClientId {
    const last = Math.floor(2 ** 32 / limits.jobsPerClient) - 1;
    do {
      this.#lastClient = (this.#lastClient % last) + 1;
    } while (this.#clients.has(this.#lastClient as ClientId));
    return this.#lastClient as ClientId;
  }

  sendToWorker(worker: WorkerId, message: HeadToWorker): void {
    const link = this.#workers.get(worker);
    if (link === undefined) return; // Its stream ended after the event that caused this.
    link.send(message);
    this.#touched.add(link);
  }

  sendToClient(client: ClientId, message: HeadToClient): void {
    const link = this.#clients.get(client);
    if (link === undefined) return;
    link.send(message);
    this.#touched.add(link);
  }

  /** Tells every client. */
  broadcastToClients(message: HeadToClient): void {
    for (const client of this.#clients.keys()) this.sendToClient(client, message);
  }

  /** Sends what was queued now, instead of at the end of the next turn. */
  flush(): void {
    for (const link of this.#touched) link.flush();
    this.#touched.clear();
  }

  /** The scheduler gave the worker up: it hears no more of it. */
  closeWorker(worker: WorkerId, reason: string): void {
    const link = this.#workers.get(worker);
    if (link === undefined) return;
    this.#workers.delete(worker);
    this.#settings.log.warn('worker closed', { worker, reason });
    link.close();
  }

  closeClient(client: ClientId, reason: string): void {
    const link = this.#clients.get(client);
    if (link === undefined) return;
    this.#clients.delete(client);
    this.#settings.log.warn('client closed', { client, reason });
    link.close();
  }

  /** A peer broke the protocol: its stream ends, and the scheduler is told that it is gone. */
  violate(id: number, role: 'worker' | 'client', what: string): void {
    const reason = `broke the protocol: ${what}`;
    if (role === 'worker') {
      const worker = id as WorkerId;
      if (!this.#workers.has(worker)) return;
      this.closeWorker(worker, reason);
      this.#settings.push({ kind: 'worker-left', worker, clean: false, reason });
    } else {
      const client = id as ClientId;
      if (!this.#clients.has(client)) return;
      this.closeClient(client, reason);
      this.#settings.push({ kind: 'client-left', client, clean: true }); // No grace for it: its work is dropped.
    }
  }

  closeAll(): void {
    this.#closing = true;
    for (const link of [...this.#workers.values(), ...this.#clients.values(), ...this.#strangers])
      link.close();
  }
}

interface PeerHandlers<In> {
  onMessage(message: In): void;
  onClose(clean: boolean, reason: string): void;
}

function full(what: string, limit: number): Refusal {
  return { code: 'RESOURCE_EXHAUSTED', message: `the head has ${limit} ${what} already` };
}
