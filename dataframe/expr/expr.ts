import { VolleyError } from '../../core/base/errors.js';
import type { DataType } from '../column/datatype.js';
import { type AggregateExtra, Aggregates } from './aggregates.js';
import { formatExpr } from './format.js';
import { type ListAccess, listAccess } from './lists.js';
import { literalNode, type PlainValue } from './literal.js';
import { DateNamespace, StringNamespace, StructNamespace } from './namespaces.js';
import type { AggregateOp, ExprNode, FunctionName, FunctionParams } from './node.js';
import { caseBranch } from './traverse.js';

/** What may stand as an operand: an expression, or a plain value (a string is a literal, not a column). */
export type Operand = Expr | PlainValue;

/** An immutable column expression: `col('delay').gt(30).and(col('origin').eq('LAS'))`. Runs when its frame does. */
export class Expr extends Aggregates {
  readonly node: ExprNode;

  constructor(node: ExprNode) {
    super();
    this.node = node;
  }

  /** Text of the functions below `str`: `.str.contains('x')`. */
  get str(): StringNamespace {
    return new StringNamespace(this);
  }

  /** Parts of dates and timestamps, in UTC: `.date.year()`. */
  get date(): DateNamespace {
    return new DateNamespace(this);
  }

  /** The same values under another name. */
  alias(name: string): Expr {
    return new Expr({ kind: 'alias', input: this.node, name });
  }

  /** Changes the type. A value that does not fit is an error with its row; with `strict: false` it becomes null. */
  cast(type: DataType, options: { strict?: boolean } = {}): Expr {
    return new Expr({ kind: 'cast', input: this.node, type, strict: options.strict ?? true });
  }

  // ---- arithmetic

  add(other: Operand): Expr {
    return call('add', [this, other]);
  }
  sub(other: Operand): Expr {
    return call('sub', [this, other]);
  }
  mul(other: Operand): Expr {
    return call('mul', [this, other]);
  }
  /** Float64; division by zero gives ±Infinity or NaN. */
  div(other: Operand): Expr {
    return call('div', [this, other]);
  }
  /** Remainder with the sign of the dividend; null where the divisor is zero. */
  mod(other: Operand): Expr {
    return call('mod', [this, other]);
  }
  pow(exponent: Operand): Expr {
    return call('pow', [this, exponent]);
  }
  neg(): Expr {
    return call('neg', [this]);
  }
  abs(): Expr {
    return call('abs', [this]);
  }
  /** Half away from zero, to so many decimals. */
  round(decimals = 0): Expr {
    return call('round', [this], { decimals });
  }
  floor(): Expr {
    return call('floor', [this]);
  }
  ceil(): Expr {
    return call('ceil', [this]);
  }
  sqrt(): Expr {
    return call('sqrt', [this]);
  }
  /** Natural logarithm, or to `base`. */
  log(base?: number): Expr {
    return base === undefined ? call('log', [this]) : call('log', [this]).div(Math.log(base));
  }
  exp(): Expr {
    return call('exp', [this]);
  }
  sign(): Expr {
    return call('sign', [this]);
  }
  clip(low: Operand, high: Operand): Expr {
    return call('clip', [this, low, high]);
  }

  // ---- comparison: null where a side is null; NaN equals NaN and is the largest

  eq(other: Operand): Expr {
    return call('eq', [this, other]);
  }
  neq(other: Operand): Expr {
    return call('neq', [this, other]);
  }
  gt(other: Operand): Expr {
    return call('gt', [this, other]);
  }
  gtEq(other: Operand): Expr {
    return call('gtEq', [this, other]);
  }
  lt(other: Operand): Expr {
    return call('lt', [this, other]);
  }
  ltEq(other: Operand): Expr {
    return call('ltEq', [this, other]);
  }
  /** Equal to one of the values; null stays null. */
  isIn(values: readonly PlainValue[]): Expr {
    const literals = values.map(v => literalNode(v).value);
    const dates = values.length > 0 && values.every(v => v instanceof Date || v === null);
    return call('isIn', [this], dates ? { values: literals, dates } : { values: literals });
  }
  /** low ≤ value ≤ high. */
  isBetween(low: Operand, high: Operand): Expr {
    return call('isBetween', [this, low, high]);
  }
  isNull(): Expr {
    return call('isNull', [this]);
  }
  isNotNull(): Expr {
    return call('isNotNull', [this]);
  }
  isNaN(): Expr {
    return call('isNaN', [this]);
  }

