import { VolleyError } from '../../core/base/errors.js';
import { type DataType, formatType, maxPrecision } from './datatype.js';

/** A decimal's value is its unscaled integer divided by 10^scale. Unscaled values are numbers while safe, else bigints. */
export type DecimalType = Extract<DataType, { kind: 'decimal' }>;
export type Unscaled = number | bigint;

/** Digits up to which an unscaled value always fits 64 bits. */
export const maxPrecision64 = 18;

/** Digits up to which an unscaled value is always a safe integer. */
export const maxPrecisionSafe = 15;

const powers: bigint[] = [1n];

/** 10^n, exact. */
export function powerOf10(n: number): bigint {
  for (let k = powers.length; k <= n; k++) powers.push(powers[k - 1]! * 10n);
  return powers[n]!;
}

const integerDigits: Readonly<Record<string, number>> = {
  int8: 3,
  int16: 5,
  int32: 10,
  int64: 19,
  uint8: 3,
  uint16: 5,
  uint32: 10,
  uint64: 20,
};

/** The decimal type that holds every value of an integer type, or of a decimal type; null for others. */
export function asDecimalType(type: DataType): DecimalType | null {
  if (type.kind === 'decimal') return type;
  const precision = integerDigits[type.kind];
  return precision === undefined ? null : { kind: 'decimal', precision, scale: 0 };
}

const wholeDigits = ({ precision, scale }: DecimalType) => precision - scale;

/** The type that holds every value of both; null when that takes more than 38 digits. */
export function commonDecimal(a: DecimalType, b: DecimalType): DecimalType | null {
  const scale = Math.max(a.scale, b.scale);
  const precision = Math.max(wholeDigits(a), wholeDigits(b)) + scale;
  return precision > maxPrecision ? null : { kind: 'decimal', precision, scale };
}

/** SQL's result types. Digits are cut at 38, after which a result may overflow; null: more than 38 behind the point. */
export function resultDecimal(fn: string, a: DecimalType, b: DecimalType): DecimalType | null {
  if (fn === 'mul') {
    const scale = a.scale + b.scale;
    const precision = Math.min(maxPrecision, a.precision + b.precision);
    return scale > maxPrecision ? null : { kind: 'decimal', precision, scale };
  }
  const scale = Math.max(a.scale, b.scale);
  const more = fn === 'add' || fn === 'sub' ? 1 : 0;
  const precision = Math.max(wholeDigits(a), wholeDigits(b)) + scale + more;
  return { kind: 'decimal', precision: Math.min(maxPrecision, precision), scale };
}

/** The type of a decimal rounded to `decimals` digits behind the point, fewer than it has; negative: to tens, hundreds … */
export function roundedType({ precision, scale }: DecimalType, decimals: number): DecimalType {
  // Below the point rounding up needs no more digits than it takes away; above it one more may appear.
  const digits = decimals < 0 ? Math.min(maxPrecision, precision - scale + 1) : precision;
  return { kind: 'decimal', precision: digits, scale: Math.max(0, decimals) };
}

/** The type of a sum: as many digits as there are. */
export function sumType({ scale }: DecimalType): DecimalType {
  return { kind: 'decimal', precision: maxPrecision, scale };
}

/** True when every value of `from`, rounded to the scale of `to`, is one of `to`. */
export function holdsAll(to: DecimalType, from: DecimalType): boolean {
  const carry = to.scale < from.scale ? 1 : 0;
  return wholeDigits(to) >= wholeDigits(from) + carry;
}

/** Exactly `scale` digits behind the point: `-0.05`. */
export function formatDecimal(unscaled: Unscaled, scale: number): string {
  let digits = String(unscaled);
  if (scale === 0) return digits;
  const sign = digits.startsWith('-') ? '-' : '';
  if (sign !== '') digits = digits.slice(1);
  digits = digits.padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

const form = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/** Digits and how many of them are behind the point (negative: zeros follow); null: no decimal. */
function digitsOf(text: string): { unscaled: bigint; scale: number } | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  if (digits.length === 0 || digits.length > 1000) return null;
  const unscaled = BigInt(digits);
  return { unscaled: sign === '-' ? -unscaled : unscaled, scale: fraction.length - Number(exponent) };
}

/**
 * The unscaled value of a text; null when it is no decimal or has too many digits before the point. Digits beyond the
 * scale are rounded half away from zero, or, with `exact`, refused unless they are zeros.
 */
export function parseDecimal(text: string, { precision, scale }: DecimalType, exact = false): bigint | null {
  const parsed = digitsOf(text.trim());
  if (parsed === null) return null;
  if (parsed.unscaled === 0n) return 0n;
  const shift = scale - parsed.scale;
  if (shift > 2 * maxPrecision) return null;
  // A thousand digits below the scale at most: what is smaller still rounds to 0 like them.
  const divisor = powerOf10(Math.min(1001, Math.max(0, -shift)));
  if (exact && parsed.unscaled % divisor !== 0n) return null;
  const unscaled = shift >= 0 ? parsed.unscaled * powerOf10(shift) : divideHalfAway(parsed.unscaled, divisor);
  const bound = powerOf10(precision);
  return unscaled < bound && unscaled > -bound ? unscaled : null;
}

/** The quotient, rounded half away from zero; divisor > 0. */
export function divideHalfAway(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  const rest = value - quotient * divisor;
  if (2n * (rest < 0n ? -rest : rest) < divisor) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

/** The decimal that a number or bigint is written as, with no more digits than that takes; null: none of 38 digits. */
export function decimalOfNumber(value: Unscaled): { type: DecimalType; unscaled: bigint } | null {
  const parsed = digitsOf(String(value));
  if (parsed === null || parsed.scale > maxPrecision || parsed.scale < -maxPrecision) return null;
  const scale = Math.max(0, parsed.scale);
  const unscaled = parsed.unscaled * powerOf10(scale - parsed.scale);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).length;
  const precision = Math.max(digits, scale, 1);
  return precision > maxPrecision ? null : { type: { kind: 'decimal', precision, scale }, unscaled };
}

/** The float nearest to the decimal. */
export function decimalToNumber(unscaled: Unscaled, scale: number): number {
  // Both are exact up to 10^22, so the quotient is rounded once; the parser of numbers rounds once too.
  if (typeof unscaled === 'number' && scale <= 22) return unscaled / 10 ** scale;
  return Number(formatDecimal(unscaled, scale));
}

/** A bigint as a number where that is exact: how unscaled values stand in plans. Text is what a plan holds beyond. */
export function plainUnscaled(unscaled: bigint): number | string {
  const small = Number(unscaled);
  return Number.isSafeInteger(small) ? small : String(unscaled);
}

/** Throws what a decimal beyond its type means to the user. */
export function decimalOverflow(what: string, type: DecimalType, row: number, value: bigint): never {
  const text = formatDecimal(value, type.scale);
  throw new VolleyError(
    'INTEGER_OVERFLOW',
    `${what}: row ${row} is ${text}, beyond ${formatType(type)}: cast an operand to Float64, or to a decimal of fewer digits, first`,
    { function: what, row, value: text, type: formatType(type) },
  );
}
