import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRng } from '../core/base/rng.js';
import { DataType } from './column/datatype.js';
import { col, len } from './expr/expr.js';
import { concat, type DataFrame, fromRecords } from './frame.js';
import { InlineExecutor } from './testing/inline-executor.js';
import { comparable, type Judge, openJudge, type Row } from './testing/judge.js';
import { pretendFrame, stagesText } from './testing/pretend.js';

const SEED = 4_711;
const host = { executor: new InlineExecutor() };
let judge: Judge;

const random = seededRng(SEED);
const maybe = <T>(value: T): T | null => (random() < 0.2 ? null : value);
const rows = Array.from(
  { length: 300 },
  (_, id): Row => ({
    id,
    g: maybe(Math.floor(random() * 6)),
    s: maybe(`s${Math.floor(random() * 4)}`),
    a: maybe(Math.round(random() * 100) / 4),
    b: maybe(random() < 0.1 ? NaN : Math.round(random() * 50)),
  }),
);
const frame = () => fromRecords(host, rows, { partitions: 4 });

beforeAll(async () => {
  console.log(`seed ${SEED}`);
  judge = await openJudge();
  await judge.table('t', { id: 'DOUBLE', g: 'DOUBLE', s: 'VARCHAR', a: 'DOUBLE', b: 'DOUBLE' }, rows);
});

afterAll(() => judge.close());

/** The same rows as DuckDB's, in any order, whether shuffled or not. */
async function agrees(made: DataFrame, sql: string): Promise<void> {
  const expected = comparable(await judge.query(sql)).sort();
  for (const fanOut of [1, 3]) {
    expect(comparable(await made.with({ fanOut }).toRecords()).sort()).toEqual(expected);
  }
}

test('the largest two of each group, exploded', async () => {
  const top = frame().groupBy('g').agg(col('a').topK(2).alias('largest')).explode('largest');
  await agrees(top, 'SELECT g, unnest(coalesce(max(a, 2), [NULL])) AS largest FROM t GROUP BY g');
  const text = await stagesText(
    pretendFrame('t', [
      { name: 'g', type: DataType.Int32 },
      { name: 'a', type: DataType.Float64 },
    ])
      .groupBy('g')
      .agg(col('a').topK(2))
      .explode('a')
      .filter(col('g').gt(3)),
  );
  // Lists never leave the task that made them, and the filter goes below the aggregation.
  expect(text).toMatch(/aggregate final by \[g\]: a = topK\(a, 2\)\n {2}explode a\n {2}→ partition/);
  expect(text).toMatch(/filter \(g > 3\)\n {2}aggregate partial/);
});

test('explode: several lists in step, null and empty lists, what is refused', async () => {
  const lists = fromRecords(host, [
    { id: 1, x: [1, 2], y: ['a', null] },
    { id: 2, x: null, y: [] },
    { id: 3, x: [null], y: ['c'] },
  ]);
  expect(await lists.explode('x', 'y').toRecords()).toEqual([
    { id: 1, x: 1, y: 'a' },
    { id: 1, x: 2, y: null },
    { id: 2, x: null, y: null },
    { id: 3, x: null, y: 'c' },
  ]);
  expect(await lists.explode('x').select('id').count()).toBe(4);
  const uneven = fromRecords(host, [{ x: [1], y: [1, 2] }]);
  await expect(uneven.explode('x', 'y').toRecords()).rejects.toThrow(
    /explode: lists of one row must be of one length/,
  );
  await expect(lists.explode('id').toRecords()).rejects.toThrow(/explode: "id" is Float64, not a list/);
  await expect(lists.explode('z').toRecords()).rejects.toThrow(/"z"/);
});

