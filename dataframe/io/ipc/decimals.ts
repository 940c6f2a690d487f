import type { Column } from '../../column/column.js';
import { powerOf10 } from '../../column/decimal.js';
import { decimalColumn } from '../../column/decimal-builder.js';
import { unscaledReader } from '../../column/decimal-entries.js';
import { elements } from './buffers.js';
import type { Located } from './locate.js';
import type { Nulls } from './nulls.js';

/** Decimals of 32, 64 or 128 bits. @throws RangeError for one of more digits than its type has */
export function decimals({ field, length }: Located, bytes: Uint8Array, { flags }: Nulls): Column {
  const { type, layout } = field;
  if (type.kind !== 'decimal' || layout.kind !== 'decimal') throw new RangeError('no decimals');
  const perValue = layout.bits / 32;
  const raw = elements(Int32Array, bytes, perValue * length);
  const words = perValue === 4 ? raw : new Int32Array(4 * length);
  if (perValue < 4) {
    for (let i = 0; i < length; i++) {
      const low = raw[perValue * i]!;
      const high = perValue === 2 ? raw[2 * i + 1]! : low >> 31;
      words[4 * i] = low;
      words[4 * i + 1] = high;
      words[4 * i + 2] = words[4 * i + 3] = high >> 31;
    }
  }
  const column = decimalColumn(type, words, flags);
  const bound = powerOf10(type.precision);
  const read = unscaledReader(column);
  let bad = 0;
  // Comparing a number with a bigint is exact, and slower than with the number that it is.
  const above = Number(bound);
  if (column.physical === 'f64') {
    for (let i = 0; i < length; i++) bad |= Math.abs(column.values[i]!) < above ? 0 : 1;
  } else {
    for (let i = 0; i < length; i++) {
      const value = read(i);
      bad |= value < bound && value > -bound ? 0 : 1;
    }
  }
  if (bad !== 0)
    throw new RangeError(`column '${field.name}': a decimal of more than ${type.precision} digits`);
  return column;
}
