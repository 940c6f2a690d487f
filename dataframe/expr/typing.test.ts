import { describe, expect, test } from 'vitest';
import { isVolleyError } from '../../core/base/errors.js';
import { DataType, formatType, type Schema } from '../column/datatype.js';
import { all, coalesce, col, concatStr, corr, type Expr, lit, when } from './expr.js';
import { formatExpr } from './format.js';
import { nearestNames } from './nearest.js';
import { scopeOf, typeExpr } from './typing.js';

const schema: Schema = [
  { name: 'i8', type: DataType.Int8 },
  { name: 'i32', type: DataType.Int32 },
  { name: 'i64', type: DataType.Int64 },
  { name: 'u32', type: DataType.UInt32 },
  { name: 'f32', type: DataType.Float32 },
  { name: 'f64', type: DataType.Float64 },
  { name: 's', type: DataType.Utf8 },
  { name: 'b', type: DataType.Bool },
  { name: 'd', type: DataType.Date },
  { name: 't', type: DataType.Timestamp('us', 'UTC') },
  { name: 'n', type: DataType.Null },
  { name: 'l', type: DataType.List(DataType.Int8) },
];
const scope = scopeOf(schema, 'select');

function typed(expr: Expr): string {
  const once = typeExpr(expr.node, scope);
  const twice = typeExpr(once.node, scope);
  expect(formatExpr(twice.node)).toBe(formatExpr(once.node));
  expect(formatType(twice.type)).toBe(formatType(once.type));
  return `${formatExpr(once.node)}: ${formatType(once.type)}`;
}

describe('arithmetic', () => {
  test.each<[Expr, string]>([
    [col('i32').add(col('i32')), '(i32 + i32): Int32'],
    [col('i8').add(col('i32')), '(i8.cast(Int64) + i32.cast(Int64)): Int64'],
    [col('i32').mul(2), '(i32.cast(Int64) * 2): Int64'],
    [col('i32').mul(2.5), '(i32.cast(Float64) * 2.5): Float64'],
    [col('f32').mul(2), '(f32 * 2): Float32'],
    [col('f32').mul(0.1), '(f32.cast(Float64) * 0.1): Float64'],
    [col('f64').sub(col('i64')), '(f64 - i64.cast(Float64)): Float64'],
    [col('i64').div(2), '(i64.cast(Float64) / 2): Float64'],
    [col('b').add(1), '(b.cast(Int64) + 1): Int64'],
    [col('u32').neg(), 'neg(u32.cast(Int64)): Int64'],
    [col('i32').round(), 'i32: Int32'],
    [col('f64').round(2), '(round((f64 * 100)) / 100): Float64'],
    [col('f32').floor(), 'floor(f32): Float32'],
    [col('i64').pow(2), 'pow(i64.cast(Float64), 2): Float64'],
    [col('i32').add(null), '(i32 + null): Int32'],
    [col('s').add('x'), 'concatStr(s, "x", separator: ""): Utf8'],
    [col('i32').clip(0, 10), 'clip(i32, 0, 10): Int32'],
  ])('%s', (expr, expected) => expect(typed(expr)).toBe(expected));
});

describe('comparison', () => {
  test.each<[Expr, string]>([
    [col('i8').gt(5), '(i8 > 5): Bool'],
    [col('i8').gt(500), '(i8.cast(Int64) > 500): Bool'],
    [col('i32').ltEq(2.5), '(i32.cast(Float64) <= 2.5): Bool'],
    [col('i32').eq(col('u32')), '(i32.cast(Int64) == u32.cast(Int64)): Bool'],
    [col('d').gt(new Date('2020-01-02')), '(d > 2020-01-02): Bool'],
    [
      col('d').gt(new Date('2020-01-02T12:00:00Z')),
      '(d.cast(Timestamp(ms)) > 2020-01-02T12:00:00.000Z): Bool',
    ],
    [col('t').gt(new Date('2020-01-02')), '(t > 2020-01-02T00:00:00.000Z): Bool'],
    [col('d').lt(col('t')), '(d.cast(Timestamp(us, UTC)) < t): Bool'],
    [col('i32').isBetween(1, 9), '((i32 >= 1) & (i32 <= 9)): Bool'],
    [col('s').eq('a'), '(s == "a"): Bool'],
    [col('s').eq(null), '(s == null): Bool'],
    [col('i32').isIn([1, 2.5, null]), 'isIn(i32, values: [1], typed: true): Bool'],
    [col('d').isIn([new Date('1970-01-11')]), 'isIn(d, values: [10], typed: true): Bool'],
    [col('i32').isNaN(), 'isNaN(i32.cast(Float64)): Bool'],
    [col('b').and(null), '(b & null): Bool'],
  ])('%s', (expr, expected) => expect(typed(expr)).toBe(expected));
});

