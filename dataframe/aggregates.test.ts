import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRng } from '../core/base/rng.js';
import { batchesToTable } from './column/arrow.js';
import { col, corr, type Expr } from './expr/expr.js';
import { type DataFrame, fromArrow } from './frame.js';
import { duckdbWith } from './testing/duckdb.js';
import { InlineExecutor } from './testing/inline-executor.js';
import { randomBatch, randomSchema, testSeed } from './testing/random-batch.js';

const host = { executor: new InlineExecutor() };
const seed = testSeed();
let db: Awaited<ReturnType<typeof duckdbWith>>;
let frame: DataFrame;

const batch = randomBatch(seededRng(seed), 1500);

beforeAll(async () => {
  db = await duckdbWith({ r: batch });
  frame = fromArrow(host, batchesToTable(randomSchema, [batch]), { partitions: 5 });
});

afterAll(() => db.close());

const small = col('y').abs().lt(100);

/** Each aggregate and what DuckDB calls it. Its variances refuse NaN and infinity. */
const aggregates: readonly (readonly [Expr, string])[] = [
  [col('k').var(), 'var_samp(k)'],
  [col('i').std(), 'stddev_samp(i)'],
  [col('y').filter(small).var(), 'var_samp(y) filter (abs(y) < 100)'],
  [col('x').filter(col('x').abs().lt(1e200)).std(), 'stddev_samp(x) filter (abs(x) < 1e200)'],
  [col('b').var(), 'var_samp(b::int)'],
  [col('x').median(), 'quantile_cont(x, 0.5)'],
  [col('y').quantile(0.1), 'quantile_cont(y, 0.1)'],
  [col('k').quantile(1), 'quantile_cont(k::double, 1)'],
  [col('i').filter(col('b')).median(), 'quantile_cont(i::double, 0.5) filter (b)'],
  [corr('k', 'i'), 'corr(k, i)'],
  [col('k').filter(small).corr(col('i')), 'corr(k, i) filter (abs(y) < 100)'],
  [corr('k', 'k'), 'corr(k, k)'],
  [col('x').topK(2), 'max(x, 2)'],
  [col('x').bottomK(3), 'min(x, 3)'],
  [col('i').topK(20), 'max(i, 20)'],
  [col('s').topK(2), 'max(s, 2)'],
  [col('t').filter(col('c')).bottomK(4), 'min(t, 4) filter (c)'],
  [col('k').list(), 'list(k order by "#") filter (k is not null)'],
  [col('s').list(), 'list(s order by "#") filter (s is not null)'],
  [col('y').filter(small).list(), 'list(y order by "#") filter (abs(y) < 100)'],
  [col('t').nUnique(), 'count(distinct t)'],
  [col('x').filter(col('b')).nUnique(), 'count(distinct x) filter (b)'],
  [col('k').approxNUnique(), 'count(distinct k)'],
  [col('s').approxNUnique(), 'count(distinct s)'],
  [col('k').first(), 'first(k order by "#")'],
];
const named = aggregates.map(([expr], a) => expr.alias(`a${a}`));

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'object' && value !== null && 'items' in value) {
    return (value.items as unknown[]).map(plain);
  }
  if (Array.isArray(value)) return value.map(plain);
  return Object.is(value, -0) ? 0 : value;
}

function close(mine: unknown, theirs: unknown): boolean {
  if (Array.isArray(mine) && Array.isArray(theirs)) {
    return mine.length === theirs.length && mine.every((item, i) => close(item, theirs[i]));
  }
  if (Object.is(mine, theirs)) return true;
  if (typeof mine !== 'number' || typeof theirs !== 'number') return false;
  return Math.abs(mine - theirs) <= 1e-9 * Math.max(1, Math.abs(theirs));
}