  // ---- logic, with SQL's three values

  and(...others: Operand[]): Expr {
    return others.reduce<Expr>((all, next) => call('and', [all, next]), this);
  }
  or(...others: Operand[]): Expr {
    return others.reduce<Expr>((all, next) => call('or', [all, next]), this);
  }
  not(): Expr {
    return call('not', [this]);
  }

  /** The value, or `value` where it is null. */
  fillNull(value: Operand): Expr {
    return call('coalesce', [this, value]);
  }

  // ---- aggregates: nulls are skipped

  /** Only rows where `condition` is true enter the aggregate that follows: `col('x').filter(c).sum()`. */
  filter(condition: Operand): FilteredExpr {
    return new FilteredExpr(this.node, toNode(condition));
  }
  /** All rows, null or not. */
  len(): Expr {
    return aggregate('len', null).alias(outputName(this.node));
  }
  /** `.list()` gathers the values of a group; `.list.len()` and the like work on columns of lists. */
  get list(): ListAccess {
    return listAccess(this, () => aggregate('list', this.node));
  }

  /** Of columns of structs. */
  get struct(): StructNamespace {
    return new StructNamespace(this);
  }

  protected override aggregated(op: AggregateOp, extra?: AggregateExtra): Expr {
    return aggregate(op, this.node, null, extra);
  }

  override toString(): string {
    return formatExpr(this.node);
  }

  override valueOf(): never {
    return refuseValue(this.node);
  }

  [Symbol.toPrimitive](hint: string): string {
    return hint === 'string' ? this.toString() : refuseValue(this.node);
  }
}

/** An expression restricted to some rows: only aggregates can follow. */
export class FilteredExpr extends Aggregates {
  readonly #input: ExprNode;
  readonly #filter: ExprNode;

  constructor(input: ExprNode, filter: ExprNode) {
    super();
    this.#input = input;
    this.#filter = filter;
  }

