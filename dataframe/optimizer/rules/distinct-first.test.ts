import { expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { col, len } from '../../expr/expr.js';
import { planText, pretendFrame } from '../../testing/pretend.js';
import { distinctFirst } from './distinct-first.js';

const frame = pretendFrame('t', [
  { name: 'k', type: DataType.Int64 },
  { name: 's', type: DataType.Utf8 },
]);

test('distinct values of one column are counted in two steps', () => {
  expect(planText(frame.groupBy('k').agg(col('s').nUnique().alias('n')), distinctFirst)).toBe(
    [
      'AGGREGATE by [k]: n = count(s)',
      '  AGGREGATE by [k, s]: ',
      '    SCAN parquet t 2/2 columns [k, s], 2 splits',
    ].join('\n'),
  );
});

test('other aggregates beside it, filters and keys leave it as it is', () => {
  const same = (f: typeof frame) => expect(planText(f, distinctFirst)).toBe(planText(f));
  same(frame.groupBy('k').agg(col('s').nUnique(), len()));
  same(frame.groupBy('k').agg(col('s').filter(col('k').gt(0)).nUnique()));
  same(frame.groupBy('k').agg(col('k').nUnique().alias('n')));
  same(frame.unique());
});
