import { expect, test } from 'vitest';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import { addKeys, bloomWords, mayHold } from './bloom.js';

const numbers = (from: number, rows: number) =>
  denseColumn(
    DataType.Int64,
    'f64',
    rows,
    Float64Array.from({ length: rows }, (_, i) => from + i),
  );

test('no key that was added is missed, and few others are let through', () => {
  const rows = 100_000;
  const words = bloomWords(rows);
  addKeys(words, [numbers(0, rows)], rows);
  expect(mayHold(words, [numbers(0, rows)], rows).length).toBe(rows);
  // Deterministic: hashes of fixed values.
  expect(mayHold(words, [numbers(rows, rows)], rows).length).toBeLessThan(rows * 0.08);
});

test('without any key nothing is let through', () => {
  expect(mayHold(bloomWords(0), [numbers(-50, 100)], 100).length).toBe(0);
});
