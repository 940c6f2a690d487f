import { expect, test } from 'vitest';
import { type Rng, seededRng } from '../../core/base/rng.js';
import { DataType } from '../column/datatype.js';
import { col, type Expr, len } from '../expr/expr.js';
import { type DataFrame, fromRecords } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { differenceByKey, openJudge, type Row } from '../testing/judge.js';
import { testSeed } from '../testing/random-batch.js';
import { derivedFrom, derivedSql, withDerived } from '../testing/typed-columns.js';
import type { PlanOptions } from './constants.js';

const CASES = 420;
const columns = {
  s: 'VARCHAR',
  t: 'VARCHAR',
  b: 'BOOLEAN',
  i: 'BIGINT',
  x: 'DOUBLE',
  v: 'DOUBLE',
  w: 'BIGINT',
  m: 'BIGINT',
  at: 'TIMESTAMP',
};
const keySets = [
  ['s'],
  ['b'],
  ['n'],
  ['i'],
  ['x'],
  ['s', 'b'],
  ['n', 's', 't'],
  ['i', 'b'],
  ['x', 's', 'n'],
  ['i8'],
  ['u8', 'b'],
  ['i16', 's'],
  ['u16'],
  ['i32', 'u32'],
  ['u64'],
  ['f32'],
  ['day'],
  ['at', 'b'],
  ['day', 'f32', 'i8'],
  [],
];

/** Every way of planning and of finding groups. */
const plans: readonly PlanOptions[] = [
  {},
  { groupTier: 'dense' },
  { groupTier: 'packed' },
  { groupTier: 'packed', partial: false, fanOut: 3 },
  { groupTier: 'table', partial: false },
  { partial: false, fanOut: 2, parts: 4 },
  { groupTier: 'packed', partial: false, fanOut: 2, parts: 3 },
  { fanOut: 5 },
  { surveyBytes: 0 },
  { surveyBytes: 0, partial: false },
];

interface Table {
  readonly rows: Row[];
  readonly partitions: number;
  /** Rows in front that are filtered out: partitions of nothing but them are empty. */
  readonly gone: number;
}

function table(random: Rng): Table {
  const below = (n: number) => Math.floor(random() * n);
  const count = [0, 1, 5 + below(20), 50 + below(400)][below(4)]!;
  const keys = [1, 3, 40, 1000][below(4)]!;
  const skewed = random() < 0.3;
  const far = random() < 0.4;
  const nulls = random() < 0.5 ? 0 : 0.15;
  const odd = random() < 0.3;
  const rows = Array.from({ length: count }, (): Row => {
    const maybe = <T>(cell: T): T | null => (random() < nulls ? null : cell);
    const k = skewed && random() < 0.8 ? 0 : below(keys);
    const { m, at } = derivedFrom(k);
    return {
      s: maybe(`k${k % 60}`),
      t: maybe(`é${k % 7}`),
      b: maybe(k % 2 === 0),
      i: maybe(far ? BigInt(k) * 9_007_199_254_740_993n : BigInt(k - 3)),
      x: maybe(odd && k < 4 ? [NaN, -0, 0, Infinity][k]! : k / 4),
      v: maybe(odd && random() < 0.05 ? NaN : (random() - 0.5) * 10 ** below(9)),
      w: maybe(BigInt(below(2000) - 1000)),
      m: maybe(m),
      at: maybe(at),
    };
  });
  return { rows, partitions: 1 + below(5), gone: 1 + (random() < 0.3 ? below(2 * count + 2) : 0) };
}

function frameOf({ rows, partitions, gone }: Table): DataFrame {
  // First rows that say the types, taken away again: tables may be empty or hold nothing but nulls.
  const typed: Row = { s: 'type', t: '', b: true, i: 2n ** 60n, x: 1, v: 1, w: 1n, ...derivedFrom(0) };
  const all = [...new Array<Row>(gone).fill(typed), ...rows];
  const frame = fromRecords({ executor: new InlineExecutor() }, all, { partitions });
  const plain = frame.filter(col('s').isNull().or(col('s').neq('type')));
  return withDerived(plain.withColumns(col('w').cast(DataType.Int32).alias('n')));
}

/** DuckDB's variance refuses NaN and infinity. */
const finite = col('v').abs().lt(1e12);

const asked: readonly (readonly [Expr, string])[] = [
  [col('n').sum().alias('a'), 'coalesce(sum(n), 0)'],
  [col('v').sum().alias('c'), 'coalesce(sum(v), 0)'],
  [col('v').mean().alias('d'), 'avg(v)'],
  [col('n').mean().alias('e'), 'avg(n)'],
  [col('v').min().alias('f'), 'min(v)'],
  [col('v').max().alias('g'), 'max(v)'],
  [col('n').min().alias('h'), 'min(n)'],
  [col('t').max().alias('j'), 'max(t)'],
  [col('n').max().alias('k'), 'max(n)'],
  [col('v').count().alias('l'), 'count(v)'],
  [len().alias('m'), 'count(*)'],
  [col('v').filter(col('b')).sum().alias('o'), 'coalesce(sum(v) filter (b), 0)'],
  [col('w').sum().alias('p'), 'coalesce(sum(w), 0)'],
  [col('w').max().alias('q'), 'max(w)'],
  [col('n').var().alias('aa'), 'var_samp(n)'],
  [col('n').std().alias('ab'), 'stddev_samp(n)'],
  [col('v').filter(finite).var().alias('ac'), 'var_samp(v) filter (abs(v) < 1e12)'],
  [col('n').median().alias('ad'), 'quantile_cont(n::double, 0.5)'],
  [col('v').quantile(0.3).alias('ae'), 'quantile_cont(v, 0.3)'],
  [col('n').corr(col('m')).alias('af'), 'corr(n, m)'],
  [col('v').filter(finite).corr(col('n')).alias('ag'), 'corr(v, n) filter (abs(v) < 1e12)'],
  [col('s').nUnique().alias('ah'), 'count(distinct s)'],
  [col('day').nUnique().alias('ai'), 'count(distinct day)'],
  [col('day').min().alias('aj'), 'min(day)'],
  [col('at').max().alias('ak'), 'max("at")'],
  [col('i8').sum().alias('al'), 'coalesce(sum(i8), 0)'],
  [col('u8').mean().alias('am'), 'avg(u8)'],
  [col('u16').max().alias('an'), 'max(u16)'],
  [col('u32').sum().alias('ao'), 'coalesce(sum(u32), 0)'],
  [col('i16').min().alias('ap'), 'min(i16)'],
  [col('u64').max().alias('aq'), 'max(u64)'],
  [col('f32').max().alias('ar'), 'max(f32)'],
  [col('f32').sum().alias('as'), 'coalesce(sum(f32::double), 0)'],
];
/** What follows the order of rows, which DuckDB does not promise. */
const ordered = [col('t').first().alias('y'), col('v').last().alias('z')];

