import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { dictionaryOf } from '../column/dictionary.js';
import { denseColumn } from '../column/layout.js';
import { decodeBatch, encodeBatch } from '../column/slab.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import { dirtyMemory } from '../testing/run-fragment.js';
import { FusedGroups } from './fused.js';
import type { FusedOp, FusedSpec } from './fused-layout.js';
import { readState, resultColumn, stateColumns } from './fused-result.js';
import { hashSlices } from './hash.js';
import type { TierKind } from './key-tiers.js';
import { Lent, lending } from './lent.js';

const seed = testSeed();

const ints = (values: readonly number[]): Column =>
  denseColumn(DataType.Int32, 'i32', values.length, Int32Array.from(values));

function specOf(op: FusedOp, type: DataType, rowsKey = 'v'): FusedSpec {
  return { name: op, op, type, rowsKey };
}

function groupsOf(keys: readonly DataType[], specs: readonly FusedSpec[], tier?: TierKind): FusedGroups {
  const options = { keys, specs, merging: false, numbered: false, lent: new Lent() };
  return new FusedGroups(tier === undefined ? options : { ...options, tier });
}

function results(groups: FusedGroups): unknown[][] {
  const state = readState(groups, groups.count);
  return groups.specs.map((_, k) => [...resultColumn(state, k).values]);
}

test('keys that outgrow a tier keep their groups, their order and their numbers', () => {
  const groups = groupsOf([DataType.Int32], [specOf('sum', DataType.Int32), specOf('min', DataType.Int32)]);
  const seen: number[] = [];
  // Dense, dense anew to both sides, packed, packed anew.
  for (const keys of [
    [5, 6, 5],
    [-40, 6, 90],
    [1_000_000, 5],
    [-2_000_000_000, 7, 1_000_000],
  ]) {
    const column = ints(keys);
    groups.addRows(
      [column],
      [column, column].map(c => ({ column: c, filter: null })),
      keys.length,
      0,
    );
    for (const key of keys) if (!seen.includes(key)) seen.push(key);
  }
  expect([...groups.keyColumns()[0]!.values]).toEqual(seen);
  const [sums, least] = results(groups);
  expect(least).toEqual(seen);
  const times: Record<number, number> = { 5: 3, 6: 2, 1000000: 2 };
  expect(sums).toEqual(seen.map(key => key * (times[key] ?? 1)));
});

// Goal: a table whose slots are of two bytes becomes one of four in time, and float sums of several entries go with it.
test('groups beyond 65,535 keep their numbers and what was folded', () => {
  const many = 66_000;
  const groups = groupsOf([DataType.Int32], [specOf('sum', DataType.Float64)], 'packed');
  const values = denseColumn(DataType.Float64, 'f64', many, new Float64Array(many).fill(0.5));
  // Scattered, so that no dense tier would take them either.
  const keys = ints(Array.from({ length: many }, (_, i) => Math.imul(i, 0x9e3779b1)));
  const add = (count: number, entry: number) => {
    const [key, value] = [keys, values].map(({ type, physical, values: all }) =>
      denseColumn(type, physical, count, all.subarray(0, count) as never),
    ) as [Column, Column];
    groups.addRows([key], [{ column: value, filter: null }], count, entry);
  };
  add(65_534, 0);
  add(65_535, 1);
  add(65_536, 2);
  add(many, 3);
  expect(groups.count).toBe(many);
  expect(groups.keyColumns()[0]!.values).toEqual(keys.values);
  const times = (i: number) => 4 - [65_534, 65_535, 65_536].filter(count => i >= count).length;
  const [sums] = results(groups);
  expect(sums).toEqual(Array.from({ length: many }, (_, i) => times(i) * 0.5));
});

test('sums of 32-bit integers stay exact over more rows than one number holds', () => {
  const rows = 2 ** 20;
  const groups = groupsOf([DataType.Int32], [specOf('sum', DataType.Int32), specOf('mean', DataType.Int32)]);
  const key = denseColumn(DataType.Int32, 'i32', rows, new Int32Array(rows));
  const column = denseColumn(DataType.Int32, 'i32', rows, new Int32Array(rows).fill(2 ** 31 - 1));
  const input = { column, filter: null };
  for (let k = 0; k < 5; k++) groups.addRows([key], [input, input], rows, 0);
  const state = readState(groups, 1);
  const sum = resultColumn(state, 0);
  const [low, high] = sum.values as Int32Array;
  const exact = 5n * BigInt(rows) * BigInt(2 ** 31 - 1);
  expect((BigInt(high!) << 32n) + BigInt(low! >>> 0)).toBe(exact);
  expect(resultColumn(state, 1).values[0]).toBe(2 ** 31 - 1);
});

