import { assert } from '../../core/base/assert.js';
import { DataType, type TimeUnit } from '../column/datatype.js';
import { dayOf, joinDay, timeOf, words } from '../column/int64.js';
import {
  dayOfMonth,
  monthOf,
  ordinalDayOf,
  truncateDays,
  truncateMonths,
  truncateWeeks,
  weekdayOf,
  yearOf,
} from './calendar.js';
import type { CallNode } from './emit.js';
import { emit } from './emit.js';
import type { Emitted, Emitter, NumberValue, PairValue } from './emitter.js';
import { emitOverflow } from './wide.js';

export const unitsPerSecond: Readonly<Record<TimeUnit, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };

/** A date or timestamp taken apart: texts of the day and of the units since its start, and units per second. */
export interface SplitTime {
  readonly day: string;
  /** Units of `perSecond`; '0' for dates. */
  readonly time: string;
  readonly perSecond: number;
  readonly isNull: string | null;
}

export function splitTime(emitter: Emitter, value: NumberValue | PairValue): SplitTime {
  const { type, isNull } = value;
  if (type.kind === 'date') {
    assert(value.form === 'number', 'a date is a number of days');
    return { day: value.code, time: '0', perSecond: 1, isNull };
  }
  assert(type.kind === 'timestamp', () => `no time in a ${type.kind}`);
  const perSecond = unitsPerSecond[type.unit];
  const perDay = perSecond * 86400;
  if (value.form === 'pair') {
    const of = (fn: typeof dayOf) =>
      emitter.local(`${emitter.bind(fn)}(${value.high},${value.low},${perDay})`, 't');
    return { day: of(dayOf), time: of(timeOf), perSecond, isNull };
  }
  const day = emitter.local(`Math.floor(${value.code}/${perDay})`, 't');
  const time = emitter.local(`${value.code}-${day}*${perDay}`, 't');
  return { day, time, perSecond, isNull };
}

/** A timestamp of that unit from day and time (in its units). Seconds and milliseconds stay plain numbers. */
export function joinTime(
  emitter: Emitter,
  day: string,
  time: string,
  type: Extract<DataType, { kind: 'timestamp' }>,
  isNull: string | null,
): NumberValue | PairValue {
  const perDay = unitsPerSecond[type.unit] * 86400;
  if (type.unit === 's' || type.unit === 'ms') {
    return { form: 'number', type, isNull, code: emitter.local(`${day}*${perDay}+${time}`) };
  }
  const out = emitter.bind(words);
  emitter.line(`${emitter.bind(joinDay)}(${day},${time},${perDay});`);
  const high = emitter.local(`${out}.high+0`, 'h');
  const low = emitter.local(`${out}.low+0`, 'l');
  emitOverflow(emitter, `${high}>2147483647||${high}<-2147483648`, isNull, 'time', type);
  return { form: 'pair', type, isNull, high, low };
}

const dayParts: Readonly<Record<string, (days: number) => number>> = {
  'date.year': yearOf,
  'date.month': monthOf,
  'date.day': dayOfMonth,
  'date.weekday': weekdayOf,
  'date.ordinalDay': ordinalDayOf,
};

export function emitDate(emitter: Emitter, node: CallNode): Emitted {
  const value = emit(emitter, node.args[0]!);
  const sameType = node.fn === 'date.truncate';
  const type = sameType ? value.type : node.fn === 'date.epoch' ? DataType.Int64 : DataType.Int32;
  if (value.form === 'null') return { form: 'null', type, isNull: 'true' };
  assert(value.form === 'number' || value.form === 'pair', () => `${node.fn} of a ${value.form}`);
  if (node.fn === 'date.truncate') return emitTruncate(emitter, value, String(node.params?.every));
  if (node.fn === 'date.epoch') return emitEpoch(emitter, value, String(node.params?.unit ?? 'us'));
  const split = splitTime(emitter, value);
  const result = (text: string): NumberValue => ({
    form: 'number',
    type,
    isNull: value.isNull,
    code: emitter.local(text),
  });
  const part = dayParts[node.fn];
  if (part !== undefined) return result(`${emitter.bind(part)}(${split.day})`);
  const { time, perSecond } = split;
  switch (node.fn) {
    case 'date.hour':
      return result(`Math.floor(${time}/${3600 * perSecond})`);
    case 'date.minute':
      return result(`Math.floor(${time}/${60 * perSecond})%60`);
    default:
      return result(`Math.floor(${time}/${perSecond})%60`);
  }
}

/** Units since 1970, rounded down. */
function emitEpoch(emitter: Emitter, value: NumberValue | PairValue, unit: string): Emitted {
  const type = DataType.Int64;
  const { day, time, perSecond, isNull } = splitTime(emitter, value);
  if (unit === 'd') return { form: 'number', type, isNull, code: day };
  const target = unitsPerSecond[unit as TimeUnit];
  assert(target !== undefined, () => `no time unit ${unit}`);
  const stamp = DataType.Timestamp(unit as TimeUnit) as Extract<DataType, { kind: 'timestamp' }>;
  const scaled = scaleTime(emitter, time, perSecond, target);
  return { ...joinTime(emitter, day, scaled, stamp, isNull), type };
}

/** Units of one per second as units of another; at most 8.64e13, so exact. */
export function scaleTime(emitter: Emitter, time: string, from: number, to: number): string {
  if (from === to || time === '0') return time;
  return emitter.local(to > from ? `${time}*${to / from}` : `Math.floor(${time}/${from / to})`, 't');
}

const everySeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function emitTruncate(emitter: Emitter, value: NumberValue | PairValue, every: string): Emitted {
  const count = Number.parseInt(every, 10);
  const unit = every.replace(/^\d+/, '');
  const { day, time, perSecond, isNull } = splitTime(emitter, value);
  const { type } = value;
  const seconds = everySeconds[unit];
  if (seconds !== undefined) {
    if (type.kind !== 'timestamp') return value;
    return truncateClock(emitter, { day, time, perSecond, isNull }, type, count * seconds);
  }
  const months = unit === 'y' ? 12 * count : unit === 'q' ? 3 * count : count;
  const fn = unit === 'd' ? truncateDays : unit === 'w' ? truncateWeeks : truncateMonths;
  const argument = unit === 'd' || unit === 'w' ? count : months;
  const first = emitter.local(`${emitter.bind(fn)}(${day},${argument})`, 't');
  if (type.kind === 'timestamp') return joinTime(emitter, first, '0', type, isNull);
  return { form: 'number', type, isNull, code: first };
}

/** Steps of seconds, counted from 1970. */
function truncateClock(
  emitter: Emitter,
  split: SplitTime,
  type: Extract<DataType, { kind: 'timestamp' }>,
  step: number,
): Emitted {
  const { day, time, perSecond, isNull } = split;
  const second = emitter.local(`${day}*86400+Math.floor(${time}/${perSecond})`, 't');
  const start = emitter.local(`Math.floor(${second}/${step})*${step}`, 't');
  const startDay = emitter.local(`Math.floor(${start}/86400)`, 't');
  const rest = emitter.local(`(${start}-${startDay}*86400)*${perSecond}`, 't');
  return joinTime(emitter, startDay, rest, type, isNull);
}
