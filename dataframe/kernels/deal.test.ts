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
const slabs = workInKernelMemory(128 * 1024 * 1024, 512 * 1024 * 1024);
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

/** All bytes of the targets after rows were dealt to slices of each column, one after another. */
function dealt(columns: readonly Column[], slice: Uint16Array, counts: Int32Array): string[] {
  end = 200 * 1024 * 1024;
  const lent = new Lent();
  const targets = columns.map(column => {
    const values = place(column.physical, column.length);
    values.fill(0);
    const starts = new Int32Array(counts.length);
    for (let s = 1; s < counts.length; s++) starts[s] = starts[s - 1]! + counts[s - 1]!;
    return { column, values, starts };
  });
  dealInto(targets, slice, slice.length, lent);
  lent.giveBack();
  return targets.map(({ values }) =>
    Buffer.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)).toString('latin1'),
  );
}

test.each([
  { slices: 1, rows: 70_001 },
  { slices: 2, rows: 200_003 },
  { slices: 8, rows: 131_072 },
  { slices: 16, rows: 65_537 },
  { slices: 33, rows: 40_001 },
  { slices: 160, rows: 70_001 },
  { slices: 300, rows: 30_001 },
])('rows are dealt to $slices slices alike with and without WebAssembly', ({ slices, rows }) => {
  const random = seededRng(seed + slices);
  end = 0;
  const kinds: readonly Physical[] = ['i32', 'f64', 'i64', 'u8', 'u16', 'f32'];
  const every = [...kinds, ...kinds].map(physical => columnOf(physical, rows, random));
  const slice = place('u16', rows) as Uint16Array;
  for (const columns of [every.slice(0, 1), every.slice(0, 4), every]) {
    for (const pick of [() => Math.floor(random() * slices), () => slices - 1]) {
      const counts = new Int32Array(slices);
      for (let i = 0; i < rows; i++) {
        slice[i] = pick();
        counts[slice[i]!]!++;
      }
      workFor(null);
      const expected = dealt(columns, slice, counts);
      workFor(0);
      const instances = countInstances();
      const found = dealt(columns, slice, counts);
      instances.stop();
      expect(found.map((text, c) => text === expected[c])).toEqual(columns.map(() => true));
    }
  }
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
