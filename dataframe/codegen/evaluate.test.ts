import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import type { Batch } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { batchesToRecords } from '../column/records.js';
import { coalesce, col, concatStr, type Expr, lit, when } from '../expr/expr.js';
import { scopeOf, typeExpr } from '../expr/typing.js';
import { duckdbWith } from '../testing/duckdb.js';
import { randomBatch, testSeed } from '../testing/random-batch.js';
import { evaluate, selectRows } from './evaluate.js';

const seed = testSeed();

/** Each expression and what DuckDB calls it. */
const cases: readonly (readonly [Expr, string])[] = [
  [col('x').add(col('y')), 'x + y'],
  [col('i').sub(col('k')).mul(3), '(i - k) * 3'],
  [col('x').div(col('y')), 'x / y'],
  [col('i').mod(col('k')), 'i % k'],
  [col('x').abs(), 'abs(x)'],
  [col('k').neg(), '-k'],
  [col('y').round(), 'round(y)'],
  [col('x').floor(), 'floor(x)'],
  [col('x').ceil(), 'ceil(x)'],
  [col('k').sign(), 'sign(k)::integer'],
  [col('x').eq(col('y')), 'x = y'],
  [col('x').neq(col('y')), 'x <> y'],
  [col('x').lt(col('y')), 'x < y'],
  [col('x').ltEq(col('y')), 'x <= y'],
  [col('x').gt(col('y')), 'x > y'],
  [col('x').gtEq(col('y')), 'x >= y'],
  [col('x').gt(0.5), 'x > 0.5'],
  [lit(0.5).gtEq(col('x')), '0.5 >= x'],
  [col('i').ltEq(7), 'i <= 7'],
  [col('s').eq(col('t')), 's = t'],
  [col('s').lt(col('t')), 's < t'],
  [col('s').gtEq('a'), "s >= 'a'"],
  [col('s').eq('Zürich'), "s = 'Zürich'"],
  [col('b').lt(col('c')), 'b < c'],
  [col('d').lt(col('u')), 'd < u'],
  [col('s').isIn(['a', 'LAS', 'missing']), "s in ('a', 'LAS', 'missing')"],
  [col('k').isIn([1, 2, -3]), 'k in (1, 2, -3)'],
  [col('i').isBetween(-10, col('k')), 'i between -10 and k'],
  [col('x').isNull(), 'x is null'],
  [col('s').isNotNull(), 's is not null'],
  [col('x').isNaN(), 'isnan(x)'],
  [col('b').and(col('c')), 'b and c'],
  [col('b').or(col('c')), 'b or c'],
  [col('b').not().and(col('x').gt(1)), '(not b) and x > 1'],
  [coalesce(col('x'), col('y'), lit(0.25)), 'coalesce(x, y, 0.25)'],
  [coalesce(col('s'), col('t')), 'coalesce(s, t)'],
  [when(col('b')).then(col('k')).otherwise(col('i')), 'case when b then k else i end'],
  [
    when(col('k').gt(2)).then('big').when(col('k').gt(0)).then(col('s')).otherwise(col('t')),
    "case when k > 2 then 'big' when k > 0 then s else t end",
  ],
  [col('s').str.contains('a'), "contains(s, 'a')"],
  [col('s').str.contains(/^[a-z]+$/), "regexp_matches(s, '^[a-z]+$')"],
  [col('s').str.startsWith('a'), "starts_with(s, 'a')"],
  [col('s').str.endsWith('b'), "ends_with(s, 'b')"],
  [col('s').str.toUpperCase(), 'upper(s)'],
  [col('s').str.toLowerCase(), 'lower(s)'],
  [col('s').str.strip(), 'trim(s)'],
  [col('s').str.slice(1, 2), 'substr(s, 2, 2)'],
  [col('s').str.lenChars(), 'length(s)'],
  [col('s').str.replaceAll('a', '$&-'), "replace(s, 'a', '$&-')"],
  [concatStr([col('s'), col('t')], '/'), "s || '/' || t"],
  [col('d').date.year(), 'year(d)'],
  [col('d').date.month(), 'month(d)'],
  [col('d').date.day(), 'day(d)'],
  [col('d').date.weekday(), 'isodow(d)'],
  [col('d').date.ordinalDay(), 'dayofyear(d)'],
  [col('u').date.year(), 'year(u)'],
  [col('u').date.hour(), 'hour(u)'],
  [col('u').date.minute(), 'minute(u)'],
  [col('u').date.second(), 'second(u)'],
  [col('u').date.epoch('us'), 'epoch_us(u)'],
  [col('u').date.truncate('1mo').cast(DataType.Utf8), "date_trunc('month', u)::timestamp::varchar"],
  [col('u').date.truncate('1w').cast(DataType.Utf8), "date_trunc('week', u)::timestamp::varchar"],
  [col('u').date.truncate('1h').cast(DataType.Utf8), "date_trunc('hour', u)::varchar"],
  [col('u').date.strftime('%Y-%m-%d %H:%M:%S'), "strftime(u, '%Y-%m-%d %H:%M:%S')"],
  [col('d').cast(DataType.Utf8), 'd::varchar'],
  [col('d').cast(DataType.Timestamp('ns')).cast(DataType.Utf8), 'd::timestamp::varchar'],
  [col('u').cast(DataType.Timestamp('ns')).cast(DataType.Timestamp('us')).date.epoch('us'), 'epoch_us(u)'],
  [col('u').cast(DataType.Timestamp('ns')).date.day(), 'day(u)'],
  [col('u').cast(DataType.Date).cast(DataType.Utf8), 'u::date::varchar'],
  [col('s').cast(DataType.Int64, { strict: false }), 'try_cast(s as bigint)'],
  [col('s').cast(DataType.Float64, { strict: false }), 'try_cast(s as double)'],
  [col('k').cast(DataType.Float64), 'k::double'],
  [col('x').cast(DataType.Int32, { strict: false }), 'try_cast(trunc(x) as integer)'],
  [col('b').cast(DataType.Utf8), 'b::varchar'],
  [col('i').cast(DataType.Utf8), 'i::varchar'],
  [lit(null).cast(DataType.Float64).add(col('x')), 'null + x'],
];

