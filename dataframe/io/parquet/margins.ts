import type { Physical, Values } from '../../column/column.js';
import { bytesOfValues, viewValues } from '../../column/layout.js';
import type { Lent } from '../../kernels/lent.js';
import { fewBytes } from '../../kernels/scratch.js';

/** Bytes before and behind the values of a column over which pages may be unpacked: levels, and what unpacking writes too much. */
export const pageMargin = 128;

/** Values of a column, lent, of any content. */
export function valuesWithMargins(physical: Physical, rows: number, lent: Lent): Values {
  const bytes = bytesOfValues(physical, rows);
  if (bytes < fewBytes) return lent.values(physical, rows, false);
  const { buffer, byteOffset } = lent.bytes(bytes + 2 * pageMargin);
  return viewValues(physical, buffer, byteOffset + pageMargin, rows);
}

/** Of such values: few of them have none. */
export const hasMargins = ({ byteLength }: Values): boolean => byteLength >= fewBytes;
