import { VolleyError } from '../../core/base/errors.js';
import { type DataType, formatType } from '../column/datatype.js';
import { anyNull, type Emitted, type Emitter } from './emitter.js';

/** Lowest value of integer types and the one above the highest, where they are float64s. */
export const castBounds: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 128],
  int16: [-32768, 32768],
  int32: [-(2 ** 31), 2 ** 31],
  date: [-(2 ** 31), 2 ** 31],
  int64: [-(2 ** 63), 2 ** 63],
  timestamp: [-(2 ** 63), 2 ** 63],
  duration: [-(2 ** 63), 2 ** 63],
  uint8: [0, 256],
  uint16: [0, 65536],
  uint32: [0, 2 ** 32],
  uint64: [0, 2 ** 64],
};

/** The error of a value that its new type does not have. */
export function castFailed(row: number, value: unknown, from: DataType, to: DataType): VolleyError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new VolleyError(
    'CAST_FAILED',
    `row ${row}: ${shown} (${formatType(from)}) is no ${formatType(to)}: clean the data, or cast with { strict: false } to get null`,
    { row, value, from: formatType(from), type: formatType(to) },
  );
}

/** Strict: throws for rows that are `outside`, naming what `show` makes of `shown`. Else they are null; gives the new null flag. */
export function refuse<T>(
  emitter: Emitter,
  outside: string,
  value: Emitted,
  shown: string,
  type: DataType,
  strict: boolean,
  show: (found: T) => unknown = found => found,
): string | null {
  if (!strict) return anyNull(emitter, value.isNull, emitter.local(outside, 'n'));
  const from = value.type;
  const fail = emitter.bind((row: number, found: T) => {
    throw castFailed(row, show(found), from, type);
  });
  const live = value.isNull === null ? '' : `!${value.isNull}&&`;
  emitter.line(`if(${live}(${outside}))${fail}(i,${shown});`);
  return value.isNull;
}
