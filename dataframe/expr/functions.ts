import { VolleyError } from '../../core/base/errors.js';
import { DataType, formatType, sameType } from '../column/datatype.js';
import { type DecimalType, resultDecimal, roundedType } from '../column/decimal.js';
import { isNested } from '../column/layout.js';
import { formatExpr } from './format.js';
import { convertLiteral, type LiteralNode, listValue, literalNode } from './literal.js';
import { columnNotFound } from './nearest.js';
import type { FunctionName, FunctionParams, LiteralValue } from './node.js';
import {
  asDecimal,
  coerce,
  commonType,
  comparable,
  decimalOperands,
  isFloat,
  isInteger,
  isNumeric,
  isTemporal,
  type TypedExpr,
  unify,
  unsigned,
} from './operands.js';

/**
 * Typing of scalar functions and aggregates, and the contract with codegen. After analysis (expr/typing.ts):
 *
 * - add, sub, mul, mod: both operands have the result's type: one integer type, float32 or float64. Or both are decimals
 *   of any digits: the result's are those of resultDecimal (column/decimal.ts).
 *   Integer operands of different types were cast to int64; a literal counts as int64. Overflow is an error.
 * - div, pow: both operands and the result are float64. sqrt, log, exp: float64 in and out.
 * - neg, abs, sign: result type = operand type (unsigned operands of neg were cast to int64); sign of a decimal: int32.
 * - round, floor, ceil: float operands (of integers the call is dropped); round has no parameter left. Of decimals
 *   they keep params.decimals, below the scale.
 * - clip: value, low, high and result have one type.
 * - eq, neq, gt, gtEq, lt, ltEq: both operands have one type (bool, number, utf8, date, timestamp), or both are
 *   decimals of any digits; result bool.
 * - isIn: params.values are in the operand's representation (days, units, number or bigint), without null.
 * - isBetween never arrives: it is gtEq and ltEq. isNaN: float operand. isNull, isNotNull: any operand.
 * - and, or: exactly two bool operands; not: one.
 * - coalesce: all operands have the result's type. case: conditions bool, all values of the result's type.
 * - str.*, concatStr: utf8 operands. str.lenChars gives int32, the predicates bool, others utf8.
 * - str.strptime stands directly below a cast to date or timestamp and has that cast's type; a text that does not
 *   match fails when the cast is strict, else gives null.
 * - date.*: date or timestamp operand (hour, minute, second: timestamp). Parts give int32, epoch int64,
 *   truncate the operand's type, strftime utf8.
 * - cast: never to the operand's own type. null → anything; number ↔ number; bool → number; anything ↔ utf8;
 *   date ↔ timestamp; timestamp → timestamp; integer ↔ date, timestamp. To a decimal and between decimals: rounded half
 *   away from zero; decimal → integer: towards zero.
 * - Literals already have the type their place needs.
 * - struct: any operands, one for each of params.names; struct.field: a struct operand that has params.name.
 * - list.*: a list operand; list.contains: the value has the items' type.
 * - Aggregates: sum: integer → int64 (bool was cast to int32), float → float64, decimal → 38 digits. mean: any number, var, std, quantile, corr:
 *   float64, of integers and floats. min, max, first, last: the input's type. list, topK, bottomK: lists of it.
 *   count, len, nUnique, approxNUnique: int64.
 */
/** One call being typed. */
export interface Call {
  readonly fn: FunctionName;
  readonly args: readonly TypedExpr[];
  readonly params: FunctionParams | undefined;
}

/** Types a call whose arguments are typed, inserting casts. Throws TYPE_MISMATCH. */
export function typeCall(call: Call): TypedExpr {
  return rules[call.fn](call);
}

type Rule = (call: Call) => TypedExpr;

function made(call: Call, args: readonly TypedExpr[], type: DataType): TypedExpr {
  const nodes = args.map(a => a.node);
  const { fn, params } = call;
  return {
    node:
      params === undefined ? { kind: 'call', fn, args: nodes } : { kind: 'call', fn, args: nodes, params },
    type,
  };
}

/** The error of a call whose operands do not fit; `fix` is a sentence. */
export function mismatch(what: string, operands: readonly TypedExpr[], fix: string): VolleyError {
  const described = operands.map(o => `${formatExpr(o.node)} (${formatType(o.type)})`).join(' and ');
  return new VolleyError('TYPE_MISMATCH', `${what} cannot take ${described}. ${fix}`, {
    function: what,
    operands: operands.map(o => ({ expression: formatExpr(o.node), type: formatType(o.type) })),
  });
}

