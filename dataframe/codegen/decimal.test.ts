import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { DataType } from '../column/datatype.js';
import { type DecimalType, formatDecimal } from '../column/decimal.js';
import { recordsToBatch } from '../column/records.js';
import { coalesce, col, type Expr, lit } from '../expr/expr.js';
import { scopeOf, typeExpr } from '../expr/typing.js';
import { fromRecords } from '../frame.js';
import { duckdbWith } from '../testing/duckdb.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { testSeed } from '../testing/random-batch.js';
import { randomUnscaled } from '../testing/random-decimals.js';
import { projectionText } from './evaluate.js';

const host = { executor: new InlineExecutor() };
const seed = testSeed();
const dec = (precision: number, scale: number) => DataType.Decimal(precision, scale) as DecimalType;

type Values = readonly Record<string, unknown>[];

async function valuesOf(schema: Record<string, DataType>, records: Values, expr: Expr): Promise<unknown[]> {
  const rows = await fromRecords(host, records, { schema })
    .select(expr.alias('v'))
    .toRecords({ int64: 'bigint' });
  return rows.map(record => record.v);
}

const operations = [
  ['add', '+', col('x').add(col('y'))],
  ['sub', '-', col('x').sub(col('y'))],
  ['mul', '*', col('x').mul(col('y'))],
] as const;

// Goal: at the limits of 38 digits a result is DuckDB's, or an error where DuckDB has none.
test('near the limits: the exact result, or an overflow that names row and value', async () => {
  const db = await duckdbWith({});
  const random = seededRng(seed);
  const outcomes = { right: 0, overflow: 0 };
  for (let round = 0; round < 40; round++) {
    const scale = Math.floor(random() * 8);
    const value = (digits: number) => {
      const size = digits - Math.floor(random() * 2);
      const nines = random() < 0.2 ? 10n ** BigInt(size) - 1n : randomUnscaled(random, size);
      return formatDecimal(random() < 0.5 ? nines : -nines, scale);
    };
    for (const [fn, op, expr] of operations) {
      const digits = fn === 'mul' ? 20 : 38;
      const [x, y] = [value(digits), value(digits)];
      const type = `decimal(38, ${scale})`;
      const [[theirs]] = (await db.query(`select try(('${x}'::${type} ${op} '${y}'::${type})::varchar)`)) as [
        [string | null],
      ];
      const schema = { x: dec(38, scale), y: dec(38, scale) };
      const mine = valuesOf(
        schema,
        [
          { x: '1', y: '0' },
          { x, y },
        ],
        expr,
      );
      if (theirs === null) {
        outcomes.overflow++;
        await expect(mine).rejects.toMatchObject({
          code: 'INTEGER_OVERFLOW',
          data: { function: fn, row: 1 },
        });
      } else {
        outcomes.right++;
        expect((await mine)[1]).toBe(theirs);
      }
    }
  }
  db.close();
  expect(Math.min(outcomes.right, outcomes.overflow)).toBeGreaterThan(0);
});

test('an overflow shows the value that did not fit', async () => {
  const nines = '9'.repeat(38);
  await expect(
    valuesOf({ x: dec(38, 0) }, [{ x: '1' }, { x: nines }], col('x').add(1)),
  ).rejects.toMatchObject({ data: { row: 1, value: `1${'0'.repeat(38)}`, type: 'Decimal(38, 0)' } });
  // A null beside it hides nothing, and fails nothing.
  expect(
    await valuesOf({ x: dec(38, 0), y: dec(38, 0) }, [{ x: nines, y: null }], col('x').add(col('y'))),
  ).toEqual([null]);
});

test('results have the digits that SQL gives them', () => {
  const scope = scopeOf(
    [
      { name: 'a', type: dec(9, 2) },
      { name: 'b', type: dec(18, 4) },
      { name: 'c', type: dec(38, 30) },
      { name: 'i', type: DataType.Int32 },
      { name: 'x', type: DataType.Float64 },
    ],
    'test',
  );
  const typeOf = (expr: Expr) => typeExpr(expr.node, scope).type;
  expect(typeOf(col('a').add(col('b')))).toEqual(dec(19, 4));
  expect(typeOf(col('a').mul(col('b')))).toEqual(dec(27, 6));
  expect(typeOf(col('b').mul(col('c')))).toEqual(dec(38, 34));
  expect(typeOf(col('a').sub(col('i')))).toEqual(dec(13, 2));
  expect(typeOf(col('a').mul(0.05))).toEqual(dec(11, 4));
  expect(typeOf(lit(1).sub(col('a')))).toEqual(dec(10, 2));
  expect(typeOf(col('a').add(col('x')))).toEqual(DataType.Float64);
  expect(typeOf(col('a').div(2))).toEqual(DataType.Float64);
  expect(typeOf(col('a').round(1))).toEqual(dec(9, 1));
  expect(typeOf(col('a').sum())).toEqual(dec(38, 2));
  expect(typeOf(coalesce(col('a'), col('i'), 0.125))).toEqual(dec(13, 3));
  expect(() => typeOf(col('c').mul(col('c')))).toThrow(/38 digits.*lower scale/);
  expect(() => typeOf(coalesce(col('c'), col('i')))).toThrow(/one type/);
  expect(() => typeOf(col('a').eq('1.5'))).toThrow(/changes its type/);
  // Typing what is typed changes nothing.
  for (const expr of [col('a').mul(0.05), col('a').isIn([0.01, 7]), col('a').gt(0.005), col('a').round(1)]) {
    const once = typeExpr(expr.node, scope);
    expect(typeExpr(once.node, scope)).toEqual(once);
  }
});

