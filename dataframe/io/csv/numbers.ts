/** Numbers from bytes. Blanks around them are allowed, as CSV writers often pad. */

const space = 32;
const plus = 43;
const minus = 45;
const dot = 46;
const zero = 48;

const maxInt64 = 2n ** 63n - 1n;
const minInt64 = -(2n ** 63n);
const maxUint64 = 2n ** 64n - 1n;

/** Powers of ten that float64 holds exactly. */
const powers = new Float64Array(23);
for (let i = 0; i < powers.length; i++) {
  powers[i] = Number(`1e${i}`);
}

/** An integer of at most 15 digits; NaN for anything else, which `wideInteger` then looks at. */
export function shortInteger(bytes: Uint8Array, from: number, to: number): number {
  let p = from;
  let negative = false;
  const sign = bytes[p];
  if (sign === minus || sign === plus) {
    negative = sign === minus;
    p++;
  }
  if (p >= to || to - p > 15) {
    return Number.NaN;
  }
  let value = 0;
  for (; p < to; p++) {
    const digit = bytes[p]! - zero;
    if (digit < 0 || digit > 9) {
      return Number.NaN;
    }
    value = value * 10 + digit;
  }
  return negative ? 0 - value : value;
}

/** Any integer of 64 bits; null when it is none or does not fit. */
export function wideInteger(bytes: Uint8Array, from: number, to: number, unsigned: boolean): bigint | null {
  const text = trimmed(bytes, from, to);
  if (!/^[+-]?\d+$/.test(text) || text.length > 64) {
    return null;
  }
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  const fits = unsigned ? value >= 0n && value <= maxUint64 : value >= minInt64 && value <= maxInt64;
  return fits ? value : null;
}

/**
 * A decimal number whose digits fit 15 places and whose power of ten is at most 22: then one multiplication or
 * division of exact values rounds correctly (Clinger's fast path). NaN for anything else.
 */
export function shortFloat(bytes: Uint8Array, from: number, to: number): number {
  let p = from;
  let negative = false;
  const sign = bytes[p];
  if (sign === minus || sign === plus) {
    negative = sign === minus;
    p++;
  }
  let value = 0;
  let digits = 0;
  let seen = 0;
  let fraction = 0;
  let inFraction = 0;
  for (; p < to; p++) {
    const byte = bytes[p]!;
    const digit = byte - zero;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      seen++;
      // Leading zeros cost no precision.
      digits += value > 0 ? 1 : 0;
      fraction += inFraction;
    } else if (byte === dot && inFraction === 0) {
      inFraction = 1;
    } else {
      break;
    }
  }
  if (seen === 0 || digits > 15) {
    return Number.NaN;
  }
  let exponent = 0;
  if (p < to) {
    if ((bytes[p]! | 32) !== 101) {
      return Number.NaN;
    }
    exponent = shortInteger(bytes, p + 1, to);
  }
  const scale = exponent - fraction;
  // Also false for NaN.
  if (!(scale >= -22 && scale <= 22)) {
    return Number.NaN;
  }
  const magnitude = scale < 0 ? value / powers[-scale]! : value * powers[scale]!;
  return negative ? -magnitude : magnitude;
}

/**
 * A number of at most 19 digits, at most 22 of them behind the point and no exponent: as doubles are usually printed. The
 * digits are an exact sum of two doubles; their quotient by the power of ten is known to 2^-97, and taken where that is
 * enough to know how it rounds. NaN for anything else.
 */
export function longFloat(bytes: Uint8Array, from: number, to: number): number {
  let p = from;
  const negative = bytes[p] === minus;
  if (negative || bytes[p] === plus) p++;
  let high = 0;
  let low = 0;
  let digits = 0;
  let point = -1;
  let lowScale = 1;
  for (; p < to; p++) {
    const digit = bytes[p]! - zero;
    if (digit >= 0 && digit <= 9) {
      if (digits < 11) high = high * 10 + digit;
      else {
        low = low * 10 + digit;
        lowScale *= 10;
      }
      digits += high > 0 ? 1 : 0;
    } else if (bytes[p] === dot && point < 0) point = p;
    else return Number.NaN;
  }
  const fraction = point < 0 ? 0 : to - point - 1;
  if (digits > 19 || digits < 12 || fraction > 22) return Number.NaN;
  const magnitude = quotient(high, lowScale, low, powers[fraction]!);
  return negative ? -magnitude : magnitude;
}

/** (high × scale + low) / power, rounded once; NaN where that cannot be told. high < 1e11, scale and low ≤ 1e8. */
function quotient(high: number, scale: number, low: number, power: number): number {
  // T. J. Dekker's exact product and D. Knuth's exact sum.
  const product = high * scale;
  const sum = product + low;
  const part = sum - product;
  const rest = product - (sum - part) + (low - part) + productError(high, scale, product);
  const first = sum / power;
  const back = first * power;
  const second = (sum - back - productError(first, power, back) + rest) / power;
  const doubt = first * 2 ** -97;
  const result = first + (second - doubt);
  return result === first + (second + doubt) ? result : Number.NaN;
}

/** a × b − product, exactly. */
function productError(a: number, b: number, product: number): number {
  const aSplit = 134_217_729 * a;
  const aHigh = aSplit - (aSplit - a);
  const aLow = a - aHigh;
  const bSplit = 134_217_729 * b;
  const bHigh = bSplit - (bSplit - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

/** The unscaled integer of a decimal with at most `scale` digits behind the point and 15 in all; NaN for anything else. */
export function shortDecimal(bytes: Uint8Array, from: number, to: number, scale: number): number {
  let p = from;
  const negative = bytes[p] === minus;
  if (negative || bytes[p] === plus) p++;
  const start = p;
  let value = 0;
  let point = -1;
  for (; p < to; p++) {
    const digit = bytes[p]! - zero;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (bytes[p] === dot && point < 0) point = p;
    else return Number.NaN;
  }
  const digits = to - start - (point < 0 ? 0 : 1);
  const more = scale - (point < 0 ? 0 : to - point - 1);
  if (digits === 0 || more < 0 || digits + more > 15) return Number.NaN;
  // Of whole numbers, all of them exact.
  value *= powers[more]!;
  return negative ? 0 - value : value;
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const special = /^([+-]?)(inf|infinity|nan)$/i;

/** Any decimal number, `inf`, `infinity`, `nan` in any case; null when it is none. */
export function anyFloat(bytes: Uint8Array, from: number, to: number): number | null {
  const text = trimmed(bytes, from, to);
  if (decimal.test(text)) {
    return Number(text);
  }
  const match = special.exec(text);
  if (match === null) {
    return null;
  }
  if (match[2]?.toLowerCase() === 'nan') {
    return Number.NaN;
  }
  return match[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** 1, 0, or -1 when it is neither true nor false, in any case. */
export function boolean(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  const text = length === 4 || length === 5 ? trimmed(bytes, from, to).toLowerCase() : '';
  return text === 'true' ? 1 : text === 'false' ? 0 : -1;
}

/** As text, without blanks around it. */
export function trimmed(bytes: Uint8Array, from: number, to: number): string {
  while (from < to && bytes[from] === space) {
    from++;
  }
  while (to > from && bytes[to - 1] === space) {
    to--;
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}