const arithmetic: Rule = call => {
  const [a, b] = call.args.map(arg => (arg.type.kind === 'bool' ? coerce(arg, DataType.Int64) : arg));
  const decimals = decimalOperands([a!, b!]);
  if (decimals !== null) return decimalArithmetic(call, decimals);
  if (call.fn === 'add' && a!.type.kind === 'utf8' && b!.type.kind === 'utf8') {
    return made({ fn: 'concatStr', args: call.args, params: { separator: '' } }, call.args, DataType.Utf8);
  }
  const type = arithmeticType(a!, b!);
  if (type === null) throw mismatch(call.fn, call.args, castHint(call.args, 'It works on numbers'));
  return made(call, [coerce(a!, type), coerce(b!, type)], type);
};

/** Operands of any scale: the result's is SQL's. */
function decimalArithmetic(call: Call, operands: readonly TypedExpr[]): TypedExpr {
  const [a, b] = operands.map(asDecimal) as [TypedExpr, TypedExpr];
  const type = resultDecimal(call.fn, a.type as DecimalType, b.type as DecimalType);
  if (type !== null) return made(call, [a, b], type);
  throw mismatch(
    call.fn,
    call.args,
    'A decimal has 38 digits, and the result has more behind the point: .cast(DataType.Decimal(p, s)) one to a lower scale, or to DataType.Float64.',
  );
}

function arithmeticType(a: TypedExpr, b: TypedExpr): DataType | null {
  const type = commonType(a.type, b.type);
  if (type === null || !(isNumeric(type) || type.kind === 'null')) return null;
  if (type.kind === 'null') return DataType.Int64;
  for (const [x, y] of [
    [a, b],
    [b, a],
  ] as const) {
    const fits = y.node.kind === 'literal' && convertLiteral(y.node, x.type) !== null;
    if (x.type.kind === 'float32' && fits) return x.type;
  }
  return type;
}

const inFloat64: Rule = call => {
  const args = call.args.map(arg => {
    if (!isNumeric(arg.type) && arg.type.kind !== 'bool' && arg.type.kind !== 'null') {
      throw mismatch(call.fn, call.args, castHint(call.args, 'It works on numbers'));
    }
    return coerce(arg, DataType.Float64);
  });
  return made(call, args, DataType.Float64);
};

const sameNumber: Rule = call => {
  let arg = call.args[0]!;
  if (call.fn === 'sign' && arg.type.kind === 'decimal') return made(call, [arg], DataType.Int32);
  if (arg.type.kind === 'null') arg = coerce(arg, DataType.Int64);
  if (!isNumeric(arg.type)) throw mismatch(call.fn, call.args, castHint(call.args, 'It works on numbers'));
  if (call.fn === 'neg' && unsigned.has(arg.type.kind)) arg = coerce(arg, DataType.Int64);
  return made(call, [arg], arg.type);
};

const rounding: Rule = call => {
  const arg = call.args[0]!;
  if (isInteger(arg.type)) return arg;
  if (arg.type.kind === 'decimal') return roundedDecimal(call, arg, arg.type);
  if (!isFloat(arg.type)) throw mismatch(call.fn, call.args, castHint(call.args, 'It works on numbers'));
  const { decimals } = call.params ?? {};
  const plain: Call = { fn: call.fn, args: call.args, params: undefined };
  if (typeof decimals !== 'number' || decimals === 0) return made(plain, [arg], arg.type);
  const scale = { node: literalNode(10 ** Math.abs(decimals)), type: DataType.Float64 };
  const [up, down] = decimals > 0 ? (['mul', 'div'] as const) : (['div', 'mul'] as const);
  const scaled = typeCall({ fn: up, args: [coerce(arg, DataType.Float64), scale], params: undefined });
  return typeCall({ fn: down, args: [made(plain, [scaled], DataType.Float64), scale], params: undefined });
};

/** What is left behind the point are the digits it is rounded to. */
function roundedDecimal(call: Call, arg: TypedExpr, type: DecimalType): TypedExpr {
  const given = call.params?.decimals;
  const decimals = typeof given === 'number' ? given : 0;
  if (decimals >= type.scale) return arg;
  return made({ ...call, params: { decimals } }, [arg], roundedType(type, decimals));
}

const unified: Rule = call => {
  const args = unify(call.args);
  if (args === null) throw mismatch(call.fn, call.args, castHint(call.args, 'All operands need one type'));
  if (isNested(args[0]!.type)) throw mismatch(call.fn, call.args, nestedWays(args[0]!.type));
  return made(call, args, args[0]!.type);
};

