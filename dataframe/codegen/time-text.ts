import { civilFromDays, daysFromCivil, isCivil, ordinalDayOf, weekdayOf } from './calendar.js';

/** A point in time: day since 1970-01-01 and nanoseconds of that day, both exact. */
export interface Moment {
  readonly day: number;
  readonly nanos: number;
}

export const nanosPerDay = 86_400e9;
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

const isoForm =
  /^([+-]?\d{4,6})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/;

/** ISO 8601 date or date and time, with or without offset; null when the text is none. */
export function parseIso(text: string): Moment | null {
  const m = isoForm.exec(text.trim());
  if (m === null) return null;
  return moment({
    year: Number(m[1]),
    month: Number(m[2]),
    day: Number(m[3]),
    hour: Number(m[4] ?? 0),
    minute: Number(m[5] ?? 0),
    second: Number(m[6] ?? 0),
    nanos: Number((m[7] ?? '0').padEnd(9, '0')),
    offset: offsetMinutes(m[8]),
  });
}

interface Fields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  nanos: number;
  offset: number;
}

function offsetMinutes(text: string | undefined): number {
  if (text === undefined || text === 'Z') return 0;
  const digits = text.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || 0);
  return text.startsWith('-') ? -minutes : minutes;
}

function moment(f: Fields): Moment | null {
  if (!isCivil(f.year, f.month, f.day)) return null;
  if (f.hour > 23 || f.minute > 59 || f.second > 59) return null;
  const nanos = ((f.hour * 60 + f.minute - f.offset) * 60 + f.second) * 1e9 + f.nanos;
  const days = Math.floor(nanos / nanosPerDay);
  return { day: daysFromCivil(f.year, f.month, f.day) + days, nanos: nanos - days * nanosPerDay };
}

const names = (list: readonly string[]) => list.map(name => `${name}|${name.slice(0, 3)}`).join('|');

/** The pattern of each directive of strptime. */
const patterns: Readonly<Record<string, string>> = {
  Y: '[+-]?\\d{1,6}',
  m: '\\d{1,2}',
  d: '\\d{1,2}',
  e: ' ?\\d{1,2}',
  H: '\\d{1,2}',
  I: '\\d{1,2}',
  M: '\\d{1,2}',
  S: '\\d{1,2}',
  f: '\\d{1,9}',
  y: '\\d{2}',
  j: '\\d{1,3}',
  p: 'AM|PM|am|pm',
  b: names(months),
  B: names(months),
  a: names(weekdays),
  A: names(weekdays),
  z: 'Z|[+-]\\d\\d:?(?:\\d\\d)?',
};
const shorthands: Readonly<Record<string, string>> = {
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  D: '%m/%d/%y',
};

export const directives = [...Object.keys(patterns), ...Object.keys(shorthands), '%'];

/** Reads texts of one strftime format. Throws a RangeError for a directive it does not know. */
export function timeParser(format: string): (text: string) => Moment | null {
  const parts: string[] = [];
  const expanded = format.replace(/%([FTRD])/g, (_, d: string) => shorthands[d]!);
  const pattern = expanded.replace(/%(.)|[\\^$.*+?()[\]{}|/]/g, (found, directive: string | undefined) => {
    if (directive === undefined) return `\\${found}`;
    if (directive === '%') return '%';
    const known = patterns[directive];
    if (known === undefined) throw new RangeError(`%${directive}`);
    parts.push(directive);
    return `(${known})`;
  });
  const regex = new RegExp(`^${pattern}$`);
  return text => {
    const found = regex.exec(text);
    return found === null ? null : fromParts(parts, found);
  };
}

