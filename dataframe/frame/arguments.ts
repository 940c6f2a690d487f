import { VolleyError } from '../../core/base/errors.js';
import { Expr, type Operand, toNode } from '../expr/expr.js';
import type { PlainValue } from '../expr/literal.js';
import type { ExprNode } from '../expr/node.js';
import type { JoinHow } from '../physical/fragment.js';
import type { SortBy } from '../plan/verb.js';

/** A column by name, or an expression. */
export type ColumnLike = string | Expr;
/** New columns by name. A string value is a literal. */
export type ColumnRecord = Readonly<Record<string, Operand>>;

/** Names and expressions, in lists or not, and records of new columns, as expressions. */
export function columnNodes(
  args: readonly (ColumnLike | ColumnRecord | readonly ColumnLike[])[],
  where: string,
): ExprNode[] {
  return args.flatMap(arg => {
    if (Array.isArray(arg)) return columnNodes(arg, where);
    if (typeof arg === 'string' || arg instanceof Expr) return [columnNode(arg, where)];
    if (isRecord(arg)) return Object.entries(arg).map(([name, value]) => named(name, value, where));
    return [columnNode(arg as unknown as ColumnLike, where)];
  });
}

function isRecord(arg: unknown): arg is ColumnRecord {
  return typeof arg === 'object' && arg !== null && Object.getPrototypeOf(arg) === Object.prototype;
}

function named(name: string, value: unknown, where: string): ExprNode {
  if (typeof value === 'function') throw rowFunction(where);
  return { kind: 'alias', input: toNode(value), name };
}

export function columnNode(column: ColumnLike, where: string): ExprNode {
  if (typeof column === 'string') return { kind: 'column', name: column };
  if (column instanceof Expr) return column.node;
  if (typeof column === 'function') throw rowFunction(where);
  throw new VolleyError(
    'INVALID_ARGUMENT',
    `${where}: give column names or expressions, not ${column === null ? 'null' : typeof column}`,
  );
}

/** The error of a row function: they are not run yet. */
export function rowFunction(where: string): VolleyError {
  return new VolleyError(
    'UNSUPPORTED',
    `${where}: row functions are not supported. Write it with columns: col('delay').gt(10).and(col('origin').eq('LAS')) instead of r => r.delay > 10 && r.origin === 'LAS'.`,
  );
}

/** A filter's condition. */
export function conditionNode(condition: unknown): ExprNode {
  if (typeof condition === 'function') throw rowFunction('filter');
  if (condition instanceof Expr || typeof condition === 'boolean') return toNode(condition);
  throw new VolleyError('INVALID_ARGUMENT', "filter takes a condition such as col('a').gt(1)");
}

export interface SortOptions {
  readonly by: ColumnLike | readonly ColumnLike[];
  /** One for all, or one per key. Default false. */
  readonly descending?: boolean | readonly boolean[];
  /** Default: nulls count as the largest, so last ascending and first descending. */
  readonly nullsLast?: boolean | readonly boolean[];
}

export function sortKeys(args: readonly (ColumnLike | readonly ColumnLike[] | SortOptions)[]): SortBy[] {
  const keys = args.flatMap((arg): SortBy[] => {
    if (Array.isArray(arg)) return sortKeys([{ by: arg }]);
    if (typeof arg === 'string' || arg instanceof Expr) {
      return [{ expr: columnNode(arg, 'sort'), descending: false, nullsLast: null }];
    }
    if (typeof arg !== 'object' || arg === null || !('by' in arg)) {
      throw new VolleyError(
        'INVALID_ARGUMENT',
        "sort takes names, or { by: 'a', descending: true, nullsLast: true }",
      );
    }
    const by = listOf(arg.by);
    return by.map((column, i) => ({
      expr: columnNode(column, 'sort'),
      descending: pick(arg.descending, i, by.length, 'descending') ?? false,
      nullsLast: pick(arg.nullsLast, i, by.length, 'nullsLast') ?? null,
    }));
  });
  if (keys.length === 0) throw new VolleyError('INVALID_ARGUMENT', "sort needs at least one key: .sort('a')");
  return keys;
}

function pick(
  option: boolean | readonly boolean[] | undefined,
  i: number,
  count: number,
  name: string,
): boolean | undefined {
  if (typeof option === 'boolean' || option === undefined) return option;
  if (option.length !== count) {
    throw new VolleyError('INVALID_ARGUMENT', `sort: ${name} has ${option.length} values for ${count} keys`);
  }
  return option[i];
}

export function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}

/** A number of rows. */
export function rowCount(n: number, where: string): number {
  if (Number.isSafeInteger(n) && n >= 0) return n;
  throw new VolleyError('INVALID_ARGUMENT', `${where} takes a whole number of rows, at least 0, not ${n}`);
}

export interface UniqueOptions {
  /** Default: all columns. */
  readonly on?: string | readonly string[];
  /** Which row of equal ones stays; 'none': rows that are alone. Default 'first'. */
  readonly keep?: 'first' | 'last' | 'any' | 'none';
}

export interface JoinOptions {
  /** Keys of equal name on both sides. */
  readonly on?: string | readonly string[];
  readonly leftOn?: string | readonly string[];
  readonly rightOn?: string | readonly string[];
  /** Default 'inner'. */
  readonly how?: JoinHow;
  /** Appended to right columns whose name the left side has too. Default '_right'. */
  readonly suffix?: string;
}

const joinKinds: readonly JoinHow[] = ['inner', 'left', 'right', 'full', 'semi', 'anti', 'cross'];

export function joinArguments(options: JoinOptions) {
  const { on, leftOn, rightOn, how = 'inner', suffix = '_right' } = options;
  if (!joinKinds.includes(how)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `join: how is one of ${joinKinds.map(k => `'${k}'`).join(', ')}, not ${JSON.stringify(how)}`,
      { how, supported: joinKinds },
    );
  }
  if (on !== undefined && (leftOn !== undefined || rightOn !== undefined)) {
    throw new VolleyError('INVALID_ARGUMENT', 'join: give on, or leftOn and rightOn, not both');
  }
  const left = listOf(on ?? leftOn ?? []);
  const right = listOf(on ?? rightOn ?? []);
  for (const name of [...left, ...right]) {
    if (typeof name !== 'string') {
      throw new VolleyError(
        'INVALID_ARGUMENT',
        'join: keys are column names; compute one with withColumns first',
      );
    }
  }
  return { leftOn: left, rightOn: right, how, suffix };
}

export type { PlainValue };
