import { describe, expect, test } from 'vitest';
import { isVolleyError } from '../../core/base/errors.js';
import { DataType, formatType } from '../column/datatype.js';
import { all, col, exclude, len, lit } from '../expr/expr.js';
import type { DataFrame } from '../frame.js';
import { analyzed, planText, pretendFrame } from '../testing/pretend.js';

const left = pretendFrame('l', [
  { name: 'k', type: DataType.Int32 },
  { name: 'a', type: DataType.Float64 },
  { name: 's', type: DataType.Utf8 },
]);
const right = pretendFrame('r', [
  { name: 'k', type: DataType.Int64 },
  { name: 'a', type: DataType.Float64 },
  { name: 'z', type: DataType.Bool },
]);
const lines = (...text: string[]) => text.join('\n');
const scanL = 'SCAN parquet l 3/3 columns [k, a, s], 2 splits';
const scanR = 'SCAN parquet r 3/3 columns [k, a, z], 2 splits';
const schema = (frame: DataFrame) =>
  analyzed(frame)
    .schema.map(f => `${f.name}: ${formatType(f.type)}`)
    .join(', ');

describe('columns', () => {
  test('select, withColumns, drop, rename', () => {
    expect(schema(left.select('s', { n: 1, t: 'x' }, [col('a').mul(2)]))).toBe(
      's: Utf8, n: Int64, t: Utf8, a: Float64',
    );
    expect(schema(left.withColumns({ a: col('k') }, lit(true).alias('new')))).toBe(
      'k: Int32, a: Int32, s: Utf8, new: Bool',
    );
    expect(schema(left.drop('a', 's').rename({ k: 'key' }))).toBe('key: Int32');
    expect(schema(left.select(exclude('s').mul(2)))).toBe('k: Int64, a: Float64');
  });

  test('fillNull and dropNulls touch the columns that fit', () => {
    expect(planText(left.fillNull(0))).toBe(
      lines('PROJECT k = coalesce(k, 0), a = coalesce(a, 0), s', `  ${scanL}`),
    );
    expect(planText(left.dropNulls('a'))).toBe(lines('FILTER isNotNull(a)', `  ${scanL}`));
    expect(planText(left.dropNulls())).toContain('isNotNull(s)');
  });
});

describe('aggregates', () => {
  test('plain ones need no extra projection', () => {
    expect(planText(left.groupBy('s').agg(col('a').sum(), len().alias('n')))).toBe(
      lines('AGGREGATE by [s]: a = sum(a), n = len()', '  PROJECT s, a', `    ${scanL}`),
    );
  });

  test('expressions of aggregates of expressions are split in three', () => {
    const frame = left
      .groupBy(col('k').mod(10).alias('bucket'))
      .agg(
        col('a').mul(2).sum().div(len()).alias('x'),
        col('a').filter(col('k').gt(5)).mean().alias('y'),
        len().alias('n'),
        col('a').mul(2).sum().alias('twice'),
      );
    expect(planText(frame)).toBe(
      lines(
        'PROJECT bucket, x = (__agg0 / __agg1.cast(Float64)), y, n = __agg1, twice = __agg0',
        '  AGGREGATE by [bucket]: __agg0 = sum(__in0), __agg1 = len(), y = mean(a where __in1)',
        '    PROJECT bucket = (k.cast(Int64) % 10), __in0 = (a * 2), a, __in1 = (k > 5)',
        `      ${scanL}`,
      ),
    );
  });

  test('all() leaves out the keys; keys may be used and aggregated', () => {
    expect(schema(left.groupBy('s').agg(all().max()))).toBe('s: Utf8, k: Int32, a: Float64');
    const keyed = left.groupBy('k').agg(col('k').add(1).alias('next'), col('k').max().alias('m'));
    expect(planText(keyed)).toBe(
      lines(
        'PROJECT k, next = (k.cast(Int64) + 1), m',
        '  AGGREGATE by [k]: m = max(k)',
        '    PROJECT k',
        `      ${scanL}`,
      ),
    );
  });

  test('a key that hides a column of the same name', () => {
    const frame = left.groupBy(col('k').gt(0).alias('a')).agg(col('a').sum().alias('t'));
    expect(planText(frame)).toBe(
      lines('AGGREGATE by [a]: t = sum(__in0)', '  PROJECT a = (k > 0), __in0 = a', `    ${scanL}`),
    );
  });

  test('select of aggregates gives one row', () => {
    expect(planText(left.select(col('a').sum(), len()))).toBe(
      lines('AGGREGATE by []: a = sum(a), len = len()', '  PROJECT a', `    ${scanL}`),
    );
  });

  test('unique is an aggregate that keeps first or last', () => {
    expect(planText(left.unique({ on: 's', keep: 'last' }))).toBe(
      lines('PROJECT k, a, s', '  AGGREGATE by [s]: k = last(k), a = last(a)', `    ${scanL}`),
    );
    expect(planText(left.unique())).toBe(lines('AGGREGATE by [k, a, s]: ', `  ${scanL}`));
  });
});

