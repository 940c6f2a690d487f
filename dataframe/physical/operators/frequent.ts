import { DataType } from '../../column/datatype.js';
import { columnOf, denseColumn } from '../../column/layout.js';
import { hashRows } from '../../kernels/hash.js';
import { frequentHashes } from '../../kernels/spread.js';
import type { FrequentStep } from '../fragment.js';
import type { Operator } from '../operator.js';
import { frequentSchema } from '../schema.js';

/** Counts the hashes of keys: one row for each that is frequent, after one with all rows. */
export function frequentOperator({ keys, most }: FrequentStep): Operator {
  const hashes: Int32Array[] = [];
  return {
    schema: frequentSchema,
    movesOnly: true,
    done: false,
    push(batch) {
      const columns = keys.map(name => columnOf(batch, name));
      hashes.push(hashRows(columns, batch.rows));
    },
    finish(emit) {
      const total = hashes.reduce((sum, { length }) => sum + length, 0);
      const found = [...frequentHashes(hashes, most)];
      const columns = [
        [0, ...found.map(([hash]) => hash)],
        [total, ...found.map(([, count]) => count)],
      ].map(values => denseColumn(DataType.Float64, 'f64', values.length, Float64Array.from(values)));
      emit({ schema: frequentSchema, rows: found.length + 1, columns }, 0);
    },
  };
}