const comparison: Rule = call => {
  // Of any scales: they are compared as they are.
  const decimals = decimalOperands(call.args);
  if (decimals !== null) return made(call, decimals.map(asDecimal), DataType.Bool);
  const args = unify(call.args);
  if (
    args === null ||
    !(isNumeric(args[0]!.type) || comparable.has(args[0]!.type.kind) || args[0]!.type.kind === 'null')
  ) {
    throw mismatch(call.fn, call.args, castHint(call.args, 'Compare values of one type'));
  }
  return made(call, args, DataType.Bool);
};

const between: Rule = call => {
  const [value, low, high] = call.args;
  const atLeast = comparison({ fn: 'gtEq', args: [value!, low!], params: undefined });
  const atMost = comparison({ fn: 'ltEq', args: [value!, high!], params: undefined });
  return made({ fn: 'and', args: [], params: undefined }, [atLeast, atMost], DataType.Bool);
};

const isIn: Rule = call => {
  const arg = call.args[0]!;
  const given = (call.params?.values ?? []) as readonly LiteralValue[];
  const dates = call.params?.dates === true;
  const values: LiteralValue[] = [];
  for (const value of given) {
    if (value === null) continue;
    const literal: LiteralNode = dates
      ? { kind: 'literal', value, type: DataType.Timestamp('ms') }
      : literalNode(value);
    if (arg.type.kind === 'decimal' && call.params?.typed === true) {
      values.push(value);
      continue;
    }
    const same = commonType(arg.type, literal.type);
    const time = !dates && isTemporal(arg.type) && call.params?.typed === true;
    if (same === null && !time) {
      throw mismatch(
        'isIn',
        [arg, { node: literal, type: literal.type }],
        castHint([arg], 'Give values of its type'),
      );
    }
    const converted = time ? value : listValue(value, dates, arg.type);
    if (converted !== undefined) values.push(converted);
  }
  return made({ ...call, params: { values, typed: true } }, [arg], DataType.Bool);
};

const anyToBool: Rule = call => made(call, call.args, DataType.Bool);

const isNaNRule: Rule = call => {
  const arg = call.args[0]!;
  if (!isNumeric(arg.type))
    throw mismatch('isNaN', call.args, 'It works on numbers; isNull() looks for nulls.');
  return made(call, [isFloat(arg.type) ? arg : coerce(arg, DataType.Float64)], DataType.Bool);
};

const logic: Rule = call => {
  const args = call.args.map(arg => (arg.type.kind === 'null' ? coerce(arg, DataType.Bool) : arg));
  if (args.some(arg => arg.type.kind !== 'bool')) {
    throw mismatch(call.fn, call.args, 'It works on conditions: compare first, e.g. .gt(0) or .eq(1).');
  }
  return made(call, args, DataType.Bool);
};

const text =
  (result: DataType): Rule =>
  call => {
    const args = call.args.map(arg => {
      if (arg.type.kind === 'null' || (call.fn === 'concatStr' && arg.type.kind !== 'binary')) {
        return coerce(arg, DataType.Utf8);
      }
      if (arg.type.kind !== 'utf8')
        throw mismatch(call.fn, call.args, 'It works on text: .cast(DataType.Utf8) first.');
      return arg;
    });
    return made(call, args, result);
  };

const datePart =
  (result: DataType | 'same', timestampOnly = false): Rule =>
  call => {
    const arg = call.args[0]!;
    if (!isTemporal(arg.type) || (timestampOnly && arg.type.kind === 'date')) {
      const wanted = timestampOnly ? 'timestamps' : 'dates and timestamps';
      throw mismatch(
        call.fn,
        call.args,
        `It works on ${wanted}: .cast(DataType.Timestamp('us')), or .str.strptime(type, format) of text.`,
      );
    }
    return made(call, [arg], result === 'same' ? arg.type : result);
  };

const listWays =
  'Lists can be carried, counted (.list.len()), read (.list.get(i), .list.contains(v), .list.sum(), .list.join(s)) and exploded.';

/** What can be done with columns that are made of others. */
export function nestedWays(type: DataType): string {
  return type.kind === 'list' ? listWays : structWays;
}

const structWays = "Structs can be carried and taken apart: .struct.field('name') is one of its fields.";

