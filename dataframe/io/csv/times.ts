import type { TimeUnit } from '../../column/datatype.js';

/** Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's days_from_civil). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function digits(bytes: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const digit = bytes[from + i]! - 48;
    if (!(digit >= 0 && digit <= 9)) {
      return Number.NaN;
    }
    value = value * 10 + digit;
  }
  return value;
}

/** `YYYY-MM-DD` as days since 1970-01-01; NaN when it is no date. */
export function isoDate(bytes: Uint8Array, from: number, to: number): number {
  if (to - from !== 10 || bytes[from + 4] !== 45 || bytes[from + 7] !== 45) {
    return Number.NaN;
  }
  const year = digits(bytes, from, 4);
  const month = digits(bytes, from + 5, 2);
  const day = digits(bytes, from + 8, 2);
  if (!(month >= 1 && month <= 12 && day >= 1)) {
    return Number.NaN;
  }
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  return day <= daysOfMonth[month - 1]! + leap ? daysFromCivil(year, month, day) : Number.NaN;
}

/** An instant or wall time in parts, so that every unit can be made of it exactly. */
export interface IsoTime {
  readonly seconds: number;
  readonly nanos: number;
  /** Whether it said `Z` or an offset (which `seconds` has taken into account). */
  readonly zoned: boolean;
}

/**
 * `YYYY-MM-DD[T ]HH:MM[:SS[.f]]` with up to nine digits of fraction, then nothing, `Z`, `+HH`, `+HHMM` or `+HH:MM`;
 * or a bare date, which is midnight. null when it is none of them.
 */
export function isoTime(bytes: Uint8Array, from: number, to: number): IsoTime | null {
  const days = isoDate(bytes, from, Math.min(to, from + 10));
  if (Number.isNaN(days)) {
    return null;
  }
  if (to - from === 10) {
    return { seconds: days * 86_400, nanos: 0, zoned: false };
  }
  const separator = bytes[from + 10]! | 32;
  if ((separator !== 116 && separator !== 32) || to - from < 16 || bytes[from + 13] !== 58) {
    return null;
  }
  let second = 0;
  let nanos = 0;
  let p = from + 16;
  if (p < to && bytes[p] === 58) {
    second = p + 3 <= to ? digits(bytes, p + 1, 2) : Number.NaN;
    p += 3;
    if (p < to && bytes[p] === 46) {
      const start = ++p;
      while (p < to && bytes[p]! >= 48 && bytes[p]! <= 57) {
        p++;
      }
      const places = p - start;
      nanos = places >= 1 && places <= 9 ? digits(bytes, start, places) * 10 ** (9 - places) : Number.NaN;
    }
  }
  const offset = p === to ? 0 : offsetSeconds(bytes, p, to);
  const hour = digits(bytes, from + 11, 2);
  const minute = digits(bytes, from + 14, 2);
  // Comparisons with NaN are false.
  if (!(hour <= 23 && minute <= 59 && second <= 59 && nanos >= 0 && !Number.isNaN(offset))) {
    return null;
  }
  return { seconds: days * 86_400 + hour * 3600 + minute * 60 + second - offset, nanos, zoned: p < to };
}

function offsetSeconds(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from]!;
  if ((first | 32) === 122) {
    return to - from === 1 ? 0 : Number.NaN;
  }
  if (first !== 43 && first !== 45) {
    return Number.NaN;
  }
  const length = to - from - 1;
  const colon = length === 5 && bytes[from + 3] === 58 ? 1 : 0;
  if (length !== 2 && length !== 4 && colon === 0) {
    return Number.NaN;
  }
  const hours = digits(bytes, from + 1, 2);
  const minutes = length === 2 ? 0 : digits(bytes, from + 3 + colon, 2);
  const seconds = hours <= 23 && minutes <= 59 ? hours * 3600 + minutes * 60 : Number.NaN;
  return first === 45 ? -seconds : seconds;
}

const ticksPerSecond: Record<TimeUnit, number> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };

/** In ticks of `unit`, cut towards the past; a bigint beyond 2^53. */
export function toTicks(time: IsoTime, unit: TimeUnit): number | bigint {
  const perSecond = ticksPerSecond[unit];
  const part = Math.floor(time.nanos / (1e9 / perSecond));
  const ticks = time.seconds * perSecond + part;
  return Number.isSafeInteger(ticks) && Number.isSafeInteger(time.seconds * perSecond)
    ? ticks
    : BigInt(time.seconds) * BigInt(perSecond) + BigInt(part);
}