test('sums of 64-bit integers that are known to be small go on exactly with those that are not', () => {
  const wide = (values: readonly number[], range?: Column['range']): Column => {
    const column = denseColumn(DataType.Int64, 'f64', values.length, Float64Array.from(values));
    return range === undefined ? column : { ...column, range };
  };
  const specs = [specOf('sum', DataType.Int64), specOf('mean', DataType.Int64)];
  const groups = groupsOf([DataType.Int32], specs);
  const near = wide([7, -3, 2 ** 32], { min: -3, max: 2 ** 32 });
  const add = (keys: number[], column: Column) => {
    const inputs = specs.map(() => ({ column, filter: null }));
    groups.addRows([ints(keys)], inputs, keys.length, 0);
  };
  add([1, 2, 1], near);
  expect(groups.state.layout.parts).toEqual([1, 1]);
  const state = readState(groups, groups.count);
  const numbers = specs.map((_, k) => stateColumns(state, k).map(column => [...column.values]));
  expect(numbers).toEqual([
    [
      [2 ** 32 + 7, -3],
      [0, 0],
    ],
    [
      [2 ** 32 + 7, -3],
      [0, 0],
      [2, 1],
    ],
  ]);
  add([1, 2, 2], wide([2 ** 53 - 1, 2 ** 53 - 1, -(2 ** 53 - 1)]));
  expect(groups.state.layout.parts).toEqual([2, 2]);
  const [sums] = specs.map((_, k) => resultColumn(readState(groups, groups.count), k));
  expect([...new BigInt64Array((sums!.values as Int32Array).buffer)].slice(0, 2)).toEqual([
    2n ** 53n - 1n + 2n ** 32n + 7n,
    -3n,
  ]);
});

test('a count that an extreme begins to share keeps what was counted', () => {
  const groups = groupsOf([DataType.Int32], [specOf('mean', DataType.Int32), specOf('min', DataType.Int32)]);
  const add = (column: Column) =>
    groups.addRows(
      [ints([7, 7])],
      [column, column].map(c => ({ column: c, filter: null })),
      2,
      0,
    );
  add(ints([10, 20]));
  add({ ...ints([30, 0]), validity: Uint8Array.of(1), nullCount: 1 });
  expect(results(groups)).toEqual([[20], [10]]);
});

test('sixty aggregates are updated in pieces, and agree with each other', () => {
  const random = seededRng(seed);
  const rows = 500;
  const keys = ints(Array.from({ length: rows }, () => Math.floor(random() * 9)));
  const flags = Uint8Array.from({ length: (rows + 7) >> 3 }, () => Math.floor(random() * 256));
  const plain = ints(Array.from({ length: rows }, () => Math.floor(random() * 100)));
  let nullCount = rows;
  for (let i = 0; i < rows; i++) nullCount -= (flags[i >> 3]! >> (i & 7)) & 1;
  const column: Column = { ...plain, validity: flags, nullCount };
  const ops: readonly FusedOp[] = ['min', 'mean', 'count', 'max', 'sum'];
  const specs = Array.from({ length: 60 }, (_, k) => specOf(ops[k % 5]!, DataType.Int32));
  // What is lent holds what it held before.
  workInKernelMemory(16 * 1024 * 1024);
  const inputs = specs.map(() => ({ column, filter: null }));
  const resultsBy = (tier: TierKind | undefined, keyed = true) => {
    lending(lent => lent.numbers(100_000, false).fill(-7));
    const groups = groupsOf(keyed ? [DataType.Int32] : [], specs, tier);
    groups.addRows(keyed ? [keys] : [], inputs, rows, 0);
    return results(groups);
  };
  const dense = resultsBy('dense');
  for (const all of [dense, resultsBy(undefined, false)])
    for (let k = 5; k < 60; k++) expect(all[k]).toEqual(all[k % 5]);
  for (const tier of ['packed', 'table'] as const) expect(resultsBy(tier)).toEqual(dense);
});

test('parts of slices travel with them; those that do not add up are refused', () => {
  const rows = 1000;
  const { dictionary } = dictionaryOf(['a', 'b', 'c']);
  const code = denseColumn(
    DataType.Utf8,
    'code',
    rows,
    Int32Array.from({ length: rows }, (_, i) => i % 3),
    dictionary,
  );
  const key = ints(Array.from({ length: rows }, (_, i) => i % 97));
  const schema = [
    { name: 'k', type: DataType.Int32 },
    { name: 's', type: DataType.Utf8 },
  ];
  const slices = hashSlices({ schema, rows, columns: [key, code] }, [key], 3, 4);
  const whole = hashSlices({ schema, rows, columns: [key, code] }, [key], 3);
  const places = new Map<number, string>();
  slices.forEach((slice, s) => {
    expect([...slice.columns[0]!.values].sort()).toEqual([...whole[s]!.columns[0]!.values].sort());
    const { header, bytes } = encodeBatch(slice, dirtyMemory);
    const { parts, columns } = decodeBatch(header, bytes);
    expect(parts).toEqual(slice.parts);
    for (let p = 0; p < 4; p++) {
      for (let i = parts![p]!; i < parts![p + 1]!; i++) {
        const k = columns[0]!.values[i]!;
        expect(places.get(k) ?? `${s} ${p}`).toBe(`${s} ${p}`);
        places.set(k, `${s} ${p}`);
      }
    }
  });
  const bad = encodeBatch({ ...slices[0]!, parts: [0, 5, 3, slices[0]!.rows] }, dirtyMemory);
  expect(() => decodeBatch(bad.header, bad.bytes)).toThrowError(/parts/);
});