function expectSame(mine: unknown[][], theirs: unknown[][], keys: number, what: string): void {
  const sorted = (rows: unknown[][]) =>
    rows.map(row => [JSON.stringify(row.slice(0, keys)), row] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  const ours = sorted(mine.map(row => row.map(plain)));
  const expected = sorted(theirs.map(row => row.map(plain)));
  expect(ours.map(([key]) => key)).toEqual(expected.map(([key]) => key));
  ours.forEach(([, row], r) => {
    row.forEach((value, c) => {
      const wanted = expected[r]![1][c];
      if (!close(value, wanted)) {
        const name = c < keys ? 'key' : aggregates[c - keys]?.[1];
        expect({ what, row: row.slice(0, keys), name, value }).toEqual({ name, value: wanted });
      }
    });
  });
}

const keySets: readonly (readonly string[])[] = [[], ['k'], ['s'], ['b', 'k'], ['t', 'c']];

test('aggregates agree with DuckDB, with and without groups, in one phase and in two', async () => {
  for (const keys of keySets) {
    const group = keys.length === 0 ? '' : `group by ${keys}`;
    const theirs = await db.query(
      `select ${[...keys, ...aggregates.map(([, sql]) => sql)].join(', ')} from r ${group}`,
    );
    for (const fanOut of [1, 3]) {
      const grouped = keys.length === 0 ? frame.select(...named) : frame.groupBy(...keys).agg(...named);
      const rows = await grouped.with({ fanOut }).toRecords();
      expectSame(
        rows.map(row => Object.values(row)),
        theirs,
        keys.length,
        `by ${keys} into ${fanOut}`,
      );
    }
  }
});

test('small random tables: every aggregate, random keys, cuts and fan-outs', async () => {
  const random = seededRng(seed + 2);
  for (let round = 0; round < 40; round++) {
    const table = randomBatch(random, 1 + Math.floor(random() * 60), random() < 0.2 ? 0.9 : random() * 0.3);
    const keys = keySets[Math.floor(random() * keySets.length)]!;
    const other = await duckdbWith({ r: table });
    const theirs = await other.query(
      `select ${[...keys, ...aggregates.map(([, sql]) => sql)].join(', ')} from r
        ${keys.length === 0 ? '' : `group by ${keys}`}`,
    );
    other.close();
    const cut = fromArrow(host, batchesToTable(randomSchema, [table]), {
      partitions: 1 + Math.floor(random() * 6),
    }).with({ fanOut: 1 + Math.floor(random() * 4) });
    const grouped = keys.length === 0 ? cut.select(...named) : cut.groupBy(...keys).agg(...named);
    const rows = (await grouped.toRecords()).map(row => Object.values(row));
    expectSame(rows, theirs, keys.length, `round ${round} of seed ${seed}: by ${keys}`);
  }
});

test('aggregates of nothing, of nulls only, of one row', async () => {
  const cases = [
    ['no rows', frame.filter(col('k').gt(1000)), 'where k > 1000'],
    ['nulls', frame.filter(col('k').isNull().and(col('i').isNull())), 'where k is null and i is null'],
    ['one row', frame.head(1), 'where "#" = 0'],
    ['two rows', frame.head(2), 'where "#" < 2'],
  ] as const;
  for (const [what, rows, where] of cases) {
    const sql = aggregates.map(([, text]) => text).join(', ');
    const theirs = await db.query(`select ${sql} from (select * from r ${where})`);
    const mine = await rows.select(...named).toRecords();
    expectSame(
      mine.map(row => Object.values(row)),
      theirs,
      0,
      what,
    );
    const grouped = await rows
      .groupBy('b')
      .agg(...named)
      .toRecords();
    const theirGroups = await db.query(`select b, ${sql} from (select * from r ${where}) group by b`);
    expectSame(
      grouped.map(row => Object.values(row)),
      theirGroups,
      1,
      `${what} in groups`,
    );
  }
});

/** Steps between two floats of one sign. */
function ulps(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  const bits = new BigInt64Array(new Float64Array([a, b]).buffer);
  return Math.abs(Number(bits[0]! - bits[1]!));
}

test('however rows are cut, lists and quantiles have the same bits; var and corr stay within 2 ulp', async () => {
  const table = batchesToTable(randomSchema, [batch]);
  const finite = col('x').abs().lt(1e100);
  const exprs = [
    col('x').filter(finite).var().alias('var'),
    col('x').filter(finite).std().alias('std'),
    col('x').filter(finite).corr(col('k')).alias('corr'),
    col('x').median().alias('median'),
    col('x').list().alias('list'),
    col('s').topK(3).alias('top'),
    col('t').nUnique().alias('distinct'),
    col('i').approxNUnique().alias('about'),
    col('x').sum().alias('sum'),
    col('i').mean().alias('mean'),
  ];
  const answers: Record<string, unknown>[][] = [];
  for (const partitions of [1, 2, 7, 40]) {
    for (const fanOut of [1, 4]) {
      const cut = fromArrow(host, table, { partitions }).with({ fanOut });
      answers.push(
        await cut
          .groupBy('s')
          .agg(...exprs)
          .sort('s')
          .toRecords(),
      );
    }
  }
  for (const answer of answers) {
    answer.forEach((row, r) => {
      for (const [name, value] of Object.entries(row)) {
        const first = answers[0]![r]![name];
        if (name === 'var' || name === 'std' || name === 'corr') {
          expect(value === first || ulps(value as number, first as number) <= 2).toBe(true);
        } else expect(value).toEqual(first);
      }
    });
  }
});

test('variance of numbers far from zero, and of 64-bit integers beyond 2^53', async () => {
  const random = seededRng(seed + 1);
  const rows = Array.from({ length: 999 }, () => ({
    far: 1e9 + random(),
    huge: 2n ** 60n + BigInt(Math.floor(random() * 1e6)) * 2n ** 20n,
  }));
  const { fromRecords } = await import('./frame.js');
  const [row] = await fromRecords(host, rows, { partitions: 4 })
    .select(col('far').var(), col('huge').var(), corr('far', 'huge').alias('c'))
    .toRecords();
  const exact = (values: number[]) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
  };
  // Differences from 1e9 are exact.
  const far = exact(rows.map(r => r.far - 1e9));
  const huge = exact(rows.map(r => Number(r.huge - 2n ** 60n)));
  expect(Math.abs((row!.far as number) / far - 1)).toBeLessThan(1e-12);
  expect(Math.abs((row!.huge as number) / huge - 1)).toBeLessThan(1e-9);
  expect(Math.abs(row!.c as number)).toBeLessThan(1);
});

