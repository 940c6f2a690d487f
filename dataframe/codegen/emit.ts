import { assert, assertNever } from '../../core/base/assert.js';
import type { DataType } from '../column/datatype.js';
import { dictionaryOf } from '../column/dictionary.js';
import { isWide } from '../column/layout.js';
import type { ExprNode, FunctionName } from '../expr/node.js';
import { emitArithmetic } from './emit-arithmetic.js';
import { emitCast, emitRowText } from './emit-cast.js';
import { emitCompare, emitIsIn } from './emit-compare.js';
import { emitDate } from './emit-date.js';
import { UnsafeDecimal } from './emit-decimal.js';
import { emitList } from './emit-list.js';
import { emitCase, emitCoalesce, emitLogic } from './emit-logic.js';
import { emitStruct } from './emit-struct.js';
import { emitText } from './emit-text.js';
import { type Emitted, type Emitter, numberText } from './emitter.js';
import { loadColumn } from './load.js';

export type CallNode = Extract<ExprNode, { kind: 'call' }>;

/** Emits the code of one typed expression (expr/functions.ts tells what typing guarantees). */
export function emit(emitter: Emitter, node: ExprNode): Emitted {
  return emitter.remember(node, () => emitNew(emitter, node));
}

function emitNew(emitter: Emitter, node: ExprNode): Emitted {
  switch (node.kind) {
    case 'column':
      return loadColumn(emitter, emitter.column(node.name), 'i');
    case 'literal':
      return emitLiteral(emitter, node.value, node.type);
    case 'alias':
      return emit(emitter, node.input);
    case 'cast':
      return emitCast(emitter, node);
    case 'case':
      return emitCase(emitter, node);
    case 'call':
      return emitCall(emitter, node);
    case 'aggregate':
    case 'wildcard':
      return assert(false, `a ${node.kind} is no row expression`) as never;
    default:
      return assertNever(node);
  }
}

function emitLiteral(
  emitter: Emitter,
  value: null | boolean | number | bigint | string,
  type: DataType,
): Emitted {
  if (value === null) return { form: 'null', type, isNull: 'true' };
  if (type.kind === 'decimal') return emitDecimalLiteral(emitter, BigInt(value), type);
  if (typeof value === 'string') {
    const { dictionary } = dictionaryOf([value]);
    return { form: 'text', type, isNull: null, code: '0', dictionary };
  }
  if (typeof value === 'boolean') return { form: 'bool', type, isNull: null, code: String(value) };
  if (typeof value === 'bigint' && isWide(type) && !Number.isSafeInteger(Number(value))) {
    const high = Number(BigInt.asIntN(32, value >> 32n));
    const low = Number(BigInt.asUintN(32, value));
    const signed = type.kind === 'uint64' ? high >>> 0 : high;
    return { form: 'pair', type, isNull: null, high: numberText(signed), low: numberText(low) };
  }
  const constant = Number(value);
  const code = emitter.local(numberText(constant), 'c');
  return { form: 'number', type, isNull: null, code, constant };
}

function emitDecimalLiteral(emitter: Emitter, unscaled: bigint, type: DataType): Emitted {
  if (emitter.huge) return { form: 'big', type, isNull: null, code: emitter.bind(unscaled) };
  const constant = Number(unscaled);
  if (!Number.isSafeInteger(constant)) throw new UnsafeDecimal();
  return { form: 'number', type, isNull: null, code: emitter.local(numberText(constant), 'c'), constant };
}

function emitCall(emitter: Emitter, node: CallNode): Emitted {
  const group = groups[node.fn];
  return group(emitter, node);
}

type CallEmitter = (emitter: Emitter, node: CallNode) => Emitted;

const groups: Readonly<Record<FunctionName, CallEmitter>> = {
  add: emitArithmetic,
  sub: emitArithmetic,
  mul: emitArithmetic,
  div: emitArithmetic,
  mod: emitArithmetic,
  pow: emitArithmetic,
  neg: emitArithmetic,
  abs: emitArithmetic,
  round: emitArithmetic,
  floor: emitArithmetic,
  ceil: emitArithmetic,
  sqrt: emitArithmetic,
  log: emitArithmetic,
  exp: emitArithmetic,
  sign: emitArithmetic,
  clip: emitArithmetic,
  eq: emitCompare,
  neq: emitCompare,
  gt: emitCompare,
  gtEq: emitCompare,
  lt: emitCompare,
  ltEq: emitCompare,
  isIn: emitIsIn,
  isBetween: emitLogic,
  isNull: emitLogic,
  isNotNull: emitLogic,
  isNaN: emitLogic,
  and: emitLogic,
  or: emitLogic,
  not: emitLogic,
  coalesce: emitCoalesce,
  'str.contains': emitText,
  'str.startsWith': emitText,
  'str.endsWith': emitText,
  'str.toLowerCase': emitText,
  'str.toUpperCase': emitText,
  'str.strip': emitText,
  'str.slice': emitText,
  'str.lenChars': emitText,
  'str.replace': emitText,
  'str.replaceAll': emitText,
  'str.strptime': emitText,
  concatStr: emitRowText,
  struct: emitStruct,
  'struct.field': emitStruct,
  'list.len': emitList,
  'list.get': emitList,
  'list.contains': emitList,
  'list.sum': emitList,
  'list.join': emitList,
  'date.year': emitDate,
  'date.month': emitDate,
  'date.day': emitDate,
  'date.weekday': emitDate,
  'date.hour': emitDate,
  'date.minute': emitDate,
  'date.second': emitDate,
  'date.ordinalDay': emitDate,
  'date.epoch': emitDate,
  'date.truncate': emitDate,
  'date.strftime': emitRowText,
};
