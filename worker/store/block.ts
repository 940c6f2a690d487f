import type { PartitionHeader } from '../../core/graph/partition.js';
import { sealed } from '../../core/rpc/seal.js';
import { alignUp } from './arena.js';
import { type Slab, slabBytes } from './slabs.js';
import type { SpillFile } from './spill.js';

/**
 * The bytes of one result, or of a pulled slice: the unit that is pinned, spilled and freed as a whole.
 * Invariant: at least one of `slab`, `bytes`, `file` is set, or the block is gone.
 */
export interface Block {
  readonly byteLength: number;
  slab: Slab | null;
  /** Small blocks live in the engine's heap. */
  bytes: Uint8Array | null;
  file: SpillFile | null;
  /** A thread of this node wrote it and it lay in memory ever since: what it says needs no check. */
  trusted: boolean;
  /** Readers now. Pinned memory is neither spilled nor freed. */
  pins: number;
  /** No longer in the table: freed with the last pin. */
  dropped: boolean;
}

/** One slice of a stored result. */
export interface StoredSlice {
  /** Gets its checksum when the bytes leave the process, or memory, for the first time. */
  header: PartitionHeader;
  readonly block: Block;
  readonly offset: number;
}

/** What a task produced, before the store takes it. Small results come as plain bytes, others in a slab. */
export interface Payload {
  readonly slab: Slab | null;
  readonly bytes: Uint8Array | null;
  readonly slices: readonly { readonly header: PartitionHeader; readonly offset: number }[];
}

export function newBlock(slab: Slab | null, bytes: Uint8Array | null, trusted = false): Block {
  const byteLength = slab?.byteLength ?? bytes?.byteLength ?? 0;
  return { byteLength, slab, bytes, file: null, trusted, pins: 0, dropped: false };
}

/** Bytes a resident block takes outside of arenas. */
export function heapBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 0 : alignUp(bytes.byteLength);
}

export function residentBytes(block: Block): Uint8Array | null {
  return block.slab === null ? block.bytes : slabBytes(block.slab);
}

/** Gives the slice its checksum, if it has none yet. `bytes`: of the whole block, which must be pinned. */
export async function seal(slice: StoredSlice, bytes: Uint8Array): Promise<void> {
  const { header, offset } = slice;
  slice.header = await sealed(header, bytes.subarray(offset, offset + header.byteLength));
}

/** A header whose `meta` owns its buffer: cloning a view to a thread would copy all that lies behind it. */
export function compactHeader(header: PartitionHeader): PartitionHeader {
  if (header.meta.byteLength === header.meta.buffer.byteLength) return header;
  return { ...header, meta: new Uint8Array(header.meta) };
}
