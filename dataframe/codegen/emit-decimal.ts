import { assert } from '../../core/base/assert.js';
import { DataType } from '../column/datatype.js';
import {
  type DecimalType,
  decimalOverflow,
  powerOf10,
  resultDecimal,
  roundedType,
} from '../column/decimal.js';
import type { CallNode } from './emit.js';
import { anyNull, type BigValue, type Emitted, type Emitter, type NumberValue } from './emitter.js';

/**
 * Decimals in generated code. A loop first runs over unscaled values as numbers, and gives up (UnsafeDecimal) at the
 * first one that is no safe integer; evaluate then runs that expression again over bigints. What comes out is the same
 * either way: only values decide, and every rounding is defined on the values.
 */
export type DecimalValue = NumberValue | BigValue;

/** Thrown by generated code, and while it is made, where a decimal needs more than a safe integer. */
export class UnsafeDecimal extends Error {}

export function unsafeDecimal(): never {
  throw new UnsafeDecimal('volley bug: a decimal beyond 2^53 was not evaluated again');
}

/** A local for an unscaled result: as a number it must be a safe integer. `rows` that are null may hold anything. */
function checked(emitter: Emitter, text: string, isNull: string | null): string {
  const code = emitter.local(text);
  const live = isNull === null ? '' : `!${isNull}&&`;
  const beyond = `${code}>9007199254740991||${code}<-9007199254740991`;
  emitter.line(`if(${live}(${beyond}))${emitter.bind(unsafeDecimal)}();`);
  return code;
}

/** 10^n as text of the form the loop works in. */
export function powerText(emitter: Emitter, n: number): string {
  return emitter.huge ? emitter.bind(powerOf10(n)) : String(10 ** n);
}

/** The unscaled value times 10^digits. */
export function scaledUp(emitter: Emitter, value: DecimalValue, digits: number): string {
  if (digits === 0) return value.code;
  const text = `${value.code}*${powerText(emitter, digits)}`;
  return value.form === 'big' ? emitter.local(text) : checked(emitter, text, value.isNull);
}

const halfAwayNumber = (x: string, r: string, d: string) =>
  `(${x}-${r})/${d}+(2*Math.abs(${r})>=${d}?(${x}<0?-1:1):0)`;
const halfAwayBig = (x: string, r: string, d: string) =>
  `(${x}-${r})/${d}+(2n*(${r}<0n?-${r}:${r})>=${d}?(${x}<0n?-1n:1n):0n)`;

/** The unscaled value without its last digits, rounded half away from zero, or as told. */
export function scaledDown(
  emitter: Emitter,
  value: DecimalValue,
  digits: number,
  mode: 'round' | 'floor' | 'ceil' | 'trunc' = 'round',
): string {
  if (digits === 0) return value.code;
  const x = value.code;
  const d = powerText(emitter, digits);
  const big = value.form === 'big';
  const rest = emitter.local(`${x}%${d}`);
  const [zero, one] = big ? ['0n', '1n'] : ['0', '1'];
  let text = `(${x}-${rest})/${d}`;
  if (mode === 'round') text = (big ? halfAwayBig : halfAwayNumber)(x, rest, d);
  else if (mode === 'floor') text += `-(${rest}<${zero}?${one}:${zero})`;
  else if (mode === 'ceil') text += `+(${rest}>${zero}?${one}:${zero})`;
  return emitter.local(big ? text : `${text}+0`);
}

/** An unscaled result of that type. */
export function decimalValue(
  emitter: Emitter,
  type: DecimalType,
  code: string,
  isNull: string | null,
): DecimalValue {
  return { form: emitter.huge ? 'big' : 'number', type, isNull, code };
}

function decimalOf(value: Emitted): DecimalValue {
  assert(value.form === 'number' || value.form === 'big', () => `a decimal as a ${value.form}`);
  return value;
}

const typeOf = (value: Emitted) => value.type as DecimalType;

/** Both operands at the larger of their scales. */
export function alignedDecimals(emitter: Emitter, a: Emitted, b: Emitted): [string, string] {
  const scale = Math.max(typeOf(a).scale, typeOf(b).scale);
  return [
    scaledUp(emitter, decimalOf(a), scale - typeOf(a).scale),
    scaledUp(emitter, decimalOf(b), scale - typeOf(b).scale),
  ];
}

