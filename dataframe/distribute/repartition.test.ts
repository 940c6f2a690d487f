import { Bool, Int32, makeVector, Table, vectorFromArray } from 'apache-arrow';
import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { col } from '../expr/expr.js';
import { type DataFrame, fromArrow, fromRecords } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { testSeed } from '../testing/random-batch.js';

const rows = Array.from({ length: 103 }, (_, i) => ({
  i,
  k: i % 10 === 0 ? null : `k${i % 7}`,
  v: i / 4,
}));

function frameOf(count = rows.length, partitions = 5): { frame: DataFrame; executor: InlineExecutor } {
  const executor = new InlineExecutor();
  return { frame: fromRecords({ executor }, rows.slice(0, count), { partitions }), executor };
}

/** The rows of each partition. */
async function partitionsOf(frame: DataFrame): Promise<(typeof rows)[]> {
  const out: (typeof rows)[] = [];
  for await (const batch of frame.batches()) {
    out.push(batch.toArray().map(row => ({ ...row.toJSON() })) as typeof rows);
  }
  return out;
}

test('n partitions of equal length, rows in order', async () => {
  for (const n of [1, 2, 4, 7, 20]) {
    const { frame } = frameOf();
    const parts = await partitionsOf(frame.repartition(n));
    expect(parts.map(part => part.length)).toEqual(
      Array.from({ length: n }, (_, s) => Math.ceil((103 * (s + 1)) / n) - Math.ceil((103 * s) / n)),
    );
    expect(parts.flat()).toEqual(rows);
  }
});

test('by keys: equal ones come together, nulls too, and nothing is lost', async () => {
  const { frame, executor } = frameOf();
  const parts = await partitionsOf(frame.repartition({ by: 'k', n: 4 }));
  expect(parts.length).toBeLessThanOrEqual(4);
  for (const key of new Set(rows.map(row => row.k))) {
    expect(parts.filter(part => part.some(row => row.k === key))).toHaveLength(1);
  }
  expect(parts.flat().sort((a, b) => a.i - b.i)).toEqual(rows);
  expect(executor.layers.some(({ slices }) => slices === 4)).toBe(true);
});

test('filters and columns around it, no rows, more partitions than rows', async () => {
  const { frame } = frameOf();
  const some = frame.filter(col('i').gtEq(50)).repartition(3).select('i').filter(col('i').lt(60));
  expect(await some.toRecords()).toEqual(rows.slice(50, 60).map(({ i }) => ({ i })));
  expect(await frame.filter(col('i').lt(0)).repartition(4).count()).toBe(0);
  expect(await frameOf(3, 1).frame.repartition(10).toRecords()).toEqual(rows.slice(0, 3));
  expect(await frame.repartition({ by: ['k', 'i'] }).count()).toBe(103);
  expect(await frame.repartition(3).explain({ optimized: true })).toContain('REPARTITION into 3');
});

test('what it cannot do is said', async () => {
  const { frame } = frameOf();
  for (const bad of [0, -1, 1.5, 100_000]) {
    expect(() => frame.repartition(bad)).toThrowError(/whole number from 1 to 4096/);
  }
  expect(() => frame.repartition({})).toThrowError(/number of partitions, or \{ by \}/);
  await expect(frame.repartition({ by: 'kk' }).count()).rejects.toMatchObject({ code: 'COLUMN_NOT_FOUND' });
});

test('partitions that one task deals out, one behind the other: the same rows in the same order', async () => {
  const random = seededRng(testSeed());
  const count = 100_000;
  const partitions = 5;
  const table = new Table({
    k: makeVector(Int32Array.from({ length: count }, () => random() * 5_000)),
    big: makeVector(BigInt64Array.from({ length: count }, (_, i) => BigInt(i) << 30n)),
    f: makeVector(Float64Array.from({ length: count }, () => random() / 7)),
    b: vectorFromArray(
      Array.from({ length: count }, (_, i) => i % 3 === 0),
      new Bool(),
    ),
    // Nulls in the last partitions only: those are brought together first.
    some: vectorFromArray(
      Array.from({ length: count }, (_, i) => (i > count / 2 && i % 5 === 0 ? null : i)),
      new Int32(),
    ),
    far: makeVector(Int32Array.from({ length: count }, (_, i) => (i < count / 2 ? i % 100 : i))),
  });
  const executor = new InlineExecutor();
  const frame = fromArrow({ executor }, table, { partitions });
  for (const picked of [
    ['k', 'big', 'f', 'b', 'far'],
    ['k', 'f'],
    ['k', 'some', 'f'],
  ]) {
    const asked = (taskRows: number) =>
      frame
        .select(...picked)
        .with({ taskRows, fanOut: 7 })
        .repartition({ by: 'k' });
    const apart = await partitionsOf(asked(1));
    executor.layers.length = 0;
    expect(await partitionsOf(asked(2 * (count / partitions)))).toEqual(apart);
    const mapped = executor.layers.find(layer => layer.rules.includes('group'));
    expect(mapped?.count).toBe(3);
    expect(apart.flat()).toHaveLength(count);
  }
});
