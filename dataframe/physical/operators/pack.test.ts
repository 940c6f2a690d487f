import { expect, test } from 'vitest';
import type { Column } from '../../column/column.js';
import { DataType } from '../../column/datatype.js';
import { viewValues } from '../../column/layout.js';
import { Lent } from '../../kernels/lent.js';
import { fillOf } from '../../kernels/unfilled.js';
import { workInKernelMemory } from '../../testing/kernel-memory.js';
import type { UnpackStep } from '../fragment.js';
import { unpackOperator } from './pack.js';

const rows = 10_003;
const slabs = workInKernelMemory(1024 * 1024, 16 * 1024 * 1024);

/** A digit of 14 bits, and one of 7 above it, 100 for null. */
function packedRows(): Column {
  const values = viewValues('i64', slabs.buffer, 0, rows) as Int32Array;
  for (let i = 0; i < rows; i++) {
    values[2 * i] = i | ((i % 101) << 14);
    values[2 * i + 1] = 0;
  }
  const type = DataType.Int64;
  return { type, physical: 'i64', length: rows, nullCount: 0, validity: null, values, dictionary: null };
}

// Where an answer's 64-bit integers go straight into Arrow's form.
test('unpacked 64-bit integers are written as floats, and as pairs of words where those are wanted', () => {
  const field = { type: DataType.Int64, word: 0, nullable: false, dictionary: null } as const;
  const step: UnpackStep = {
    kind: 'unpack',
    input: null,
    name: 'keys',
    fields: [
      { ...field, column: 'a', base: -5, size: 16_383, shift: 0 },
      { ...field, column: 'b', base: 7, size: 100, shift: 14, nullable: true },
    ],
  };
  const lent = new Lent();
  const columns: Column[] = [];
  const operator = unpackOperator(step, [{ name: 'keys', type: DataType.Int64 }], null, lent);
  const batch = { schema: [], rows, columns: [packedRows()] };
  operator.push(batch, 0, out => columns.push(...out.columns));
  const wanted = [(i: number) => i - 5, (i: number) => (i % 101 === 100 ? 0 : (i % 101) + 7)];
  columns.forEach((column, c) => {
    const floats = viewValues('f64', slabs.buffer, 200_000, rows);
    const pairs = viewValues('i64', slabs.buffer, 400_000, rows);
    fillOf(column)!(floats, 'f64');
    fillOf(column)!(pairs, 'i64');
    const whole = new BigInt64Array(pairs.buffer, pairs.byteOffset, rows);
    for (let i = 0; i < rows; i++) {
      expect(floats[i]).toBe(wanted[c]!(i));
      expect(whole[i]).toBe(BigInt(wanted[c]!(i)));
    }
  });
  lent.giveBack();
});
