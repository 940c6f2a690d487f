import type { Batch, Column } from '../../column/column.js';
import { DataType, type Schema } from '../../column/datatype.js';
import { dictionaryOf } from '../../column/dictionary.js';
import { columnOf, denseColumn } from '../../column/layout.js';
import { concatColumns } from '../../kernels/concat.js';
import type { UnpivotStep } from '../fragment.js';
import type { Operator } from '../operator.js';
import { unpivotSchema } from '../schema.js';

/** Columns become rows: for each label all rows of the batch, with its column of every value. */
export function unpivotOperator(step: UnpivotStep, before: Schema): Operator {
  const schema = unpivotSchema(step, before);
  const { dictionary, codes } = dictionaryOf(step.labels);
  const times = step.labels.length;
  return {
    schema,
    done: false,
    push(batch, entry, emit) {
      const { rows } = batch;
      const labels = new Int32Array(rows * times);
      codes.forEach((code, k) => {
        labels.fill(code, k * rows, (k + 1) * rows);
      });
      const repeat = (column: Column) => together(new Array<Column>(times).fill(column), batch);
      const columns = [
        ...step.index.map(name => repeat(columnOf(batch, name))),
        denseColumn(DataType.Utf8, 'code', labels.length, labels, dictionary),
        ...step.values.map(({ columns: names }) =>
          together(
            names.map(name => columnOf(batch, name)),
            batch,
          ),
        ),
      ];
      emit({ schema, rows: labels.length, columns }, entry);
    },
    finish() {},
  };
}

function together(columns: readonly Column[], batch: Batch): Column {
  return concatColumns(columns, batch.rows * columns.length);
}
