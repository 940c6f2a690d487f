import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRng } from '../core/base/rng.js';
import { DataType } from './column/datatype.js';
import type { PlanOptions } from './distribute/constants.js';
import { col, len, when } from './expr/expr.js';
import { concat, type DataFrame, fromRecords } from './frame.js';
import { InlineExecutor } from './testing/inline-executor.js';
import { comparable, type Judge, openJudge, type Row } from './testing/judge.js';

const SEED = 20_261;
const executor = new InlineExecutor();
const host = { executor };
let judge: Judge;

/** Nulls everywhere, NaN, repeated keys, keys nobody else has. */
function makeRows(count: number, seed: number): Row[] {
  const random = seededRng(seed);
  const maybe = <T>(value: T): T | null => (random() < 0.15 ? null : value);
  return Array.from({ length: count }, (_, i) => ({
    id: i,
    k: maybe(Math.floor(random() * 20)),
    s: maybe(`key-${Math.floor(random() * 12)}${random() < 0.1 ? 'ü' : ''}`),
    v: maybe(Math.round((random() - 0.4) * 1e6) / 1000),
    b: maybe(random() < 0.5),
    t: maybe(new Date(Date.UTC(2020, 0, 1) + Math.floor(random() * 4e10))),
  }));
}

const leftRows = makeRows(400, SEED);
const rightRows = makeRows(60, SEED + 1).map((row): Row => ({ k: row.k!, s: row.s!, w: row.v! }));
const left = () => fromRecords(host, leftRows, { partitions: 5 });
const right = () => fromRecords(host, rightRows, { partitions: 3 });

beforeAll(async () => {
  console.log(`seed ${SEED}`);
  judge = await openJudge();
  const columns = { id: 'DOUBLE', k: 'DOUBLE', s: 'VARCHAR', v: 'DOUBLE', b: 'BOOLEAN', t: 'TIMESTAMP' };
  await judge.table('l', columns, leftRows);
  await judge.table('r', { k: 'DOUBLE', s: 'VARCHAR', w: 'DOUBLE' }, rightRows);
});

afterAll(() => judge.close());

/** The frame's rows are DuckDB's, whatever the order; and the same for every way to plan it. */
async function agrees(frame: DataFrame, sql: string, ordered = false): Promise<void> {
  const sort = (rows: string[]) => (ordered ? rows : rows.sort());
  const expected = sort(comparable(await judge.query(sql)));
  const plain = await frame.toRecords();
  expect(sort(comparable(plain))).toEqual(expected);
  for (const options of [
    { fanOut: 1 },
    { fanOut: 3 },
    { fanOut: 3, broadcastBytes: 0 },
    { broadcastBytes: 1e9 },
  ]) {
    const exact = (rows: object[]) => rows.map(row => JSON.stringify(Object.values(row)));
    const forced = exact(await frame.with(options).toRecords());
    const usual = exact(plain);
    expect(ordered ? forced : forced.sort()).toEqual(ordered ? usual : usual.sort());
  }
}

