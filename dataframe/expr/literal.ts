import { VolleyError } from '../../core/base/errors.js';
import { DataType, sameType, type TimeUnit } from '../column/datatype.js';
import {
  type DecimalType,
  decimalOfNumber,
  formatDecimal,
  parseDecimal,
  plainUnscaled,
} from '../column/decimal.js';
import type { ExprNode, LiteralValue } from './node.js';

export type LiteralNode = Extract<ExprNode, { kind: 'literal' }>;

/** Plain values that may stand where an expression is wanted. */
export type PlainValue = null | boolean | number | bigint | string | Date;

const DAY_MS = 86_400_000;
const unitsPerSecond: Record<TimeUnit, number> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };
const integerRange: Record<string, readonly [number, number]> = {
  int8: [-128, 127],
  int16: [-32_768, 32_767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64],
};

/** A plain value as a literal: safe integers are Int64, other numbers Float64, Date is Timestamp(ms). */
export function literalNode(value: unknown): LiteralNode {
  if (value === null) return { kind: 'literal', value, type: DataType.Null };
  switch (typeof value) {
    case 'boolean':
      return { kind: 'literal', value, type: DataType.Bool };
    case 'number':
      return { kind: 'literal', value, type: isWhole(value) ? DataType.Int64 : DataType.Float64 };
    case 'bigint':
      return integerLiteral(value);
    case 'string':
      return { kind: 'literal', value, type: DataType.Utf8 };
    case 'function':
      throw new VolleyError(
        'UNSUPPORTED',
        "a function is not an expression here: write it with columns, e.g. col('a').gt(10) instead of r => r.a > 10",
      );
    default:
      if (value instanceof Date && !Number.isNaN(value.getTime())) {
        return { kind: 'literal', value: value.getTime(), type: DataType.Timestamp('ms') };
      }
      throw new VolleyError(
        'INVALID_ARGUMENT',
        `${value instanceof Date ? 'an invalid Date' : String(value)} cannot stand in an expression: give a number, string, boolean, bigint, Date, null or an Expr`,
      );
  }
}

function integerLiteral(value: bigint): LiteralNode {
  if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value) {
    throw new VolleyError('INTEGER_OVERFLOW', `${value}n does not fit into 64 bits`, {
      value: String(value),
    });
  }
  const type = BigInt.asIntN(64, value) === value ? DataType.Int64 : DataType.UInt64;
  const small = Number(value);
  return { kind: 'literal', value: Number.isSafeInteger(small) ? small : value, type };
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/** A number as the decimal it is written as; null: it is none of 38 digits. */
export function decimalLiteral({
  value,
}: LiteralNode): (LiteralNode & { readonly type: DecimalType }) | null {
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  const decimal = decimalOfNumber(value);
  return decimal && { kind: 'literal', value: plainUnscaled(decimal.unscaled), type: decimal.type };
}

/** The literal as a value of `type`, or null when that would change the value (or there is no such conversion). */
export function convertLiteral(node: LiteralNode, type: DataType): LiteralNode | null {
  if (sameType(node.type, type)) return node;
  if (node.value === null) return { kind: 'literal', value: null, type };
  const value = convertValue(node.value, node.type, type);
  return value === null ? null : { kind: 'literal', value, type };
}

function convertValue(value: LiteralValue, from: DataType, to: DataType): LiteralValue {
  if (to.kind === 'date' || to.kind === 'timestamp') return convertTime(value, from, to);
  if (to.kind === 'decimal' || from.kind === 'decimal') return convertDecimal(value, from, to);
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  if (from.kind === 'date' || from.kind === 'timestamp') return null;
  if (to.kind === 'float64')
    return Number.isSafeInteger(Number(value)) || typeof value === 'number' ? Number(value) : null;
  if (to.kind === 'float32')
    return typeof value === 'number' && Object.is(Math.fround(value), value) ? value : null;
  const range = integerRange[to.kind];
  if (range === undefined) return null;
  if (typeof value === 'bigint') {
    const fits =
      to.kind === 'uint64' ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value;
    return fits && to.kind.endsWith('64') ? value : null;
  }
  return isWhole(value) && value >= range[0] && value <= range[1] ? value : null;
}

function convertDecimal(value: LiteralValue, from: DataType, to: DataType): LiteralValue {
  if (from.kind === 'date' || from.kind === 'timestamp' || from.kind === 'utf8') return null;
  if (typeof value === 'boolean' || value === null) return null;
  const text = from.kind === 'decimal' ? formatDecimal(BigInt(value), from.scale) : String(value);
  if (to.kind === 'float64') return Number(text);
  const unscaled = to.kind === 'decimal' ? parseDecimal(text, to, true) : null;
  return unscaled === null ? null : plainUnscaled(unscaled);
}

function convertTime(value: LiteralValue, from: DataType, to: DataType): LiteralValue {
  if (typeof value !== 'number') return null;
  const fromPerDay =
    from.kind === 'date' ? 1 : from.kind === 'timestamp' ? 86_400 * unitsPerSecond[from.unit] : 0;
  if (fromPerDay === 0) return null;
  const toPerDay = to.kind === 'timestamp' ? 86_400 * unitsPerSecond[to.unit] : 1;
  const scaled = toPerDay >= fromPerDay ? value * (toPerDay / fromPerDay) : value / (fromPerDay / toPerDay);
  return Number.isSafeInteger(scaled) ? scaled : null;
}

/** Values of an isIn list for a column of `type`; Dates come as milliseconds. Null where one can never be equal. */
export function listValue(value: LiteralValue, dates: boolean, type: DataType): LiteralValue | undefined {
  if (value === null) return undefined;
  const node: LiteralNode =
    dates && typeof value === 'number'
      ? { kind: 'literal', value, type: DataType.Timestamp('ms') }
      : literalNode(value);
  return convertLiteral(node, type)?.value ?? undefined;
}

/** Milliseconds of one day: dates count days. */
export const dayMs = DAY_MS;
