import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import type { Batch } from '../column/column.js';
import { concatBatches } from '../kernels/concat.js';
import { sliceBatch } from '../kernels/take.js';
import { duckdbWith } from '../testing/duckdb.js';
import { randomBatch, randomSchema, testSeed } from '../testing/random-batch.js';
import { recordsOf, runFragment } from '../testing/run-fragment.js';
import type { AggregateSpec, AggregateStep, Fragment, FragmentOp, FragmentSink } from './fragment.js';

const seed = testSeed();

function fragment(ops: readonly FragmentOp[], sink: FragmentSink = { kind: 'partition' }): Fragment {
  return { source: { kind: 'input', input: 0 }, ops, sink, inputs: [randomSchema, randomSchema] };
}

/** Dates as days and timestamps as microseconds, so that they compare as numbers; bigint as number; −0 as 0. */
function rowsOf(batch: Batch): unknown[][] {
  return recordsOf(batch).map(record => Object.values(record).map(plain));
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.getTime();
  return Object.is(value, -0) ? 0 : value;
}

/** In one order on both sides. */
function sorted(rows: unknown[][]): unknown[][] {
  const key = (row: unknown[]) =>
    row.map(v => (typeof v === 'number' ? v.toPrecision(9) : String(v))).join('|');
  return rows
    .map(row => [key(row), row] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, row]) => row);
}

function close(mine: unknown, theirs: unknown): boolean {
  if (typeof mine !== 'number' || typeof theirs !== 'number') return Object.is(mine, theirs);
  return Object.is(mine, theirs) || Math.abs(mine - theirs) <= 1e-9 * Math.max(1, Math.abs(theirs));
}

function expectSame(mine: unknown[][], theirs: unknown[][], what: string): void {
  expect(mine.length, what).toBe(theirs.length);
  mine.forEach((row, r) => {
    const bad = row.findIndex((value, c) => !close(value, theirs[r]![c]));
    expect(bad < 0 ? null : { what, row, theirs: theirs[r] }).toBeNull();
  });
}

const spec = (
  op: AggregateSpec['op'],
  column: string | null,
  filter: string | null = null,
): AggregateSpec => ({
  name: `${op}_${column}_${filter}`,
  op,
  column,
  filter,
});
const aggregates = [
  spec('sum', 'i'),
  spec('mean', 'k'),
  spec('min', 'x'),
  spec('max', 'x'),
  spec('min', 's'),
  spec('max', 't', 'b'),
  spec('count', 'x'),
  spec('count', 's', 'c'),
  spec('len', null),
  spec('max', 'b'),
  spec('min', 'd'),
];
const sql = `coalesce(sum(i), 0), avg(k), min(x), max(x), min(s), max(t) filter (b), count(x),
  count(s) filter (c), count(*), max(b), epoch_ms(min(d)::timestamp)`;

function step(
  phase: AggregateStep['phase'],
  keys: readonly string[],
  list: readonly AggregateSpec[],
): AggregateStep {
  return { kind: 'aggregate', phase, keys, aggregates: list, input: randomSchema };
}

const keySets: readonly (readonly string[])[] = [
  [],
  ['k'],
  ['s'],
  ['x'],
  ['b', 's'],
  ['k', 's', 't', 'y'],
  ['i', 'd', 'u'],
];

/** Parts of a batch, cut at random rows. */
function parts(batch: Batch, random: () => number, count: number): Batch[] {
  const cuts = Array.from({ length: count - 1 }, () => Math.floor(random() * (batch.rows + 1))).sort(
    (a, b) => a - b,
  );
  return [0, ...cuts].map((from, k) => sliceBatch(batch, from, cuts[k] ?? batch.rows));
}

test('aggregation agrees with DuckDB, in one phase and in two over a shuffle', async () => {
  const random = seededRng(seed);
  const batch = randomBatch(random, 2000);
  const db = await duckdbWith({ r: batch });
  for (const keys of keySets) {
    const list = keys.map(k => `r."${k}"`);
    const shown = keys.map(k =>
      k === 'd' || k === 'u' ? `floor(epoch_us("${k}"::timestamp) / 1000)` : `"${k}"`,
    );
    const group = list.length === 0 ? '' : `group by ${list.join()}`;
    const theirs = await db.query(
      `select ${[...shown, sql, 'count(distinct t)', 'count(distinct x)'].join()} from r ${group}`,
    );
    const distinct = [...aggregates, spec('nUnique', 't'), spec('nUnique', 'x')];
    const entries = parts(batch, random, 4);
    const [whole] = await runFragment(fragment([step('complete', keys, distinct)]), [entries]);
    const expected = sorted(theirs.map(row => row.map(plain)));
    expectSame(sorted(rowsOf(whole!)), expected, `complete by ${keys}`);

    const fanOut = keys.length === 0 ? 1 : 3;
    const sink: FragmentSink = keys.length === 0 ? { kind: 'partition' } : { kind: 'hash', keys, fanOut };
    const partial = fragment([step('partial', keys, aggregates)], sink);
    const maps: Batch[][] = [];
    for (const entry of entries) maps.push(await runFragment(partial, [[entry]]));
    const out: unknown[][] = [];
    for (let s = 0; s < fanOut; s++) {
      const slices = maps.map(map => map[s]!);
      const last = { ...fragment([step('final', keys, aggregates)]), inputs: [slices[0]!.schema] };
      const [merged] = await runFragment(last, [slices]);
      out.push(...rowsOf(merged!));
    }
    const without = theirs.map(row => row.slice(0, -2).map(plain));
    expectSame(sorted(out), sorted(without), `two phases by ${keys}`);
  }
  db.close();
});