/** Arithmetic whose operands are decimals, none of them the null literal. */
export function emitDecimal(emitter: Emitter, node: CallNode, args: readonly Emitted[]): Emitted {
  const [a, b] = args as [Emitted, Emitted | undefined];
  switch (node.fn) {
    case 'add':
    case 'sub':
    case 'mul':
    case 'mod':
      return emitBinary(emitter, node.fn, decimalOf(a), decimalOf(b!));
    case 'clip':
      return emitClip(emitter, args.map(decimalOf));
    default:
      return emitUnary(emitter, node, decimalOf(a));
  }
}

function emitBinary(emitter: Emitter, fn: string, a: DecimalValue, b: DecimalValue): Emitted {
  const type = resultDecimal(fn, typeOf(a), typeOf(b))!;
  const isNull = anyNull(emitter, a.isNull, b.isNull);
  const [x, y] = fn === 'mul' ? [a.code, b.code] : alignedDecimals(emitter, a, b);
  if (fn === 'mod') return emitRest(emitter, type, x, y, isNull);
  const text = `${x}${fn === 'add' ? '+' : fn === 'sub' ? '-' : '*'}${y}`;
  const code = emitter.huge
    ? emitter.local(text)
    : checked(emitter, fn === 'mul' ? `${text}+0` : text, isNull);
  return bounded(emitter, fn, type, code, isNull);
}

/** The dividend's sign; a divisor of zero gives null. */
function emitRest(emitter: Emitter, type: DecimalType, x: string, y: string, isNull: string | null): Emitted {
  const zero = emitter.local(`${y}==0`, 'n');
  const rest = emitter.huge ? `${zero}?0n:${x}%${y}` : `(${x}%${y})+0`;
  return decimalValue(emitter, type, emitter.local(rest), anyNull(emitter, isNull, zero));
}

function emitUnary(emitter: Emitter, node: CallNode, value: DecimalValue): Emitted {
  const { isNull, code: x } = value;
  const type = typeOf(value);
  const zero = emitter.huge ? '0n' : '0';
  switch (node.fn) {
    case 'neg':
      return decimalValue(emitter, type, emitter.local(`${zero}-${x}`), isNull);
    case 'abs':
      return decimalValue(emitter, type, emitter.local(`(${x}<${zero}?-${x}:${x})`), isNull);
    case 'sign': {
      const code = emitter.local(`(${x}>${zero}?1:${x}<${zero}?-1:0)`);
      return { form: 'number', type: DataType.Int32, isNull, code };
    }
    case 'floor':
    case 'ceil':
    case 'round':
      return emitRound(emitter, node, value);
    default:
      return assert(false, `${node.fn} of a decimal`) as never;
  }
}

function emitRound(emitter: Emitter, node: CallNode, value: DecimalValue): Emitted {
  const decimals = Number(node.params?.decimals);
  const type = roundedType(typeOf(value), decimals);
  const mode = node.fn as 'round' | 'floor' | 'ceil';
  const code = scaledDown(emitter, value, typeOf(value).scale - decimals, mode);
  const whole = decimalValue(emitter, type, code, value.isNull);
  return decimals >= 0
    ? whole
    : bounded(emitter, node.fn, type, scaledUp(emitter, whole, -decimals), value.isNull);
}

/** A result that may be beyond its type where digits were cut at 38: a safe integer never is. */
function bounded(
  emitter: Emitter,
  fn: string,
  type: DecimalType,
  code: string,
  isNull: string | null,
): DecimalValue {
  if (emitter.huge) {
    const bound = powerText(emitter, type.precision);
    const fail = emitter.bind((row: number, value: bigint) => decimalOverflow(fn, type, row, value));
    const live = isNull === null ? '' : `!${isNull}&&`;
    emitter.line(`if(${live}(${code}>=${bound}||${code}<=-${bound}))${fail}(i,${code});`);
  }
  return decimalValue(emitter, type, code, isNull);
}

/** The type of a result that is always null. */
export function nullDecimal({ fn, params }: CallNode, args: readonly Emitted[]): DataType {
  const [a, b] = args.map(typeOf) as [DecimalType, DecimalType | undefined];
  if (fn === 'sign') return DataType.Int32;
  if (fn === 'round' || fn === 'floor' || fn === 'ceil') return roundedType(a, Number(params?.decimals));
  return b === undefined || fn === 'clip' ? a : resultDecimal(fn, a, b)!;
}

/** Operands of one type. */
function emitClip(emitter: Emitter, args: readonly DecimalValue[]): Emitted {
  const [v, low, high] = args.map(arg => arg.code) as [string, string, string];
  const isNull = anyNull(emitter, ...args.map(arg => arg.isNull));
  const code = emitter.local(`${v}<${low}?${low}:${v}>${high}?${high}:${v}`);
  return decimalValue(emitter, typeOf(args[0]!), code, isNull);
}
