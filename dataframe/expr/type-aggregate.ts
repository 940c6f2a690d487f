import { DataType } from '../column/datatype.js';
import { sumType } from '../column/decimal.js';
import { isNested } from '../column/layout.js';
import { castHint, mismatch, nestedWays } from './functions.js';
import type { AggregateOp } from './node.js';
import { coerce, comparable, isFloat, isNumeric, type TypedExpr } from './operands.js';

/** The inputs as the aggregate needs them, and the result's type. */
export function typeAggregate(
  op: AggregateOp,
  input: TypedExpr | null,
  second: TypedExpr | null = null,
): { input: TypedExpr | null; other: TypedExpr | null; type: DataType } {
  const typed = (given: TypedExpr | null, type: DataType, other: TypedExpr | null = null) => {
    return { input: given, other, type };
  };
  if (op === 'len' || input === null) return typed(null, DataType.Int64);
  if (op === 'count') return typed(input, DataType.Int64);
  if (op === 'first' || op === 'last') return typed(input, input.type);
  if (op === 'list') return typed(input, DataType.List(input.type));
  if (op === 'nUnique' || op === 'approxNUnique') {
    if (!isNested(input.type)) return typed(input, DataType.Int64);
    throw mismatch(op, [input], nestedWays(input.type));
  }
  const { kind } = input.type;
  if (op === 'min' || op === 'max' || op === 'topK' || op === 'bottomK') {
    const ordered = isNumeric(input.type) || comparable.has(kind) || kind === 'null';
    if (!ordered) throw mismatch(op, [input], 'It works on numbers, text, dates and timestamps.');
    return typed(input, op === 'min' || op === 'max' ? input.type : DataType.List(input.type));
  }
  const number = toNumber(op, input);
  if (op === 'sum') return typed(number, typeOfSum(number.type));
  if (op === 'mean') return typed(number, DataType.Float64);
  return typed(plainNumber(number), DataType.Float64, second && plainNumber(toNumber(op, second)));
}

function typeOfSum(type: DataType): DataType {
  if (type.kind === 'decimal') return sumType(type);
  return isFloat(type) ? DataType.Float64 : DataType.Int64;
}

/** Deviations and quantiles of decimals are those of the nearest floats; their mean is that of their exact sum. */
function plainNumber(input: TypedExpr): TypedExpr {
  return input.type.kind === 'decimal' ? coerce(input, DataType.Float64) : input;
}

function toNumber(op: AggregateOp, input: TypedExpr): TypedExpr {
  const { kind } = input.type;
  const number = kind === 'bool' || kind === 'null' ? coerce(input, DataType.Int32) : input;
  if (isNumeric(number.type)) return number;
  throw mismatch(op, [input], castHint([input], 'It works on numbers and booleans'));
}
