import { describe, expect, test } from 'vitest';
import { isVolleyError } from '../../core/base/errors.js';
import { DataType } from '../column/datatype.js';
import { all, coalesce, col, concatStr, exclude, len, lit, outputName, when } from './expr.js';
import { exprKey } from './traverse.js';

describe('building', () => {
  test('operators nest as data and read as text', () => {
    const expr = col('delay').gt(30).and(col('origin').eq('LAS')).or(col('x').isNull());
    expect(String(expr)).toBe('(((delay > 30) & (origin == "LAS")) | isNull(x))');
    expect(JSON.parse(JSON.stringify(expr.node)).kind).toBe('call');
  });

  test('plain values become literals of their type', () => {
    expect(lit(1).node).toMatchObject({ value: 1, type: DataType.Int64 });
    expect(lit(1.5).node).toMatchObject({ type: DataType.Float64 });
    expect(lit(-0).node).toMatchObject({ type: DataType.Float64 });
    expect(lit(2n ** 60n).node).toMatchObject({ value: 2n ** 60n, type: DataType.Int64 });
    expect(lit(5n).node).toMatchObject({ value: 5, type: DataType.Int64 });
    expect(lit('a').node).toMatchObject({ type: DataType.Utf8 });
    expect(lit(null).node).toMatchObject({ type: DataType.Null });
    expect(lit(new Date(5)).node).toMatchObject({ value: 5, type: DataType.Timestamp('ms') });
    expect(() => lit(2n ** 70n)).toThrow(/64 bits/);
    expect(() => lit(undefined as never)).toThrow(/number, string, boolean/);
    expect(() => lit(new Date(Number.NaN))).toThrow(/invalid Date/);
  });

  test('output names follow the leftmost column', () => {
    const name = (e: { node: Parameters<typeof outputName>[0] }) => outputName(e.node);
    expect(name(col('a').add(col('b')).sum())).toBe('a');
    expect(name(lit(1).add(col('b')))).toBe('literal');
    expect(name(len())).toBe('len');
    expect(name(when(col('c')).then(col('x')).otherwise(0))).toBe('x');
    expect(name(concatStr([col('p'), '-', col('q')]))).toBe('p');
    expect(name(coalesce(col('m'), 0).alias('n').mul(2))).toBe('n');
  });

  test('when, filter and wildcards', () => {
    expect(String(when(col('a').gt(1)).then('x').when(col('a').gt(0)).then('y').otherwise('z'))).toBe(
      '(when (a > 1) then "x" when (a > 0) then "y" otherwise "z")',
    );
    expect(String(when(col('a')).then(1))).toBe('(when a then 1 otherwise null)');
    expect(String(col('a').filter(col('b').gt(0)).filter(col('c')).sum())).toBe('sum(a where ((b > 0) & c))');
    expect(`${all().sum()} ${exclude('a').max()}`).toBe('sum(all()) max(exclude(a))');
  });

  test('namespaces', () => {
    expect(String(col('s').str.contains(/^a/i))).toBe(
      'str.contains(s, pattern: "^a", regex: true, flags: "i")',
    );
    expect(String(col('s').str.strptime(DataType.Date, '%Y'))).toBe(
      'str.strptime(s, format: "%Y").cast(Date)',
    );
    expect(String(col('t').date.truncate('1mo').date.year())).toBe(
      'date.year(date.truncate(t, every: "1mo"))',
    );
    expect(() => col('t').date.truncate('soon')).toThrow(/15m/);
    expect(() => col('s').str.strptime(DataType.Int8, '%Y')).toThrow(/DataType.Date/);
  });

  test('equal expressions have equal keys, different literals do not', () => {
    expect(exprKey(col('a').add(1).node)).toBe(exprKey(col('a').add(1).node));
    const keys = [lit(0), lit(-0), lit(Number.NaN), lit(null), lit('NaN'), lit(2n ** 60n)].map(e =>
      exprKey(e.node),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('misuse', () => {
  test('an expression used as a value says the way out', () => {
    const expr = col('a').gt(1) as unknown as number;
    for (const use of [() => expr + 1, () => expr > 1, () => -expr]) {
      expect(use).toThrow(/a\.add\(b\), a\.gt\(b\)/);
    }
    expect(`${col('a')}`).toBe('a');
  });

  test('functions, unfinished filters and wrong names are refused', () => {
    expect(() => col('a').eq((() => 1) as never)).toThrow(/col\('a'\)\.gt\(10\)/);
    expect(() => col('a').add(col('b').filter(col('c')) as never)).toThrow(/followed by an aggregate/);
    expect(() => col(1 as never)).toThrow(/column's name/);
    try {
      coalesce();
      expect.unreachable();
    } catch (error) {
      expect(isVolleyError(error, 'INVALID_ARGUMENT')).toBe(true);
    }
  });
});
