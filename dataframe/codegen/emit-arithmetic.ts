import { assert } from '../../core/base/assert.js';
import { DataType } from '../column/datatype.js';
import type { CallNode } from './emit.js';
import { emit } from './emit.js';
import { emitDecimal, nullDecimal } from './emit-decimal.js';
import { anyNull, type Emitted, type Emitter, type NumberValue, type PairValue } from './emitter.js';
import { emitOverflow, emitPairSum, toNumber, toPair } from './wide.js';

type Numeric = NumberValue | PairValue;

/** Bounds of the results of integer arithmetic. 64-bit types: what stays exact in a float64. */
const bounds: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  int64: [-9007199254740991, 9007199254740991],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
  uint64: [0, 9007199254740991],
};

export function emitArithmetic(emitter: Emitter, node: CallNode): Emitted {
  const args = node.args.map(arg => emit(emitter, arg));
  const type = floatResult.has(node.fn) ? DataType.Float64 : args[0]!.type;
  const decimal = args[0]!.type.kind === 'decimal';
  if (args.some(arg => arg.form === 'null')) {
    return { form: 'null', type: decimal ? nullDecimal(node, args) : type, isNull: 'true' };
  }
  if (decimal) return emitDecimal(emitter, node, args);
  for (const arg of args) {
    assert(arg.form === 'number' || arg.form === 'pair', () => `${node.fn} of a ${arg.form}`);
  }
  const numbers = args as readonly Numeric[];
  if (numbers.length === 1) return emitUnary(emitter, node.fn, numbers[0]!);
  if (node.fn === 'clip') return emitClip(emitter, numbers);
  return emitBinary(emitter, node.fn, numbers[0]!, numbers[1]!);
}

const floatResult = new Set(['div', 'pow', 'sqrt', 'log', 'exp']);

function emitBinary(emitter: Emitter, fn: string, left: Numeric, right: Numeric): Emitted {
  if ((left.form === 'pair' || right.form === 'pair') && (fn === 'add' || fn === 'sub')) {
    return emitPairSum(emitter, fn, toPair(emitter, left), toPair(emitter, right));
  }
  const a = toNumber(emitter, left, fn);
  const b = toNumber(emitter, right, fn);
  const isNull = anyNull(emitter, a.isNull, b.isNull);
  const value = (text: string, type: DataType, nulls = isNull): NumberValue => ({
    form: 'number',
    type,
    isNull: nulls,
    code: emitter.local(text),
  });
  switch (fn) {
    case 'div':
      return value(`${a.code}/${b.code}`, DataType.Float64);
    case 'pow':
      return value(`Math.pow(${a.code},${b.code})`, DataType.Float64);
    case 'mod': {
      const zero = b.constant === undefined || b.constant === 0 ? emitter.local(`${b.code}===0`, 'n') : null;
      const integer = bounds[a.type.kind] !== undefined;
      const rest = `${a.code}%${b.code}`;
      const text = integer ? `(${rest})+0` : a.type.kind === 'float32' ? `Math.fround(${rest})` : rest;
      return value(text, a.type, anyNull(emitter, isNull, zero));
    }
    default: {
      const op = fn === 'add' ? '+' : fn === 'sub' ? '-' : '*';
      return checked(emitter, `${a.code}${op}${b.code}`, a.type, isNull, fn);
    }
  }
}

/** A result of `type`: integers are checked against their bounds and never −0. */
function checked(
  emitter: Emitter,
  text: string,
  type: DataType,
  isNull: string | null,
  fn: string,
): NumberValue {
  const range = bounds[type.kind];
  if (range === undefined) {
    const code = emitter.local(type.kind === 'float32' ? `Math.fround(${text})` : text);
    return { form: 'number', type, isNull, code };
  }
  const code = emitter.local(fn === 'mul' ? `${text}+0` : text);
  emitOverflow(emitter, `${code}>${range[1]}||${code}<${range[0]}`, isNull, fn, type);
  return { form: 'number', type, isNull, code };
}

function emitUnary(emitter: Emitter, fn: string, value: Numeric): Emitted {
  const { type } = value;
  const integer = bounds[type.kind] !== undefined;
  const a = toNumber(emitter, value, fn);
  const x = a.code;
  const result = (text: string, as: DataType = type): NumberValue => ({
    form: 'number',
    type: as,
    isNull: a.isNull,
    code: emitter.local(text),
  });
  switch (fn) {
    case 'neg':
      return integer ? checked(emitter, `0-${x}`, type, a.isNull, fn) : result(`-${x}`);
    case 'abs':
      return checked(emitter, `Math.abs(${x})`, type, a.isNull, fn);
    case 'sign':
      return result(integer ? `(${x}>0?1:${x}<0?-1:0)` : `Math.sign(${x})`);
    case 'floor':
      return result(`Math.floor(${x})`);
    case 'ceil':
      return result(`Math.ceil(${x})`);
    case 'round': {
      // Half away from zero; adding 0.5 first would round 0.49999999999999994 up.
      const whole = emitter.local(`Math.trunc(${x})`);
      return result(`Math.abs(${x}-${whole})>=0.5?${whole}+Math.sign(${x}):${whole}`);
    }
    case 'sqrt':
    case 'log':
    case 'exp':
      return result(`Math.${fn}(${x})`, DataType.Float64);
    default:
      return assert(false, `${fn} takes more than one operand`) as never;
  }
}

/** NaN stays NaN. */
function emitClip(emitter: Emitter, args: readonly Numeric[]): Emitted {
  const [v, low, high] = args.map(arg => toNumber(emitter, arg, 'clip'));
  const isNull = anyNull(emitter, v!.isNull, low!.isNull, high!.isNull);
  const code = emitter.local(
    `${v!.code}<${low!.code}?${low!.code}:${v!.code}>${high!.code}?${high!.code}:${v!.code}`,
  );
  return { form: 'number', type: v!.type, isNull, code };
}