const struct: Rule = call => {
  const names = call.params?.names as readonly string[];
  if (call.fn === 'struct') {
    const fields = call.args.map(({ type }, f) => ({ name: names[f]!, type }));
    return made(call, call.args, { kind: 'struct', fields });
  }
  const { type } = call.args[0]!;
  if (type.kind !== 'struct') throw mismatch(call.fn, call.args, 'It works on columns of structs.');
  const field = type.fields.find(({ name }) => name === call.params?.name);
  if (field === undefined) throw columnNotFound(String(call.params?.name), type.fields, 'struct.field');
  return made(call, call.args, field.type);
};

const list: Rule = call => {
  const [input, value] = call.args;
  if (input!.type.kind !== 'list') throw mismatch(call.fn, call.args, 'It works on columns of lists.');
  const { item } = input!.type;
  switch (call.fn) {
    case 'list.len':
      return made(call, call.args, DataType.Int32);
    case 'list.get':
      return made(call, call.args, item);
    case 'list.contains': {
      const [, typed] = unify([{ node: { kind: 'column', name: 'item' }, type: item }, value!]) ?? [];
      const plain = isNumeric(item) || comparable.has(item.kind) || item.kind === 'null';
      if (typed === undefined || !sameType(typed.type, item) || !plain) {
        throw mismatch(call.fn, call.args, 'The value must have the type of the items.');
      }
      return made(call, [input!, typed], DataType.Bool);
    }
    case 'list.sum':
      if ((!isNumeric(item) && item.kind !== 'null') || item.kind === 'decimal')
        throw mismatch(call.fn, call.args, 'It works on lists of numbers.');
      return made(call, call.args, isFloat(item) ? DataType.Float64 : DataType.Int64);
    default:
      if (item.kind !== 'utf8' && item.kind !== 'null')
        throw mismatch(call.fn, call.args, 'It works on lists of text.');
      return made(call, call.args, DataType.Utf8);
  }
};

const part = datePart(DataType.Int32);
const timePart = datePart(DataType.Int32, true);

const rules: Record<FunctionName, Rule> = {
  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  mod: arithmetic,
  div: inFloat64,
  pow: inFloat64,
  sqrt: inFloat64,
  log: inFloat64,
  exp: inFloat64,
  neg: sameNumber,
  abs: sameNumber,
  sign: sameNumber,
  round: rounding,
  floor: rounding,
  ceil: rounding,
  clip: unified,
  coalesce: unified,
  eq: comparison,
  neq: comparison,
  gt: comparison,
  gtEq: comparison,
  lt: comparison,
  ltEq: comparison,
  isIn,
  isBetween: between,
  isNull: anyToBool,
  isNotNull: anyToBool,
  isNaN: isNaNRule,
  and: logic,
  or: logic,
  not: logic,
  'str.contains': text(DataType.Bool),
  'str.startsWith': text(DataType.Bool),
  'str.endsWith': text(DataType.Bool),
  'str.toLowerCase': text(DataType.Utf8),
  'str.toUpperCase': text(DataType.Utf8),
  'str.strip': text(DataType.Utf8),
  'str.slice': text(DataType.Utf8),
  'str.lenChars': text(DataType.Int32),
  'str.replace': text(DataType.Utf8),
  'str.replaceAll': text(DataType.Utf8),
  'str.strptime': text(DataType.Timestamp('us')),
  concatStr: text(DataType.Utf8),
  struct,
  'struct.field': struct,
  'list.len': list,
  'list.get': list,
  'list.contains': list,
  'list.sum': list,
  'list.join': list,
  'date.year': part,
  'date.month': part,
  'date.day': part,
  'date.weekday': part,
  'date.ordinalDay': part,
  'date.hour': timePart,
  'date.minute': timePart,
  'date.second': timePart,
  'date.epoch': datePart(DataType.Int64),
  'date.truncate': datePart('same'),
  'date.strftime': datePart(DataType.Utf8),
};

/** How to make operands fit: `rule`, and the cast that would. */
export function castHint(operands: readonly TypedExpr[], rule: string): string {
  const texts = operands.filter(o => o.type.kind === 'utf8' && o.node.kind !== 'literal');
  const first = texts[0] ?? operands[0]!;
  const target = texts.length > 0 ? 'DataType.Float64' : 'DataType.Utf8';
  const quoted = operands.some(o => o.type.kind === 'utf8' && o.node.kind === 'literal');
  const column = quoted ? " A string operand is a literal: a column is written col('name')." : '';
  return `${rule}: ${formatExpr(first.node)}.cast(${target}) changes its type.${column}`;
}
