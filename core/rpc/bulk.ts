import type { VolleyError } from '../base/errors.js';
import type { TaskRef } from '../base/ids.js';
import type { NodeMemory } from '../base/kernel-memory.js';
import type { LeasedPartition, PartitionHeader, ReachedPartition } from '../graph/partition.js';
import type { DataAddress } from '../wire/messages.js';
import type { FetchRequest } from './bulk-frames.js';
import type { PeerSecurity, ServerSecurity } from './transport.js';

/** The data plane: partitions pulled from peers in chunks, straight into the memory they will live in. */
export interface BulkServer {
  readonly address: DataAddress;
  close(): Promise<void>;
}

/** What a node gives out and takes in. */
export interface BulkStore {
  /** Lends a slice to another process, checksum included, or null when it is not (or no longer) here. */
  lend(task: TaskRef, slice: number): Promise<LeasedPartition | null>;
  /** A slice that lies in the node's memory, to be read there; null when it is not here, or lies elsewhere. */
  lendInPlace(task: TaskRef, slice: number): LeasedPartition | null;
  /** Lends a slice to this process. Its bytes are shared memory, or heap memory that nobody changes any more. */
  lendHere(task: TaskRef, slice: number): Promise<LeasedPartition | null>;
  /** Makes room for a partition a client puts here; null when the node refuses it (full). */
  reserve(task: TaskRef, header: PartitionHeader): Promise<BulkSink | null>;
}

/** A destination of known size. Exactly one of commit and abort is called. */
export interface BulkSink {
  readonly bytes: Uint8Array;
  commit(): void;
  abort(): void;
}

/** A slice that was asked for in place; null: it has to be fetched; or the CORRUPT_PARTITION that its peer says where it lies. */
export type Reached<Lease> = Lease | VolleyError | null;

export interface BulkClient {
  /**
   * Pulls one slice from a node. `accept` is called once the size is known and gives the memory to fill.
   * Resolves with the header after the last byte is in and its checksum was verified.
   * Rejects with NOT_FOUND (the node does not hold it), UNREACHABLE, CORRUPT_PARTITION, or what `accept` threw.
   * `small`: it does not lie in the node's memory, and need not be looked for there.
   */
  fetch(
    from: DataAddress,
    task: TaskRef,
    slice: number,
    accept: (header: PartitionHeader) => Promise<Uint8Array> | Uint8Array,
    signal?: AbortSignal,
    small?: boolean,
  ): Promise<PartitionHeader>;
  /**
   * Lends slices where they lie in the memory of another process of this machine, which readMemoryNow of bulk-address reads. They are
   * asked for in one message, and come in the order of asking. Rejects with UNREACHABLE or CANCELLED.
   */
  reach(
    from: DataAddress,
    slices: readonly FetchRequest[],
    signal?: AbortSignal,
  ): Promise<readonly Reached<ReachedPartition>[]>;
  /** Lends a slice of a node in this process, without a copy; null: the node is elsewhere, use fetch. Rejects with NOT_FOUND. */
  borrow(from: DataAddress, task: TaskRef, slice: number): Promise<LeasedPartition | null>;
  /** Stores one partition on a node. Rejects with RESOURCE_EXHAUSTED, UNREACHABLE, CORRUPT_PARTITION. */
  put(to: DataAddress, task: TaskRef, header: PartitionHeader, bytes: Uint8Array): Promise<void>;
  close(): void;
}

export interface ServeOptions {
  /** Decides the gRPC bind. */
  readonly host: string;
  readonly port: number;
  readonly security: ServerSecurity;
  /** Make a Unix socket, where the platform has one. */
  readonly socket: boolean;
  /** Peers of the same machine and user may read slices where they lie in it, if the system lets them; null: they may not. */
  readonly memory: NodeMemory | null;
}

export interface BulkTransport {
  serve(store: BulkStore, options: ServeOptions): Promise<BulkServer>;
  /** `forceGrpc`: never the Unix socket, nor a peer's memory (for measurements and for tests). */
  client(security: PeerSecurity, options?: { forceGrpc?: boolean }): BulkClient;
}
