import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRng } from '../core/base/rng.js';
import { batchesToTable } from './column/arrow.js';
import type { Batch } from './column/column.js';
import { DataType } from './column/datatype.js';
import { coalesce, col, type Expr, lit, when } from './expr/expr.js';
import { DataFrame, fromArrow } from './frame.js';
import { duckdbWith } from './testing/duckdb.js';
import { InlineExecutor } from './testing/inline-executor.js';
import { testSeed } from './testing/random-batch.js';
import { randomDecimals } from './testing/random-decimals.js';

const host = { executor: new InlineExecutor() };
const seed = testSeed();
const rows = 900;
const blockRows = 150;

/** Values near the limits, and values whose sums and products stay within 38 digits. */
const full = randomDecimals(seededRng(seed), rows, blockRows);
const some = randomDecimals(seededRng(seed + 1), rows, blockRows, 8);
let db: Awaited<ReturnType<typeof duckdbWith>>;

const frameOf = (batch: Batch) =>
  fromArrow(host, batchesToTable(batch.schema, [batch]), { partitions: Math.ceil(batch.rows / blockRows) });

beforeAll(async () => {
  db = await duckdbWith({ f: full, s: some });
});

afterAll(() => db.close());

/** Decimals without the zeros that only their scale shows; bigint as text; −0 as 0. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null && 'items' in value) return plain(value.items);
  if (typeof value === 'object' && value !== null && 'scale' in value) return plain(String(value));
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string' && /^-?\d+\.\d+$/.test(value)) return value.replace(/\.?0+$/, '');
  return value;
}

function close(mine: unknown, theirs: unknown): boolean {
  if (Object.is(mine, theirs)) return true;
  if (Array.isArray(mine) && Array.isArray(theirs)) {
    return mine.length === theirs.length && mine.every((item, i) => close(item, theirs[i]));
  }
  const floats = typeof mine === 'number' || typeof theirs === 'number';
  const [a, b] = [Number(mine), Number(theirs)];
  return floats && Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b));
}

function expectSame(mine: readonly object[], theirs: readonly unknown[][], names: readonly string[]): void {
  expect(mine.length, names.join()).toBe(theirs.length);
  mine.forEach((record, r) => {
    const row = Object.values(record).map(plain);
    const wanted = theirs[r]!.map(plain);
    const bad = row.findIndex((value, c) => !close(value, wanted[c]));
    if (bad >= 0) expect({ what: names[bad], row, wanted }).toEqual(null);
  });
}

const keyOf = (row: readonly unknown[]) => JSON.stringify(row.map(value => String(plain(value))));
const sorted = <T>(list: readonly T[], key: (item: T) => string): T[] =>
  list
    .map(item => [key(item), item] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, i]) => i);

const dec = DataType.Decimal;
/** Over values of any size. */
const exact: readonly (readonly [Expr, string])[] = [
  [col('a').eq(col('b')), 'a = b'],
  [col('a').lt(col('c')), 'a < c'],
  [col('d').neq(col('k')), 'd <> k'],
  [col('a').gt(0.005), 'a > 0.005'],
  [col('b').ltEq(-1), 'b <= -1'],
  [col('c').isBetween(-3, 2.5), 'c between -3 and 2.5'],
  [col('a').isIn([0, 0.01, -0.02, 3]), 'a in (0, 0.01, -0.02, 3)'],
  [col('c').isIn([0, 0.000001, -0.000002, 1.5]), 'c in (0, 0.000001, -0.000002, 1.5)'],
  [col('a').add(col('b')), 'a::decimal(38, 4) + b'],
  [col('b').sub(col('a')), 'b::decimal(38, 4) - a'],
  [col('a').mul(col('b')), 'a::decimal(38, 2) * b'],
  [col('a').mul(col('a')).mul(col('a')), 'a::decimal(38, 2) * a * a'],
  [lit(1).sub(col('a')), '1::decimal(38, 2) - a'],
  [col('a').mul(1.05), 'a::decimal(38, 2) * 1.05'],
  [col('b').neg(), '-b'],
  [col('c').abs(), 'abs(c)'],
  [col('c').neg().abs().neg(), '-abs(c)'],
  [col('c').sign(), 'sign(c)'],
  [col('a').round(), 'round(a)'],
  [col('b').round(2), 'round(b, 2)'],
  [col('c').round(3), 'round(c, 3)'],
  [col('e').round(9), 'round(e, 9)'],
  [col('a').round(-1), 'round(a, -1)'],
  [col('b').floor(), 'floor(b)'],
  [col('c').ceil(), 'ceil(c)'],
  [col('c').floor(), 'floor(c)'],
  [col('a').mod(3), 'a % 3'],
  [col('b').mod(col('k')), 'case when k = 0 then null else b::decimal(38, 4) % k end'],
  [
    when(col('k').gt(0)).then(col('a')).otherwise(col('b')),
    'case when k > 0 then a::decimal(38, 4) else b end',
  ],
  [when(col('k').gt(0)).then(col('c')).otherwise(0), 'case when k > 0 then c else 0 end'],
  [coalesce(col('a'), col('b'), 0.125), 'coalesce(a::decimal(38, 4), b, 0.125)'],
  [col('c').fillNull(1.5), 'coalesce(c, 1.5)'],
  [col('a').clip(-1, 1.5), 'case when a is null then null else greatest(least(a, 1.5), -1) end'],
  [col('c').isNull(), 'c is null'],
  [col('a').cast(dec(30, 8)), 'a::decimal(30, 8)'],
  [col('b').cast(dec(18, 1)), 'b::decimal(18, 1)'],
  [col('c').cast(dec(38, 2)), 'c::decimal(38, 2)'],
  [col('c').cast(dec(12, 1), { strict: false }), 'try_cast(c as decimal(12, 1))'],
  [col('b').cast(dec(9, 4), { strict: false }), 'try_cast(b as decimal(9, 4))'],
  [col('k').cast(dec(5, 1)), 'k::decimal(5, 1)'],
  [col('d').cast(DataType.Int64, { strict: false }), 'try_cast(d as bigint)'],
  [col('d').cast(DataType.UInt64, { strict: false }), 'try_cast(d as ubigint)'],
  [col('d').cast(DataType.Int8, { strict: false }), 'try_cast(d as tinyint)'],
  [col('c').cast(DataType.Int64, { strict: false }), 'try_cast(trunc(c) as bigint)'],
  [col('a').cast(DataType.Int32), 'trunc(a)::integer'],
  [col('a').cast(DataType.Float64), 'a::double'],
  [col('c').cast(DataType.Float64), 'c::varchar::double'],
  [col('a').div(col('k')), 'a::double / k'],
  [col('e').cast(DataType.Utf8), 'e::varchar'],
  [col('c').cast(DataType.Utf8).cast(dec(38, 6)), 'c'],
  [col('c').cast(DataType.Utf8).cast(dec(9, 2), { strict: false }), 'try_cast(c::varchar as decimal(9, 2))'],
  [col('x').cast(dec(12, 3)), 'x::decimal(12, 3)'],
  [col('a').gt(col('x')), 'a::double > x'],
  [col('a').add(col('x')), 'a::double + x'],
  [col('c').cast(DataType.Bool), 'c <> 0'],
];

