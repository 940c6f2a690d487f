import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { packValidity } from '../column/bitmap.js';
import type { Column, ValueRange } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import { FusedGroups } from './fused.js';
import type { FusedOp, FusedSpec } from './fused-layout.js';
import { readState, resultColumn, stateColumns } from './fused-result.js';
import type { TierKind } from './key-tiers.js';
import { Lent, lending } from './lent.js';

const seed = testSeed();
/** More than a dense tier notes as they come, and more than stay in a cache. */
const cells = 50_000;
const rows = 26_000;

type Random = () => number;

interface BatchOptions {
  readonly keys?: number;
  readonly nulls?: boolean | 'all';
  readonly filter?: boolean;
  /** Bounds of the integers; null: they are not known. */
  readonly bounds?: ValueRange | null;
}

interface Made {
  readonly key: Column;
  readonly small: Column;
  readonly real: Column;
  readonly filter: Column | null;
}

function batchOf(
  random: Random,
  { keys = cells, nulls, filter, bounds = { min: -9, max: 90 } }: BatchOptions,
): Made {
  const numbers = (below: number, from: number) =>
    Int32Array.from({ length: rows }, () => from + Math.floor(random() * below));
  const { min, max } = bounds ?? { min: -5, max: 5 };
  const values = numbers(max - min + 1, min);
  const flags = new Uint8Array(rows).fill(1);
  if (nulls !== undefined) for (let i = 0; i < rows; i += nulls === 'all' ? 1 : 3) flags[i] = values[i] = 0;
  const plain = denseColumn(DataType.Int32, 'i32', rows, values);
  const small = { ...plain, ...packValidity(flags, rows), ...(bounds === null ? {} : { range: bounds }) };
  const reals = Float64Array.from({ length: rows }, () => (random() - 0.5) * 10 ** (10 * random()));
  const chosen = Uint8Array.from({ length: rows }, () => (random() < 0.5 ? 1 : 0));
  return {
    key: { ...denseColumn(DataType.Int32, 'i32', rows, numbers(keys, 0)), range: { min: 0, max: keys - 1 } },
    small,
    real: denseColumn(DataType.Float64, 'f64', rows, reals),
    filter: filter === true ? denseColumn(DataType.Bool, 'bool', rows, chosen) : null,
  };
}

/** Whether small integers were kept as such after each batch, and the bits of all states and results by key. */
function answer(ops: readonly FusedOp[], batches: readonly Made[], tier?: TierKind) {
  const specs = ops.map((op, k): FusedSpec => {
    const type = op === 'len' ? DataType.Null : k % 2 === 0 ? DataType.Int32 : DataType.Float64;
    return { name: op, op, type, rowsKey: op === 'len' ? '' : `${k % 2}` };
  });
  const options = { keys: [DataType.Int32], specs, merging: false, numbered: false, lent: new Lent() };
  const groups = new FusedGroups(tier === undefined ? options : { ...options, tier });
  const narrow: boolean[] = [];
  batches.forEach(({ key, small, real, filter }, entry) => {
    const inputs = specs.map(({ op }, k) => ({
      column: op === 'len' ? null : k % 2 === 0 ? small : real,
      filter: k === 0 ? filter : null,
    }));
    groups.addRows([key], inputs, rows, entry);
    narrow.push(groups.state.layout.flags.narrow);
  });
  groups.settle();
  const state = readState(groups, groups.count);
  const columns = specs.flatMap((_, k) => [...stateColumns(state, k), resultColumn(state, k)]);
  const keys = groups.keyColumns()[0]!.values;
  const order = Int32Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!);
  // Vitest would take seconds for arrays of so many numbers.
  const bits = (values: Column['values']) => {
    const sorted = Float64Array.from(order, i => values[i]!);
    return createHash('sha1').update(new Uint8Array(sorted.buffer)).digest('hex');
  };
  for (const { values, range } of columns) {
    if (range === undefined) continue;
    let beyond = 0;
    for (const v of values) if (v < range.min || v > range.max) beyond++;
    expect(beyond).toBe(0);
  }
  const flags = columns.map(({ length, validity }) =>
    Uint8Array.from({ length }, (_, i) => (validity === null ? 1 : (validity[i >> 3]! >> (i & 7)) & 1)),
  );
  const numbers = [keys, ...columns.map(({ values }) => values), ...flags];
  return { narrow, groups: keys.length, bits: numbers.map(bits) };
}

