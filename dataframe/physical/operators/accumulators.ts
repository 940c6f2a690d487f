import { assert } from '../../../core/base/assert.js';
import type { Batch, Column } from '../../column/column.js';
import { columnOf } from '../../column/layout.js';
import { type Accumulator, rowMask } from '../../kernels/accumulator.js';
import { ApproxDistinctAccumulator } from '../../kernels/aggregate-approx.js';
import { CorrelationAccumulator } from '../../kernels/aggregate-correlation.js';
import { DistinctAccumulator } from '../../kernels/aggregate-distinct.js';
import { EdgeAccumulator } from '../../kernels/aggregate-edge.js';
import { extremeAccumulator } from '../../kernels/aggregate-extreme.js';
import { ListAccumulator } from '../../kernels/aggregate-list.js';
import { VarianceAccumulator } from '../../kernels/aggregate-moments.js';
import { QuantileAccumulator } from '../../kernels/aggregate-quantile.js';
import { topAccumulator } from '../../kernels/aggregate-top.js';
import type { Lent } from '../../kernels/lent.js';
import type { AggregateSpec, AggregateStep } from '../fragment.js';
import { aggregateInput } from '../schema.js';

/** An empty accumulator of an aggregate that generated code does not update. */
export function accumulatorOf(step: AggregateStep, spec: AggregateSpec, lent: Lent): Accumulator {
  const type = aggregateInput(step, spec);
  switch (spec.op) {
    case 'min':
    case 'max':
      return extremeAccumulator(type, spec.op === 'max');
    case 'first':
    case 'last':
      return new EdgeAccumulator(type, spec.op === 'last');
    case 'nUnique':
      return new DistinctAccumulator(type);
    case 'approxNUnique':
      return new ApproxDistinctAccumulator();
    case 'var':
    case 'std':
      return new VarianceAccumulator(spec.op === 'std', lent);
    case 'corr':
      return new CorrelationAccumulator(lent);
    case 'quantile':
      return new QuantileAccumulator(spec.param!, lent);
    case 'list':
      return new ListAccumulator(type);
    case 'topK':
    case 'bottomK':
      return topAccumulator(type, spec.param!, spec.op === 'topK', lent);
    default:
      return assert(false, `${spec.op} is part of generated code`) as never;
  }
}

/** What an aggregate reads of a batch: its inputs, and the rows that count (null: all). */
export interface AggregateInput {
  readonly column: Column | null;
  readonly other: Column | undefined;
  readonly mask: Uint8Array | null;
}

/** `lent`: the mask lasts as long as that. */
export function inputOf(spec: AggregateSpec, batch: Batch, lent: Lent): AggregateInput {
  const column = spec.column === null ? null : columnOf(batch, spec.column);
  const filter = spec.filter === null ? null : columnOf(batch, spec.filter);
  const other = spec.other === undefined ? undefined : columnOf(batch, spec.other);
  const keepsNulls = spec.op === 'first' || spec.op === 'last';
  const read = keepsNulls ? [] : [column, other].filter(each => each != null);
  const mask = rowMask(read, filter, batch.rows, lent);
  return { column, other, mask };
}
