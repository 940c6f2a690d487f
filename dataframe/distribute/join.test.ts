import { expect, test } from 'vitest';
import { type Rng, seededRng } from '../../core/base/rng.js';
import { DataFrame, fromRecords } from '../frame.js';
import type { JoinHow } from '../physical/fragment.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { type Cell, comparable, openJudge, type Row } from '../testing/judge.js';
import { testSeed } from '../testing/random-batch.js';
import type { PlanOptions } from './constants.js';

const CASES = 240;
const kinds: readonly JoinHow[] = ['inner', 'left', 'right', 'full', 'semi', 'anti', 'cross'];
const keySets = [['a'], ['s'], ['x'], ['i'], ['a', 's'], ['i', 'a'], ['x', 's', 'a']] as const;
const keyTypes = { a: 'DOUBLE', s: 'VARCHAR', x: 'DOUBLE', i: 'BIGINT' } as const;
const floats = [NaN, -0, 0, 1.5, -2.5, Infinity];

interface Side {
  readonly rows: Row[];
  readonly partitions: number;
}

/** Keys of few values, one of them most of the time where `skewed`; 64-bit keys are close together or far apart. */
function side(random: Rng, value: string, far: boolean): Side {
  const below = (n: number) => Math.floor(random() * n);
  const count = [0, 1, 5 + below(20), 40 + below(120)][below(4)]!;
  const skewed = random() < 0.3;
  const nulls = random() < 0.5 ? 0 : 0.2;
  const distinct = random() < 0.3;
  const rows = Array.from({ length: count }, (_, row): Row => {
    const maybe = (cell: Cell): Cell => (random() < nulls ? null : cell);
    const k = skewed && random() < 0.7 ? 3 : distinct ? row : below(30);
    return {
      a: maybe(k),
      s: maybe(`t${k % 11}`),
      x: maybe(floats[k % floats.length]!),
      i: maybe(far ? BigInt(k) * 1_000_000_007n * 4_000_037n : BigInt(k) - 7n),
      [value]: row,
    };
  });
  return { rows, partitions: 1 + below(4) };
}

function frameOf(executor: InlineExecutor, { rows, partitions }: Side, value: string): DataFrame {
  // A first row that says the types, taken away again: sides may be empty or hold nothing but nulls.
  const typed: Row = { a: 1, s: '', x: 1, i: 2n ** 60n, [value]: -1 };
  const frame = fromRecords({ executor }, [typed, ...rows], { partitions });
  return frame.filter(frame.col(value).gtEq(0));
}

function sqlOf(how: JoinHow, keys: readonly string[]): string {
  const rest = ['a', 's', 'x', 'i'].filter(name => !keys.includes(name));
  const on = keys.map(k => `l.${k} = r.${k}`).join(' and ');
  if (how === 'semi' || how === 'anti') {
    return `select * from l where ${how === 'anti' ? 'not ' : ''}exists (select 1 from r where ${on})`;
  }
  const key = (k: string) =>
    how === 'right' ? `r.${k}` : how === 'full' ? `coalesce(l.${k}, r.${k})` : `l.${k}`;
  const left = ['a', 's', 'x', 'i'].map(name => (keys.includes(name) ? key(name) : `l.${name}`));
  const right = how === 'cross' ? ['a', 's', 'x', 'i'] : rest;
  const columns = [...left, 'l.v', ...right.map(name => `r.${name}`), 'r.w'].join(', ');
  return `select ${columns} from l ${how} join r ${how === 'cross' ? '' : `on ${on}`}`;
}

const plans: readonly PlanOptions[] = [
  {},
  { broadcastBytes: 0, fanOut: 3 },
  { joinTier: 'hash' },
  { sharedBuildBytes: 0 },
  { sharedBuildBytes: 0, joinTier: 'hash' },
  { broadcastBytes: 0, fanOut: 2, joinTier: 'hash' },
];

/** Bigints as numbers: what is compared is far below 2^53 or the same on both sides. */
const plain = (rows: readonly object[]) =>
  comparable(
    rows.map(row => Object.fromEntries(Object.entries(row).map(([k, v], c) => [`${c}${k}`, v ?? null]))),
  ).sort();

