import { expect, test } from 'vitest';
import { col } from '../expr/expr.js';
import { type DataFrame, fromRecords } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';

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
