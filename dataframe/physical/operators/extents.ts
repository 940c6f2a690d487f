import type { Batch, Column } from '../../column/column.js';
import { DataType } from '../../column/datatype.js';
import { dictionaryOf } from '../../column/dictionary.js';
import { columnOf, denseColumn, isHuge, nullColumn } from '../../column/layout.js';
import { hasRange, rangeOf } from '../../column/range.js';
import { concatBatches } from '../../kernels/concat.js';
import { takeColumn } from '../../kernels/take.js';
import type { ExtentsStep } from '../fragment.js';
import type { Operator } from '../operator.js';
import { extentsSchema } from '../schema.js';

/** One row a batch and column: what values it may have. NaN bounds: they are not known to be few. */
export function extentsOperator({ columns }: ExtentsStep): Operator {
  const found: Batch[] = [];
  return {
    schema: extentsSchema,
    done: false,
    push(batch) {
      columns.forEach((name, k) => {
        found.push(extentOf(k, columnOf(batch, name)));
      });
    },
    finish(emit) {
      emit(concatBatches(extentsSchema, found), 0);
    },
  };
}

function extentOf(position: number, column: Column): Batch {
  const number = (value: number) => denseColumn(DataType.Float64, 'f64', 1, Float64Array.of(value));
  const { dictionary } = column;
  const bounds = boundsOf(column);
  // Codes stand for values only where no entry stands twice.
  const id = dictionary?.id;
  return {
    schema: extentsSchema,
    rows: 1,
    columns: [
      number(position),
      number(bounds.min),
      number(bounds.max),
      number(column.nullCount),
      id === undefined ? nullColumn(DataType.Utf8, 1) : textColumn(id),
    ],
  };
}

function boundsOf(column: Column): { min: number; max: number } {
  if (column.physical === 'bool') return { min: 0, max: 1 };
  // Huge decimals have codes of their own in each partition.
  if (column.physical === 'code' && !isHuge(column.type))
    return { min: 0, max: Math.max(0, column.dictionary!.length - 1) };
  const range = hasRange(column) ? rangeOf(column) : undefined;
  return range ?? { min: Number.NaN, max: Number.NaN };
}

function textColumn(text: string): Column {
  const { dictionary } = dictionaryOf([text]);
  return takeColumn(
    denseColumn(DataType.Utf8, 'code', 1, new Int32Array(1), dictionary),
    new Int32Array(1),
    1,
  );
}