test('list functions, and lists through joins, sorts, shuffles and limits', async () => {
  const lists = fromRecords(
    host,
    [
      { k: 2, x: [3, 1, null], s: ['b', 'a'] },
      { k: 1, x: [], s: null },
      { k: 3, x: null, s: [] },
      { k: 1, x: [NaN, 5], s: ['z', null, 'y'] },
    ],
    { partitions: 2 },
  );
  const read = lists.select(
    col('x').list.len().alias('n'),
    col('x').list.get(0).alias('first'),
    col('x').list.get(-1).alias('last'),
    col('x').list.get(9).alias('none'),
    col('x').list.sum().alias('sum'),
    col('x').list.contains(5).alias('five'),
    col('x').list.contains(col('k').add(1)).alias('next'),
    col('s').list.join('-').alias('joined'),
    col('s').isNull().alias('nothing'),
  );
  const nothing = { n: null, first: null, last: null, none: null, sum: null, five: null, next: null };
  expect(await read.toRecords()).toEqual([
    {
      n: 3,
      first: 3,
      last: null,
      none: null,
      sum: 4,
      five: false,
      next: true,
      joined: 'b-a',
      nothing: false,
    },
    {
      n: 0,
      first: null,
      last: null,
      none: null,
      sum: 0,
      five: false,
      next: false,
      joined: null,
      nothing: true,
    },
    { ...nothing, joined: '', nothing: false },
    {
      n: 2,
      first: NaN,
      last: 5,
      none: null,
      sum: NaN,
      five: true,
      next: false,
      joined: 'z-y',
      nothing: false,
    },
  ]);
  const names = fromRecords(
    host,
    [1, 2, 3].map(k => ({ k, name: `n${k}` })),
  );
  const joined = await lists
    .join(names, { on: 'k' })
    .with({ fanOut: 3, broadcastBytes: 0 })
    .sort('k')
    .filter(col('x').list.len().gt(0))
    .toRecords();
  expect(joined).toEqual([
    { k: 1, x: [NaN, 5], s: ['z', null, 'y'], name: 'n1' },
    { k: 2, x: [3, 1, null], s: ['b', 'a'], name: 'n2' },
  ]);
  const gathered = await lists.groupBy('k').agg(col('x').first(), col('s').count()).sort('k').toRecords();
  expect(gathered).toEqual([
    { k: 1, x: [], s: 1 },
    { k: 2, x: [3, 1, null], s: 1 },
    { k: 3, x: null, s: 1 },
  ]);
  expect((await lists.tail(1).toRecords())[0]!.s).toEqual(['z', null, 'y']);
  const { numRows } = await lists.collect();
  expect(numRows).toBe(4);
});

test('lists are not compared', async () => {
  const lists = fromRecords(host, [{ k: 1, x: [1] }]);
  const refused: DataFrame[] = [
    lists.groupBy('x').agg(len()),
    lists.sort('x'),
    lists.unique(),
    lists.join(lists, { on: 'x' }),
    lists.select(col('x').nUnique()),
    lists.select(col('x').eq(col('x'))),
    lists.select(col('x').fillNull(col('x'))),
    lists.pivot({ index: 'x', on: 'k', values: 'k', aggregate: 'sum' }),
  ];
  for (const made of refused) await expect(made.toRecords()).rejects.toThrow(/List\(Float64\)/);
  await expect(lists.select(col('k').list.len()).toRecords()).rejects.toThrow(
    /list.len cannot take k \(Float64\)/,
  );
});

test('unique keeps the first, the last, or those that are alone', async () => {
  const by = (keep: 'first' | 'last' | 'none') =>
    frame()
      .unique({ on: ['g', 's'], keep })
      .select('id');
  const edge = (aggregate: string) => `SELECT ${aggregate}(id) AS id FROM t GROUP BY g, s`;
  await agrees(by('first'), edge('min'));
  await agrees(by('last'), edge('max'));
  await agrees(by('none'), 'SELECT min(id) AS id FROM t GROUP BY g, s HAVING count(*) = 1');
  await agrees(frame().select('g').unique(), 'SELECT DISTINCT g FROM t');
});

test('groupBy can keep the order of first rows', async () => {
  const expected = await judge.query('SELECT g, s, count(*) AS n FROM t GROUP BY g, s ORDER BY min(id)');
  for (const fanOut of [1, 5]) {
    const made = frame().groupBy('g', 's', { maintainOrder: true }).agg(len().alias('n')).with({ fanOut });
    expect(comparable(await made.toRecords())).toEqual(comparable(expected));
  }
});

test('concat diagonal fills what is missing with null', async () => {
  const one = fromRecords(host, [{ a: 1, s: 'x' }]);
  const two = fromRecords(host, [{ s: 'y', b: true, l: [1] }]);
  expect(await concat([one, two], { how: 'diagonal' }).toRecords()).toEqual([
    { a: 1, s: 'x', b: null, l: null },
    { a: null, s: 'y', b: true, l: [1] },
  ]);
  await expect(concat([one, two]).toRecords()).rejects.toThrow(
    /frame 2 has the columns \[s, b, l\].*diagonal/,
  );
  const text = fromRecords(host, [{ a: 'x' }]);
  await expect(concat([one, text], { how: 'diagonal' }).toRecords()).rejects.toThrow(
    /concat: "a" is Float64/,
  );
});