describe('answers are those of DuckDB', () => {
  test('filter and projection', async () => {
    const frame = left()
      .filter(
        col('v')
          .gt(0)
          .and(col('s').neq('key-3').or(col('b'))),
      )
      .select(
        'id',
        col('v').mul(2).add(1).alias('x'),
        when(col('k').gt(10)).then(col('s')).otherwise('low').alias('c'),
      );
    await agrees(
      frame,
      `SELECT id, v * 2 + 1 AS x, CASE WHEN k > 10 THEN s ELSE 'low' END AS c FROM l
       WHERE v > 0 AND (s <> 'key-3' OR b)`,
    );
  });

  test('group by strings and numbers with nulls', async () => {
    const frame = left()
      .groupBy('s', 'k')
      .agg(
        len().alias('n'),
        col('v').count().alias('c'),
        col('v').sum().alias('total'),
        col('v').mean().alias('m'),
        col('v').min().alias('lo'),
        col('t').max().alias('hi'),
      );
    await agrees(
      frame,
      `SELECT s, k, count(*) AS n, count(v) AS c, coalesce(sum(v), 0) AS total, avg(v) AS m, min(v) AS lo, max(t) AS hi
       FROM l GROUP BY s, k`,
    );
  });

  test('nUnique, filtered aggregates and expressions of aggregates', async () => {
    const frame = left()
      .groupBy('k')
      .agg(
        col('s').nUnique().alias('u'),
        col('v').filter(col('b')).sum().alias('f'),
        col('v').abs().sum().div(len()).alias('a'),
        col('b').sum().alias('true'),
      );
    await agrees(
      frame,
      `SELECT k, count(DISTINCT s) AS u, coalesce(sum(v) FILTER (WHERE b), 0) AS f, coalesce(sum(abs(v)), 0) / count(*) AS a,
       coalesce(sum(b::INT), 0)::DOUBLE AS t FROM l GROUP BY k`,
    );
  });

  test('nUnique alone', async () => {
    await agrees(
      left().groupBy('k').agg(col('s').nUnique()),
      'SELECT k, count(DISTINCT s) AS s FROM l GROUP BY k',
    );
    await agrees(left().select(col('s').nUnique()), 'SELECT count(DISTINCT s) AS s FROM l');
  });

  test('aggregates without keys', async () => {
    const frame = left().select(col('v').sum().alias('a'), col('s').nUnique().alias('b'), len().alias('c'));
    await agrees(frame, 'SELECT sum(v) AS a, count(DISTINCT s) AS b, count(*) AS c FROM l');
  });

  test.each(['inner', 'left'] as const)('%s join on one and on two keys', async how => {
    const sqlHow = how === 'inner' ? 'JOIN' : 'LEFT JOIN';
    await agrees(
      left().join(right(), { on: 'k', how }).select('id', 'k', 's', 's_right', 'w'),
      `SELECT l.id, l.k, l.s, r.s AS s_right, r.w FROM l ${sqlHow} r ON l.k = r.k`,
    );
    await agrees(
      left()
        .join(right(), { on: ['k', 's'], how })
        .select('id', 'k', 's', 'w'),
      `SELECT l.id, l.k, l.s, r.w FROM l ${sqlHow} r ON l.k = r.k AND l.s = r.s`,
    );
  });

  test('join, then group, then filter on both', async () => {
    const frame = left()
      .join(right(), { on: 's' })
      .filter(col('w').gt(0).and(col('id').lt(300)))
      .groupBy('s')
      .agg(col('v').sum().alias('v'), col('w').max().alias('w'));
    await agrees(
      frame,
      `SELECT l.s, coalesce(sum(l.v), 0) AS v, max(r.w) AS w FROM l JOIN r ON l.s = r.s
       WHERE r.w > 0 AND l.id < 300 GROUP BY l.s`,
    );
  });

  test('sort, top-k, limit with offset', async () => {
    const by = { by: ['s', 'v', 'id'], descending: [true, false, false] };
    await agrees(left().sort(by), 'SELECT * FROM l ORDER BY s DESC NULLS FIRST, v NULLS LAST, id', true);
    await agrees(
      left().sort(by).head(7),
      'SELECT * FROM l ORDER BY s DESC NULLS FIRST, v NULLS LAST, id LIMIT 7',
      true,
    );
    await agrees(
      left()
        .topK(9, { by: ['v', 'id'] })
        .select('id', 'v'),
      'SELECT id, v FROM l ORDER BY v DESC NULLS LAST, id DESC LIMIT 9',
      true,
    );
    await agrees(left().sort('id').limit(5, 123), 'SELECT * FROM l ORDER BY id LIMIT 5 OFFSET 123', true);
    await agrees(left().tail(6), 'SELECT * FROM l WHERE id >= 394 ORDER BY id', true);
    await agrees(left().head(90), 'SELECT * FROM l WHERE id < 90 ORDER BY id', true);
  });

  test('concat, unique, fillNull, dropNulls, valueCounts', async () => {
    const keys = left().select('k', 's');
    await agrees(concat([keys, right().select('k', 's')]), 'SELECT k, s FROM l UNION ALL SELECT k, s FROM r');
    await agrees(keys.unique(), 'SELECT DISTINCT k, s FROM l');
    await agrees(
      left().unique({ on: 's', keep: 'first' }).select('s', 'id'),
      'SELECT s, min(id) AS id FROM l GROUP BY s',
    );
    await agrees(keys.fillNull(-1), 'SELECT coalesce(k, -1) AS k, s FROM l');
    await agrees(
      left().dropNulls('k', 'v').select('id'),
      'SELECT id FROM l WHERE k IS NOT NULL AND v IS NOT NULL',
    );
    await agrees(
      left().valueCounts('k'),
      'SELECT k, count(*) AS count FROM l GROUP BY k ORDER BY count DESC, k NULLS LAST',
      true,
    );
  });
});

