import type { Column, Physical } from '../../column/column.js';
import type { DataType } from '../../column/datatype.js';
import { entryBytes, entryValues } from '../../column/decimal-entries.js';
import { isHuge, physicalOf } from '../../column/layout.js';
import type { SchemaElement } from './metadata.js';

/**
 * Decimals that files hold as bytes (the most significant first, two's complement) are decoded like text: as codes of
 * the 16-byte entries that the column model has for huge decimals. Those that are not huge become numbers then.
 */
export function isBytesDecimal({ type }: SchemaElement, of: DataType): boolean {
  return of.kind === 'decimal' && (type === 'FIXED_LEN_BYTE_ARRAY' || type === 'BYTE_ARRAY');
}

/** The form that values are decoded to. `wide`: some are beyond 2^53. */
export function decodedPhysical(element: SchemaElement, type: DataType, wide: boolean): Physical {
  if (isBytesDecimal(element, type)) return 'code';
  return wide ? 'i64' : physicalOf(type);
}

const entry = new Uint8Array(entryBytes);

/** The entry of a value of any number of bytes. Overwritten by the next call. @throws RangeError beyond 128 bits */
export function decimalEntry(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const sign = from < to && bytes[from]! >= 0x80 ? 0xff : 0;
  const missing = entryBytes - (to - from);
  for (let k = 0; k < -missing; k++)
    if (bytes[from + k] !== sign) throw new RangeError(`a decimal of ${to - from} bytes is beyond 128 bits`);
  const start = to - Math.min(entryBytes, to - from);
  if (missing < 0 && (bytes[start]! & 0x80) !== (sign & 0x80))
    throw new RangeError(`a decimal of ${to - from} bytes is beyond 128 bits`);
  entry.fill(sign, 0, Math.max(0, missing));
  for (let k = start; k < to; k++) entry[entryBytes - to + k] = bytes[k]!;
  entry[0]! ^= 0x80;
  return entry;
}

/** From codes of entries to numbers, where the column's type and values allow it. */
export function settledDecimals(column: Column): Column {
  const { type, length, validity, nullCount } = column;
  if (type.kind !== 'decimal' || column.physical !== 'code') return column;
  const entries = entryValues(column.dictionary!);
  const most = 10n ** BigInt(type.precision);
  for (const value of entries)
    if (value >= most || value <= -most)
      throw new RangeError(`a value has more than ${type.precision} digits`);
  const safe = entries.every(value => Number.isSafeInteger(Number(value)));
  if (!safe && isHuge(type)) return column;
  const codes = column.values as Int32Array;
  const isNull = (i: number) => validity !== null && ((validity[i >> 3]! >> (i & 7)) & 1) === 0;
  const common = { type, length, validity, nullCount, dictionary: null };
  if (safe) {
    const numbers = entries.map(Number);
    const values = Float64Array.from({ length }, (_, i) => (isNull(i) ? 0 : numbers[codes[i]!]!));
    return { ...common, physical: 'f64', values };
  }
  const words = BigInt64Array.from({ length }, (_, i) => (isNull(i) ? 0n : entries[codes[i]!]!));
  return { ...common, physical: 'i64', values: new Int32Array(words.buffer) };
}
