import { expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { col, len } from '../../expr/expr.js';
import { planText, pretendFrame } from '../../testing/pretend.js';
import { pushProjections } from './push-projections.js';

const left = pretendFrame('l', [
  { name: 'k', type: DataType.Int64 },
  { name: 'a', type: DataType.Float64 },
  { name: 's', type: DataType.Utf8 },
  { name: 'small', type: DataType.Int8 },
]);
const right = pretendFrame('r', [
  { name: 'k', type: DataType.Int64 },
  { name: 'z', type: DataType.Float64 },
  { name: 'y', type: DataType.Utf8 },
]);
const lines = (...text: string[]) => text.join('\n');

test('a scan reads what is used, in file order', () => {
  const frame = left.filter(col('s').eq('x')).select(col('a'));
  expect(planText(frame, pushProjections)).toBe(
    lines('PROJECT a', '  FILTER (s == "x")', '    SCAN parquet l 2/4 columns [a, s], 2 splits'),
  );
});

test('counting rows reads the cheapest column', () => {
  expect(planText(left.select(len()), pushProjections)).toBe(
    lines('AGGREGATE by []: len = len()', '  SCAN parquet l 1/4 columns [small], 2 splits'),
  );
});

test('unused aggregates and join columns are not computed', () => {
  const grouped = left.groupBy('k').agg(col('a').sum().alias('x'), col('s').max().alias('y')).select('x');
  expect(planText(grouped, pushProjections)).toBe(
    lines(
      'PROJECT x',
      '  AGGREGATE by [k]: x = sum(a)',
      '    PROJECT k, a',
      '      SCAN parquet l 2/4 columns [k, a], 2 splits',
    ),
  );
  const joined = left.join(right, { on: 'k' }).select('a', 'z');
  expect(planText(joined, pushProjections)).toBe(
    lines(
      'PROJECT a, z',
      '  JOIN inner on k take [z]',
      '    SCAN parquet l 2/4 columns [k, a], 2 splits',
      '    SCAN parquet r 2/3 columns [k, z], 2 splits',
    ),
  );
});

test('sort keys are read and dropped', () => {
  expect(planText(left.sort('s').select('a'), pushProjections)).toBe(
    lines('PROJECT a', '  SORT s', '    SCAN parquet l 2/4 columns [a, s], 2 splits'),
  );
});

test('filter columns are not carried into a limit or a concat', () => {
  const frame = right.filter(col('z').gt(1)).concat(right).head(3).select('k');
  expect(planText(frame, pushProjections)).toBe(
    lines(
      'LIMIT 3',
      '  CONCAT',
      '    PROJECT k',
      '      FILTER (z > 1)',
      '        SCAN parquet r 2/3 columns [k, z], 2 splits',
      '    SCAN parquet r 1/3 columns [k], 2 splits',
    )
      .replace(/^/, 'PROJECT k\n')
      .replace(/\n(?!$)/g, '\n  '),
  );
});

test('a plan that uses everything is left as it is', () => {
  const whole = left.sort('k');
  expect(planText(whole, pushProjections)).toBe(planText(whole));
});
