import { expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { col } from '../../expr/expr.js';
import { planText, pretendFrame } from '../../testing/pretend.js';
import { pruneSplits } from './prune-splits.js';
import { pushPredicates } from './push-predicates.js';

const range = (min: number, max: number) => ({ statistics: { a: { min, max, nullCount: 0 } } });
const frame = pretendFrame('t', [{ name: 'a', type: DataType.Int64 }], [range(0, 9), range(10, 19), {}]);

test('splits that cannot match are not read; those without statistics are', () => {
  const text = (f: typeof frame) => planText(f, pushPredicates, pruneSplits);
  expect(text(frame.filter(col('a').gt(12)))).toContain(', 2 splits where');
  expect(text(frame.filter(col('a').gt(100)))).toContain(', 1 splits where');
  expect(text(frame.filter(col('a').gt(5)))).toContain(', 3 splits where');
  expect(text(frame)).toContain(', 3 splits');
});
