import { expect, test } from 'vitest';
import { DataType } from './datatype.js';
import { batchesToRecords, recordsToBatch } from './records.js';

test('values keep their types: number, bigint, Date, string, boolean, null; missing keys are null', () => {
  const when = new Date('2024-05-06T07:08:09.010Z');
  const batch = recordsToBatch([
    { a: 1.5, b: 2n, c: when, d: 'x', e: true },
    { a: null, e: undefined, f: 'late' },
  ]);
  expect(batch.schema.map(f => f.type)).toEqual([
    DataType.Float64,
    DataType.Int64,
    DataType.Timestamp('ms'),
    DataType.Utf8,
    DataType.Bool,
    DataType.Utf8,
  ]);
  expect(batchesToRecords(batch.schema, [batch])).toEqual([
    { a: 1.5, b: 2, c: when, d: 'x', e: true, f: null },
    { a: null, b: null, c: null, d: null, e: null, f: 'late' },
  ]);
});

test('a column of two types names row, column and both', () => {
  expect(() => recordsToBatch([{ a: 1 }, { a: 'x' }])).toThrowError(
    /"a" is Float64, but row 1 holds a string/,
  );
  expect(() => recordsToBatch([{ a: new Map() }])).toThrowError(/"a" holds an object \(Map\)/);
});

test('declared types are checked', () => {
  const schema = [{ name: 'n', type: DataType.Int8 }];
  expect(batchesToRecords(schema, [recordsToBatch([{ n: 5 }, {}], schema)])).toEqual([{ n: 5 }, { n: null }]);
  expect(() => recordsToBatch([{ n: 128 }], schema)).toThrowError(/Int8, but row 0/);
  expect(() => recordsToBatch([{ n: 0.5 }], schema)).toThrowError(/Int8, but row 0/);
});

test('int64 beyond 2^53 is an error that names the way out', () => {
  const batch = recordsToBatch([{ v: 1n }, { v: 2n ** 60n }]);
  expect(() => batchesToRecords(batch.schema, [batch])).toThrowError(/"v", row 1.*\{ int64: 'bigint' \}/);
  expect(batchesToRecords(batch.schema, [batch], { int64: 'bigint' })).toEqual([{ v: 1n }, { v: 2n ** 60n }]);
});

test('a column called __proto__ is a column', () => {
  const record = JSON.parse('{"__proto__": 1, "a-b": 2}') as object;
  const batch = recordsToBatch([record]);
  const [back] = batchesToRecords(batch.schema, [batch]) as [object];
  expect(Object.keys(back)).toEqual(['__proto__', 'a-b']);
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
});
