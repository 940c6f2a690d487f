import type { ClientToHead, HeadToClient, HeadToWorker, WorkerToHead } from '../../wire/messages.js';
import type { CloseReason, Link, Listening, PeerSecurity, ServerSecurity, Transport } from '../transport.js';

export const open: ServerSecurity & PeerSecurity = { token: null, tls: null };

/** One end of a link that keeps what it heard, and lets a test wait for it. */
export class Ear<In, Out> {
  readonly link: Link<In, Out>;
  readonly batches: In[][] = [];
  readonly closed: Promise<CloseReason>;
  reason: CloseReason | null = null;
  private waiting: { count: number; resolve: () => void }[] = [];

  constructor(link: Link<In, Out>) {
    this.link = link;
    link.onBatch(batch => {
      this.batches.push([...batch]);
      for (const { count, resolve } of this.waiting) if (this.count >= count) resolve();
      this.waiting = this.waiting.filter(({ count }) => this.count < count);
    });
    this.closed = new Promise(resolve => {
      link.onClose(reason => {
        this.reason = reason;
        resolve(reason);
      });
    });
  }

  get messages(): In[] {
    return this.batches.flat();
  }

  get count(): number {
    return this.batches.reduce((sum, batch) => sum + batch.length, 0);
  }

  /** Resolves when `count` messages have arrived. */
  heard(count: number): Promise<void> {
    if (this.count >= count) return Promise.resolve();
    return new Promise(resolve => this.waiting.push({ count, resolve }));
  }
}

export type WorkerEar = Ear<WorkerToHead, HeadToWorker>;
export type ClientEar = Ear<ClientToHead, HeadToClient>;

/** A head that only listens. */
export interface EarHead {
  readonly listening: Listening;
  readonly workers: WorkerEar[];
  readonly clients: ClientEar[];
  /** Opens a worker's stream and gives both its ends: [the worker's, the head's]. */
  join(transport: Transport, security?: PeerSecurity): Promise<[Ear<HeadToWorker, WorkerToHead>, WorkerEar]>;
  attach(
    transport: Transport,
    security?: PeerSecurity,
  ): Promise<[Ear<HeadToClient, ClientToHead>, ClientEar]>;
}

export async function earHead(
  transport: Transport,
  address: string,
  security: ServerSecurity = open,
): Promise<EarHead> {
  const workers: WorkerEar[] = [];
  const clients: ClientEar[] = [];
  const accept = {
    worker: (link: Link<WorkerToHead, HeadToWorker>) => void workers.push(new Ear(link)),
    client: (link: Link<ClientToHead, HeadToClient>) => void clients.push(new Ear(link)),
  };
  const listening = await transport.listen(address, accept, security);
  return {
    listening,
    workers,
    clients,
    async join(peer, as = { token: security.token, tls: security.tls }) {
      const near = new Ear(await peer.joinAsWorker(listening.address, as));
      return [near, workers.at(-1)!];
    },
    async attach(peer, as = { token: security.token, tls: security.tls }) {
      const near = new Ear(await peer.attachAsClient(listening.address, as));
      return [near, clients.at(-1)!];
    },
  };
}