describe('the rest', () => {
  test.each<[Expr, string]>([
    [col('i32').fillNull(0), 'coalesce(i32, 0): Int32'],
    [col('i32').fillNull(0.5), 'coalesce(i32.cast(Float64), 0.5): Float64'],
    [coalesce(col('n'), col('i8'), 1), 'coalesce(n.cast(Int8), i8, 1): Int8'],
    [when(col('b')).then(1).otherwise(0), '(when b then 1 otherwise 0): Int64'],
    [when(col('b')).then(col('i8')), '(when b then i8 otherwise null): Int8'],
    [concatStr([col('s'), col('i32')], '-'), 'concatStr(s, i32.cast(Utf8), separator: "-"): Utf8'],
    [col('s').str.lenChars(), 'str.lenChars(s): Int32'],
    [col('s').str.strptime(DataType.Date, '%Y'), 'str.strptime(s, format: "%Y").cast(Date): Date'],
    [col('t').date.hour(), 'date.hour(t): Int32'],
    [col('d').date.truncate('1mo'), 'date.truncate(d, every: "1mo"): Date'],
    [col('i32').cast(DataType.Int32), 'i32: Int32'],
    [col('i8').sum(), 'sum(i8): Int64'],
    [col('b').mean(), 'mean(b.cast(Int32)): Float64'],
    [col('f32').sum(), 'sum(f32): Float64'],
    [col('s').max(), 'max(s): Utf8'],
    [col('s').filter(col('i8').gt(0)).nUnique(), 'nUnique(s where (i8 > 0)): Int64'],
    [col('i8').median(), 'quantile(i8, 0.5): Float64'],
    [col('b').std(), 'std(b.cast(Int32)): Float64'],
    [corr('i8', 'b'), 'corr(i8, b.cast(Int32)): Float64'],
    [col('i8').filter(col('b')).corr(col('f32')), 'corr(i8, f32 where b): Float64'],
    [col('s').list(), 'list(s): List(Utf8)'],
    [col('d').topK(3), 'topK(d, 3): List(Date)'],
    [col('s').approxNUnique(), 'approxNUnique(s): Int64'],
    [col('l').list.get(-1), 'list.get(l, index: -1): Int8'],
    [col('l').list.sum(), 'list.sum(l): Int64'],
    [col('l').list.contains(5), 'list.contains(l, 5): Bool'],
    [col('l').first(), 'first(l): List(Int8)'],
    [lit(1).add(2), '(1 + 2): Int64'],
  ])('%s', (expr, expected) => expect(typed(expr)).toBe(expected));
});

describe('errors', () => {
  function failure(expr: Expr) {
    try {
      typeExpr(expr.node, scope);
    } catch (error) {
      if (isVolleyError(error)) return error;
      throw error;
    }
    throw new Error(`${expr} was accepted`);
  }

  test.each<[Expr, string[]]>([
    [col('s').gt(5), ['gt', 's (Utf8)', '5 (Int64)', 's.cast(DataType.Float64)']],
    [col('i32').eq('LAS'), ['eq', 'i32 (Int32)', "col('name')"]],
    [col('s').add(1), ['add', 's (Utf8)']],
    [col('i32').and(col('b')), ['and', '.gt(0)']],
    [col('i32').str.toLowerCase(), ['str.toLowerCase', 'Utf8']],
    [col('d').date.hour(), ['date.hour', 'timestamps']],
    [col('s').sum(), ['sum', 's (Utf8)']],
    [col('i32').isIn(['a']), ['isIn', 'i32 (Int32)']],
    [when(col('b')).then(1).otherwise('a'), ['when/then/otherwise', '1 (Int64)', '"a" (Utf8)']],
    [when(col('i8')).then(1), ['when', 'i8 (Int8)']],
    [col('b').cast(DataType.Date), ['cast to Date', 'b (Bool)']],
    [col('s').quantile(0.5), ['quantile', 's (Utf8)', 's.cast(DataType.Float64)']],
    [corr('i8', 's'), ['corr', 's (Utf8)']],
    [col('l').topK(1), ['topK', 'l (List(Int8))']],
    [col('l').sum(), ['sum', 'l (List(Int8))']],
    [col('l').nUnique(), ['nUnique', 'l (List(Int8))', 'explode']],
    [col('l').eq(col('l')), ['eq', 'l (List(Int8))']],
    [col('l').fillNull(col('l')), ['coalesce', 'l (List(Int8))', '.list.len()']],
    [col('s').list.len(), ['list.len', 's (Utf8)']],
    [col('l').list.contains('a'), ['list.contains', '"a" (Utf8)']],
    [col('l').list.join(), ['list.join', 'l (List(Int8))']],
    [col('l').cast(DataType.Utf8), ['cast to Utf8', 'l (List(Int8))']],
  ])('%s', (expr, parts) => {
    const error = failure(expr);
    expect(error.code).toBe('TYPE_MISMATCH');
    for (const part of parts) expect(error.message).toContain(part);
  });

  test('an unknown column names the nearest', () => {
    const error = failure(col('i46'));
    expect(error.code).toBe('COLUMN_NOT_FOUND');
    expect(error.data).toMatchObject({ column: 'i46', nearest: ['i64'] });
    expect(failure(col('quite_other')).message).toContain('The columns are: i8, i32');
    expect(failure(all()).message).toContain('several columns');
  });

  test('nearest names', () => {
    const names = ['origin', 'destination', 'delay', 'ORIGIN_STATE'];
    expect(nearestNames('orgin', names)).toEqual(['origin']);
    expect(nearestNames('Delay', names)).toEqual(['delay']);
    expect(nearestNames('state', names)).toEqual(['ORIGIN_STATE']);
    expect(nearestNames('x', names)).toEqual([]);
  });
});
