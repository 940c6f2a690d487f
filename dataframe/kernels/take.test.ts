import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import type { Column, Physical } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { dictionaryOf } from '../column/dictionary.js';
import { allocateValues, denseColumn } from '../column/layout.js';
import { GatheredBatch } from './gathered.js';
import { takeBatch, takeColumn, takeOptional } from './take.js';

const rows = 100_000;
const types: Readonly<Record<Exclude<Physical, 'list' | 'struct'>, DataType>> = {
  bool: DataType.Bool,
  i8: DataType.Int8,
  u8: DataType.UInt8,
  i16: DataType.Int16,
  u16: DataType.UInt16,
  i32: DataType.Int32,
  u32: DataType.UInt32,
  f32: DataType.Float32,
  f64: DataType.Float64,
  i64: DataType.Int64,
  code: DataType.Utf8,
};

function columnOf(physical: keyof typeof types): Column {
  const dictionary = physical === 'code' ? dictionaryOf(['a']).dictionary : null;
  return denseColumn(types[physical], physical, rows, allocateValues(physical, rows), dictionary);
}

// Goal: one gather shared by all kinds of arrays would go megamorphic and cost twenty times as much. The fastest of
// many repetitions before and after is what the machine's load cannot change by a factor of two.
test('an int32 gather is as fast after all kinds ran as before', () => {
  const random = seededRng(7);
  const at = Int32Array.from({ length: rows }, () => Math.floor(random() * rows));
  const int32 = columnOf('i32');
  const gather = () => {
    let fastest = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 200; round++) {
      const start = performance.now();
      takeColumn(int32, at, rows);
      fastest = Math.min(fastest, performance.now() - start);
    }
    return fastest;
  };
  const before = gather();
  for (let round = 0; round < 20; round++) {
    for (const physical of Object.keys(types) as (keyof typeof types)[]) {
      const column = columnOf(physical);
      takeColumn(column, at, rows);
      takeOptional(column, at, rows);
      const batch = new GatheredBatch([{ name: 'c', type: column.type }], rows, [
        { column, at, gaps: false },
      ]);
      expect(batch.columns[0]!.length).toBe(rows);
    }
  }
  const after = gather();
  expect(after / before, `${before} ms before, ${after} ms after`).toBeLessThan(2);
});

test('a gather keeps bounds, dictionary and nulls; without a row there is null', () => {
  const column: Column = {
    ...denseColumn(DataType.Int32, 'i32', 4, Int32Array.of(5, 0, 7, 9)),
    nullCount: 1,
    validity: Uint8Array.of(0b1101),
    range: { min: 0, max: 9 },
  };
  const taken = takeColumn(column, Int32Array.of(3, 1, 1), 3);
  expect(taken).toMatchObject({ length: 3, nullCount: 2, range: { min: 0, max: 9 } });
  expect([...taken.values]).toEqual([9, 0, 0]);
  const optional = takeOptional(column, Int32Array.of(-1, 2), 2);
  expect(optional.nullCount).toBe(1);
  expect([...optional.values]).toEqual([0, 7]);
});

test('rows that adjoin are a view', () => {
  const column = columnOf('i32');
  const batch = { schema: [{ name: 'c', type: column.type }], rows, columns: [column] };
  const some = takeBatch(batch, Int32Array.of(7, 8, 9), 3);
  expect(some.columns[0]!.values.buffer).toBe(column.values.buffer);
  expect(some.columns[0]!.values.byteOffset).toBe(28);
  expect(takeBatch(batch, Int32Array.of(7, 9, 9), 3).columns[0]!.values.buffer).not.toBe(
    column.values.buffer,
  );
  expect(takeBatch(batch, new Int32Array(0), 0).rows).toBe(0);
});