describe('joins, sorts, concat', () => {
  test('keys are cast to one type, right keys dropped, clashes named', () => {
    expect(planText(left.join(right, { on: 'k' }))).toBe(
      lines(
        'PROJECT k, a, s, a_right, z',
        '  JOIN inner on __key0 = k take [a as a_right, z]',
        '    PROJECT k, a, s, __key0 = k.cast(Int64)',
        `      ${scanL}`,
        `    ${scanR}`,
      ),
    );
    expect(
      schema(left.join(right, { leftOn: ['k', 'a'], rightOn: ['k', 'a'], how: 'left', suffix: '!' })),
    ).toBe('k: Int32, a: Float64, s: Utf8, z: Bool');
  });

  test('sorting by an expression computes and drops it; nulls default to largest', () => {
    expect(planText(left.sort({ by: [col('a').neg(), 's'], descending: [true, false] }))).toBe(
      lines(
        'PROJECT k, a, s',
        '  SORT __sort0 desc, s',
        '    PROJECT k, a, s, __sort0 = neg(a)',
        `      ${scanL}`,
      ),
    );
    expect(planText(left.sort({ by: 's', nullsLast: false }))).toBe(
      lines('SORT s nulls first', `  ${scanL}`),
    );
  });

  test('concat casts to the common type', () => {
    const other = right.select(col('k'), col('a'), lit('x').alias('s'));
    expect(schema(left.concat(other))).toBe('k: Int64, a: Float64, s: Utf8');
  });
});

describe('errors', () => {
  const cases: [string, () => DataFrame, string, string[]][] = [
    ['filter', () => left.filter(col('ka').gt(1)), 'COLUMN_NOT_FOUND', ['filter', '"k"', 'Did you mean']],
    ['select', () => left.select('nothing_like_it'), 'COLUMN_NOT_FOUND', ['The columns are: k, a, s']],
    ['drop', () => left.drop('kk'), 'COLUMN_NOT_FOUND', ['drop']],
    ['rename', () => left.rename({ k: 'a' }), 'DUPLICATE_COLUMN', ['"a"', 'rename']],
    ['duplicate', () => left.select('a', col('a').add(1)), 'DUPLICATE_COLUMN', ['"a"', '.alias(']],
    [
      'agg duplicate',
      () => left.groupBy('s').agg(col('a').sum(), col('a').max()),
      'DUPLICATE_COLUMN',
      ['.alias('],
    ],
    [
      'agg bare column',
      () => left.groupBy('s').agg(col('a')),
      'UNSUPPORTED',
      ['col("a").first()', 'groupBy'],
    ],
    ['nested', () => left.select(col('a').sum().max()), 'UNSUPPORTED', ['two steps']],
    ['aggregate in filter', () => left.filter(col('a').gt(col('a').mean())), 'UNSUPPORTED', ['row by row']],
    ['mixed select', () => left.select('a', col('k').sum()), 'UNSUPPORTED', ['many values']],
    ['not a condition', () => left.filter(col('a')), 'TYPE_MISMATCH', ['filter', 'a (Float64)']],
    ['join key', () => left.join(right, { on: 's' }), 'COLUMN_NOT_FOUND', ['right side']],
    [
      'join types',
      () => left.join(right, { leftOn: 's', rightOn: 'k' }),
      'TYPE_MISMATCH',
      ['Utf8', 'Int64', 'cast'],
    ],
    ['join nothing', () => left.join(right, {}), 'INVALID_ARGUMENT', ['leftOn']],
    ['concat', () => left.concat(right), 'TYPE_MISMATCH', ['frame 2', 'Select the same names']],
    ['sort', () => left.sort('b'), 'COLUMN_NOT_FOUND', ['sort']],
    [
      'fan of suffix',
      () => left.rename({ s: 'a_right' }).join(right, { on: 'k' }),
      'DUPLICATE_COLUMN',
      ['suffix'],
    ],
  ];
  test.each(cases)('%s', (_name, make, code, parts) => {
    try {
      analyzed(make());
      expect.unreachable();
    } catch (error) {
      if (!isVolleyError(error)) throw error;
      expect(error.code).toBe(code);
      for (const part of parts) expect(error.message).toContain(part);
    }
  });

  test('what is wrong by itself is refused at once', () => {
    expect(() => left.filter((() => true) as never)).toThrow(/row functions.*col\('delay'\)/);
    expect(() => left.withColumns({ x: (() => 1) as never })).toThrow(/row functions/);
    expect(() => left.join(right, { on: 'k', how: 'outer' as never })).toThrow(/one of 'inner'.*not "outer"/);
    expect(() => left.head(-1)).toThrow(/at least 0/);
    expect(() => left.sort()).toThrow(/at least one key/);
    expect(() => left.sort({ by: ['a', 's'], descending: [true] })).toThrow(/1 values for 2 keys/);
    expect(() => left.groupBy('s').agg('a' as never)).toThrow(/col\("a"\)\.sum\(\)/);
    expect(() => left.select(5 as never)).toThrow(/column names or expressions/);
  });
});