test('joins of all kinds agree with DuckDB, broadcast and shuffled, on every tier', async () => {
  const seed = testSeed();
  const random = seededRng(seed);
  for (let i = 0; i < CASES; i++) {
    const executor = new InlineExecutor();
    const far = random() < 0.5;
    const [left, right] = [side(random, 'v', far), side(random, 'w', far)];
    const how = kinds[i % kinds.length]!;
    const keys = how === 'cross' ? [] : keySets[Math.floor(random() * keySets.length)]!;
    const options = plans[Math.floor(random() * plans.length)]!;
    const what = `case ${i} of seed ${seed}: ${how} on [${keys}] with ${JSON.stringify(options)}`;
    const judge = await openJudge();
    await judge.table('l', { ...keyTypes, v: 'DOUBLE' }, left.rows);
    await judge.table('r', { ...keyTypes, w: 'DOUBLE' }, right.rows);
    const theirs = await judge.query(sqlOf(how, keys));
    judge.close();
    const joinOptions = how === 'cross' ? { how } : { on: keys, how };
    const frame = frameOf(executor, left, 'v')
      .join(frameOf(executor, right, 'w'), joinOptions)
      .with(options);
    const mine = await frame.toRecords({ int64: 'bigint' });
    expect(plain(mine), what).toEqual(plain(theirs));
    expect(comparable(await frame.toRecords({ int64: 'bigint' })), what).toEqual(comparable(mine));
  }
}, 120_000);

test('one partition gives probe order, then build order, then the build rows that nothing matched', async () => {
  const executor = new InlineExecutor();
  const host = { executor };
  const left = fromRecords(
    host,
    [{ k: 2 }, { k: 1 }, { k: null }, { k: 2 }, { k: 9 }].map((r, v) => ({ ...r, v })),
  );
  const right = fromRecords(
    host,
    [{ k: 7 }, { k: 2 }, { k: 1 }, { k: 2 }, { k: null }].map((r, w) => ({ ...r, w })),
  );
  const pairs = async (how: JoinHow) =>
    (await left.join(right, { on: 'k', how }).toRecords()).map(r => [r.k, r.v, r.w]);
  expect(await pairs('inner')).toEqual([
    [2, 0, 1],
    [2, 0, 3],
    [1, 1, 2],
    [2, 3, 1],
    [2, 3, 3],
  ]);
  expect((await pairs('left')).slice(3, 4)).toEqual([[null, 2, null]]);
  const unmatched = [
    [7, null, 0],
    [null, null, 4],
  ];
  expect((await pairs('right')).slice(5)).toEqual(unmatched);
  expect((await pairs('full')).slice(7)).toEqual(unmatched);
  expect((await pairs('full')).slice(-3, -2)).toEqual([[9, 4, null]]);
});

test('keys of different types meet in their common type; the key column of a full join holds it', async () => {
  const host = { executor: new InlineExecutor() };
  const left = fromRecords(host, [
    { k: 1n, v: 1 },
    { k: 2n, v: 2 },
  ]);
  const right = fromRecords(host, [
    { key: 2, w: 20 },
    { key: 2.5, w: 25 },
  ]);
  const rows = await left.join(right, { leftOn: 'k', rightOn: 'key', how: 'full' }).toRecords();
  expect(rows).toEqual([
    { k: 1, v: 1, w: null },
    { k: 2, v: 2, w: 20 },
    { k: 2.5, v: null, w: 25 },
  ]);
  const semi = await left.join(right, { leftOn: 'k', rightOn: 'key', how: 'semi' }).toRecords();
  expect(semi).toEqual([{ k: 2, v: 2 }]);
});

// Goal: codes in the table are those of the dictionary that is stored beside it.
test('a build side of several dictionaries, of which some entries are left, matches by text', async () => {
  const executor = new InlineExecutor();
  const side = async (prefix: string) => {
    const records = Array.from({ length: 200 }, (_, i) => ({ k: `${prefix}${i % 8}`, v: i }));
    const kept = await fromRecords({ executor }, records).persist();
    return kept.filter(kept.col('v').mod(8).gtEq(4));
  };
  const build = await DataFrame.concat([await side('a'), await side('b')]).persist();
  const probe = DataFrame.concat([await side('b'), await side('a')]).select('k');
  const wanted = await probe.join(build, { on: 'k' }).sort('k', 'v').toRecords();
  const shared = await probe
    .with({ sharedBuildBytes: 0 })
    .join(build, { on: 'k' })
    .sort('k', 'v')
    .toRecords();
  expect(wanted.length).toBe(5000);
  expect(shared).toEqual(wanted);
});