test('float sums have the same bits for every fan-out', async () => {
  const random = seededRng(SEED + 2);
  const hard = Array.from({ length: 6000 }, (_, i) => ({
    g: Math.floor(random() * 50),
    x: (random() - 0.5) * 10 ** Math.floor(random() * 30 - 10),
    id: i,
  }));
  const bits = async (options: PlanOptions) => {
    const frame = fromRecords(host, hard, { partitions: 9 });
    const joined = frame.join(frame.select('id', col('x').alias('y')), { on: 'id' });
    const out = joined.groupBy('g').agg(col('x').sum(), col('y').mean());
    const rows = await out.sort('g').with(options).toRecords();
    return Buffer.from(new Float64Array(rows.flatMap(r => Object.values(r) as number[])).buffer).toString(
      'hex',
    );
  };
  const once = await bits({ fanOut: 1 });
  expect(await bits({ fanOut: 1 })).toBe(once);
  expect(await bits({ fanOut: 7 })).toBe(once);
  expect(await bits({ broadcastBytes: 0, fanOut: 1 })).toBe(once);
  expect(await bits({ broadcastBytes: 0, fanOut: 5 })).toBe(once);
});

describe('edges', () => {
  const sparse = () =>
    fromRecords(host, [
      { a: 1, s: 'x' },
      { a: null, s: null },
      { a: Number.NaN, s: 'y' },
    ]);

  test('no rows: schemas hold, aggregates of nothing, joins with nothing', async () => {
    const none = left().filter(col('id').lt(0));
    expect(await none.toRecords()).toEqual([]);
    expect((await none.schema()).map(f => f.name)).toEqual(['id', 'k', 's', 'v', 'b', 't']);
    expect((await none.collect()).schema.fields.map(f => f.name)).toEqual(['id', 'k', 's', 'v', 'b', 't']);
    expect(await none.select(col('v').sum(), col('v').mean().alias('m'), len()).toRecords()).toEqual([
      { v: 0, m: null, len: 0 },
    ]);
    expect(await none.groupBy('s').agg(len()).toRecords()).toEqual([]);
    expect(await none.join(right(), { on: 'k' }).count()).toBe(0);
    expect(
      await left()
        .join(right().filter(col('w').gt(1e12)), { on: 'k', how: 'left' })
        .count(),
    ).toBe(400);
    expect(await none.sort('v').head(3).toRecords()).toEqual([]);
    expect(await none.count()).toBe(0);
  });

  test('no records at all', async () => {
    const empty = fromRecords(host, []);
    expect(await empty.toRecords()).toEqual([]);
    expect(await empty.count()).toBe(0);
    expect(await empty.columns()).toEqual([]);
  });

  test('division by zero, modulo zero, NaN order', async () => {
    const rows = await sparse()
      .select(col('a').div(0).alias('d'), col('a').mod(0).alias('m'), col('a').gt(5).alias('g'))
      .toRecords();
    expect(rows).toEqual([
      { d: Infinity, m: null, g: false },
      { d: null, m: null, g: null },
      { d: Number.NaN, m: null, g: true },
    ]);
    const sorted = await sparse().sort({ by: 'a', descending: true }).toRecords();
    expect(sorted.map(r => r.a)).toEqual([null, Number.NaN, 1]);
  });

  test('integers: wide values, overflow of a sum and of an addition', async () => {
    const big = fromRecords(host, [{ n: 2n ** 62n }, { n: 2n ** 62n }, { n: -1n }, { n: 2n ** 62n }], {
      partitions: 2,
    });
    expect(await big.select(col('n').min().alias('n')).toRecords()).toEqual([{ n: -1 }]);
    await expect(big.select(col('n').sum()).toRecords()).rejects.toMatchObject({ code: 'INTEGER_OVERFLOW' });
    await expect(big.select(col('n').add(col('n'))).toRecords()).rejects.toMatchObject({
      code: 'INTEGER_OVERFLOW',
    });
    await expect(big.toRecords()).rejects.toMatchObject({ code: 'INT64_RANGE' });
    const whole = await big.head(1).toRecords({ int64: 'bigint' });
    expect(whole).toEqual([{ n: 2n ** 62n }]);
  });

  test('casts that fail name row and value; not strict gives null', async () => {
    await expect(sparse().select(col('s').cast(DataType.Int32)).toRecords()).rejects.toMatchObject({
      code: 'CAST_FAILED',
    });
    const soft = sparse().select(col('s').cast(DataType.Int32, { strict: false }));
    expect(await soft.toRecords()).toEqual([{ s: null }, { s: null }, { s: null }]);
  });

  test('an unknown column fails before anything runs', async () => {
    const before = executor.layers.length;
    await expect(left().filter(col('kk').gt(1)).collect()).rejects.toMatchObject({
      code: 'COLUMN_NOT_FOUND',
    });
    expect(executor.layers.length).toBe(before);
  });
});

