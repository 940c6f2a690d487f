import { expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { col, lit, when } from '../../expr/expr.js';
import { planText, pretendFrame } from '../../testing/pretend.js';
import { foldConstants } from './fold-constants.js';

const frame = pretendFrame('t', [
  { name: 'a', type: DataType.Int64 },
  { name: 'f', type: DataType.Float64 },
  { name: 'b', type: DataType.Bool },
]);
const scan = 'SCAN parquet t 3/3 columns [a, f, b], 2 splits';
const folded = (expr: ReturnType<typeof col>) =>
  planText(frame.select(expr.alias('x')), foldConstants).split('\n')[0];

test('a condition that is always true is no filter', () => {
  expect(planText(frame.filter(lit(2).gt(1)), foldConstants)).toBe(scan);
  expect(planText(frame.filter(col('b').and(true)), foldConstants)).toBe(`FILTER b\n  ${scan}`);
  expect(planText(frame.filter(lit(1).gt(2)), foldConstants)).toBe(`FILTER false\n  ${scan}`);
});

test('arithmetic and logic of literals', () => {
  expect(folded(col('a').add(lit(2).mul(3)))).toBe('PROJECT x = (a + 6)');
  expect(folded(lit(1).div(0))).toBe('PROJECT x = Infinity');
  expect(folded(col('b').not().not())).toBe('PROJECT x = b');
  expect(folded(col('b').or(lit(1).eq(1)))).toBe('PROJECT x = true');
  expect(folded(lit(1).add(null))).toBe('PROJECT x = null');
  expect(folded(when(lit(1).gt(2)).then(col('a')).otherwise(7))).toBe('PROJECT x = 7');
});

test('what may fail or depends on run time stays', () => {
  expect(folded(lit(2 ** 53 - 1).add(2))).toBe('PROJECT x = (9007199254740991 + 2)');
  expect(folded(lit('a').lt('b'))).toBe('PROJECT x = ("a" < "b")');
  expect(folded(lit(Number.NaN).eq(Number.NaN))).toBe('PROJECT x = (NaN == NaN)');
  const plan = planText(frame.select('a'), foldConstants);
  expect(plan).toBe(`PROJECT a\n  ${scan}`);
});
