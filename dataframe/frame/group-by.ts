import { VolleyError } from '../../core/base/errors.js';
import type { Expr } from '../expr/expr.js';
import type { ExprNode } from '../expr/node.js';
import type { DataFrame } from '../frame.js';
import type { Verb } from '../plan/verb.js';
import { type ColumnLike, type ColumnRecord, columnNodes } from './arguments.js';

export interface GroupByOptions {
  /** Groups come in the order of their first rows. Default false: in an order that is the same each time. */
  readonly maintainOrder?: boolean;
}

function isGroupByOptions(last: unknown): last is GroupByOptions {
  if (typeof last !== 'object' || last === null || Object.getPrototypeOf(last) !== Object.prototype)
    return false;
  return Object.entries(last).every(
    ([name, value]) => name === 'maintainOrder' && typeof value === 'boolean',
  );
}

/** Groups that wait for their aggregates. */
export class GroupBy {
  readonly #input: Verb;
  readonly #keys: readonly ExprNode[];
  readonly #maintainOrder: boolean;
  readonly #make: (verb: Verb) => DataFrame;

  constructor(
    input: Verb,
    keys: readonly (ColumnLike | readonly ColumnLike[] | GroupByOptions)[],
    make: (verb: Verb) => DataFrame,
  ) {
    const options = keys.at(-1);
    const isOptions = isGroupByOptions(options);
    const columns = (isOptions ? keys.slice(0, -1) : keys) as readonly ColumnLike[];
    this.#input = input;
    this.#keys = columnNodes(columns, 'groupBy');
    this.#maintainOrder = isOptions && options.maintainOrder === true;
    this.#make = make;
  }

  /** One row per group: the keys, then these. `agg(col('x').sum(), len().alias('n'))`, or a record. */
  agg(...exprs: (Expr | ColumnRecord | readonly Expr[])[]): DataFrame {
    for (const expr of exprs) {
      if (typeof expr === 'string') {
        throw new VolleyError(
          'INVALID_ARGUMENT',
          `agg: ${JSON.stringify(expr)} is a column of many values per group: say which, e.g. col(${JSON.stringify(expr)}).sum()`,
        );
      }
    }
    const nodes = columnNodes(exprs, 'agg');
    const maintainOrder = this.#maintainOrder;
    return this.#make({ kind: 'groupBy', input: this.#input, keys: this.#keys, exprs: nodes, maintainOrder });
  }
}
