import { VolleyError } from '../../core/base/errors.js';
import type { Expr } from '../expr/expr.js';
import type { ExprNode } from '../expr/node.js';
import type { DataFrame } from '../frame.js';
import type { Verb } from '../plan/verb.js';
import { type ColumnRecord, columnNodes } from './arguments.js';

/** Groups that wait for their aggregates. */
export class GroupBy {
  readonly #input: Verb;
  readonly #keys: readonly ExprNode[];
  readonly #make: (verb: Verb) => DataFrame;

  constructor(input: Verb, keys: readonly ExprNode[], make: (verb: Verb) => DataFrame) {
    this.#input = input;
    this.#keys = keys;
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
    return this.#make({ kind: 'groupBy', input: this.#input, keys: this.#keys, exprs: nodes });
  }
}
