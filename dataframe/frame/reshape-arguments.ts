import { VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import { toNode } from '../expr/expr.js';
import type { PlainValue } from '../expr/literal.js';
import { type PivotAggregate, pivotAggregates } from '../plan/verb.js';
import { listOf, rowCount } from './arguments.js';

export interface UnpivotOptions {
  /** Columns that are repeated. Default: all not in `on`. */
  readonly index?: string | readonly string[];
  /** Columns that become rows. Default: all not in `index`. */
  readonly on?: string | readonly string[];
  /** Default 'variable'. */
  readonly variableName?: string;
  /** Default 'value'. */
  readonly valueName?: string;
}

export function unpivotArguments({ index, on, variableName, valueName }: UnpivotOptions) {
  return {
    index: index === undefined ? null : listOf(index),
    on: on === undefined ? null : listOf(on),
    variableName: variableName ?? 'variable',
    valueName: valueName ?? 'value',
  };
}

export interface PivotOptions {
  /** One row for each combination of their values. */
  readonly index: string | readonly string[];
  /** One column for each of its values. */
  readonly on: string;
  /** What is aggregated. With several, columns are called value_on. */
  readonly values: string | readonly string[];
  readonly aggregate: PivotAggregate;
  /** The values of `on` to use, in this order. Default: those that are there, ascending; finding them runs the plan. */
  readonly onValues?: readonly PlainValue[];
}

export function pivotArguments({ index, on, values, aggregate, onValues }: PivotOptions) {
  if (typeof on !== 'string') {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      "pivot: on is one column's name. Join several with concatStr first.",
    );
  }
  if (!pivotAggregates.includes(aggregate)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `pivot: aggregate is one of ${pivotAggregates.join(', ')}, not ${String(aggregate)}`,
    );
  }
  return {
    index: listOf(index),
    on,
    values: listOf(values),
    aggregate,
    onValues: onValues === undefined ? null : onValues.map(toNode),
  };
}

export interface RepartitionOptions {
  /** Rows with equal values of these columns come into one partition. */
  readonly by?: string | readonly string[];
  /** So many partitions; default: as many as suit the bytes. */
  readonly n?: number;
}

export function repartitionArguments(options: number | RepartitionOptions) {
  const { n, by } = typeof options === 'number' ? { n: options, by: undefined } : options;
  if (n !== undefined && !(Number.isSafeInteger(n) && n >= 1 && n <= limits.repartitions)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `repartition: the number of partitions is a whole number from 1 to ${limits.repartitions}, not ${n}`,
    );
  }
  const names = by === undefined ? [] : listOf(by);
  if (n === undefined && names.length === 0) {
    throw new VolleyError('INVALID_ARGUMENT', 'repartition takes a number of partitions, or { by }, or both');
  }
  return { n: n ?? null, by: names };
}

export interface SampleOptions {
  /** So many rows, or all when there are fewer. */
  readonly n?: number;
  /** Such a share of the rows, rounded down. */
  readonly fraction?: number;
  /** Equal seeds choose equal rows. Default 0. */
  readonly seed?: number;
}

export function sampleArguments({ n, fraction, seed = 0 }: SampleOptions) {
  if ((n === undefined) === (fraction === undefined)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      'sample takes a number of rows or a share: { n } or { fraction }',
    );
  }
  if (fraction !== undefined && !(fraction >= 0 && fraction <= 1)) {
    throw new VolleyError('INVALID_ARGUMENT', `sample: fraction is a share from 0 to 1, not ${fraction}`);
  }
  if (!Number.isSafeInteger(seed)) {
    throw new VolleyError('INVALID_ARGUMENT', `sample: seed is a whole number, not ${seed}`);
  }
  return { n: n === undefined ? null : rowCount(n, 'sample'), fraction: fraction ?? null, seed };
}
