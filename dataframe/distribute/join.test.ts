import { expect, test } from 'vitest';
import { type Rng, seededRng } from '../../core/base/rng.js';
import { len } from '../expr/expr.js';
import { DataFrame, fromRecords } from '../frame.js';
import type { JoinHow } from '../physical/fragment.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { type Cell, comparable, openJudge, type Row } from '../testing/judge.js';
import { testSeed } from '../testing/random-batch.js';
import { derivedFrom, derivedNames, derivedSql, withDerived } from '../testing/typed-columns.js';
import type { PlanOptions } from './constants.js';

const CASES = 400;
const kinds: readonly JoinHow[] = ['inner', 'left', 'right', 'full', 'semi', 'anti', 'cross'];
const keySets: readonly (readonly string[])[] = [
  ['a'],
  ['s'],
  ['x'],
  ['i'],
  ['a', 's'],
  ['i', 'a'],
  ['x', 's', 'a'],
  ...derivedNames.map(name => [name]),
  ['at'],
  ['b', 's'],
  ['i8', 'day'],
  ['u32', 'b', 's'],
  ['u64', 'f32'],
];
const plainTypes = {
  a: 'DOUBLE',
  s: 'VARCHAR',
  x: 'DOUBLE',
  i: 'BIGINT',
  b: 'BOOLEAN',
  m: 'BIGINT',
  at: 'TIMESTAMP',
} as const;
const plainNames = Object.keys(plainTypes);
const floats = [NaN, -0, 0, 1.5, -2.5, Infinity];

interface Side {
  readonly rows: Row[];
  readonly partitions: number;
  /** Rows in front that are filtered out: partitions of nothing but them are empty. */
  readonly gone: number;
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
    const { m, at } = derivedFrom(k);
    return {
      a: maybe(k),
      s: maybe(`t${k % 11}`),
      x: maybe(floats[k % floats.length]!),
      i: maybe(far ? BigInt(k) * 1_000_000_007n * 4_000_037n : BigInt(k) - 7n),
      b: maybe(k % 3 === 0),
      m: maybe(m),
      at: maybe(at),
      [value]: row,
    };
  });
  return { rows, partitions: 1 + below(4), gone: 1 + (random() < 0.3 ? below(2 * count + 2) : 0) };
}

function frameOf(
  executor: InlineExecutor,
  { rows, partitions, gone }: Side,
  value: string,
  derived: readonly string[],
): DataFrame {
  // First rows that say the types, taken away again: sides may be empty or hold nothing but nulls.
  const typed: Row = { a: 1, s: '', x: 1, i: 2n ** 60n, b: true, ...derivedFrom(0), [value]: -1 };
  const frame = fromRecords({ executor }, [...new Array<Row>(gone).fill(typed), ...rows], { partitions });
  return withDerived(frame.filter(frame.col(value).gtEq(0)), derived);
}

function sqlOf(how: JoinHow, keys: readonly string[], derived: readonly string[]): string {
  const on = keys.map(k => `l."${k}" = r."${k}"`).join(' and ');
  const [l, r] = [`${derivedSql('l', derived)} as l`, `${derivedSql('r', derived)} as r`];
  if (how === 'semi' || how === 'anti') {
    return `select * from ${l} where ${how === 'anti' ? 'not ' : ''}exists (select 1 from ${r} where ${on})`;
  }
  const key = (k: string) =>
    how === 'right' ? `r."${k}"` : how === 'full' ? `coalesce(l."${k}", r."${k}")` : `l."${k}"`;
  const left = [...plainNames, 'v', ...derived].map(name =>
    keys.includes(name) ? key(name) : `l."${name}"`,
  );
  const right = [...plainNames, 'w', ...derived].filter(name => how === 'cross' || !keys.includes(name));
  const columns = [...left, ...right.map(name => `r."${name}"`)].map((text, c) => `${text} as c${c}`);
  return `select ${columns} from ${l} ${how} join ${r} ${how === 'cross' ? '' : `on ${on}`}`;
}

