import { expect, test } from 'vitest';
import { VolleyError } from '../../core/base/errors.js';
import { workFor } from '../../core/base/kernel-memory.js';
import { seededRng } from '../../core/base/rng.js';
import { packValidity } from '../column/bitmap.js';
import type { Column, Physical, Values } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { viewValues } from '../column/layout.js';
import { keepNarrow, type Narrow } from '../column/narrow.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import { countInstances } from '../testing/wasm-instances.js';
import { FusedGroups } from './fused.js';
import type { FusedOp, FusedSpec } from './fused-layout.js';
import { readState, resultColumn, stateColumns } from './fused-result.js';
import { Lent } from './lent.js';

const seed = testSeed();
/** Several times what three fields of a byte's numbers have room for. */
const rows = 40_000;
const slabs = workInKernelMemory(64 * 1024 * 1024, 256 * 1024 * 1024);
let end = 0;

function place<P extends Physical>(physical: P, length: number): Values {
  const offset = end;
  end = (end + length * 8 + 63) & ~63;
  return viewValues(physical, slabs.buffer, offset, length).fill(0) as Values;
}

/** `every`: of so many rows one is null; 1: all are. */
function intsOf(form: Narrow | 'i32', value: (row: number) => number, every = 0): Column {
  const values = place('i32', rows);
  const flags = new Uint8Array(rows).fill(1);
  let [min, max] = every > 0 ? [0, 0] : [Infinity, -Infinity];
  for (let i = 0; i < rows; i++) {
    if (every > 0 && i % every === 0) flags[i] = 0;
    else {
      values[i] = value(i);
      [min, max] = [Math.min(min, values[i]!), Math.max(max, values[i]!)];
    }
  }
  const { validity, nullCount } = packValidity(flags, rows);
  const bits = validity === null ? null : (place('u8', validity.length) as Uint8Array);
  bits?.set(validity!);
  if (form !== 'i32') {
    const narrow = place(form, rows);
    narrow.set(values);
    keepNarrow(values, narrow);
  }
  const range = { min, max };
  return {
    type: DataType.Int32,
    physical: 'i32',
    length: rows,
    validity: bits,
    nullCount,
    values,
    dictionary: null,
    range,
  };
}

function realsOf(value: (row: number) => number, every = 0): Column {
  const { validity, nullCount, values: zeros } = intsOf('i32', () => 1, every);
  const values = place('f64', rows);
  for (let i = 0; i < rows; i++) values[i] = zeros[i] === 0 ? 0 : value(i);
  return {
    type: DataType.Float64,
    physical: 'f64',
    length: rows,
    validity,
    nullCount,
    values,
    dictionary: null,
  };
}

interface Case {
  readonly keys: readonly Column[];
  readonly aggregates: readonly (readonly [FusedOp, Column | null, Column?])[];
}

/** The bits of states and results after four batches of three entries, group by group. */
function bitsOf({ keys, aggregates }: Case): string {
  const specs = aggregates.map(([op, column]): FusedSpec => {
    const rowsKey = column === null ? '' : `${aggregates.findIndex(each => each[1] === column)}`;
    return { name: op, op, type: column?.type ?? DataType.Null, rowsKey };
  });
  const lent = new Lent();
  const groups = new FusedGroups({
    keys: keys.map(({ type }) => type),
    specs,
    merging: false,
    numbered: false,
    lent,
  });
  const inputs = aggregates.map(([, column, filter]) => ({ column, filter: filter ?? null }));
  for (const entry of [0, 0, 1, 2]) groups.addRows(keys, inputs, rows, entry);
  groups.settle();
  const state = readState(groups, groups.count);
  const columns = [
    ...groups.keyColumns(),
    ...specs.flatMap((_, k) => [...stateColumns(state, k), resultColumn(state, k)]),
  ];
  // Which of its bits a NaN has is left open by both languages.
  const hex = (values: Values) =>
    Buffer.from(Float64Array.from(values, x => (Number.isNaN(x) ? Number.NaN : x)).buffer).toString('hex');
  const text = columns.flatMap(({ values, validity }) => [hex(values), hex(validity ?? new Uint8Array(0))]);
  groups.close();
  lent.giveBack();
  return text.join('\n');
}

/** Compares what words give with what text does in a thread that has no memory for kernels. */
function expectSame(cases: Readonly<Record<string, Case>>): void {
  const instances = countInstances();
  const found = Object.values(cases).map(bitsOf);
  instances.stop();
  // Several forms of words and sums, each made once.
  expect(instances.made).toBeGreaterThan(8);
  workFor(null);
  const expected = Object.values(cases).map(bitsOf);
  workFor(0);
  for (const [k, name] of Object.keys(cases).entries())
    expect(found[k] === expected[k], `${name} of seed ${seed}`).toBe(true);
}

const random = seededRng(seed);
const below = (n: number) => Math.floor(random() * n);
const few = intsOf('u8', () => 1 + below(50));

