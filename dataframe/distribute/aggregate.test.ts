import { expect, test } from 'vitest';
import { type Rng, seededRng } from '../../core/base/rng.js';
import { DataType } from '../column/datatype.js';
import { col, type Expr, len } from '../expr/expr.js';
import { type DataFrame, fromRecords } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { comparable, openJudge, type Row } from '../testing/judge.js';
import { testSeed } from '../testing/random-batch.js';
import type { PlanOptions } from './constants.js';

const CASES = 220;
const columns = {
  s: 'VARCHAR',
  t: 'VARCHAR',
  b: 'BOOLEAN',
  i: 'BIGINT',
  x: 'DOUBLE',
  v: 'DOUBLE',
  w: 'BIGINT',
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
  { fanOut: 5 },
  { surveyBytes: 0 },
  { surveyBytes: 0, partial: false },
];

interface Table {
  readonly rows: Row[];
  readonly partitions: number;
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
    return {
      s: maybe(`k${k % 60}`),
      t: maybe(`é${k % 7}`),
      b: maybe(k % 2 === 0),
      i: maybe(far ? BigInt(k) * 9_007_199_254_740_993n : BigInt(k - 3)),
      x: maybe(odd && k < 4 ? [NaN, -0, 0, Infinity][k]! : k / 4),
      v: maybe(odd && random() < 0.05 ? NaN : (random() - 0.5) * 10 ** below(9)),
      w: maybe(BigInt(below(2000) - 1000)),
    };
  });
  return { rows, partitions: 1 + below(5) };
}

function frameOf({ rows, partitions }: Table): DataFrame {
  // A first row that says the types, taken away again: tables may be empty or hold nothing but nulls.
  const typed: Row = { s: 'type', t: '', b: true, i: 2n ** 60n, x: 1, v: 1, w: 1n };
  const frame = fromRecords({ executor: new InlineExecutor() }, [typed, ...rows], { partitions });
  const plain = frame.filter(col('s').isNull().or(col('s').neq('type')));
  return plain.withColumns(col('w').cast(DataType.Int32).alias('n'));
}

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
];
/** What follows the order of rows, which DuckDB does not promise. */
const ordered = [col('t').first().alias('y'), col('v').last().alias('z')];

/** Every bit of every value. */
const exact = (rows: readonly object[]) =>
  rows
    .map(row =>
      Object.values(row)
        .map(v => (Object.is(v, -0) ? '-0' : String(v)))
        .join('|'),
    )
    .sort();

const plain = (rows: readonly object[]) =>
  comparable(rows.map(row => Object.values(row).map(v => (typeof v === 'bigint' ? Number(v) : v)))).sort();

test('group-bys agree with DuckDB, and bit for bit with each other on every tier and plan', async () => {
  const seed = testSeed();
  const random = seededRng(seed);
  const judge = await openJudge();
  for (let c = 0; c < CASES; c++) {
    const data = table(random);
    const keys = keySets[c % keySets.length]!;
    const from = Math.floor(random() * asked.length);
    const some = [...asked, ...asked].slice(from, from + 1 + Math.floor(random() * asked.length));
    const agg = [...some.map(([expr]) => expr), ...ordered];
    const frame = frameOf(data)
      .groupBy(...keys)
      .agg(...agg);
    const what = `case ${c} of seed ${seed}: by [${keys}] of ${data.rows.length} rows in ${data.partitions}`;
    const ask = (options: PlanOptions) => frame.with(options).toRecords({ int64: 'bigint' });
    const reference = await ask({ groupTier: 'table', partial: true });
    await judge.table('r', columns, data.rows);
    const shown = [...keys, ...some.map(([, sql]) => sql)];
    const group = keys.length === 0 ? '' : `group by ${keys.join()}`;
    const theirs = await judge.query(
      `select ${shown.map((e, k) => `${e} as c${k}`).join()} from (select *, w::int as n from r) ${group}`,
    );
    await judge.query('drop table r');
    const mine = reference.map(row => Object.values(row).slice(0, shown.length));
    expect(plain(mine), what).toEqual(plain(theirs));
    for (const options of [plans[c % plans.length]!, plans[(c * 7 + 3) % plans.length]!]) {
      const rows = await ask(options);
      expect(exact(rows), `${what}, ${JSON.stringify(options)}`).toEqual(exact(reference));
      expect(exact(await ask(options))).toEqual(exact(rows));
    }
  }
  judge.close();
}, 120_000);
