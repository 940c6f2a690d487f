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
import { lookedUpColumn } from './looked-up.js';

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

/** The same values as codes of a table, in which entries stand twice, and others that no row has. */
function asCodes(column: Column, entries: number, other: (entry: number) => number): Column {
  const distinct = [...new Set(column.values)];
  const all = [...distinct, ...Array.from({ length: entries }, (_, k) => other(k)), ...distinct];
  const table = viewValues(column.physical, new ArrayBuffer(8 * all.length), 0, all.length);
  table.set(all as never);
  const codes = place('u16', rows) as Uint16Array;
  for (let i = 0; i < rows; i++)
    codes[i] = distinct.indexOf(column.values[i]!) + (i % 2) * (distinct.length + entries);
  const { type, physical, length, nullCount, validity, dictionary } = column;
  const range = { min: Math.min(...all), max: Math.max(...all) };
  const plain = { type, physical, length, nullCount, validity, dictionary };
  const looked = physical === 'f64' && type.kind === 'float64' ? plain : { ...plain, range };
  return lookedUpColumn(looked, { codes, table }, new Lent());
}

// Goal: what is left as codes is added up by them, and has the bits of what lies in memory.
test('keys and values that are looked up', () => {
  const key = intsOf('i32', () => below(90) - 30);
  const small = intsOf('i32', row => (row % 3 === 0 ? -1 : 1) * below(1500));
  const wide: Column = {
    ...realsOf(row => (row % 5 === 0 ? -1 : 1) * below(2 ** 12)),
    type: DataType.Int64,
    range: { min: -(2 ** 12), max: 2 ** 12 },
  };
  const reals = realsOf(() => below(300) / 7);
  const far: Column = {
    ...wide,
    values: realsOf(() => 2 ** 31 + below(9)).values,
    range: { min: 0, max: 2 ** 32 },
  };
  const bytes = intsOf('u8', () => below(5));
  const coded = {
    key: asCodes(key, 5, k => 70 + k),
    small: asCodes(small, 3, k => 2000 + k),
    wide: asCodes(wide, 3, k => 5000 + k),
    far: asCodes(far, 0, () => 0),
    reals: asCodes(reals, 2, k => k),
  };
  const plain = { key, small, wide, far, reals };
  const aggregatesOf = (of: typeof plain): Record<string, Case['aggregates']> => ({
    'a sum': [['sum', of.small]],
    'a mean': [
      ['mean', of.wide],
      ['len', null],
    ],
    'several fields': [
      ['mean', of.small],
      ['sum', of.wide],
      ['sum', bytes],
      ['max', of.small],
    ],
    'beyond 32 bits': [['sum', of.far]],
    floats: [
      ['sum', of.reals],
      ['mean', of.small],
      ['sum', bytes],
    ],
    'floats in memory': [
      ['sum', plain.reals],
      ['mean', of.small],
      ['sum', bytes],
    ],
  });
  const casesOf = (by: (of: typeof plain) => readonly Column[], of: typeof plain, named: string) =>
    Object.entries(aggregatesOf(of)).map(([name, aggregates]) => [
      `${name} by ${named}`,
      { keys: by(of), aggregates },
    ]);
  const all = (of: typeof plain): Record<string, Case> =>
    Object.fromEntries([
      ...casesOf(of => [of.key], of, 'one key'),
      ...casesOf(of => [of.key, few], of, 'a key and one in memory'),
    ]);
  expectSame(all(coded));
  const [left, right] = [all(coded), all(plain)];
  for (const name of Object.keys(left))
    expect(bitsOf(left[name]!) === bitsOf(right[name]!), `${name} of seed ${seed}`).toBe(true);
});

// Goal: fields of words are added to floats only, where the state has integers beside them.
test('more groups than are kept in order', () => {
  const key = intsOf('u16', () => below(6000));
  const small = intsOf('u8', () => below(100));
  const reals = realsOf(() => random());
  const cases: Record<string, Case> = {
    sums: {
      keys: [key],
      aggregates: [
        ['sum', small],
        ['len', null],
      ],
    },
    'sums and floats': {
      keys: [key],
      aggregates: [
        ['sum', small],
        ['mean', small],
        ['sum', reals],
        ['len', null],
      ],
    },
    'several fields': {
      keys: [key],
      aggregates: [
        ['sum', small],
        ['mean', few],
        ['sum', reals],
      ],
    },
  };
  const found = Object.values(cases).map(bitsOf);
  workFor(null);
  const expected = Object.values(cases).map(bitsOf);
  workFor(0);
  for (const [k, name] of Object.keys(cases).entries())
    expect(found[k] === expected[k], `${name} of seed ${seed}`).toBe(true);
});

test('a key beyond the bounds of its column is an error', () => {
  const key = intsOf('u8', () => below(50));
  const bad = { ...key, range: { min: 0, max: 40 } };
  expect(() => bitsOf({ keys: [bad], aggregates: [['sum', few]] })).toThrow(VolleyError);
});
