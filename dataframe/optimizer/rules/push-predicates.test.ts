import { expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { col, len } from '../../expr/expr.js';
import { planText, pretendFrame } from '../../testing/pretend.js';
import { pushPredicates } from './push-predicates.js';

const left = pretendFrame('l', [
  { name: 'k', type: DataType.Int64 },
  { name: 'a', type: DataType.Float64 },
  { name: 's', type: DataType.Utf8 },
]);
const right = pretendFrame('r', [
  { name: 'k', type: DataType.Int64 },
  { name: 'z', type: DataType.Float64 },
]);
const scanL = 'SCAN parquet l 3/3 columns [k, a, s], 2 splits';
const scanR = 'SCAN parquet r 2/2 columns [k, z], 2 splits';
const lines = (...text: string[]) => text.join('\n');

test('a scan gets the predicate as a hint; the filter stays', () => {
  expect(planText(left.filter(col('k').gt(1)), pushPredicates)).toBe(
    lines('FILTER (k > 1)', `  ${scanL} where (k > 1)`),
  );
});

test('through a projection, rewritten, and a sort', () => {
  const frame = left.select(col('a').mul(2).alias('x'), 'k').sort('k').filter(col('x').gt(10));
  expect(planText(frame, pushPredicates)).toBe(
    lines(
      'SORT k',
      '  PROJECT x = (a * 2), k',
      '    FILTER ((a * 2) > 10)',
      `      ${scanL} where ((a * 2) > 10)`,
    ),
  );
});

test('not through a top-k or a limit', () => {
  const limited = left.head(3).filter(col('k').gt(1));
  expect(planText(limited, pushPredicates)).toBe(lines('FILTER (k > 1)', '  LIMIT 3', `    ${scanL}`));
  const top = left.topK(3, { by: 'a' }).filter(col('k').gt(1));
  expect(planText(top, pushPredicates)).toMatch(/^FILTER \(k > 1\)\n {2}SORT/);
});

test('conditions on group keys go below the aggregate, others stay', () => {
  const frame = left
    .groupBy('k')
    .agg(len().alias('n'))
    .filter(col('k').gt(1).and(col('n').gt(5)));
  expect(planText(frame, pushPredicates)).toBe(
    lines(
      'FILTER (n > 5)',
      '  AGGREGATE by [k]: n = len()',
      '    PROJECT k',
      '      FILTER (k > 1)',
      `        ${scanL} where (k > 1)`,
    ),
  );
});

test('one row of aggregates is filtered above', () => {
  const frame = left.select(len().alias('n')).filter(col('n').gt(5));
  expect(planText(frame, pushPredicates)).toMatch(/^FILTER/);
});

test('into both sides of an inner join; a condition on the key holds for both', () => {
  const frame = left.join(right, { on: 'k' }).filter(col('k').gt(1).and(col('a').lt(2)).and(col('z').gt(3)));
  expect(planText(frame, pushPredicates)).toBe(
    lines(
      'JOIN inner on k take [z]',
      '  FILTER ((k > 1) & (a < 2))',
      `    ${scanL} where ((k > 1) & (a < 2))`,
      '  FILTER ((z > 3) & (k > 1))',
      `    ${scanR} where ((z > 3) & (k > 1))`,
    ),
  );
});

test('a condition on the right side of a left join stays above', () => {
  const frame = left.join(right, { on: 'k', how: 'left' }).filter(col('z').isNull().and(col('a').lt(2)));
  expect(planText(frame, pushPredicates)).toBe(
    lines(
      'FILTER isNull(z)',
      '  JOIN left on k take [z]',
      '    FILTER (a < 2)',
      `      ${scanL} where (a < 2)`,
      `    ${scanR}`,
    ),
  );
});

test('through other joins only into the side whose rows all come out', () => {
  const condition = col('k').gt(1).and(col('a').lt(2)).and(col('z').gt(3));
  expect(planText(left.join(right, { on: 'k', how: 'full' }).filter(condition), pushPredicates)).toBe(
    lines(
      'PROJECT k = coalesce(k, __right0), a, s, z',
      '  FILTER (((coalesce(k, __right0) > 1) & (a < 2)) & (z > 3))',
      '    JOIN full on k take [z, k as __right0]',
      `      ${scanL}`,
      `      ${scanR}`,
    ),
  );
  expect(planText(left.join(right, { on: 'k', how: 'right' }).filter(condition), pushPredicates)).toBe(
    lines(
      'PROJECT k = __right0, a, s, z',
      '  FILTER (a < 2)',
      '    JOIN right on k take [z, k as __right0]',
      `      ${scanL}`,
      '      FILTER ((k > 1) & (z > 3))',
      `        ${scanR} where ((k > 1) & (z > 3))`,
    ),
  );
  for (const how of ['semi', 'anti'] as const) {
    expect(planText(left.join(right, { on: 'k', how }).filter(col('k').gt(1)), pushPredicates)).toBe(
      lines(
        `JOIN ${how} on k take []`,
        '  FILTER (k > 1)',
        `    ${scanL} where (k > 1)`,
        '  FILTER (k > 1)',
        `    ${scanR} where (k > 1)`,
      ),
    );
  }
  expect(
    planText(left.join(right, { how: 'cross' }).filter(col('a').lt(2).and(col('z').gt(3))), pushPredicates),
  ).toBe(
    lines(
      'JOIN cross take [k as k_right, z]',
      '  FILTER (a < 2)',
      `    ${scanL} where (a < 2)`,
      '  FILTER (z > 3)',
      `    ${scanR} where (z > 3)`,
    ),
  );
});

test('into every branch of a concat', () => {
  const frame = right.concat(right).filter(col('z').gt(1));
  const branch = lines('  FILTER (z > 1)', `    ${scanR} where (z > 1)`);
  expect(planText(frame, pushPredicates)).toBe(lines('CONCAT', branch, branch));
});

test('a condition that can fail does not pass the filter that guards it', () => {
  const guarded = left.filter(col('s').str.contains(/^\d+$/)).filter(col('s').cast(DataType.Int32).gt(5));
  expect(planText(guarded, pushPredicates)).toMatch(
    /^FILTER \(s\.cast\(Int32\) > 5\)\n {2}FILTER str\.contains/,
  );
  const joined = left.join(right, { on: 'k' }).filter(col('k').add(1).gt(5));
  expect(planText(joined, pushPredicates)).toMatch(/^FILTER \(\(k \+ 1\) > 5\)\n {2}JOIN/);
});

test('neighbours become one filter, each condition once', () => {
  const frame = left.filter(col('k').gt(1)).filter(col('a').lt(2)).filter(col('k').gt(1));
  expect(planText(frame, pushPredicates)).toMatch(/^FILTER \(\(k > 1\) & \(a < 2\)\)\n {2}SCAN/);
});
