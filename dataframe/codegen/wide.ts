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
