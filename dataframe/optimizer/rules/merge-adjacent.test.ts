import { expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { col } from '../../expr/expr.js';
import { planText, pretendFrame } from '../../testing/pretend.js';
import { mergeAdjacent } from './merge-adjacent.js';

const frame = pretendFrame('t', [
  { name: 'a', type: DataType.Float64 },
  { name: 'b', type: DataType.Float64 },
]);
const scan = 'SCAN parquet t 2/2 columns [a, b], 2 splits';

test('projections in a row become one', () => {
  const chain = frame.withColumns(col('a').add(1).alias('c')).select(col('c').mul(2).alias('d'), 'b');
  expect(planText(chain, mergeAdjacent)).toBe(`PROJECT d = ((a + 1) * 2), b\n  ${scan}`);
});

test('what is computed once and used twice stays', () => {
  const chain = frame.select(col('a').sqrt().alias('c')).select(col('c').mul(col('c')).alias('d'));
  expect(planText(chain, mergeAdjacent)).toBe(`PROJECT d = (c * c)\n  PROJECT c = sqrt(a)\n    ${scan}`);
});

test('a projection that changes nothing is dropped', () => {
  expect(planText(frame.select('a', 'b'), mergeAdjacent)).toBe(scan);
  expect(planText(frame.select('b', 'a').select('a', 'b'), mergeAdjacent)).toBe(scan);
  expect(planText(frame.select('b', 'a'), mergeAdjacent)).toBe(`PROJECT b, a\n  ${scan}`);
});