const plans: readonly PlanOptions[] = [
  {},
  { broadcastBytes: 0, fanOut: 3 },
  { joinTier: 'hash' },
  { filterProbe: true },
  { filterProbe: true, broadcastBytes: 0, fanOut: 3 },
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
  const judge = await openJudge();
  for (let i = 0; i < CASES; i++) {
    const executor = new InlineExecutor();
    const far = random() < 0.5;
    const [left, right] = [side(random, 'v', far), side(random, 'w', far)];
    const how = kinds[i % kinds.length]!;
    const keys = how === 'cross' ? [] : keySets[Math.floor(random() * keySets.length)]!;
    const derived = derivedNames.filter(name => keys.includes(name));
    const options = plans[Math.floor(random() * plans.length)]!;
    const what = `case ${i} of seed ${seed}: ${how} on [${keys}] with ${JSON.stringify(options)}`;
    await judge.table('l', { ...plainTypes, v: 'DOUBLE' }, left.rows);
    await judge.table('r', { ...plainTypes, w: 'DOUBLE' }, right.rows);
    const theirs = await judge.query(sqlOf(how, keys, derived));
    await judge.query('drop table l; drop table r');
    const joinOptions = how === 'cross' ? { how } : { on: keys, how };
    const frame = frameOf(executor, left, 'v', derived)
      .join(frameOf(executor, right, 'w', derived), joinOptions)
      .with(options);
    const mine = await frame.toRecords({ int64: 'bigint' });
    expect(plain(mine), what).toEqual(plain(theirs));
    expect(comparable(await frame.toRecords({ int64: 'bigint' })), what).toEqual(comparable(mine));
  }
  judge.close();
}, 300_000);

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

// Goal: the table of a shared build side holds codes; dropping entries that no row refers to must not renumber them after.
test('a shared table on text finds every match where the joined dictionary has an entry without rows', async () => {
  const host = { executor: new InlineExecutor() };
  const keys = Array.from({ length: 11 }, (_, k) => ({ s: `t${k}` }));
  const rows = Array.from({ length: 400 }, (_, i) => ({ s: i < 20 ? 'gone' : `t${(i * 3) % 11}`, v: i }));
  const right = fromRecords(host, rows, { partitions: 2 });
  for (const joinTier of ['dense', 'hash'] as const) {
    const built = right.filter(right.col('v').gtEq(20));
    const joined = fromRecords(host, keys, { partitions: 2 }).join(built, { on: 's', how: 'left' });
    const found = await joined.with({ sharedBuildBytes: 0, joinTier }).toRecords();
    expect(found.filter(row => row.v !== null)).toHaveLength(380);
  }
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

// Goal: text that is put together unread is still one text to who groups by it, and keys meet theirs.
test('text of nearly one entry a row comes out of a build side of several dictionaries as it went in', async () => {
  const host = { executor: new InlineExecutor() };
  const side = (rows: number) =>
    fromRecords(
      host,
      Array.from({ length: rows }, (_, i) => ({ k: `k${i}`, p: i % 5 === 4 ? null : `p${i}` })),
    ).persist();
  const build = DataFrame.concat([await side(50_000), await side(50_000)]);
  const keys = await side(100);
  const probe = DataFrame.concat([keys.select('k'), keys.select('k')]);
  const joined = await probe.with({ broadcastBytes: 0, fanOut: 1 }).join(build, { on: 'k' }).persist();
  const groups = await joined.groupBy('k', 'p').agg(len().alias('n')).toRecords();
  expect(groups.sort((a, b) => Number(a.k!.toString().slice(1)) - Number(b.k!.toString().slice(1)))).toEqual(
    Array.from({ length: 100 }, (_, i) => ({ k: `k${i}`, p: i % 5 === 4 ? null : `p${i}`, n: 4 })),
  );
});
