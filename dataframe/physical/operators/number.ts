import { DataType, type Schema } from '../../column/datatype.js';
import { denseColumn } from '../../column/layout.js';
import type { NumberStep } from '../fragment.js';
import type { Operator } from '../operator.js';

/** Rows of one task are below this. */
const TASK_STRIDE = 2 ** 32;

/**
 * Adds a number to each row: without a seed, one that ascends with task and row; with one, a random number in [0, 1)
 * that depends on seed, task and row only.
 */
export function numberOperator({ name, seed }: NumberStep, before: Schema, position: number): Operator {
  const schema = [...before, { name, type: DataType.Float64 }];
  let row = 0;
  return {
    schema,
    done: false,
    push(batch, entry, emit) {
      const values = new Float64Array(batch.rows);
      for (let i = 0; i < batch.rows; i++, row++) {
        values[i] = seed === null ? position * TASK_STRIDE + row : randomOf(seed, position, row);
      }
      const column = denseColumn(DataType.Float64, 'f64', batch.rows, values);
      emit({ schema, rows: batch.rows, columns: [...batch.columns, column] }, entry);
    },
    finish() {},
  };
}

/** 53 bits of two murmur3 finalisers. */
function randomOf(seed: number, position: number, row: number): number {
  const start = mix(mix(seed | 0) ^ position);
  const high = mix(start ^ Math.imul(row, 0x9e3779b1)) >>> 5;
  const low = mix((start + 0x7f4a7c15) ^ Math.imul(row, 0x85ebca6b)) >>> 6;
  return (high * 67108864 + low) / 2 ** 53;
}

function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
