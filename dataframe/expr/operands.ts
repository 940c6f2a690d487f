import { DataType, sameType, type TimeUnit } from '../column/datatype.js';
import { asDecimalType, commonDecimal } from '../column/decimal.js';
import { convertLiteral, decimalLiteral } from './literal.js';
import type { ExprNode } from './node.js';

/** An expression whose names are resolved, with its type. */
export interface TypedExpr {
  readonly node: ExprNode;
  readonly type: DataType;
}

const signed = new Set(['int8', 'int16', 'int32', 'int64']);
export const unsigned = new Set(['uint8', 'uint16', 'uint32', 'uint64']);
export const comparable = new Set(['bool', 'utf8', 'date', 'timestamp', 'duration']);
const unitOrder: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns'];

export function isInteger(type: DataType): boolean {
  return signed.has(type.kind) || unsigned.has(type.kind);
}
export function isFloat(type: DataType): boolean {
  return type.kind === 'float32' || type.kind === 'float64';
}
export function isNumeric(type: DataType): boolean {
  return isInteger(type) || isFloat(type) || type.kind === 'decimal';
}
export function isTemporal(type: DataType): boolean {
  return type.kind === 'date' || type.kind === 'timestamp';
}

/**
 * The type both values can take without loss (int64 or a decimal and float64 meet in float64); null when there is none.
 */
export function commonType(a: DataType, b: DataType): DataType | null {
  if (sameType(a, b)) return a;
  if (a.kind === 'null') return b;
  if (b.kind === 'null') return a;
  if (isInteger(a) && isInteger(b)) return DataType.Int64;
  if ((a.kind === 'decimal' || b.kind === 'decimal') && !isFloat(a) && !isFloat(b)) {
    const [x, y] = [asDecimalType(a), asDecimalType(b)];
    return x && y && commonDecimal(x, y);
  }
  if (isNumeric(a) && isNumeric(b)) return DataType.Float64;
  if (a.kind === 'timestamp' && b.kind === 'timestamp') {
    const unit = unitOrder[Math.max(unitOrder.indexOf(a.unit), unitOrder.indexOf(b.unit))]!;
    return DataType.Timestamp(unit, a.timeZone ?? b.timeZone);
  }
  if (isTemporal(a) && isTemporal(b)) return a.kind === 'timestamp' ? a : b;
  return null;
}

/** The operand as a value of `type`: literals are rewritten, anything else is cast. */
export function coerce(operand: TypedExpr, type: DataType): TypedExpr {
  if (sameType(operand.type, type)) return operand;
  const literal = operand.node.kind === 'literal' ? convertLiteral(operand.node, type) : null;
  return { node: literal ?? { kind: 'cast', input: operand.node, type, strict: true }, type };
}

/**
 * Where one operand is a decimal and none is a float that is no literal: the operands with literal numbers as the
 * decimals they are written as, 0.05 as 5 hundredths. Null where that is not so, or one is no number.
 */
export function decimalOperands(operands: readonly TypedExpr[]): TypedExpr[] | null {
  if (!operands.some(({ type }) => type.kind === 'decimal')) return null;
  const out: TypedExpr[] = [];
  for (const operand of operands) {
    const { node, type } = operand;
    const literal = node.kind === 'literal' && type.kind !== 'decimal' ? decimalLiteral(node) : null;
    if (literal !== null) out.push({ node: literal, type: literal.type });
    else if (type.kind === 'null' || asDecimalType(type) !== null) out.push(operand);
    else return null;
  }
  return out;
}

/** Integers and nulls as decimals that hold them all. */
export function asDecimal(operand: TypedExpr): TypedExpr {
  return coerce(operand, asDecimalType(operand.type) ?? DataType.Decimal(1, 0));
}

/** Brings operands to one type. A literal takes the type of the others where its value allows. */
export function unify(given: readonly TypedExpr[]): TypedExpr[] | null {
  const operands = decimalOperands(given) ?? given;
  let type: DataType | null = DataType.Null;
  for (const { node, type: t } of operands) {
    if (node.kind !== 'literal') type = type && commonType(type, t);
  }
  for (const { node, type: t } of operands) {
    if (node.kind !== 'literal' || type === null) continue;
    const fits = type.kind !== 'null' && commonType(type, t) !== null && convertLiteral(node, type) !== null;
    if (!fits) type = commonType(type, t);
  }
  return type && operands.map(operand => coerce(operand, type));
}
