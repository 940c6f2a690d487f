import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { comparable, type Judge, openJudge, type Row } from '../../dataframe/testing/judge.js';
import { col, connect, type DataFrame, LocalCluster, len, lit, type Session, when } from '../../index.js';

/** Nulls in every column, in group keys and in join keys, through the public API: the answers are DuckDB's. */

const seed = Number(process.env.VOLLEY_SEED ?? 20_262);
const random = seededRng(seed);
const maybe = <T>(value: T): T | null => (random() < 0.2 ? null : value);
const pick = (n: number) => Math.floor(random() * n);

const facts: Row[] = Array.from({ length: 3000 }, (_, i) => ({
  id: i,
  n: maybe(pick(2000) - 1000),
  big: maybe(BigInt(pick(1e9)) * 4_000_000n),
  x: maybe(random() < 0.02 ? Number.NaN : (random() - 0.5) * 1e4),
  b: maybe(random() < 0.5),
  k: maybe(pick(25)),
  s: maybe(['', 'α', 'zeta', `key ${pick(15)}`, "it's"][pick(5)]!),
  day: maybe(new Date(Date.UTC(1960 + pick(80), pick(12), 1 + pick(28)))),
  t: maybe(new Date(Date.UTC(2000, 0, 1) + pick(9e8) * 1000 + pick(1000))),
}));
const lookups: Row[] = Array.from({ length: 60 }, () => ({
  k: maybe(pick(30)),
  s: maybe(`key ${pick(20)}`),
  w: maybe(pick(100) / 8),
}));

let folder = '';
let judge: Judge;
let cluster: LocalCluster;
const sessions = new Map<string, Session>();

beforeAll(async () => {
  console.log(`VOLLEY_SEED=${seed}`);
  folder = mkdtempSync(join(tmpdir(), 'volley-nulls-'));
  judge = await openJudge();
  await judge.table(
    'f',
    {
      id: 'INTEGER',
      n: 'INTEGER',
      big: 'BIGINT',
      x: 'DOUBLE',
      b: 'BOOLEAN',
      k: 'INTEGER',
      s: 'VARCHAR',
      day: 'DATE',
      t: 'TIMESTAMP',
    },
    facts,
  );
  await judge.table('l', { k: 'INTEGER', s: 'VARCHAR', w: 'DOUBLE' }, lookups);
  // Two files, several row groups each.
  for (const part of [0, 1]) {
    const rows = `SELECT * FROM f WHERE id % 2 = ${part} ORDER BY id`;
    await judge.query(
      `COPY (${rows}) TO '${join(folder, `f-${part}.parquet`)}' (FORMAT parquet, ROW_GROUP_SIZE 600)`,
    );
  }
  await judge.query(`COPY l TO '${join(folder, 'l.csv')}' (HEADER, QUOTE '"', FORCE_QUOTE (s))`);
  cluster = await LocalCluster.start({ workers: 2 });
  sessions.set('embedded', await connect({ threads: 2 }));
  sessions.set('cluster', await cluster.connect());
});