function fromParts(parts: readonly string[], found: RegExpExecArray): Moment | null {
  const f: Fields = { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanos: 0, offset: 0 };
  let ordinal = 0;
  let half = '';
  parts.forEach((directive, k) => {
    const text = found[k + 1]!;
    const number = Number(text);
    if (directive === 'Y') f.year = number;
    else if (directive === 'y') f.year = number + (number < 69 ? 2000 : 1900);
    else if (directive === 'm') f.month = number;
    else if (directive === 'd' || directive === 'e') f.day = number;
    else if (directive === 'H' || directive === 'I') f.hour = number;
    else if (directive === 'M') f.minute = number;
    else if (directive === 'S') f.second = number;
    else if (directive === 'f') f.nanos = Number(text.padEnd(9, '0'));
    else if (directive === 'j') ordinal = number;
    else if (directive === 'b' || directive === 'B')
      f.month = months.findIndex(m => m.startsWith(text.slice(0, 3))) + 1;
    else if (directive === 'p') half = text.toLowerCase();
    else if (directive === 'z') f.offset = offsetMinutes(text);
  });
  if (half !== '') {
    if (f.hour < 1 || f.hour > 12) return null;
    f.hour = (f.hour % 12) + (half === 'pm' ? 12 : 0);
  }
  const result = moment(f);
  if (result === null || ordinal === 0) return result;
  return { ...result, day: result.day + ordinal - 1 };
}

const two = (n: number) => (n < 10 ? `0${n}` : String(n));

function yearText(year: number): string {
  const digits = String(Math.abs(year)).padStart(4, '0');
  return year < 0 ? `-${digits}` : digits;
}

/** `2024-01-31`. */
export function dateText(day: number): string {
  const civil = civilFromDays(day);
  return `${yearText(Math.floor(civil / 512))}-${two(Math.floor((((civil % 512) + 512) % 512) / 32))}-${two(((civil % 32) + 32) % 32)}`;
}

/** `2024-01-31 13:05:09`, with a fraction when there is one. */
export function timestampText(day: number, nanos: number): string {
  const seconds = Math.floor(nanos / 1e9);
  const rest = nanos - seconds * 1e9;
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${dateText(day)} ${clock(seconds)}${fraction}`;
}

function clock(seconds: number): string {
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Writes moments in a strftime format. Throws a RangeError for a directive it does not know. */
export function timeFormatter(format: string): (day: number, nanos: number) => string {
  for (const [, directive] of format.matchAll(/%(.)/g)) {
    if (!directives.includes(directive!)) throw new RangeError(`%${directive}`);
  }
  return (day, nanos) => {
    const seconds = Math.floor(nanos / 1e9);
    return format.replace(/%(.)/g, (_, directive: string) =>
      part(directive, day, seconds, nanos - seconds * 1e9),
    );
  };
}

function part(directive: string, day: number, seconds: number, nanos: number): string {
  const date = dateText(day);
  const tail = date.length;
  const month = Number(date.slice(tail - 5, tail - 3));
  const hour = Math.floor(seconds / 3600);
  const weekday = weekdays[weekdayOf(day) - 1]!;
  const texts: Readonly<Record<string, () => string>> = {
    Y: () => date.slice(0, tail - 6),
    y: () => date.slice(tail - 8, tail - 6),
    m: () => two(month),
    d: () => date.slice(tail - 2),
    e: () => date.slice(tail - 2).replace(/^0/, ' '),
    H: () => two(hour),
    I: () => two(hour % 12 === 0 ? 12 : hour % 12),
    M: () => two(Math.floor(seconds / 60) % 60),
    S: () => two(seconds % 60),
    f: () => String(Math.floor(nanos / 1000)).padStart(6, '0'),
    j: () => String(ordinalDayOf(day)).padStart(3, '0'),
    p: () => (hour < 12 ? 'AM' : 'PM'),
    b: () => months[month - 1]!.slice(0, 3),
    B: () => months[month - 1]!,
    a: () => weekday.slice(0, 3),
    A: () => weekday,
    z: () => '+0000',
    F: () => date,
    T: () => clock(seconds),
    R: () => clock(seconds).slice(0, 5),
    D: () => `${two(month)}/${date.slice(tail - 2)}/${date.slice(tail - 8, tail - 6)}`,
    '%': () => '%',
  };
  return texts[directive]!();
}
