import { expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { col } from '../../expr/expr.js';
import { planText, pretendFrame } from '../../testing/pretend.js';
import { pushLimits } from './push-limits.js';

const schema = [{ name: 'a', type: DataType.Int64 }];
const frame = pretendFrame('t', schema, [{ rows: 100 }, { rows: 100 }, { rows: 100 }]);
const scan = (splits: number) => `SCAN parquet t 1/1 columns [a], ${splits} splits`;
const lines = (...text: string[]) => text.join('\n');

test('only the splits that hold the rows are read', () => {
  expect(planText(frame.head(100), pushLimits)).toBe(lines('LIMIT 100', `  ${scan(1)}`));
  expect(planText(frame.limit(10, 95), pushLimits)).toBe(lines('LIMIT 10 offset 95', `  ${scan(2)}`));
  expect(planText(frame.head(0), pushLimits)).toBe(lines('LIMIT 0', `  ${scan(1)}`));
  const csv = pretendFrame('t', schema, [{ rows: -1 }, { rows: -1 }]);
  expect(planText(csv.head(1), pushLimits)).toBe(lines('LIMIT 1', `  ${scan(2)}`));
});

test('below a projection, but not below a filter', () => {
  expect(planText(frame.select(col('a').mul(2)).head(5), pushLimits)).toBe(
    lines('PROJECT a = (a * 2)', '  LIMIT 5', `    ${scan(1)}`),
  );
  expect(planText(frame.filter(col('a').gt(1)).head(5), pushLimits)).toBe(
    lines('LIMIT 5', '  FILTER (a > 1)', `    ${scan(3)}`),
  );
});

test('sort and limit become top-k', () => {
  expect(planText(frame.sort('a').head(5), pushLimits)).toBe(lines('SORT a top 5', `  ${scan(3)}`));
  expect(planText(frame.sort('a').limit(5, 2), pushLimits)).toBe(
    lines('LIMIT 5 offset 2', '  SORT a top 7', `    ${scan(3)}`),
  );
  expect(planText(frame.sort('a').head(9).head(4), pushLimits)).toBe(lines('SORT a top 4', `  ${scan(3)}`));
});

test('limits of limits, and into concat', () => {
  expect(planText(frame.limit(10, 3).limit(20, 4), pushLimits)).toBe(
    lines('LIMIT 6 offset 7', `  ${scan(1)}`),
  );
  expect(planText(frame.concat(frame).head(5), pushLimits)).toBe(
    lines('LIMIT 5', '  CONCAT', '    LIMIT 5', `      ${scan(1)}`, '    LIMIT 5', `      ${scan(1)}`),
  );
});