const mixes: readonly (readonly FusedOp[])[] = [
  ['sum', 'sum', 'mean'],
  ['max', 'mean', 'min'],
  ['min', 'sum', 'len'],
  ['max', 'len', 'min'],
  ['count', 'sum', 'mean'],
];

test.each([
  ['stay', [{}, {}, {}], [true, true, true]],
  ['meet nulls', [{}, { nulls: true }, {}], [true, false, false]],
  ['have nulls', [{ nulls: true }, { nulls: true }, {}], [true, true, true]],
  ['have nulls and outgrow their tier', [{ nulls: true }, { nulls: true, keys: 2 * cells }], [true, false]],
  ['have nulls and meet a filter', [{ nulls: true }, { nulls: true, filter: true }], [true, false]],
  ['are null', [{ nulls: 'all' }, { nulls: 'all' }], [true, true]],
  ['are null at first', [{ nulls: 'all' }, { nulls: true }, { bounds: null }], [true, true, false]],
  ['meet a filter', [{}, { filter: true }], [true, false]],
  ['meet a filter at once', [{ filter: true }, {}], [false, false]],
  ['meet integers of unknown bounds', [{}, { bounds: null }], [true, false]],
  ['have no room beside them', [{}, { bounds: { min: -(2 ** 31), max: 0 } }], [true, false]],
  ['outgrow their tier', [{}, { keys: 2 * cells }, { keys: 2 ** 30 }], [true, false, false]],
  ['are of few groups', [{ keys: 50 }, { keys: 50 }], [false, false]],
] as const)('small integers that %s have the bits of floats', (_, batches, expected) => {
  const random = seededRng(seed);
  for (const ops of mixes) {
    const made = batches.map(options => batchOf(random, options));
    for (const memory of [false, true]) {
      if (memory) workInKernelMemory(64 * 1024 * 1024);
      const { narrow, bits } = answer(ops, made);
      expect(narrow, ops.join()).toEqual(expected);
      expect(bits, `seed ${seed}: ${ops}`).toEqual(answer(ops, made, 'table').bits);
    }
  }
});

test('sums that may pass 32 bits become floats', () => {
  const random = seededRng(seed);
  const bounds = { min: -(2 ** 15), max: 2 ** 15 };
  const made = [{ bounds }, { bounds }, { bounds }].map(options => batchOf(random, options));
  const { narrow, bits } = answer(mixes[0]!, made);
  expect(narrow).toEqual([true, true, false]);
  expect(bits).toEqual(answer(mixes[0]!, made, 'table').bits);
});

test('sums of more rows than one number holds in general stay integers where bounds tell that it does', () => {
  const batch = batchOf(seededRng(seed), {});
  const made = new Array<Made>(Math.ceil(2 ** 21 / rows) + 1).fill(batch);
  const { narrow, bits } = answer(['sum', 'mean', 'sum'], made);
  expect(narrow.every(each => each)).toBe(true);
  expect(bits).toEqual(answer(['sum', 'mean', 'sum'], made, 'table').bits);
});

test('sums alone stay floats: a sum of 0 would not tell that a group is there', () => {
  const made = batchOf(seededRng(seed), { bounds: { min: -1, max: 1 } });
  const { narrow, groups } = answer(['sum'], [made]);
  expect(narrow).toEqual([false]);
  expect(groups).toBe(new Set(made.key.values).size);
});

test('without keys all rows are of group 0, whatever lent memory held', () => {
  workInKernelMemory(16 * 1024 * 1024);
  lending(lent => lent.ints(rows, false).fill(-7));
  const options = { keys: [], specs: [], merging: false, numbered: true, lent: new Lent() };
  expect(new Set(new FusedGroups(options).addRows([], [], rows, 0))).toEqual(new Set([0]));
});
