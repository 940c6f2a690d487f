import { hostname } from 'node:os';
import { VolleyError } from '../base/errors.js';
import type { TaskRef } from '../base/ids.js';
import { type Log, silentLog } from '../base/log.js';
import type { PartitionHeader } from '../graph/partition.js';
import type { DataAddress } from '../wire/messages.js';
import type { BulkClient, BulkServer, BulkTransport, Reached } from './bulk.js';
import { checkHeader, corrupt } from './bulk-check.js';
import type { FetchRequest } from './bulk-frames.js';
import type { GrpcBulkClient } from './bulk-grpc-client.js';
import { type PeerLease, PeerMemories } from './bulk-peer-memory.js';
import { SocketUnavailable } from './bulk-socket-client.js';
import { bootId } from './bulk-socket-place.js';
import { SocketPool } from './bulk-socket-pool.js';
import { serveSocket } from './bulk-socket-server.js';
import { sealed } from './seal.js';
import { checkBind, joinAddress } from './security.js';
import type { PeerSecurity } from './transport.js';

export interface NodeBulkOptions {
  /** Where refused peers are reported, rate-limited. */
  readonly log?: Log;
}

/**
 * The data plane between processes: gRPC, and beside it a Unix socket for processes of the same running machine and
 * user, who may also read slices where they lie in a node's memory, if the system lets them. Neither is ever required:
 * whatever keeps a transfer from beginning there sends it over the socket, or over gRPC.
 */
export function createNodeBulk(options: NodeBulkOptions = {}): BulkTransport {
  return {
    async serve(store, { host, port, security, socket, memory }): Promise<BulkServer> {
      checkBind(host, security, 'the data server of this worker');
      const { serveGrpc } = await import('./bulk-grpc-server.js');
      const grpc = await serveGrpc(store, host, port, security, options.log ?? silentLog);
      const local = socket ? await serveSocket(store, memory) : null;
      return {
        address: {
          grpc: joinAddress(reachableHost(host), grpc.port),
          socket: local?.path ?? '',
          bootId: bootId(),
          uid: ownUid(),
        },
        async close() {
          local?.close();
          await grpc.close();
        },
      };
    },
    client: (security, { forceGrpc = process.env.VOLLEY_BULK === 'grpc' } = {}) =>
      new NodeBulkClient(security, forceGrpc),
  };
}

class NodeBulkClient implements BulkClient {
  private readonly security: PeerSecurity;
  private readonly sockets: SocketPool | null;
  private readonly memories: PeerMemories | null;
  private grpc: Promise<GrpcBulkClient> | null = null;
  private readonly bootId = bootId();
  private closed = false;

  constructor(security: PeerSecurity, forceGrpc: boolean) {
    this.security = security;
    this.sockets = forceGrpc ? null : new SocketPool();
    this.memories = forceGrpc ? null : new PeerMemories();
  }

  async fetch(
    from: DataAddress,
    task: TaskRef,
    slice: number,
    accept: (header: PartitionHeader) => Promise<Uint8Array> | Uint8Array,
    signal?: AbortSignal,
    small = false,
  ): Promise<PartitionHeader> {
    const lease = small ? null : (await this.reach(from, [{ task, slice }], signal))[0]!;
    if (lease instanceof VolleyError) throw lease;
    if (lease !== null) return takeOver(lease, accept, signal);
    return this.route(
      from,
      sockets => sockets.use(from.socket, connection => connection.fetch(task, slice, accept, signal)),
      grpc => grpc.fetch(from.grpc, task, slice, accept, signal),
    );
  }

  async put(to: DataAddress, task: TaskRef, header: PartitionHeader, bytes: Uint8Array): Promise<void> {
    const what = `${task.job}/${task.index}`;
    if (bytes.byteLength !== header.byteLength) {
      throw corrupt(what, `${bytes.byteLength} bytes where its header says ${header.byteLength}`);
    }
    const complete = await sealed(header, bytes);
    checkHeader(complete, what);
    return this.route(
      to,
      sockets => sockets.use(to.socket, connection => connection.put(task, complete, bytes)),
      grpc => grpc.put(to.grpc, task, complete, bytes),
    );
  }

  async reach(
    from: DataAddress,
    slices: readonly FetchRequest[],
    signal?: AbortSignal,
  ): Promise<readonly Reached<PeerLease>[]> {
    this.checkOpen();
    const memory = this.memories !== null && this.isLocal(from) ? await this.memories.of(from.socket) : null;
    return memory === null ? slices.map(() => null) : memory.lend(slices, signal);
  }

  /** Nodes of other processes only. */
  async borrow(): Promise<null> {
    return null;
  }

  close(): void {
    this.closed = true;
    this.sockets?.close();
    this.memories?.close();
    void this.grpc?.then(grpc => grpc.close());
  }

  private checkOpen(): void {
    if (this.closed) throw new VolleyError('SESSION_CLOSED', 'the data plane of this session is closed');
  }

  private async route<T>(
    peer: DataAddress,
    overSocket: (sockets: SocketPool) => Promise<T>,
    overGrpc: (grpc: GrpcBulkClient) => Promise<T>,
  ): Promise<T> {
    this.checkOpen();
    const { sockets } = this;
    if (sockets && this.isLocal(peer) && sockets.mayTry(peer.socket)) {
      try {
        return await overSocket(sockets);
      } catch (error) {
        if (!(error instanceof SocketUnavailable)) throw error;
        sockets.avoid(peer.socket);
      }
    }
    this.grpc ??= import('./bulk-grpc-client.js').then(module => new module.GrpcBulkClient(this.security));
    return overGrpc(await this.grpc);
  }

  private isLocal(peer: DataAddress): boolean {
    return peer.socket !== '' && peer.bootId !== '' && peer.bootId === this.bootId && peer.uid === ownUid();
  }
}

/** Copies the slice out of the peer's memory, and gives it back. */
async function takeOver(
  lease: PeerLease,
  accept: (header: PartitionHeader) => Promise<Uint8Array> | Uint8Array,
  signal: AbortSignal | undefined,
): Promise<PartitionHeader> {
  try {
    await lease.read(await accept(lease.header), signal);
    return lease.header;
  } finally {
    lease.release();
  }
}

function ownUid(): number {
  return process.getuid?.() ?? -1;
}

/** What peers dial: a bind to all addresses is known by this machine's name. */
function reachableHost(host: string): string {
  return host === '' || host === '0.0.0.0' || host === '::' ? hostname() : host;
}
