import type { Validity } from './bitmap.js';
import type { Column } from './column.js';
import type { DataType } from './datatype.js';

/**
 * A column of 64-bit integers, two words a value, the low one first: as f64 while all of them are safe, else as the
 * words themselves. Null slots must hold 0.
 */
export function columnOfWords(type: DataType, words: Int32Array, validity: Validity): Column {
  const length = words.length / 2;
  const values = new Float64Array(length);
  const unsigned = type.kind === 'uint64';
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i++) {
    const high = words[2 * i + 1]!;
    const v = (unsigned ? high >>> 0 : high) * 4294967296 + (words[2 * i]! >>> 0);
    if (v < min) min = v;
    if (v > max) max = v;
    values[i] = v;
  }
  const rest = { type, length, ...validity, dictionary: null };
  if (max > Number.MAX_SAFE_INTEGER || min < Number.MIN_SAFE_INTEGER) {
    return { ...rest, physical: 'i64', values: words };
  }
  return length === 0
    ? { ...rest, physical: 'f64', values }
    : { ...rest, physical: 'f64', values, range: { min, max } };
}