describe('actions', () => {
  test('collect gives an Arrow table with nulls', async () => {
    const table = await left().select('s', 'k').collect();
    expect(table.numRows).toBe(400);
    expect(table.getChild('s')?.nullCount).toBe(leftRows.filter(r => r.s === null).length);
  });

  test('batches come one by one; leaving early releases everything', async () => {
    const kept = executor.storedResults();
    let rows = 0;
    for await (const batch of left().filter(col('id').gtEq(0)).batches()) {
      rows += batch.numRows;
      break;
    }
    expect(rows).toBe(80);
    expect(executor.storedResults()).toBeLessThanOrEqual(kept + 5);
  });

  test('persist keeps rows until release', async () => {
    const source = left();
    await source.count();
    const before = executor.storedResults();
    const kept = await source.filter(col('k').gt(5)).persist();
    const count = await kept.count();
    expect(count).toBe(leftRows.filter(r => (r.k as number) > 5).length);
    expect(executor.storedResults()).toBe(before + 5);
    expect(await kept.filter(col('k').gt(100)).count()).toBe(0);
    await kept.release();
    await kept.release();
    expect(executor.storedResults()).toBe(before);
    await expect(kept.count()).rejects.toMatchObject({ code: 'RELEASED' });
  });

  test('nothing is left behind by answers or failures', async () => {
    const source = left();
    await source.count();
    const before = executor.storedResults();
    await source.join(source, { on: 'id' }).groupBy('s').agg(len()).sort('s').toRecords();
    await expect(source.select(col('s').cast(DataType.Int64)).toRecords()).rejects.toThrow();
    expect(executor.storedResults()).toBe(before);
  });

  test('plans as text', async () => {
    const frame = left().filter(col('k').gt(1)).select('s').head(3);
    expect(await frame.explain()).toContain('MEMORY records 2/6 columns [k, s]');
    expect(await frame.explain({ optimized: false })).toContain('6/6 columns');
    expect(await frame.explain({ physical: true })).toContain('stage 1');
  });
});
