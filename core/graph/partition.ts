/**
 * One slice of one result as it lies in memory and travels between nodes: a run of bytes and a header.
 * Only rows, bytes and checksum are understood outside of the reader of `meta`.
 */
export interface PartitionHeader {
  /** Rows of a dataframe partition; 1 for a value. */
  readonly rows: number;
  readonly byteLength: number;
  /** zlib.crc32 of the bytes. */
  readonly checksum: number;
  /** msgpack of the layout: a PartitionMeta (dataframe/column/slab) or a PayloadMeta (core/wire/payload). */
  readonly meta: Uint8Array;
}

/** A slice and its bytes, which are only lent: valid until `release()`. Release twice is harmless. */
export interface LeasedPartition {
  readonly header: PartitionHeader;
  readonly bytes: Uint8Array;
  release(): void;
}

/** Bytes a producer still owns, to be stored. */
export interface OwnedPartition {
  readonly header: PartitionHeader;
  readonly bytes: Uint8Array;
}