  /** Rows where this condition is true too. */
  filter(condition: Operand): FilteredExpr {
    const both: ExprNode = { kind: 'call', fn: 'and', args: [this.#filter, toNode(condition)] };
    return new FilteredExpr(this.#input, both);
  }
  len(): Expr {
    return aggregate('len', null, this.#filter).alias(outputName(this.#input));
  }
  /** The values of a group as a list. */
  list(): Expr {
    return this.aggregated('list');
  }

  protected override aggregated(op: AggregateOp, extra?: AggregateExtra): Expr {
    return aggregate(op, this.#input, this.#filter, extra);
  }
}

/** A `when(...)` that still lacks its value. */
export interface Then {
  then(value: Operand): When;
}

/** `when(c).then(a)` so far: rows where nothing was true are null unless `otherwise` says more. */
export class When extends Expr {
  /** A further condition, looked at where those before were not true. */
  when(condition: Operand): Then {
    const branches = (this.node as Extract<ExprNode, { kind: 'case' }>).branches;
    return branch(branches, toNode(condition));
  }

  otherwise(value: Operand): Expr {
    return new Expr({ ...(this.node as Extract<ExprNode, { kind: 'case' }>), otherwise: toNode(value) });
  }
}

/** A column by name. */
export function col(name: string): Expr {
  if (typeof name !== 'string') {
    throw new VolleyError('INVALID_ARGUMENT', `col() takes a column's name, got ${typeof name}`);
  }
  return new Expr({ kind: 'column', name });
}

/** A constant. */
export function lit(value: PlainValue): Expr {
  return new Expr(literalNode(value));
}

/** Every column; functions after it apply to each: `all().sum()`. */
export function all(): Expr {
  return new Expr({ kind: 'wildcard', except: [] });
}

/** Every column but these. */
export function exclude(...names: string[]): Expr {
  return new Expr({ kind: 'wildcard', except: names });
}

/** `when(c).then(a).when(d).then(b).otherwise(e)`: the first true condition wins. */
export function when(condition: Operand): Then {
  return branch([], toNode(condition));
}

/** The number of rows. */
export function len(): Expr {
  return aggregate('len', null);
}

/** Pearson's correlation of two columns, over rows where neither is null: `corr(col('a'), col('b'))`, or by name. */
export function corr(a: string | Expr, b: string | Expr): Expr {
  const column = (x: string | Expr) => (typeof x === 'string' ? col(x) : x);
  return column(a).corr(column(b));
}

/** The first value that is not null. */
export function coalesce(...operands: Operand[]): Expr {
  if (operands.length === 0)
    throw new VolleyError('INVALID_ARGUMENT', 'coalesce() needs at least one operand');
  return call('coalesce', operands);
}

/** Texts joined; null where one is null. Strings are literals: columns are written `col('a')`. */
export function concatStr(operands: readonly Operand[], separator = ''): Expr {
  if (operands.length === 0)
    throw new VolleyError('INVALID_ARGUMENT', 'concatStr() needs at least one operand');
  return call('concatStr', operands, { separator });
}

/** A column of structs of these columns, by name, and expressions, under the names they have. */
export function struct(...fields: readonly (string | Expr)[]): Expr {
  const operands = fields.map(field => (typeof field === 'string' ? col(field) : field));
  const names = operands.map(({ node }) => outputName(node));
  const twice = names.find((name, f) => names.indexOf(name) !== f);
  if (names.length > 0 && twice === undefined) return call('struct', operands, { names });
  const what =
    twice === undefined ? 'needs at least one field' : `has two fields ${JSON.stringify(twice)}: alias one`;
  throw new VolleyError('INVALID_ARGUMENT', `struct() ${what}`);
}

/** The node of an operand; plain values become literals. */
export function toNode(operand: unknown): ExprNode {
  if (operand instanceof Expr) return operand.node;
  if (operand instanceof FilteredExpr) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      "expr.filter(c) must be followed by an aggregate: col('a').filter(c).sum()",
    );
  }
  return literalNode(operand);
}

/** The name a column made of this expression gets: its alias, else the name of its leftmost column, as in Polars. */
export function outputName(node: ExprNode): string {
  switch (node.kind) {
    case 'column':
    case 'alias':
      return node.name;
    case 'literal':
      return 'literal';
    case 'wildcard':
      return 'all';
    case 'call':
      return outputName(node.args[0]!);
    case 'cast':
      return outputName(node.input);
    case 'case':
      return outputName(node.branches[0]!.then);
    case 'aggregate':
      return node.input === null ? 'len' : outputName(node.input);
  }
}

function call(fn: FunctionName, operands: readonly unknown[], params?: FunctionParams): Expr {
  const args = operands.map(toNode);
  return new Expr(params === undefined ? { kind: 'call', fn, args } : { kind: 'call', fn, args, params });
}

function aggregate(
  op: AggregateOp,
  input: ExprNode | null,
  filter: ExprNode | null = null,
  { other, param }: AggregateExtra = {},
): Expr {
  const second = other === undefined ? {} : { other: toNode(other) };
  return new Expr({
    kind: 'aggregate',
    op,
    input,
    filter,
    ...second,
    ...(param === undefined ? {} : { param }),
  });
}

type Branches = Extract<ExprNode, { kind: 'case' }>['branches'];

function branch(before: Branches, condition: ExprNode): Then {
  return {
    // biome-ignore lint/suspicious/noThenProperty: the verb Polars users know; the object is never awaited.
    then: value =>
      new When({
        kind: 'case',
        branches: [...before, caseBranch(condition, toNode(value))],
        otherwise: literalNode(null),
      }),
  };
}

function refuseValue(node: ExprNode): never {
  throw new VolleyError(
    'INVALID_ARGUMENT',
    `the expression ${formatExpr(node)} has no value before its frame runs: write a.add(b), a.gt(b), a.and(b), a.not() instead of a + b, a > b, a && b, !a`,
  );
}