/** Over values whose results have 38 digits at most. */
const bounded: readonly (readonly [Expr, string])[] = [
  [col('c').add(col('b')), 'c + b'],
  [col('c').sub(col('e').cast(dec(30, 4))), 'c - e::decimal(30, 4)'],
  [col('d').add(col('a')), 'd::decimal(38, 2) + a'],
  [col('c').gtEq(col('e')), 'c >= e'],
  [col('d').sub(1), 'd - 1'],
  [col('d').mul(col('a').cast(dec(4, 0), { strict: false })), 'd * try_cast(a as decimal(4, 0))'],
  [col('d').add(col('a')).gt(col('b')), 'd::decimal(38, 2) + a > b'],
  [col('e').mul(col('k')), 'e::decimal(38, 10) * k'],
  [col('e').add(col('a')).sub(col('b')).mul(col('k')), '(e::decimal(38, 10) + a - b) * k'],
];

async function compareRows(list: typeof exact, table: string, batch: Batch): Promise<void> {
  const theirs = await db.query(
    `select n, ${list.map(([, sql]) => sql).join(', ')} from ${table} order by n`,
  );
  const outputs = list.map(([expr], i) => expr.alias(`o${i}`));
  const mine = await frameOf(batch)
    .select('n', ...outputs)
    .toRecords({ int64: 'bigint' });
  expectSame(mine, theirs, ['n', ...list.map(([, sql]) => sql)]);
}