test('NaN and infinity make a variance NaN; they are the largest and smallest of lists', async () => {
  const { fromRecords } = await import('./frame.js');
  const rows = [NaN, 1, Infinity, -Infinity, null, 2].map(x => ({ x }));
  const [row] = await fromRecords(host, rows, { partitions: 3 })
    .select(
      col('x').var().alias('var'),
      col('x').topK(3).alias('top'),
      col('x').bottomK(2).alias('bottom'),
      col('x').quantile(0).alias('least'),
      col('x').quantile(1).alias('most'),
      col('x').list().alias('list'),
    )
    .toRecords();
  expect(row).toEqual({
    var: NaN,
    top: [NaN, Infinity, 2],
    bottom: [-Infinity, 1],
    least: -Infinity,
    most: NaN,
    list: [NaN, 1, Infinity, -Infinity, 2],
  });
});

test('approxNUnique is within 3 % of a large count, and the same for every cut', async () => {
  const { fromRecords } = await import('./frame.js');
  const rows = Array.from({ length: 60_000 }, (_, i) => ({ g: i % 3, v: (i * 7919) % 30_011 }));
  const counts = new Set<string>();
  for (const partitions of [1, 5]) {
    const answer = await fromRecords(host, rows, { partitions })
      .groupBy('g')
      .agg(col('v').approxNUnique(), col('v').nUnique().alias('exact'))
      .sort('g')
      .toRecords();
    counts.add(JSON.stringify(answer));
    for (const row of answer) {
      expect(Math.abs((row.v as number) / (row.exact as number) - 1)).toBeLessThan(0.03);
    }
  }
  expect(counts.size).toBe(1);
});

test('what an aggregate cannot take is said by column and type', async () => {
  const failing: readonly (readonly [() => Expr, RegExp])[] = [
    [() => col('s').var(), /var cannot take s \(Utf8\)/],
    [() => col('s').median(), /quantile cannot take s \(Utf8\)/],
    [() => corr('k', 's'), /corr cannot take s \(Utf8\)/],
    [() => col('k').quantile(1.5), /quantile takes a share from 0 to 1, not 1.5/],
    [() => col('k').topK(0), /topK takes a whole number of values, at least 1, not 0/],
  ];
  for (const [make, message] of failing) {
    await expect((async () => frame.select(make()).toRecords())()).rejects.toThrow(message);
  }
});
