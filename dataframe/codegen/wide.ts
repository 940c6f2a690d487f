import { VolleyError } from '../../core/base/errors.js';
import { type DataType, formatType } from '../column/datatype.js';
import {
  anyNull,
  type Emitted,
  type Emitter,
  type NumberValue,
  numberText,
  type PairValue,
} from './emitter.js';

/** 64-bit integers as (high, low) words. Helpers leave their result here: no allocation per row. */
export const words = { high: 0, low: 0 };

const two32 = 4294967296;

/** Throws what an integer beyond its type means to the user. */
export function overflow(what: string, type: DataType, row: number): never {
  throw new VolleyError(
    'INTEGER_OVERFLOW',
    `${what}: row ${row} goes beyond ${formatType(type)}${type.kind === 'int64' ? ' (arithmetic on integers is exact up to 2^53)' : ''}: cast an operand to Float64 (or to a wider integer) first`,
    { function: what, row, type: formatType(type) },
  );
}

/** Emits `if (condition) throw INTEGER_OVERFLOW`, for rows that are not null. */
export function emitOverflow(
  emitter: Emitter,
  condition: string,
  isNull: string | null,
  what: string,
  type: DataType,
): void {
  const fail = emitter.bind((row: number) => overflow(what, type, row));
  const live = isNull === null ? '' : `!${isNull}&&`;
  emitter.line(`if(${live}(${condition}))${fail}(i);`);
}

/** The value as a JavaScript number, exact or INTEGER_OVERFLOW. */
export function toNumber(emitter: Emitter, value: NumberValue | PairValue, what: string): NumberValue {
  if (value.form === 'number') return value;
  const code = emitter.local(`${value.high}*4294967296+${value.low}`);
  const beyond = `${code}>9007199254740991||${code}<-9007199254740991`;
  emitOverflow(emitter, beyond, value.isNull, what, value.type);
  return { form: 'number', type: value.type, isNull: value.isNull, code };
}

/** The value as a rounded JavaScript number: casts to floats. */
export function toFloat(emitter: Emitter, value: NumberValue | PairValue): string {
  return value.form === 'number' ? value.code : emitter.local(`${value.high}*4294967296+${value.low}`);
}

export function toPair(emitter: Emitter, value: NumberValue | PairValue): PairValue {
  if (value.form === 'pair') return value;
  const { type, isNull, constant } = value;
  if (constant !== undefined) {
    const high = Math.floor(constant / two32);
    return { form: 'pair', type, isNull, high: numberText(high), low: numberText(constant - high * two32) };
  }
  const high = emitter.local(`Math.floor(${value.code}/4294967296)`, 'h');
  const low = emitter.local(`${value.code}-${high}*4294967296`, 'l');
  return { form: 'pair', type, isNull, high, low };
}

/** Sets `words` to day * unitsPerDay + time, all exact integers; |result| must be below 2^63. */
export function joinDay(day: number, time: number, unitsPerDay: number): void {
  // unitsPerDay = a * 2^24 + b: every partial product stays below 2^53.
  const a = Math.floor(unitsPerDay / 16777216);
  const b = unitsPerDay - a * 16777216;
  const p = day * a; // times 2^24
  const q = day * b + time;
  // p * 2^24 = high part (p >> 8) * 2^32 + (p & 255) * 2^24
  const ph = Math.floor(p / 256);
  const pl = (p - ph * 256) * 16777216;
  const qh = Math.floor(q / two32);
  const low = q - qh * two32 + pl;
  const carry = Math.floor(low / two32);
  words.high = ph + qh + carry;
  words.low = low - carry * two32;
}

/** The day of a pair counted in units, rounded down; `words` is not touched. */
export function dayOf(high: number, low: number, unitsPerDay: number): number {
  const time = timeOf(high, low, unitsPerDay);
  // The difference is a multiple of unitsPerDay up to rounding in the last place: the quotient rounds to an integer.
  return Math.round((high * two32 + (low - time)) / unitsPerDay);
}

/** Units since the start of the day. */
export function timeOf(high: number, low: number, unitsPerDay: number): number {
  const rest = (((high * two32) % unitsPerDay) + low) % unitsPerDay;
  return rest < 0 ? rest + unitsPerDay : rest;
}

/** Emits the sum or difference of two pairs. */
export function emitPairSum(emitter: Emitter, fn: 'add' | 'sub', a: PairValue, b: PairValue): Emitted {
  const isNull = anyNull(emitter, a.isNull, b.isNull);
  const op = fn === 'add' ? '+' : '-';
  const sum = emitter.local(`${a.low}${op}${b.low}`, 't');
  const carry = emitter.local(`Math.floor(${sum}/4294967296)`, 't');
  const high = emitter.local(`${a.high}${op}${b.high}+${carry}`, 'h');
  const low = emitter.local(`${sum}-${carry}*4294967296`, 'l');
  const bounds =
    a.type.kind === 'uint64' ? `${high}<0||${high}>4294967295` : `${high}<-2147483648||${high}>2147483647`;
  emitOverflow(emitter, bounds, isNull, fn, a.type);
  return { form: 'pair', type: a.type, isNull, high, low };
}
