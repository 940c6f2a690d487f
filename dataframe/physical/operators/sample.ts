import type { Batch } from '../../column/column.js';
import { DataType, type Schema } from '../../column/datatype.js';
import { columnOf, denseColumn } from '../../column/layout.js';
import { concatBatches } from '../../kernels/concat.js';
import { sortOrder } from '../../kernels/sort.js';
import { takeBatch, takeColumn } from '../../kernels/take.js';
import type { SampleStep } from '../fragment.js';
import type { Operator } from '../operator.js';
import { samplePlaces, sampleSchema } from '../schema.js';

/** Rows a sample stands for at most: 1e7 rows give 20,000 samples, which bound a range's size within a few percent. */
const strideRows = 512;
/** Samples of a batch at least, if it has as many rows. */
const batchSamples = 64;

/** One row of every stride, at a place that looks random but depends on task and row only: periodic data fools a comb. */
export function sampleOperator(step: SampleStep, before: Schema, task: number): Operator {
  const schema = sampleSchema(step, before);
  const keys = schema.slice(0, schema.length - samplePlaces.length);
  let seen = 0;
  return {
    schema,
    done: false,
    push(batch, entry, emit) {
      const stride = Math.max(1, Math.min(strideRows, Math.floor(batch.rows / batchSamples)));
      const rows = Math.ceil(batch.rows / stride);
      const at = new Int32Array(rows);
      const row = new Float64Array(rows);
      const weight = new Float64Array(rows);
      for (let k = 0; k < rows; k++) {
        const size = Math.min(stride, batch.rows - k * stride);
        at[k] = k * stride + (scramble(task, seen + k) % size);
        row[k] = seen + at[k]!;
        weight[k] = size;
      }
      const numbers = [new Float64Array(rows).fill(task), row, weight];
      seen += batch.rows;
      const columns = [
        ...keys.map(({ name }) => takeColumn(columnOf(batch, name), at, rows)),
        ...numbers.map(values => denseColumn(DataType.Float64, 'f64', rows, values)),
      ];
      emit({ schema, rows, columns }, entry);
    },
    finish() {},
  };
}

function scramble(task: number, k: number): number {
  let h = Math.imul(task + 1, 0x9e3779b1) ^ Math.imul(k + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return (h ^ (h >>> 13)) >>> 0;
}

/** The samples at which the next range begins: equal weights before, between and behind them. */
export function splitterOperator(step: SampleStep, schema: Schema): Operator {
  const held: Batch[] = [];
  return {
    schema,
    done: false,
    push(batch) {
      held.push(batch);
    },
    finish(emit) {
      const samples = concatBatches(schema, held);
      // Samples come in order of task and row, and the sort is stable: ties are in that order.
      const order = sortOrder(samples, step.by);
      const weights = columnOf(samples, samplePlaces[2]!.name).values;
      let total = 0;
      for (let i = 0; i < samples.rows; i++) total += weights[i]!;
      const at = new Int32Array(Math.min(step.ranges - 1, samples.rows));
      let count = 0;
      let before = 0;
      for (let p = 0; p < order.length && count < at.length; p++) {
        if (p > 0 && before >= (total * (count + 1)) / step.ranges) at[count++] = order[p]!;
        before += weights[order[p]!]!;
      }
      if (count > 0) emit(takeBatch(samples, at, count), 0);
    },
  };
}
