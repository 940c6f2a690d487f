import { assert } from '../base/assert.js';
import { RunningChecksum } from '../base/checksum.js';
import { VolleyError } from '../base/errors.js';
import { formatTask, type TaskRef } from '../base/ids.js';
import { limits } from '../base/limits.js';
import { type LeasedPartition, noChecksum, type PartitionHeader } from '../graph/partition.js';
import type { DataAddress } from '../wire/messages.js';
import type { BulkClient, BulkServer, BulkSink, BulkStore, BulkTransport } from './bulk.js';
import { abortError, checkHeader, corrupt } from './bulk-check.js';
import type { FetchRequest } from './bulk-frames.js';
import { refusal } from './security.js';
import type { PeerSecurity, ServerSecurity } from './transport.js';

interface Node {
  readonly store: BulkStore;
  readonly security: ServerSecurity;
}

/** Nodes of this process by the number in their address. Entries leave when their server closes. */
const nodes = new Map<string, Node>();
let nextNode = 1;

/** The data plane within one process: one copy from the lender's memory into the taker's. */
export function createMemoryBulk(): BulkTransport {
  return {
    async serve(store, options): Promise<BulkServer> {
      const address = `memory:${nextNode++}`;
      nodes.set(address, { store, security: options.security });
      return {
        address: { grpc: address, socket: '', bootId: '', uid: -1 },
        async close() {
          nodes.delete(address);
        },
      };
    },
    client: security => new MemoryBulkClient(security),
  };
}

class MemoryBulkClient implements BulkClient {
  private readonly security: PeerSecurity;

  constructor(security: PeerSecurity) {
    this.security = security;
  }

  async fetch(
    from: DataAddress,
    task: TaskRef,
    slice: number,
    accept: (header: PartitionHeader) => Promise<Uint8Array> | Uint8Array,
    signal?: AbortSignal,
  ): Promise<PartitionHeader> {
    const what = `${formatTask(task.job, task.index)} slice ${slice}`;
    const node = this.enter(from);
    throwIfAborted(signal);
    const lease = await this.lent(node, from, task, slice, what);
    try {
      checkLease(lease, what);
      const target = await accept(lease.header);
      assert(target.byteLength === lease.header.byteLength, 'accept gives memory of the size announced');
      await this.copy(lease, target, from, what, signal);
      return lease.header;
    } finally {
      lease.release();
    }
  }

  async put(to: DataAddress, task: TaskRef, header: PartitionHeader, bytes: Uint8Array): Promise<void> {
    const what = formatTask(task.job, task.index);
    const lease: LeasedPartition = { header, bytes, release: () => undefined };
    checkLease(lease, what);
    const sink: BulkSink | null = await this.enter(to).store.reserve(task, header);
    if (sink === null) {
      throw new VolleyError('RESOURCE_EXHAUSTED', `${to.grpc} has no room for ${what}`, { what });
    }
    try {
      await this.copy(lease, sink.bytes, to, what, undefined);
    } catch (error) {
      sink.abort();
      throw error;
    }
    sink.commit();
  }

  /** Nodes of this process lend without a copy. */
  async reach(_: DataAddress, slices: readonly FetchRequest[]): Promise<null[]> {
    return slices.map(() => null);
  }

  async borrow(from: DataAddress, task: TaskRef, slice: number): Promise<LeasedPartition> {
    const what = `${formatTask(task.job, task.index)} slice ${slice}`;
    const lease = await this.lent(this.enter(from), from, task, slice, what);
    try {
      checkLease(lease, what);
      return lease;
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  close(): void {}

  private async lent(
    node: Node,
    from: DataAddress,
    task: TaskRef,
    slice: number,
    what: string,
  ): Promise<LeasedPartition> {
    const lease = await node.store.lendHere(task, slice);
    if (lease === null) throw new VolleyError('NOT_FOUND', `${from.grpc} does not hold ${what}`, { what });
    return lease;
  }

  private async copy(
    lease: LeasedPartition,
    target: Uint8Array,
    peer: DataAddress,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { byteLength, checksum } = lease.header;
    const sum = new RunningChecksum(target);
    for (let at = 0; at < byteLength; ) {
      // The checksum reads what the copy has just brought into the cache.
      const end = Math.min(at + limits.chunkBytes, byteLength);
      target.subarray(at, end).set(lease.bytes.subarray(at, end));
      if (checksum !== noChecksum) sum.advance(end);
      at = end;
      if (at % limits.memoryCopyBytes === 0) await new Promise(resolve => setImmediate(resolve));
      throwIfAborted(signal);
      alive(peer);
    }
    if (checksum !== noChecksum && sum.value !== checksum)
      throw corrupt(what, `checksum ${sum.value}, not ${checksum}`);
  }

  private enter(address: DataAddress): Node {
    const node = alive(address);
    const shown = this.security.token === null ? undefined : `Bearer ${this.security.token}`;
    const reason = refusal(shown, node.security);
    if (reason !== null) throw new VolleyError('UNAUTHENTICATED', `${address.grpc}: ${reason}`);
    return node;
  }
}

function alive(address: DataAddress): Node {
  const node = nodes.get(address.grpc);
  if (node) return node;
  throw new VolleyError('UNREACHABLE', `${address.grpc} is unreachable: no node of this process`, {
    address: address.grpc,
  });
}

function checkLease(lease: LeasedPartition, what: string): void {
  const { header } = lease;
  checkHeader(header.checksum === noChecksum ? { ...header, checksum: 0 } : header, what);
  if (lease.bytes.byteLength !== lease.header.byteLength) {
    throw corrupt(what, `${lease.bytes.byteLength} bytes where the header says ${lease.header.byteLength}`);
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}