/** Variances and correlations: their last bits may follow the cut of rows. */
const moments = new Set(['aa', 'ab', 'ac', 'af', 'ag']);

/** Every bit of every other value. */
const exact = (rows: readonly object[]) =>
  rows
    .map(row =>
      Object.entries(row)
        .map(([name, v]) => (moments.has(name) ? '' : Object.is(v, -0) ? '-0' : String(v)))
        .join('|'),
    )
    .sort();

test('group-bys agree with DuckDB, and bit for bit with each other on every tier and plan', async () => {
  const seed = testSeed();
  const random = seededRng(seed);
  const judge = await openJudge();
  for (let c = 0; c < CASES; c++) {
    const data = table(random);
    const keys = keySets[c % keySets.length]!;
    const from = Math.floor(random() * asked.length);
    const some = [...asked, ...asked].slice(from, from + 1 + Math.floor(random() * 12));
    const agg = [...some.map(([expr]) => expr), ...ordered];
    const rows = frameOf(data);
    // Every third case runs over a filter and a projection, the others over what they left.
    const frame = (c % 3 === 0 ? rows : await rows.persist()).groupBy(...keys).agg(...agg);
    const what = `case ${c} of seed ${seed}: by [${keys}] of ${data.rows.length} rows in ${data.partitions}`;
    const ask = (options: PlanOptions) => frame.with(options).toRecords({ int64: 'bigint' });
    const reference = await ask({ groupTier: 'table', partial: true });
    await judge.table('r', columns, data.rows);
    const shown = [...keys.map(key => `"${key}"`), ...some.map(([, sql]) => sql)];
    const group = keys.length === 0 ? '' : `group by ${keys.map(key => `"${key}"`).join()}`;
    const theirs = await judge.query(
      `select ${shown.map((e, k) => `${e} as c${k}`).join()} from ${derivedSql('(select *, w::int as n from r)')} ${group}`,
    );
    await judge.query('drop table r');
    const agrees = (rows: readonly object[], how: string) => {
      const mine = rows.map(row => Object.values(row).slice(0, shown.length));
      expect(differenceByKey(mine, theirs, keys.length), `${what}, ${how}`).toBeNull();
    };
    agrees(reference, 'reference');
    expect(exact(await ask({ groupTier: 'table', partial: true })), what).toEqual(exact(reference));
    for (const options of [plans[c % plans.length]!, plans[(c * 7 + 3) % plans.length]!]) {
      const rows = await ask(options);
      agrees(rows, JSON.stringify(options));
      expect(exact(rows), `${what}, ${JSON.stringify(options)}`).toEqual(exact(reference));
    }
  }
  judge.close();
}, 300_000);

/** Answers row by row: key, sum, mean, variance, first, last and list of each group, in order of first appearance. */
function naively(rows: readonly Row[]): unknown[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = String(row.s);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map(group => {
    const values = group.flatMap(({ x }) => (typeof x === 'number' ? [x] : []));
    const sum = values.reduce((a, b) => a + b, 0);
    const mean = sum / values.length;
    const squares = values.reduce((a, b) => a + (b - mean) ** 2, 0);
    const [first, last] = [group[0]!, group.at(-1)!];
    return [
      first.s,
      sum,
      values.length === 0 ? null : mean,
      values.length < 2 ? null : squares / (values.length - 1),
      first.t,
      last.v,
      last.w === null ? null : Number(last.w),
      group.flatMap(({ t }) => (t === null ? [] : [t])).join(),
    ];
  });
}

test('where DuckDB sees it otherwise a naive engine judges: not finite values, first, last, lists', async () => {
  const seed = testSeed();
  const random = seededRng(seed);
  for (let c = 0; c < 60; c++) {
    const data = table(random);
    const frame = frameOf(data)
      .groupBy('s')
      .agg(
        col('x').sum().alias('a'),
        col('x').mean().alias('b'),
        col('x').var().alias('c'),
        col('t').first().alias('d'),
        col('v').last().alias('e'),
        col('w').last().alias('f'),
        col('t').list().alias('g'),
      );
    const rows = await frame.with(plans[c % plans.length]!).toRecords();
    const mine = rows.map(row => Object.values(row).map(v => (Array.isArray(v) ? v.join() : v)) as unknown[]);
    const text = mine.map(row => [...row.slice(0, -1), row.at(-1) ?? '']);
    const what = `case ${c} of seed ${seed}: ${data.rows.length} rows in ${data.partitions}`;
    expect(differenceByKey(text, naively(data.rows), 1), what).toBeNull();
  }
});