afterAll(async () => {
  await sessions.get('embedded')?.close();
  await cluster?.close();
  judge?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Tables {
  readonly f: DataFrame;
  readonly l: DataFrame;
}
interface Question {
  readonly name: string;
  readonly ask: (tables: Tables) => DataFrame;
  readonly sql: string;
  readonly ordered?: boolean;
}

const questions: Question[] = [
  {
    name: 'every type comes through as it is',
    ask: ({ f }) => f,
    sql: 'SELECT * FROM f',
  },
  {
    name: 'filters keep only true',
    ask: ({ f }) =>
      f
        .filter(col('n').gt(0).or(col('b')))
        .filter(col('day').lt(new Date('2010-01-01')).and(col('s').neq('zeta')))
        .select('id'),
    sql: `SELECT id FROM f WHERE (n > 0 OR b) AND day < DATE '2010-01-01' AND s <> 'zeta'`,
  },
  {
    name: 'null tests and not',
    ask: ({ f }) =>
      f.filter(col('t').isNull().or(col('b').not()).and(col('k').isNotNull())).select('id', 't'),
    sql: 'SELECT id, t FROM f WHERE (t IS NULL OR NOT b) AND k IS NOT NULL',
  },
  {
    name: 'new columns from nulls',
    ask: ({ f }) =>
      f
        .withColumns(
          col('n').add(col('k')).alias('sum'),
          col('x').mul(2).alias('twice'),
          col('n').gt(col('k')).alias('more'),
          when(col('b')).then(col('s')).otherwise(lit('no')).alias('text'),
          col('s').fillNull('none').alias('filled'),
          col('day').date.year().alias('year'),
          col('t').date.month().alias('month'),
        )
        .select('id', 'sum', 'twice', 'more', 'text', 'filled', 'year', 'month'),
    sql: `SELECT id, n + k AS sum, x * 2 AS twice, n > k AS more, CASE WHEN b THEN s ELSE 'no' END AS text,
      coalesce(s, 'none') AS filled, year(day) AS year, month(t) AS month FROM f`,
  },
  {
    name: 'group by a text with nulls',
    ask: ({ f }) =>
      f
        .filter(col('x').isNaN().not())
        .groupBy('s')
        .agg(
          len().alias('rows'),
          col('n').count().alias('count'),
          col('n').sum().alias('n'),
          col('big').sum().alias('big'),
          col('x').sum().alias('x'),
          col('x').mean().alias('mean'),
          col('n').min().alias('lo'),
          col('big').max().alias('hi'),
          col('k').nUnique().alias('ks'),
        ),
    sql: `SELECT s, count(*) AS rows, count(n) AS count, coalesce(sum(n), 0)::BIGINT AS n, coalesce(sum(big), 0)::BIGINT AS big,
      coalesce(sum(x), 0) AS x, avg(x) AS mean, min(n) AS lo, max(big) AS hi, count(DISTINCT k) AS ks
      FROM f WHERE NOT isnan(x) GROUP BY s`,
  },
  {
    name: 'group by a number and a boolean; smallest and largest of every type',
    ask: ({ f }) =>
      f
        .groupBy('k', 'b')
        .agg(
          col('x').min().alias('x0'),
          col('x').max().alias('x1'),
          col('s').min().alias('s0'),
          col('s').max().alias('s1'),
          col('day').min().alias('d0'),
          col('t').max().alias('t1'),
          col('b').count().alias('bs'),
          col('s').nUnique().alias('ss'),
        ),
    sql: `SELECT k, b, min(x) AS x0, max(x) AS x1, min(s) AS s0, max(s) AS s1, min(day) AS d0, max(t) AS t1,
      count(b) AS bs, count(DISTINCT s) AS ss FROM f GROUP BY k, b`,
  },
  {
    name: 'group by a date; aggregates of nothing but nulls',
    ask: ({ f }) =>
      f
        .filter(col('n').isNull())
        .groupBy('day')
        .agg(len(), col('n').sum().alias('none'), col('n').mean().alias('m'), col('n').max().alias('hi')),
    sql: 'SELECT day, count(*) AS len, 0 AS none, avg(n) AS m, max(n) AS hi FROM f WHERE n IS NULL GROUP BY day',
  },
  {
    name: 'aggregates without keys',
    ask: ({ f }) =>
      f.select(col('n').mean().alias('m'), col('t').min().alias('t'), col('day').nUnique().alias('d'), len()),
    sql: 'SELECT avg(n) AS m, min(t) AS t, count(DISTINCT day) AS d, count(*) AS len FROM f',
  },
  {
    name: 'inner join on a key with nulls',
    ask: ({ f, l }) => f.join(l, { on: 'k' }).select('id', 'k', 's', 's_right', 'w'),
    sql: 'SELECT f.id, f.k, f.s, l.s AS s_right, l.w FROM f JOIN l ON f.k = l.k',
  },
  {
    name: 'left join on two keys with nulls',
    ask: ({ f, l }) => f.join(l, { on: ['k', 's'], how: 'left' }).select('id', 'k', 's', 'w'),
    sql: 'SELECT f.id, f.k, f.s, l.w FROM f LEFT JOIN l ON f.k = l.k AND f.s = l.s',
  },
  {
    name: 'join of texts, then a group-by of the other side',
    ask: ({ f, l }) =>
      f.join(l, { on: 's', how: 'left' }).groupBy('w').agg(len(), col('id').sum().alias('ids')),
    sql: 'SELECT l.w, count(*) AS len, sum(f.id)::BIGINT AS ids FROM f LEFT JOIN l ON f.s = l.s GROUP BY l.w',
  },
  {
    name: 'sort: nulls last by default, NaN before them',
    ask: ({ f }) => f.select('x', 's', 'id').sort('x', 'id'),
    sql: 'SELECT x, s, id FROM f ORDER BY x NULLS LAST, id',
    ordered: true,
  },
  {
    name: 'sort: descending, nulls where asked for, several types',
    ask: ({ f }) =>
      f.select('day', 's', 'b', 'id').sort({
        by: ['b', 'day', 's', 'id'],
        descending: [true, false, true, false],
        nullsLast: [true, false, true, false],
      }),
    sql: `SELECT day, s, b, id FROM f
      ORDER BY b DESC NULLS LAST, day NULLS FIRST, s DESC NULLS LAST, id`,
    ordered: true,
  },
  {
    name: 'head of a sort',
    ask: ({ f }) =>
      f
        .sort({ by: ['t', 'id'], descending: [true, false] })
        .head(40)
        .select('t', 'id'),
    sql: 'SELECT t, id FROM f ORDER BY t DESC NULLS FIRST, id LIMIT 40',
    ordered: true,
  },
];

describe.each(['embedded', 'cluster'])('%s', where => {
  test.each(questions)('$name', async ({ ask, sql, ordered }) => {
    const session = sessions.get(where)!;
    const f = session.scanParquet(join(folder, 'f-*.parquet'));
    const l = session.scanCSV(join(folder, 'l.csv'));
    const sorted = (rows: string[]) => (ordered ? rows : rows.sort());
    const expected = sorted(comparable(await judge.query(sql)));
    expect(sorted(comparable(await ask({ f, l }).toRecords({ int64: 'bigint' })))).toEqual(expected);
    // Small as it is, it is also shuffled.
    const shuffled = ask({ f, l }).with({ broadcastBytes: 0, fanOut: 3 });
    expect(sorted(comparable(await shuffled.toRecords({ int64: 'bigint' })))).toEqual(expected);
  });
});

test('the cluster gives the same bits as one process', async () => {
  const bits = async (session: Session) => {
    const f = session.scanParquet(join(folder, 'f-*.parquet'));
    const sums = f.groupBy('s', 'k').agg(col('x').sum(), col('x').mean().alias('m'));
    return JSON.stringify(await sums.toRecords(), (_, v) => (typeof v === 'number' ? String(v) : v));
  };
  expect(await bits(sessions.get('cluster')!)).toBe(await bits(sessions.get('embedded')!));
});
