/** Stands for a checksum that nobody has needed yet. */
export const noChecksum = -1;

/**
 * One slice of one result as it lies in memory and travels between nodes: a run of bytes and a header.
 * Only rows, bytes and checksum are understood outside of the reader of `meta`.
 */
export interface PartitionHeader {
  /** Rows of a dataframe partition; 1 for a value. */
  readonly rows: number;
  readonly byteLength: number;
  /** checksumOf the bytes; noChecksum while they have not left the process that made them. */
  readonly checksum: number;
  /** msgpack of the layout: a PartitionMeta (dataframe/column/slab) or a PayloadMeta (core/wire/payload). */
  readonly meta: Uint8Array;
}

/** A slice and its bytes, which are only lent: valid until `release()`. Release twice is harmless. */
export interface LeasedPartition {
  readonly header: PartitionHeader;
  readonly bytes: Uint8Array;
  /** A task of this process wrote the bytes and they have been in its memory ever since: their reader need not check values. */
  readonly trusted?: boolean;
  release(): void;
}

/** Where a slice lies in the memory of another process of this machine: its number, an open file of that memory, and the address there. */
export interface SlicePlace {
  readonly pid: number;
  readonly file: number;
  readonly address: number;
}

/** A slice that stays where it lies in a peer's memory until it is released, or the peer has gone. */
export interface ReachedPartition {
  readonly header: PartitionHeader;
  readonly place: SlicePlace;
  /** False once the peer has gone: what is read then may be anything, or nothing. */
  readonly alive: boolean;
  /** Nobody may read it any more. Twice is harmless. */
  release(): void;
}

/** A partition to be stored, or how to make it when its turn comes, again for each time: nobody holds all of them at once. */
export type PartitionSource = OwnedPartition | (() => OwnedPartition);

/** Bytes a producer still owns, to be stored. */
export interface OwnedPartition {
  readonly header: PartitionHeader;
  readonly bytes: Uint8Array;
}
