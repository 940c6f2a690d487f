import { expect, test } from 'vitest';
import { workFor } from '../../core/base/kernel-memory.js';
import { seededRng } from '../../core/base/rng.js';
import type { Column, Physical, Values } from '../column/column.js';
import { copyInto } from '../column/copy-bytes.js';
import { DataType } from '../column/datatype.js';
import { bytesOfValues, viewValues } from '../column/layout.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import { countInstances } from '../testing/wasm-instances.js';
import { dealInto } from './deal.js';
import { dealRows } from './hash.js';
import { Lent } from './lent.js';

const seed = testSeed();
const slabBytes = 512 * 1024 * 1024;
const targetsAt = 200 * 1024 * 1024;
let slabs = workInKernelMemory(128 * 1024 * 1024, slabBytes);
let end = 0;

/** In the node's memory, holding anything. */
function place(physical: Physical, rows: number): Values {
  const offset = end;
  end = (end + bytesOfValues(physical, rows) + 63) & ~63;
  return viewValues(physical, slabs.buffer, offset, rows);
}

function noise(values: Values, random: () => number): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  for (let i = 0; i < words.length; i++) words[i] = (random() * 2 ** 32) | 0;
}

function columnOf(physical: Physical, rows: number, random: () => number): Column {
  const values = place(physical, rows);
  // What a signalling NaN becomes in JavaScript depends on V8's mood.
  if (physical === 'f32') for (let i = 0; i < rows; i++) values[i] = random() - 0.5;
  else noise(values, random);
  const type = physical === 'i64' ? DataType.Int64 : physical === 'u32' ? DataType.UInt32 : DataType.Int32;
  return { type, physical, length: rows, nullCount: 0, validity: null, values, dictionary: null };
}

/** All bytes of the targets, and what lies between them, after rows were dealt to slices of each column, one after another. */
function dealt(columns: readonly Column[], slice: Uint16Array, counts: Int32Array): Buffer {
  end = targetsAt;
  const lent = new Lent();
  const targets = columns.map(column => {
    const values = place(column.physical, column.length);
    const starts = new Int32Array(counts.length);
    for (let s = 1; s < counts.length; s++) starts[s] = starts[s - 1]! + counts[s - 1]!;
    return { column, values, starts };
  });
  const all = slabs.subarray(targetsAt, end).fill(0);
  dealInto(targets, slice, slice.length, lent);
  lent.giveBack();
  return Buffer.from(all);
}

/** How many functions of WebAssembly were made for dealing rows alike with it and without it: row i to slice `pick(i)`. */
function dealtAlike(columns: readonly Column[], slices: number, pick: (row: number) => number): number {
  const before = end;
  const slice = place('u16', columns[0]!.length) as Uint16Array;
  const counts = new Int32Array(slices);
  for (let i = 0; i < slice.length; i++) {
    slice[i] = pick(i);
    counts[slice[i]!]!++;
  }
  workFor(null);
  const expected = dealt(columns, slice, counts);
  workFor(0);
  const instances = countInstances();
  const found = dealt(columns, slice, counts);
  instances.stop();
  end = before;
  expect(Buffer.compare(found, expected)).toBe(0);
  return instances.made;
}

test.each([
  { slices: 1, rows: 70_001 },
  { slices: 2, rows: 200_003 },
  { slices: 8, rows: 131_072 },
  { slices: 16, rows: 65_537 },
  { slices: 33, rows: 40_001 },
  { slices: 160, rows: 70_001 },
  { slices: 300, rows: 30_001 },
  { slices: 2000, rows: 150_001 },
  { slices: 5, rows: 2049 },
])('rows are dealt to $slices slices alike with and without WebAssembly', ({ slices, rows }) => {
  const random = seededRng(seed + slices);
  end = 0;
  const kinds: readonly Physical[] = ['i32', 'f64', 'i64', 'u8', 'u16', 'f32'];
  const every = [...kinds, ...kinds].map(physical => columnOf(physical, rows, random));
  const picks = [
    () => Math.floor(random() * slices),
    () => slices - 1,
    // Every other slice has none.
    () => 2 * Math.floor((random() * slices) / 2),
    // Slices by turns have a block's rows.
    (row: number) => Math.floor(row / 20_000) % slices,
  ];
  for (const columns of [every.slice(0, 1), every.slice(0, 4), every]) {
    for (const pick of picks) {
      dealtAlike(columns, slices, pick);
    }
  }
});

