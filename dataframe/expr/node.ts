import type { DataType } from '../column/datatype.js';

/** Expressions as plain data: what the fluent Expr builds, rules rewrite, fragments carry and codegen reads. */
export type ExprNode =
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: LiteralValue; readonly type: DataType }
  /** A scalar function of its arguments, row by row. */
  | {
      readonly kind: 'call';
      readonly fn: FunctionName;
      readonly args: readonly ExprNode[];
      readonly params?: FunctionParams;
    }
  | { readonly kind: 'cast'; readonly input: ExprNode; readonly type: DataType; readonly strict: boolean }
  /** when/then pairs in order; the first true condition wins. */
  | {
      readonly kind: 'case';
      readonly branches: readonly { readonly when: ExprNode; readonly then: ExprNode }[];
      readonly otherwise: ExprNode;
    }
  | {
      readonly kind: 'aggregate';
      readonly op: AggregateOp;
      /** null for len(). */
      readonly input: ExprNode | null;
      /** Only rows where this is true: `expr.filter(c).sum()`. */
      readonly filter: ExprNode | null;
      /** The second input, of corr. */
      readonly other?: ExprNode;
      /** The share of quantile; the number of values of topK and bottomK. */
      readonly param?: number;
    }
  | { readonly kind: 'alias'; readonly input: ExprNode; readonly name: string }
  /** all(), exclude(...): expanded by analyze. */
  | { readonly kind: 'wildcard'; readonly except: readonly string[] };

/**
 * Dates: days (date) or units (timestamp) as number; 64-bit integers beyond 2^53 as bigint. Decimals: the unscaled
 * integer as number, as text beyond 2^53.
 */
export type LiteralValue = null | boolean | number | bigint | string;

/** Constants a function was built with: a regex source, a format, a list of values. */
export type FunctionParams = Readonly<Record<string, LiteralValue | readonly LiteralValue[]>>;

export type AggregateOp =
  | 'sum'
  | 'mean'
  | 'min'
  | 'max'
  | 'count'
  | 'len'
  | 'nUnique'
  | 'approxNUnique'
  | 'std'
  | 'var'
  | 'quantile' // param: the share
  | 'corr' // other
  | 'list'
  | 'topK' // param: how many
  | 'bottomK'
  | 'first'
  | 'last';

/**
 * Scalar functions. Null in, null out, except: 'isNull', 'isNotNull', 'coalesce' (fillNull), 'isIn' (null in → null),
 * and Kleene 'and' / 'or'. Typing is in expr/functions.ts, code in codegen/.
 */
export type FunctionName =
  // arithmetic; 'div' gives float64
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'pow'
  | 'neg'
  | 'abs'
  | 'round'
  | 'floor'
  | 'ceil'
  | 'sqrt'
  | 'log'
  | 'exp'
  | 'sign'
  | 'clip'
  // comparison
  | 'eq'
  | 'neq'
  | 'gt'
  | 'gtEq'
  | 'lt'
  | 'ltEq'
  | 'isIn' // params.values
  | 'isBetween' // args: value, low, high (both inclusive)
  | 'isNull'
  | 'isNotNull'
  | 'isNaN'
  // logic
  | 'and'
  | 'or'
  | 'not'
  // nulls
  | 'coalesce'
  // strings: once per dictionary entry
  | 'str.contains' // params.pattern, params.regex: boolean, params.flags
  | 'str.startsWith'
  | 'str.endsWith' // params.text
  | 'str.toLowerCase'
  | 'str.toUpperCase'
  | 'str.strip'
  | 'str.slice' // params.offset, params.length (null: to the end); code points
  | 'str.lenChars'
  | 'str.replace'
  | 'str.replaceAll' // params.pattern, params.regex, params.flags, params.value
  | 'str.strptime' // params.format; type from the node's cast
  | 'concatStr' // args, params.separator
  // lists
  | 'list.len'
  | 'list.get' // params.index; negative: from the end
  | 'list.contains' // args: list, value
  | 'list.sum'
  | 'list.join' // params.separator
  // structs
  | 'struct' // args: the fields; params.names
  | 'struct.field' // params.name
  // dates and timestamps (UTC)
  | 'date.year'
  | 'date.month'
  | 'date.day'
  | 'date.weekday'
  | 'date.hour'
  | 'date.minute'
  | 'date.second'
  | 'date.ordinalDay'
  | 'date.epoch' // params.unit
  | 'date.truncate' // params.every: '1d', '1h', '1mo', '1y', …
  | 'date.strftime'; // params.format
