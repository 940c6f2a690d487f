import { VolleyError } from '../../../core/base/errors.js';
import { type Field, formatType } from '../../column/datatype.js';
import { type DecimalType, parseDecimal } from '../../column/decimal.js';
import {
  anyFloat,
  boolean,
  longFloat,
  shortDecimal,
  shortFloat,
  shortInteger,
  trimmed,
  wideInteger,
} from './numbers.js';
import { isoDate, isoTime, toTicks } from './times.js';

/** undefined: no value of the type. */
export type ValueParser = (window: Uint8Array, from: number, to: number) => number | bigint | undefined;

/** @throws UNSUPPORTED for types CSV cannot hold */
export function valueParser(field: Field): ValueParser {
  const { type } = field;
  switch (type.kind) {
    case 'bool':
      return (window, from, to) => {
        const value = boolean(window, from, to);
        return value < 0 ? undefined : value;
      };
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'int64':
    case 'uint64':
      return integerParser(type.kind);
    // A number of its units, as it is written.
    case 'duration':
      return integerParser('int64');
    case 'float32':
    case 'float64':
      return (window, from, to) => {
        let value = shortFloat(window, from, to);
        if (Number.isNaN(value)) value = longFloat(window, from, to);
        return Number.isNaN(value) ? (anyFloat(window, from, to) ?? undefined) : value;
      };
    case 'date':
      return (window, from, to) => {
        const value = isoDate(window, from, to);
        return Number.isNaN(value) ? undefined : value;
      };
    case 'timestamp': {
      const { unit, timeZone } = type;
      return (window, from, to) => {
        const time = isoTime(window, from, to);
        // An offset has no meaning where wall times are declared; without one, a time zone's times count as UTC.
        return time === null || (time.zoned && timeZone === null) ? undefined : toTicks(time, unit);
      };
    }
    case 'decimal':
      return decimalParser(type);
    default:
      throw new VolleyError(
        'UNSUPPORTED',
        `csv: column '${field.name}' is declared ${formatType(type)}, which is not read from text: ` +
          'declare Utf8, Bool, a number type, Decimal, Date, Timestamp or Duration and cast',
        { column: field.name, type: formatType(type) },
      );
  }
}

function integerParser(kind: string): ValueParser {
  const unsigned = kind.startsWith('u');
  const bits = Number(kind.replace(/\D+/, ''));
  const high = 2 ** (unsigned ? bits : bits - 1) - 1;
  const low = unsigned ? 0 : -(2 ** (bits - 1));
  return (window, from, to) => {
    const value = shortInteger(window, from, to);
    if (!Number.isNaN(value)) {
      return value < low || value > high ? undefined : value;
    }
    const wide = wideInteger(window, from, to, unsigned);
    if (wide === null) {
      return undefined;
    }
    const number = Number(wide);
    if (bits < 64) {
      return number < low || number > high ? undefined : number;
    }
    return Number.isSafeInteger(number) ? number : wide;
  };
}

/** Digits beyond the scale are rounded half away from zero, as a cast does. */
function decimalParser(type: DecimalType): ValueParser {
  const { precision, scale } = type;
  return (window, from, to) => {
    const value = shortDecimal(window, from, to, scale);
    if (!Number.isNaN(value) && Math.abs(value) < 10 ** precision) return value;
    const unscaled = parseDecimal(trimmed(window, from, to), type) ?? undefined;
    if (unscaled === undefined) return undefined;
    const number = Number(unscaled);
    return Number.isSafeInteger(number) ? number : unscaled;
  };
}