test('values of every size lie in records with those of every other', () => {
  const random = seededRng(seed);
  slabs = workInKernelMemory(16 * 1024 * 1024, slabBytes);
  end = 0;
  const kinds = (['u8', 'u16', 'i32', 'f64', 'i64'] as const).map(physical =>
    columnOf(physical, 3007, random),
  );
  const shapes = kinds.flatMap((_, a) => combinations(kinds.slice(0, 4), a + 1));
  for (const columns of [
    ...shapes,
    ...shapes.filter((_, k) => k % 5 === 0).map(shape => shape.toReversed()),
  ]) {
    for (const pick of [() => Math.floor(random() * 3), () => 1]) {
      dealtAlike(columns, 3, pick);
    }
  }
  const [u8, u16, i32, f64, i64] = kinds as [Column, Column, Column, Column, Column];
  // Not known yet: it is WebAssembly that deals these.
  for (const columns of [
    [i64, u8, i32, u8, f64, u16],
    new Array<Column>(8).fill(f64),
    [...new Array<Column>(7).fill(i64), u8],
    new Array<Column>(8).fill(u8),
  ])
    expect(dealtAlike(columns, 3, row => row % 3)).toBe(1);
});

/** So many of them, each as often as one likes, in their order. */
function combinations<T>(of: readonly T[], length: number): T[][] {
  if (length === 0) return [[]];
  return of.flatMap((one, k) => combinations(of.slice(k), length - 1).map(others => [one, ...others]));
}

test.each([
  // It zeroes memory, counts slices and deals.
  { scratchBytes: 1024 * 1024, made: 3 },
  // It zeroes memory, and what is written for V8 deals.
  { scratchBytes: 64 * 1024, made: 2 },
])('rows are dealt with $scratchBytes bytes to work in', ({ scratchBytes, made }) => {
  const random = seededRng(seed);
  slabs = workInKernelMemory(scratchBytes, slabBytes);
  end = 0;
  const columns = (['i32', 'f64', 'u8'] as const).map(physical => columnOf(physical, 50_007, random));
  expect(dealtAlike(columns, 40, () => Math.floor(random() * 40))).toBe(made);
});

test('keys have the same slices, eight rows at a time or one', () => {
  const random = seededRng(seed);
  end = 0;
  for (const [kinds, rows, fanOut] of [
    [['i32'], 10_007, 8],
    [['u32'], 4104, 1],
    [['i32'], 40_007, 9],
    [['i64'], 20_008, 16],
    [['i32'], 10_007, 17],
    [['i64'], 10_007, 160],
    [['i64', 'i32', 'i64'], 5003, 7],
    [['i32', 'u32', 'i32'], 9999, 512],
    [['i32', 'i32'], 5001, 65_535],
    [['i32', 'f64'], 5001, 7],
  ] as const) {
    const keys = kinds.map(physical => columnOf(physical, rows, random));
    workFor(null);
    const expected = dealRows(keys, rows, fanOut, new Lent());
    workFor(0);
    const lent = new Lent();
    const { slice, counts } = dealRows(keys, rows, fanOut, lent);
    expect(Buffer.compare(bytesOf(slice), bytesOf(expected.slice))).toBe(0);
    expect(Buffer.compare(bytesOf(counts), bytesOf(expected.counts))).toBe(0);
    lent.giveBack();
  }
});

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

test('values are copied to any place of memory that threads share, and never beyond it', () => {
  const random = seededRng(seed);
  end = 0;
  const source = place('i32', 5000);
  noise(source, random);
  for (const at of [0, 1, 7]) {
    const target = place('i32', 5010).fill(0) as Values;
    copyInto(target, at, source.subarray(3) as Values);
    expect(target.subarray(at, at + 4997)).toEqual(source.subarray(3));
    expect([target[at + 4997], target[at - 1] ?? 0]).toEqual([0, 0]);
    expect(() => copyInto(target, 11, source)).toThrow(RangeError);
  }
});
