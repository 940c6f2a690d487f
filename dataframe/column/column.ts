import type { DataType, Schema } from './datatype.js';

/**
 * How values lie in memory while kernels work on them.
 * 'bool': a byte each, 0 or 1. 'f64' also holds 64-bit integers and timestamps as long as every value is a safe
 * integer (|v| <= 2^53-1); 'i64' holds those that are not, as Int32 pairs (low word, high word). 'code': Int32 codes
 * into a dictionary: every string column. 'list': Int32 offsets into a column of items. 'struct': no values, but a
 * column for each field.
 * Decimals are unscaled integers: 'f64' while all are safe; else 'i64' up to 18 digits, and beyond 'code' into a
 * dictionary of 16-byte integers whose order as bytes is that of the values (decimal-entries.ts).
 */
export type Physical =
  | 'bool'
  | 'i8'
  | 'u8'
  | 'i16'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'f32'
  | 'f64'
  | 'i64'
  | 'code'
  | 'list'
  | 'struct';

export type Values =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/** An immutable column. Buffers may be views of shared memory. */
export interface Column {
  readonly type: DataType;
  readonly physical: Physical;
  readonly length: number;
  /** Exact. */
  readonly nullCount: number;
  /** Arrow bitmap, least significant bit first, 1 = valid; null exactly when nullCount is 0. Bits past length are unspecified. */
  readonly validity: Uint8Array | null;
  /**
   * Exactly `length` values (2 × length words for 'i64'). Null slots hold 0. For 'list' length + 1 ascending offsets,
   * from 0 to items.length; null slots are empty. For 'struct' none.
   */
  readonly values: Values;
  /** For 'code'. */
  readonly dictionary: Dictionary | null;
  /** For 'list'. */
  readonly items?: Column;
  /** For 'struct': a column of as many rows for each field of the type, null where the struct is. */
  readonly fields?: readonly Column[];
  /** Bounds of the stored values (integers, dates, timestamps), null slots' 0 included: conservative. Absent: unknown. */
  readonly range?: ValueRange;
}

export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** Distinct UTF-8 strings; entries need not all be referenced. Entry i is bytes[offsets[i], offsets[i+1]). */
export interface Dictionary {
  /**
   * Content id: equal ids mean equal entries in equal order, none of which stands twice. Decoding gives one object per id in a thread, so that what
   * is derived from a dictionary (hashes, ranks, codes in a group table) is derived once. Absent: unknown.
   */
  readonly id?: string;
  /**
   * Entries may stand twice, so codes must not be compared: text of nearly one entry per row is moved without looking at
   * it. Operators that look at values get distinct entries (physical/chain.ts).
   */
  readonly repeats?: true;
  readonly length: number;
  readonly offsets: Int32Array;
  readonly bytes: Uint8Array;
}

/** Rows of one schema. columns[i] belongs to schema[i]; all have `rows` values. */
export interface Batch {
  readonly schema: Schema;
  readonly rows: number;
  readonly columns: readonly Column[];
  /** Of a slice that was dealt out finer than there are slices: where each part of its rows begins, and the end. */
  readonly parts?: readonly number[];
}