test('expressions over values of every size agree with DuckDB', () => compareRows(exact, 'f', full));

test('sums and products within 38 digits agree with DuckDB', () => compareRows(bounded, 's', some));

test('conditions on decimals choose the rows that DuckDB chooses', async () => {
  for (const [expr, sql] of exact.filter(([, q]) => /[<>=]|between| in /.test(q) && !/case|::/.test(q))) {
    const theirs = await db.query(`select n, c from f where ${sql} order by n`);
    expectSame(await frameOf(full).filter(expr).select('n', 'c').toRecords(), theirs, ['n', sql]);
  }
});

const aggregates: readonly (readonly [Expr, string])[] = [
  [col('a').sum(), 'coalesce(sum(a), 0)'],
  [col('b').sum(), 'coalesce(sum(b), 0)'],
  [col('c').sum(), 'coalesce(sum(c), 0)'],
  [col('d').filter(col('k').gt(0)).sum(), 'coalesce(sum(d) filter (k > 0), 0)'],
  [col('a').mul(col('b')).sum(), 'coalesce(sum(a::decimal(38, 2) * b), 0)'],
  [col('a').mean(), 'sum(a)::varchar::double / count(a)'],
  [col('c').mean(), 'sum(c)::varchar::double / count(c)'],
  [col('a').min(), 'min(a)'],
  [col('b').max(), 'max(b)'],
  [col('c').min(), 'min(c)'],
  [col('d').max(), 'max(d)'],
  [col('e').count(), 'count(e)'],
  [col('b').nUnique(), 'count(distinct b)'],
  [col('c').nUnique(), 'count(distinct c)'],
  [col('a').first(), 'first(a order by n)'],
  [col('c').first(), 'first(c order by n)'],
  [col('d').last(), 'last(d order by n)'],
  [col('b').topK(3), 'max(b, 3)'],
  [col('c').topK(3), 'max(c, 3)'],
  [col('d').bottomK(20), 'min(d, 20)'],
  [col('d').list(), 'list(d order by n) filter (d is not null)'],
  [col('a').median(), 'quantile_cont(a::double, 0.5)'],
  [col('a').quantile(0.25), 'quantile_cont(a::double, 0.25)'],
  [col('k').cast(dec(9, 3)).std(), 'stddev_samp(k)'],
  [col('k').cast(dec(20, 3)).var(), 'var_samp(k)'],
];

const keySets = [[], ['k'], ['a'], ['b', 'k'], ['c'], ['d', 'a']] as const;

test('aggregates and group keys agree with DuckDB, in one phase and in two', async () => {
  const names = aggregates.map(([, sql]) => sql);
  const outputs = aggregates.map(([expr], i) => expr.alias(`o${i}`));
  for (const keys of keySets) {
    const group = keys.length === 0 ? '' : `group by ${keys}`;
    const theirs = await db.query(`select ${[...keys, ...names].join(', ')} from s ${group}`);
    for (const options of [
      { fanOut: 1 },
      { fanOut: 3 },
      { fanOut: 2, partial: false, parts: 2 },
      { partial: true },
    ]) {
      const frame = frameOf(some).with(options);
      const grouped = keys.length === 0 ? frame.select(...outputs) : frame.groupBy(...keys).agg(...outputs);
      const mine = await grouped.toRecords();
      expectSame(
        sorted(mine, record => keyOf(Object.values(record).slice(0, keys.length))),
        sorted(theirs, row => keyOf(row.slice(0, keys.length))),
        [...keys, ...names],
      );
    }
  }
});

