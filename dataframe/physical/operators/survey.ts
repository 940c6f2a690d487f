import type { Batch } from '../../column/column.js';
import { DataType, type Schema } from '../../column/datatype.js';
import { columnIndex, columnOf, denseColumn } from '../../column/layout.js';
import { comparableColumn } from '../../kernels/distinct-text.js';
import { FusedGroups } from '../../kernels/fused.js';
import type { Lent } from '../../kernels/lent.js';
import type { SurveyStep } from '../fragment.js';
import type { Operator } from '../operator.js';
import { surveySchema } from '../schema.js';

/** Counts rows and groups. */
export function surveyOperator({ keys }: SurveyStep, before: Schema, lent: Lent): Operator {
  const groups = new FusedGroups({
    keys: keys.map(name => before[columnIndex(before, name)]!.type),
    specs: [],
    merging: false,
    numbered: false,
    lent,
  });
  let rows = 0;
  return {
    schema: surveySchema,
    done: false,
    push(batch: Batch) {
      rows += batch.rows;
      const columns = keys.map(name => comparableColumn(columnOf(batch, name)));
      groups.addRows(columns, [], batch.rows, 0);
    },
    finish(emit) {
      const columns = [rows, groups.count].map(n =>
        denseColumn(DataType.Float64, 'f64', 1, Float64Array.of(n)),
      );
      groups.close();
      emit({ schema: surveySchema, rows: 1, columns }, 0);
    },
  };
}
