import { VolleyError } from '../../core/base/errors.js';
import { Expr, type Operand, toNode } from './expr.js';
import type { ExprNode, FunctionName, FunctionParams } from './node.js';

/** `expr.list()` aggregates a group into a list; its members work on columns of lists. */
export interface ListAccess {
  (): Expr;
  /** Items, null or not. */
  len(): Expr;
  /** The item at an index from 0 (negative: from the end); null where there is none. */
  get(index: number): Expr;
  /** True where an item equals the value; null is never equal. */
  contains(value: Operand): Expr;
  /** Of integers Int64, of floats Float64; nulls are skipped, 0 of an empty list. */
  sum(): Expr;
  /** Items of text joined; nulls are skipped. */
  join(separator?: string): Expr;
}

export function listAccess(expr: Expr, aggregate: () => Expr): ListAccess {
  const call = (fn: FunctionName, params?: FunctionParams, ...more: ExprNode[]): Expr => {
    const args = [expr.node, ...more];
    return new Expr(params === undefined ? { kind: 'call', fn, args } : { kind: 'call', fn, args, params });
  };
  const gather = () => aggregate();
  return Object.assign(gather, {
    len: () => call('list.len'),
    get(index: number): Expr {
      if (!Number.isSafeInteger(index)) {
        throw new VolleyError('INVALID_ARGUMENT', `list.get takes a whole number, not ${index}`);
      }
      return call('list.get', { index });
    },
    contains: (value: Operand) => call('list.contains', undefined, toNode(value)),
    sum: () => call('list.sum'),
    join: (separator = '') => call('list.join', { separator }),
  });
}