test('sums, means, first and last: complete has the bits of partial and final', async () => {
  const random = seededRng(seed + 1);
  const batch = randomBatch(random, 3000);
  const list = [
    spec('sum', 'y'),
    spec('sum', 'x'),
    spec('mean', 'x'),
    spec('first', 's'),
    spec('last', 'x'),
    spec('first', 'y', 'b'),
  ];
  const entries = parts(batch, random, 5);
  const [whole] = await runFragment(fragment([step('complete', ['k'], list)]), [entries]);
  const maps: Batch[] = [];
  for (const entry of entries)
    maps.push((await runFragment(fragment([step('partial', ['k'], list)]), [[entry]]))[0]!);
  const last = { ...fragment([step('final', ['k'], list)]), inputs: [maps[0]!.schema] };
  const [merged] = await runFragment(last, [maps]);
  expect(recordsOf(merged!)).toEqual(recordsOf(whole!));
});

test('joins agree with DuckDB, in probe order and then build order', async () => {
  const random = seededRng(seed + 2);
  const left = randomBatch(random, 400);
  const right = randomBatch(random, 300);
  const db = await duckdbWith({ l: left, r: right });
  for (const on of [
    ['k', 's'],
    ['s', 't'],
    ['x', 'k'],
    ['i', 'b'],
    ['d', 'k'],
    ['s', 'y'],
  ] as const) {
    for (const how of ['inner', 'left'] as const) {
      const ops: FragmentOp[] = [
        {
          kind: 'join',
          input: 1,
          how,
          leftOn: on,
          rightOn: on,
          take: [
            { column: 't', name: 't2' },
            { column: 'x', name: 'x2' },
          ],
        },
        {
          kind: 'project',
          columns: ['k', 's', 't2', 'x2'].map(name => ({ name, expr: { kind: 'column', name } })),
        },
      ];
      const [out] = await runFragment(fragment(ops), [parts(left, random, 3), parts(right, random, 3)]);
      const condition = on.map(name => `l."${name}" = r."${name}"`).join(' and ');
      const theirs = await db.query(
        `select l.k, l.s, r.t, r.x from l ${how} join r on ${condition} order by l."#", r."#"`,
      );
      expectSame(
        rowsOf(out!),
        theirs.map(row => row.map(plain)),
        `${how} join on ${on}`,
      );
    }
  }
  db.close();
});

test('sorts agree with DuckDB and are stable, with and without a limit', async () => {
  const random = seededRng(seed + 3);
  const batch = randomBatch(random, 1500);
  const db = await duckdbWith({ r: batch });
  for (const names of [['x'], ['s', 'x'], ['k', 'd'], ['b', 'i', 's'], ['u']]) {
    const by = names.map(column => ({ column, descending: random() < 0.5, nullsLast: random() < 0.5 }));
    const order = by.map(
      k => `"${k.column}" ${k.descending ? 'desc' : 'asc'} nulls ${k.nullsLast ? 'last' : 'first'}`,
    );
    const theirs = await db.query(`select x, s, k, i from r order by ${order.join()}, "#"`);
    for (const limit of [null, 10]) {
      const ops: FragmentOp[] = [
        { kind: 'sort', by, limit },
        {
          kind: 'project',
          columns: ['x', 's', 'k', 'i'].map(name => ({ name, expr: { kind: 'column', name } })),
        },
      ];
      const [out] = await runFragment(fragment(ops), [parts(batch, random, 4)]);
      expectSame(
        rowsOf(out!),
        theirs.slice(0, limit ?? theirs.length).map(row => row.map(plain)),
        order.join(),
      );
    }
  }
  db.close();
});

test('a hash shuffle loses nothing, keeps row order, and agrees with itself over dictionaries', async () => {
  const random = seededRng(seed + 4);
  const batch = randomBatch(random, 1000);
  const keys = ['s', 'x', 'i'];
  const sink: FragmentSink = { kind: 'hash', keys, fanOut: 7 };
  const whole = await runFragment(fragment([], sink), [[batch]]);
  expect(whole.reduce((rows, slice) => rows + slice.rows, 0)).toBe(batch.rows);
  const pieces = parts(batch, random, 5);
  const sliced: Batch[][] = [];
  for (const piece of pieces) sliced.push(await runFragment(fragment([], sink), [[piece]]));
  for (let s = 0; s < 7; s++) {
    const together = concatBatches(
      randomSchema,
      sliced.map(slices => slices[s]!),
    );
    expect(recordsOf(together)).toEqual(recordsOf(whole[s]!));
  }
});

test('limit, offset and tail count over the whole task', async () => {
  const random = seededRng(seed + 5);
  const batch = randomBatch(random, 100);
  const all = recordsOf(batch);
  const run = async (op: FragmentOp) =>
    recordsOf((await runFragment(fragment([op]), [parts(batch, random, 4)]))[0]!);
  expect(await run({ kind: 'limit', n: 30, offset: 25 })).toEqual(all.slice(25, 55));
  expect(await run({ kind: 'limit', n: 0, offset: 0 })).toEqual([]);
  expect(await run({ kind: 'tail', n: 40 })).toEqual(all.slice(60));
});
