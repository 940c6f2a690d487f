import { VolleyError } from '../../core/base/errors.js';
import type { Expr, Operand } from './expr.js';
import type { AggregateOp } from './node.js';

/** What an aggregate has beside its input. */
export interface AggregateExtra {
  readonly other?: Operand;
  readonly param?: number;
}

/** The aggregates of an expression, over all rows or over those a filter leaves. Nulls are skipped. */
export abstract class Aggregates {
  protected abstract aggregated(op: AggregateOp, extra?: AggregateExtra): Expr;

  /** Of integers Int64 (an overflow is an error), of floats Float64; 0 of nothing. */
  sum(): Expr {
    return this.aggregated('sum');
  }
  mean(): Expr {
    return this.aggregated('mean');
  }
  min(): Expr {
    return this.aggregated('min');
  }
  max(): Expr {
    return this.aggregated('max');
  }
  /** Rows that are not null. */
  count(): Expr {
    return this.aggregated('count');
  }
  /** Distinct values that are not null. */
  nUnique(): Expr {
    return this.aggregated('nUnique');
  }
  /** About so many distinct values (HyperLogLog, 2^14 registers: a standard error of 0.8 %), in bounded memory. */
  approxNUnique(): Expr {
    return this.aggregated('approxNUnique');
  }
  /** Sample variance (divided by n − 1); null below two values. */
  var(): Expr {
    return this.aggregated('var');
  }
  /** Sample standard deviation; null below two values. */
  std(): Expr {
    return this.aggregated('std');
  }
  median(): Expr {
    return this.aggregated('quantile', { param: 0.5 });
  }
  /** The value below which the share q (0 to 1) of the values lies, interpolated linearly. Exact. */
  quantile(q: number): Expr {
    if (typeof q !== 'number' || !(q >= 0 && q <= 1)) {
      throw new VolleyError('INVALID_ARGUMENT', `quantile takes a share from 0 to 1, not ${q}`);
    }
    return this.aggregated('quantile', { param: q });
  }
  /** Pearson's correlation with another column, over rows where neither is null. */
  corr(other: Operand): Expr {
    return this.aggregated('corr', { other });
  }
  /** The n largest values as a list, largest first. */
  topK(n: number): Expr {
    return this.aggregated('topK', { param: itemCount(n, 'topK') });
  }
  /** The n smallest values as a list, smallest first. */
  bottomK(n: number): Expr {
    return this.aggregated('bottomK', { param: itemCount(n, 'bottomK') });
  }
  /** The first row's value, null or not. */
  first(): Expr {
    return this.aggregated('first');
  }
  last(): Expr {
    return this.aggregated('last');
  }
}

function itemCount(n: number, where: string): number {
  if (Number.isSafeInteger(n) && n >= 1) return n;
  throw new VolleyError('INVALID_ARGUMENT', `${where} takes a whole number of values, at least 1, not ${n}`);
}
