import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { col } from '../expr/expr.js';
import { fromRecords } from '../frame.js';
import type { JoinHow } from '../physical/fragment.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { comparable, openJudge } from '../testing/judge.js';
import { testSeed } from '../testing/random-batch.js';
import type { PlanOptions } from './constants.js';

const fanOut = 4;
const rows = 12_000;
const options: PlanOptions = { broadcastBytes: 0, fanOut };

/** Nine in ten rows have one key, in the middle of others; some have none. */
function probeRows(random: () => number) {
  return Array.from({ length: rows }, (_, v) => {
    const other = random() < 0.1 ? Math.floor(random() * 500) : 77;
    return { k: v % 1000 === 0 ? null : other, s: `t${other}`, v };
  });
}

/** A few rows for each key, three of them for the frequent one. */
function buildRows(random: () => number) {
  const many = Array.from({ length: 900 }, (_, w) => ({ k: Math.floor(random() * 600), w }));
  const others = many.filter(({ k }) => k !== 77);
  return [...others, ...[1, 2, 3].map(i => ({ k: 77, w: 10_000 + i }))].map(row => ({
    ...row,
    s: `t${row.k}`,
  }));
}

const frames = (random: () => number) => {
  const host = { executor: new InlineExecutor() };
  const [l, r] = [probeRows(random), buildRows(random)];
  return {
    l,
    r,
    left: fromRecords(host, l, { partitions: 3 }),
    right: fromRecords(host, r, { partitions: 3 }),
  };
};

// Goal: one key that nine in ten rows have does not sink one task, and no answer changes.
test.each(['k', 's'])(
  'a frequent key (%s) is dealt over all destinations',
  async on => {
    const seed = testSeed();
    const { l, r, left, right } = frames(seededRng(seed));
    const judge = await openJudge();
    await judge.table('l', { k: 'DOUBLE', s: 'VARCHAR', v: 'DOUBLE' }, l);
    await judge.table('r', { k: 'DOUBLE', s: 'VARCHAR', w: 'DOUBLE' }, r);
    for (const how of [
      'inner',
      'left',
      'semi',
      'anti',
      'right',
      'full',
    ] as const satisfies readonly JoinHow[]) {
      const one = how === 'semi' || how === 'anti';
      const columns = one ? 'l.v' : 'l.v, r.w';
      const theirs = await judge.query(`select ${columns} from l ${how} join r on l.${on} = r.${on}`);
      const names = one ? ['v'] : ['v', 'w'];
      const joined = left
        .join(right, { on, how })
        .select(...names)
        .with(options);
      const sizes: number[] = [];
      for await (const batch of joined.batches()) sizes.push(batch.numRows);
      const mine = await joined.toRecords();
      expect(comparable(mine).sort(), `${how} of seed ${seed}`).toEqual(comparable(theirs).sort());
      const most = Math.max(...sizes) / (mine.length / fanOut);
      // Unmatched build rows are told once: there the key stays where it is.
      if (how === 'right' || how === 'full') expect(most).toBeGreaterThan(3);
      else if (how !== 'anti') expect(most).toBeLessThan(1.6);
      if (how === 'inner') expect(comparable(await joined.toRecords())).toEqual(comparable(mine));
    }
    judge.close();
  },
  120_000,
);

test('sums are the same bit for bit, whether a key was spread or not', async () => {
  const { left, right } = frames(seededRng(5));
  const sums = (plan: PlanOptions) =>
    left
      .join(right, { on: 'k' })
      .groupBy('k')
      .agg(col('v').mul(0.1).sum().alias('a'), col('w').div(3).mean().alias('b'))
      .sort('k')
      .with(plan)
      .toRecords();
  const spread = await sums(options);
  expect(await sums({})).toEqual(spread);
  expect(await sums({ ...options, fanOut: 1 })).toEqual(spread);
});

test('a key that is frequent on both sides stays together: copies would outgrow the build side', async () => {
  const host = { executor: new InlineExecutor() };
  const same = (name: string, n: number) =>
    fromRecords(
      host,
      Array.from({ length: n }, (_, i) => ({ k: 1, [name]: i })),
      { partitions: 4 },
    );
  const joined = same('v', 400).join(same('w', 300), { on: 'k' }).select('v').with(options);
  const sizes: number[] = [];
  for await (const batch of joined.batches()) if (batch.numRows > 0) sizes.push(batch.numRows);
  expect(sizes).toEqual([120_000]);
});
