import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { col, len } from '../expr/expr.js';
import { type DataFrame, fromArrow, fromRecords } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { testSeed } from '../testing/random-batch.js';
import type { PlanOptions } from './constants.js';

const dealt: PlanOptions = { partial: false, fanOut: 3, parts: 4 };
const day = 86_400_000;

function records(seed: number, count: number) {
  const random = seededRng(seed);
  const below = (n: number) => Math.floor(random() * n);
  const maybe = <T>(value: T): T | null => (random() < 0.1 ? null : value);
  return Array.from({ length: count }, () => ({
    s: maybe(`k${below(9)}`),
    t: `t${below(3)}`,
    b: maybe(below(2) === 1),
    i: maybe(BigInt(below(40)) - 20n),
    far: BigInt(below(5)) * 2n ** 40n,
    d: maybe(new Date(Date.UTC(2000, 0, 1) + below(6) * day)),
    x: below(3) / 2,
    v: (random() - 0.5) * 10 ** below(9),
  }));
}

async function ask(frame: DataFrame, keys: readonly string[], options: PlanOptions): Promise<string[]> {
  const sums = [col('v').sum(), col('v').mean().alias('m'), len().alias('n'), col('b').count().alias('c')];
  const rows = await frame
    .groupBy(...keys)
    .agg(...sums, col('t').max().alias('top'))
    .with(options)
    .toRecords({ int64: 'bigint' });
  return rows
    .map(row =>
      Object.entries(row)
        .map(([name, value]) => `${name}=${value}`)
        .join('|'),
    )
    .sort();
}

test('keys that are dealt out packed give the bits of those that are not', async () => {
  const seed = testSeed();
  const executor = new InlineExecutor();
  // Collected, so that all partitions have one dictionary.
  const table = await fromRecords({ executor }, records(seed, 2500)).collect();
  const frame = fromArrow({ executor }, table, { partitions: 6 });
  for (const keys of [['i'], ['s', 'b', 'i'], ['t', 's'], ['b', 't', 'i', 's'], ['d', 'b']]) {
    const expected = await ask(frame, keys, { groupTier: 'table', partial: true });
    executor.layers.length = 0;
    expect(await ask(frame, keys, dealt), `seed ${seed}: ${keys}`).toEqual(expected);
    // The bounds of timestamps with nulls hold 0, which is too far away.
    expect(executor.layers.some(({ name }) => / pack\b/.test(name))).toBe(!keys.includes('d'));
    const renamed = frame.rename({ s: 'u' }).filter(col('x').lt(1));
    const others = keys.map(key => (key === 's' ? 'u' : key));
    expect(await ask(renamed, others, dealt)).toEqual(
      await ask(renamed, others, { groupTier: 'table', partial: true }),
    );
  }
});

test('dictionaries come from a partition that has rows', async () => {
  const executor = new InlineExecutor();
  const table = await fromRecords(
    { executor },
    records(9, 600).map((record, i) => ({ ...record, part: Math.floor(i / 100) })),
  ).collect();
  const whole = fromArrow({ executor }, table, { partitions: 6 });
  for (const missing of [[3], [0, 3, 5], [0, 1, 2, 3, 4]]) {
    const kept = await whole.filter(col('part').isIn(missing).not()).persist();
    const expected = await ask(kept, ['s', 'i'], { groupTier: 'table', partial: true });
    executor.layers.length = 0;
    expect(await ask(kept, ['s', 'i'], dealt)).toEqual(expected);
    expect(executor.layers.some(({ name }) => / pack\b/.test(name))).toBe(true);
    await kept.release();
  }
});

test('keys of many values are dealt out as they are', async () => {
  const executor = new InlineExecutor();
  const frame = fromRecords({ executor }, records(7, 500), { partitions: 3 });
  for (const keys of [['x'], ['far'], ['s', 'far']]) {
    const expected = await ask(frame, keys, { groupTier: 'table', partial: true });
    executor.layers.length = 0;
    expect(await ask(frame, keys, dealt)).toEqual(expected);
    expect(executor.layers.some(({ name }) => / pack\b/.test(name))).toBe(false);
  }
});

test('what is asked about a table is asked once', async () => {
  const executor = new InlineExecutor();
  const frame = fromRecords({ executor }, records(8, 500), { partitions: 3 });
  await ask(frame, ['s', 'i'], dealt);
  executor.layers.length = 0;
  await ask(frame, ['i', 's'], dealt);
  expect(executor.layers.some(({ name }) => name.includes('extents'))).toBe(false);
});