test('unpivot turns columns into rows, pivot turns rows into columns', async () => {
  const long = frame().unpivot({ index: ['id', 'g'], on: ['a', 'b'] });
  await agrees(
    long,
    `SELECT id, g, variable, value FROM (SELECT id, g, a, b FROM t)
      UNPIVOT INCLUDE NULLS (value FOR variable IN (a, b))`,
  );
  await agrees(
    long.pivot({ index: 'g', on: 'variable', values: 'value', aggregate: 'sum' }),
    'SELECT g, sum(a) AS a, sum(b) AS b FROM t GROUP BY g',
  );
  await agrees(
    frame().pivot({ index: 'g', on: 's', values: 'a', aggregate: 'max' }),
    `SELECT g, ${['s0', 's1', 's2', 's3'].map(s => `max(a) FILTER (s = '${s}') AS ${s}`)},
      max(a) FILTER (s IS NULL) AS "null" FROM t GROUP BY g`,
  );
  await agrees(
    frame().pivot({ index: 'g', on: 's', values: ['a', 'b'], aggregate: 'len', onValues: ['s1'] }),
    "SELECT g, count(*) FILTER (s = 's1') AS a_s1, count(*) FILTER (s = 's1') AS b_s1 FROM t GROUP BY g",
  );
  const sums = frame().pivot({ index: 's', on: 'g', values: 'a', aggregate: 'sum', onValues: [1, 99] });
  expect(await sums.columns()).toEqual(['s', '1', '99']);
  expect((await sums.toRecords()).every(row => row['99'] === null)).toBe(true);
  await expect(
    frame()
      .unpivot({ on: ['a', 's'] })
      .toRecords(),
  ).rejects.toThrow(/no common type/);
});

test('describe counts, averages and orders every column', async () => {
  const described = await frame().select('a', 's').describe().toRecords();
  const [wanted] =
    await judge.query(`SELECT count(a) AS count, count(*) - count(a) AS null_count, avg(a) AS mean,
    stddev_samp(a) AS std, min(a) AS min, quantile_cont(a, 0.25) AS "25%", median(a) AS "50%",
    quantile_cont(a, 0.75) AS "75%", max(a) AS max FROM t`);
  expect(described.map(row => row.statistic)).toEqual(Object.keys(wanted!));
  described.forEach(row => {
    expect(row.a).toBeCloseTo(Number(wanted![row.statistic as string]), 9);
  });
  const texts = Object.fromEntries(described.map(row => [row.statistic, row.s]));
  const missing = rows.filter(row => row.s === null).length;
  expect(texts).toMatchObject({
    count: `${300 - missing}`,
    null_count: `${missing}`,
    mean: null,
    min: 's0',
    max: 's3',
  });
});

test('fillNan, fillNull and dropNulls', async () => {
  await agrees(
    frame().fillNan(-1).select('id', 'b'),
    'SELECT id, CASE WHEN isnan(b) THEN -1 ELSE b END AS b FROM t',
  );
  await agrees(frame().fillNull(0).select('a', 's'), 'SELECT coalesce(a, 0) AS a, s FROM t');
  await agrees(
    frame().dropNulls('a', 's').select('id'),
    'SELECT id FROM t WHERE a IS NOT NULL AND s IS NOT NULL',
  );
});

test('sample takes so many different rows, the same ones for the same seed', async () => {
  const ids = async (options: { n?: number; fraction?: number; seed?: number }) =>
    (await frame().sample(options).toRecords()).map(row => row.id as number);
  const some = await ids({ n: 50, seed: 7 });
  expect(new Set(some).size).toBe(50);
  expect(await ids({ n: 50, seed: 7 })).toEqual(some);
  expect(await ids({ n: 50, seed: 8 })).not.toEqual(some);
  expect(await ids({ n: 1000 })).toHaveLength(300);
  expect(await ids({ fraction: 0.25 })).toHaveLength(75);
  expect(await ids({ fraction: 0 })).toHaveLength(0);
  // Every part of the table is drawn from.
  expect(new Set(some.map(id => Math.floor(id / 75))).size).toBe(4);
  expect(() => frame().sample({ n: 1, fraction: 0.5 })).toThrow(/\{ n \} or \{ fraction \}/);
});

test('valueCounts counts, most frequent first', async () => {
  const expected = await judge.query('SELECT s, count(*) AS count FROM t GROUP BY s ORDER BY count DESC, s');
  expect(comparable(await frame().valueCounts('s').toRecords())).toEqual(comparable(expected));
});
