import { checksumOf } from '../../base/checksum.js';
import type { JobId, TaskRef } from '../../base/ids.js';
import type { NodeMemory } from '../../base/kernel-memory.js';
import type { LeasedPartition, PartitionHeader } from '../../graph/partition.js';
import type { BulkSink, BulkStore } from '../bulk.js';

export const task = (index: number, job = 1): TaskRef => ({ job: job as JobId, index });

/** Bytes that differ everywhere, in shared memory as slabs are. */
export function sharedBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(length));
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function headerOf(bytes: Uint8Array, rows = 1, meta = new Uint8Array([1, 2, 3])): PartitionHeader {
  return { rows, byteLength: bytes.byteLength, checksum: checksumOf(bytes), meta };
}

/** A store of a few partitions that counts what it lent and took. */
export class TestStore implements BulkStore {
  readonly held = new Map<string, { header: PartitionHeader; bytes: Uint8Array }>();
  /** Leases not released yet, and sinks neither committed nor aborted. */
  lent = 0;
  reserved = 0;
  aborted = 0;
  isFull = false;
  /** How often a slice was lent in place. */
  placed = 0;
  /** Where partitions lie that are added; null: where they are. */
  private readonly memory: NodeMemory | null;
  private end = 0;
  /** Called at each lend, before it answers. */
  onLend: () => Promise<void> | void = () => undefined;

  constructor(memory: NodeMemory | null = null) {
    this.memory = memory;
  }

  add(at: TaskRef, slice: number, bytes: Uint8Array, header = headerOf(bytes)): PartitionHeader {
    this.held.set(`${at.job}/${at.index}/${slice}`, { header, bytes: this.settled(bytes) });
    return header;
  }

  private settled(bytes: Uint8Array): Uint8Array {
    if (this.memory === null) return bytes;
    const place = new Uint8Array(this.memory.memory.buffer, this.end, bytes.byteLength);
    this.end += bytes.byteLength;
    place.set(bytes);
    return place;
  }

  async lend(at: TaskRef, slice: number): Promise<LeasedPartition | null> {
    await this.onLend();
    return this.lease(at, slice);
  }

  lendInPlace(at: TaskRef, slice: number): LeasedPartition | null {
    const lease = this.memory === null ? null : this.lease(at, slice);
    if (lease !== null) this.placed++;
    return lease;
  }

  private lease(at: TaskRef, slice: number): LeasedPartition | null {
    const found = this.held.get(`${at.job}/${at.index}/${slice}`);
    if (!found) return null;
    this.lent++;
    let released = false;
    return {
      ...found,
      release: () => {
        if (!released) this.lent--;
        released = true;
      },
    };
  }

  lendHere(at: TaskRef, slice: number): Promise<LeasedPartition | null> {
    return this.lend(at, slice);
  }

  async reserve(at: TaskRef, header: PartitionHeader): Promise<BulkSink | null> {
    if (this.isFull) return null;
    const bytes = new Uint8Array(new SharedArrayBuffer(header.byteLength));
    this.reserved++;
    return {
      bytes,
      commit: () => {
        this.reserved--;
        this.add(at, 0, bytes, header);
      },
      abort: () => {
        this.reserved--;
        this.aborted++;
      },
    };
  }
}

/** Resolves when `is` holds, looking again every few milliseconds; the test's own timeout bounds it. */
export async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise(resolve => setTimeout(resolve, 2));
}