test.each([
  ['digits before the point', '1234.5', dec(5, 2), '1234.5'],
  ['an integer', '300', DataType.Int8, '300.0'],
  ['a negative for an unsigned one', '-1', DataType.UInt32, '-1.0'],
] as const)('a strict cast that does not fit (%s) names row and value', async (_, x, type, value) => {
  const schema = { x: dec(6, 1) };
  const records = [{ x: '1' }, { x: null }, { x }];
  await expect(valuesOf(schema, records, col('x').cast(type))).rejects.toMatchObject({
    code: 'CAST_FAILED',
    data: { row: 2, value },
  });
  const loose = await valuesOf(schema, records, col('x').cast(type, { strict: false }));
  expect(loose.slice(1)).toEqual([null, null]);
});

test('casts from text, floats and integers: rounded half away, or refused by name', async () => {
  const type = dec(4, 2);
  const texts = ['1.005', '-1.005', '99.994', ' 7 ', '1e1', null].map(x => ({ x }));
  const text = { x: DataType.Utf8 };
  expect(await valuesOf(text, texts, col('x').cast(type))).toEqual([
    '1.01',
    '-1.01',
    '99.99',
    '7.00',
    '10.00',
    null,
  ]);
  for (const x of ['99.995', 'abc', '', '1..2']) {
    await expect(valuesOf(text, [{ x: '1' }, { x }], col('x').cast(type))).rejects.toMatchObject({
      code: 'CAST_FAILED',
      data: { row: 1, value: x },
    });
    expect(await valuesOf(text, [{ x }], col('x').cast(type, { strict: false }))).toEqual([null]);
  }
  const floats = [0.125, -0.125, 99.99, 1e-9].map(x => ({ x }));
  expect(await valuesOf({}, floats, col('x').cast(type))).toEqual(['0.13', '-0.13', '99.99', '0.00']);
  for (const x of [NaN, Infinity, 100, -1e300]) {
    await expect(valuesOf({}, [{ x }], col('x').cast(dec(4, 2)))).rejects.toMatchObject({
      code: 'CAST_FAILED',
    });
    expect(await valuesOf({}, [{ x }], col('x').cast(dec(4, 2), { strict: false }))).toEqual([null]);
  }
  expect(await valuesOf({}, [{ x: 1e30 }, { x: 123456.789 }], col('x').cast(dec(38, 7)))).toEqual([
    '1000000000000000000000000000000.0000000',
    '123456.7890000',
  ]);
  const most = { x: DataType.UInt64 };
  expect(await valuesOf(most, [{ x: 2n ** 64n - 1n }], col('x').cast(dec(20, 0)))).toEqual([
    '18446744073709551615',
  ]);
  expect(
    await valuesOf({ x: dec(20, 0) }, [{ x: '18446744073709551615' }], col('x').cast(DataType.UInt64)),
  ).toEqual([2n ** 64n - 1n]);
  expect(await valuesOf({ x: dec(3, 1) }, [{ x: '-1.9' }], col('x').cast(DataType.Int32))).toEqual([-1]);
});

// Goal: what fits 2^53 never meets a bigint.
test('loops over short decimals are plain numbers', () => {
  const schema = [
    { name: 'price', type: dec(15, 2) },
    { name: 'discount', type: dec(38, 2) },
  ];
  const revenue = typeExpr(col('price').mul(lit(1).sub(col('discount'))).node, scopeOf(schema, 'test')).node;
  const short = recordsToBatch([{ price: '12345.67', discount: '0.05' }], schema);
  expect(projectionText([revenue], short)).not.toMatch(/BigInt|\dn\b/);
  const long = recordsToBatch([{ price: '12345.67', discount: '9'.repeat(36) }], schema);
  expect(projectionText([revenue], long)).toContain('BigInt');
});