function results(exprs: readonly Expr[], batch: Batch): unknown[][] {
  const typed = exprs.map(expr => typeExpr(expr.node, scopeOf(batch.schema, 'test')));
  const columns = evaluate(
    typed.map(t => t.node),
    batch,
    null,
  );
  const schema = typed.map((t, k) => ({ name: `c${k}`, type: t.type }));
  const rows = batchesToRecords(schema, [{ schema, rows: batch.rows, columns }]) as Record<string, unknown>[];
  return rows.map(row => Object.values(row));
}

const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number(value);
  return Object.is(value, -0) ? 0 : value;
};

test.each([0, 0.15])('expressions agree with DuckDB (share of nulls %d)', async nulls => {
  const batch = randomBatch(seededRng(seed), 600, nulls);
  const db = await duckdbWith({ r: batch });
  const ours = results(
    cases.map(([expr]) => expr),
    batch,
  );
  const different: unknown[] = [];
  for (let k = 0; k < cases.length; k++) {
    const sql = cases[k]![1];
    const theirs = (await db.query(`select ${sql} from r order by "#"`)).map(row => plain(row[0]));
    const row = ours.findIndex((mine, r) => !Object.is(plain(mine[k]), theirs[r]));
    if (row >= 0) different.push({ sql, row, ours: ours[row]![k], theirs: theirs[row] });
  }
  expect(different).toEqual([]);
  db.close();
});

test('a filter keeps rows for which the predicate is true, neither false nor null', async () => {
  const batch = randomBatch(seededRng(seed + 1), 500);
  const db = await duckdbWith({ r: batch });
  const predicate = col('x').gt(0).or(col('s').eq('a')).and(col('b').not());
  const { node } = typeExpr(predicate.node, scopeOf(batch.schema, 'test'));
  const { at, rows } = selectRows(node, batch);
  const theirs = await db.query(`select "#" from r where (x > 0 or s = 'a') and not b order by "#"`);
  expect([...at.subarray(0, rows)]).toEqual(theirs.map(row => row[0]));
  db.close();
});

test('an expression over selected rows gives the selected values', () => {
  const batch = randomBatch(seededRng(seed + 2), 300);
  const at = Int32Array.from({ length: 100 }, (_, k) => 3 * k);
  const { node } = typeExpr(
    concatStr([col('s'), col('k').cast(DataType.Utf8)]).node,
    scopeOf(batch.schema, 'test'),
  );
  const sum = typeExpr(col('x').add(col('y')).node, scopeOf(batch.schema, 'test')).node;
  const all = evaluate([node, sum, col('t').node], batch, null);
  const some = evaluate([node, sum, col('t').node], batch, { at, rows: 100 });
  const schema = ['a', 'b', 'c'].map((name, k) => ({ name, type: all[k]!.type }));
  const everything = batchesToRecords(schema, [{ schema, rows: 300, columns: all }]);
  const selected = batchesToRecords(schema, [{ schema, rows: 100, columns: some }]);
  expect(selected).toEqual([...at].map(i => everything[i]));
});