test('sums and means of small integers have the same bits at the bounds of their forms', () => {
  const [least, most, both] = [() => -128, () => 255, (row: number) => (row % 2 === 0 ? -128 : 127)];
  const values = {
    'the least of a byte': intsOf('i8', least),
    'the greatest of a byte': intsOf('u8', most),
    'both ends by turns': intsOf('i8', both),
    'what three fields have room for': intsOf('i8', () => 127 - 254 * below(2)),
    'two bytes': intsOf('i16', () => -32_768),
    'two bytes without sign': intsOf('u16', () => 65_535),
    'room for few rows': intsOf('i32', row => (row % 3 === 0 ? -1 : 1) * (2 ** 17 - 1)),
    'room for too few': intsOf('i32', () => 2 ** 30),
    zeros: intsOf('u8', () => 0),
  };
  const cases: Record<string, Case> = {};
  for (const [name, column] of Object.entries(values)) {
    cases[name] = {
      keys: [few],
      aggregates: [
        ['sum', column],
        ['mean', column],
      ],
    };
    cases[`${name}, alone`] = { keys: [few], aggregates: [['sum', column]] };
    cases[`${name}, of one group`] = {
      keys: [intsOf('u8', () => 7)],
      aggregates: [
        ['sum', column],
        ['len', null],
      ],
    };
  }
  expectSame(cases);
});

test('keys of any narrow form, with and without nulls, alone and together', () => {
  const value = intsOf('u8', () => below(16));
  const wide = intsOf('u16', () => 1000 + below(500));
  const signed = intsOf('i8', () => below(256) - 128);
  const bytes = intsOf('u8', () => below(256));
  const pairs = intsOf('i16', () => below(700) - 300);
  const nulls = intsOf('u8', () => 1 + below(9), 7);
  const turns = intsOf('u8', row => row % 2);
  const late = intsOf('u8', row => (row < rows - 9 ? 3 : 200 + (rows - row)));
  const keys = { wide, signed, bytes, pairs, nulls, turns, late };
  const cases: Record<string, Case> = {};
  for (const [name, key] of Object.entries(keys)) {
    cases[name] = { keys: [key], aggregates: [['sum', value]] };
    cases[`${name} and another`] = {
      keys: [key, few],
      aggregates: [
        ['mean', value],
        ['sum', value],
      ],
    };
    cases[`${name} twice`] = {
      keys: [turns, key, turns],
      aggregates: [
        ['sum', value],
        ['count', value],
        ['len', null],
      ],
    };
  }
  expectSame(cases);
});

test('floats, nulls, filters and extremes beside them', () => {
  const hard = [Number.NaN, Infinity, -Infinity, -0, 0, 5e-324, 1.7e308];
  const small = intsOf('u8', () => below(6));
  const nulls = intsOf('i8', () => below(30) - 15, 20);
  const none = intsOf('u8', () => 0, 1);
  const reals = realsOf(() => (random() - 0.5) * 10 ** (20 * random() - 10));
  const holes = realsOf(() => random() * 100, 20);
  const odd = realsOf(row => (row % 5000 === 0 ? hard[below(hard.length)]! : random()));
  const filter: Column = {
    ...intsOf('u8', () => 1),
    type: DataType.Bool,
    physical: 'bool',
    values: place('bool', rows).map(() => below(2)) as Values,
  };
  const sorted = intsOf('u8', row => Math.floor(row / 900));
  const turns = intsOf('u8', row => row % 2);
  const mixes: Case['aggregates'][] = [
    [
      ['mean', small],
      ['mean', nulls],
      ['mean', reals],
    ],
    [
      ['mean', small],
      ['mean', nulls],
      ['mean', holes],
      ['count', none],
    ],
    [
      ['sum', reals],
      ['sum', holes],
    ],
    [['mean', reals]],
    [
      ['sum', odd],
      ['sum', none],
      ['count', none],
    ],
    [
      ['sum', small],
      ['mean', nulls],
      ['max', nulls],
      ['min', reals],
    ],
    [
      ['sum', small, filter],
      ['sum', nulls],
      ['sum', reals],
      ['mean', small],
    ],
    [
      ['sum', reals, filter],
      ['mean', nulls],
      ['sum', reals],
    ],
  ];
  const cases: Record<string, Case> = {};
  for (const [k, aggregates] of mixes.entries())
    for (const [name, key] of Object.entries({ few, sorted, turns, nulls }))
      cases[`mix ${k} by ${name}`] = { keys: [key], aggregates };
  expectSame(cases);
});

test('a key beyond the bounds of its column is an error', () => {
  const key = intsOf('u8', () => below(50));
  const bad = { ...key, range: { min: 0, max: 40 } };
  expect(() => bitsOf({ keys: [bad], aggregates: [['sum', few]] })).toThrow(VolleyError);
});