test('a sum of 38 digits is exact, and one digit more is an error that names it', async () => {
  const nines = '9'.repeat(37);
  const frame = DataFrame.concat([
    frameOf(some)
      .select(lit(nines).cast(dec(38, 0)).alias('v'))
      .head(5),
    frameOf(some)
      .select(lit('-7').cast(dec(38, 0)).alias('v'))
      .head(600),
  ]);
  const wanted = 5n * BigInt(nines) - 4200n;
  expect(await frame.select(col('v').sum()).toRecords()).toEqual([{ v: String(wanted) }]);
  const more = DataFrame.concat([frame, frame, frame]);
  await expect(more.select(col('v').sum()).toRecords()).rejects.toMatchObject({
    code: 'INTEGER_OVERFLOW',
    data: { column: 'v', value: String(wanted * 3n) },
  });
});

test('sorting, the first rows and ranges agree with DuckDB', async () => {
  const orders = [
    ['a', false],
    ['b', true],
    ['c', false],
    ['c', true],
    ['d', false],
  ] as const;
  for (const [name, descending] of orders) {
    const nulls = descending ? 'desc nulls first' : 'asc nulls last';
    const theirs = await db.query(`select n, ${name} from f order by ${name} ${nulls}, n`);
    for (const options of [{ fanOut: 1 }, { fanOut: 4 }]) {
      const frame = frameOf(full).with(options).sort({ by: name, descending }).select('n', name);
      expectSame(await frame.toRecords(), theirs, ['n', name]);
      expectSame(await frame.head(17).toRecords(), theirs.slice(0, 17), ['n', name]);
    }
  }
});

test('joins over decimals of two types agree with DuckDB, broadcast and shuffled', async () => {
  const left = frameOf(full).select('n', 'a', 'b', 'c', 'd');
  const right = frameOf(some).select(col('n').alias('m'), col('e').alias('r'), 'c', 'd', 'k');
  const keys = [
    ['c', 'c', 'c'],
    ['d', 'd', 'd'],
    ['a', 'k', 'a'],
    ['b', 'c', 'b'],
    ['d', 'k', 'd'],
  ] as const;
  for (const how of ['inner', 'left', 'full', 'semi', 'anti'] as const) {
    for (const [leftOn, rightOn, shown] of keys) {
      const on = `l.${leftOn} = r.${rightOn}`;
      const both = how !== 'semi' && how !== 'anti';
      const theirs = await db.query(
        `select l.n, ${how === 'full' ? `coalesce(l.${leftOn}, r.${rightOn})` : `l.${shown}`}${both ? ', r.n' : ''}
          from f l ${how} join s r on ${on}`,
      );
      for (const options of [{}, { broadcastBytes: 0, fanOut: 3 }, { sharedBuildBytes: 0 }]) {
        const joined = left.with(options).join(right, { leftOn, rightOn, how });
        const mine = await joined.select('n', shown, ...(both ? ['m'] : [])).toRecords();
        expectSame(
          sorted(mine, record => keyOf(Object.values(record))),
          sorted(theirs, keyOf),
          [
            `${how} ${on} ${JSON.stringify(options)}`,
            `${how} ${on} ${JSON.stringify(options)} shown`,
            `${how} ${on} ${JSON.stringify(options)} m`,
          ],
        );
      }
    }
  }
});

test('unique, concat and persisted partitions keep every digit', async () => {
  for (const name of ['b', 'c', 'd']) {
    const theirs = await db.query(
      `select distinct ${name} from (select ${name} from f union all select ${name} from s)`,
    );
    const both = DataFrame.concat([frameOf(full).select(name), frameOf(some).select(name)]);
    for (const options of [{ fanOut: 1 }, { fanOut: 3, partial: false }]) {
      const mine = await both.with(options).unique().toRecords();
      expectSame(
        sorted(mine, record => keyOf(Object.values(record))),
        sorted(theirs, keyOf),
        [name],
      );
    }
  }
  const kept = await frameOf(full).persist();
  expect(await kept.toRecords()).toEqual(await frameOf(full).toRecords());
});
