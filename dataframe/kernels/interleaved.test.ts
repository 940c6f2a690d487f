import { expect, test } from 'vitest';
import { workFor } from '../../core/base/kernel-memory.js';
import { seededRng } from '../../core/base/rng.js';
import type { Column, Physical, Values } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { bytesOfValues, viewValues } from '../column/layout.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import { InterleavedBatch, interleavedBytes, interleavedRecord, interleaveInto } from './interleaved.js';
import { Lent } from './lent.js';

const seed = testSeed();
const slabs = workInKernelMemory(16 * 1024 * 1024, 64 * 1024 * 1024);
const rows = 40_003;
let end = 0;

function placeBytes(bytes: number): Uint8Array {
  const offset = end;
  end = (end + bytes + 63) & ~63;
  return slabs.subarray(offset, offset + bytes);
}

function place(physical: Physical, length: number): Values {
  const { buffer, byteOffset } = placeBytes(bytesOfValues(physical, length));
  return viewValues(physical, buffer, byteOffset, length);
}

function columnOf(physical: Physical, random: () => number): Column {
  const values = place(physical, rows);
  const bytes = bytesOf(values);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
  return {
    type: DataType.Int32,
    physical,
    length: rows,
    nullCount: 0,
    validity: null,
    values,
    dictionary: null,
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The bytes of the values of a column in these rows. */
function chosen({ values, physical }: Column, at: readonly number[]): Buffer {
  const size = bytesOfValues(physical, 1);
  const bytes = bytesOf(values);
  return Buffer.concat(at.map(i => bytes.subarray(i * size, (i + 1) * size)));
}

/** Rows dealt to slices of a slab, and their numbers in each slice. */
function dealt(columns: readonly Column[], slices: number, random: () => number) {
  const slice = place('u16', rows) as Uint16Array;
  const numbers: number[][] = Array.from({ length: slices }, () => []);
  for (let i = 0; i < rows; i++) numbers[(slice[i] = Math.floor(random() * slices))]!.push(i);
  const record = interleavedRecord(columns)!;
  const starts: number[] = [];
  let size = 0;
  for (const { length } of numbers) {
    starts.push(size);
    size += interleavedBytes(record, length);
  }
  const slab = placeBytes(size);
  const half = rows >> 1;
  const part = (from: number, to: number) => ({
    batch: {
      rows: to - from,
      columns: columns.map(column => ({
        ...column,
        values: viewValues(
          column.physical,
          column.values.buffer,
          column.values.byteOffset + bytesOfValues(column.physical, from),
          to - from,
        ),
      })),
    },
    slice: slice.subarray(from, to),
  });
  expect(interleaveInto(slab, starts, [part(0, half), part(half, rows)])).toBe(true);
  const records = starts.map((at, s) => slab.subarray(at, at + numbers[s]!.length * record.bytes));
  return { numbers, records };
}

const shapes: readonly (readonly Physical[])[] = [
  ['f64'],
  ['i32', 'i32', 'f64', 'f64'],
  ['u8', 'f64', 'i64'],
  ['i64', 'i16', 'f64', 'u16', 'f32', 'i64'],
  ['u8', 'u8', 'u8', 'u8'],
  ['f64', 'f64', 'f64', 'f64', 'f64', 'f64', 'f64', 'f64'],
  ['f64', 'u16', 'u8', 'f64'],
];

test.each(shapes.map(kinds => [kinds.join(), kinds] as const))(
  'rows of %s come back from records',
  (_, kinds) => {
    end = 0;
    const random = seededRng(seed);
    const columns = kinds.map(physical => columnOf(physical, random));
    const { numbers, records } = dealt(columns, 3, random);
    for (const [s, bytes] of records.entries()) {
      const wanted = columns.map(column => chosen(column, numbers[s]!));
      const length = numbers[s]!.length;
      const bare = columns.map(({ values: _, ...column }) => ({ ...column, length }));
      const read = (target: Uint8Array, from: number) =>
        target.set(bytes.subarray(from, from + target.length));
      const inLane = () => kinds.map(physical => place(physical, length));
      const onHeap = () =>
        kinds.map(physical =>
          viewValues(physical, new ArrayBuffer(bytesOfValues(physical, length)), 0, length),
        );
      const sources = [
        { bytes, read },
        { bytes: null, read },
        { bytes: Uint8Array.from(bytes), read },
      ];
      for (const source of sources) {
        for (const out of [inLane(), onHeap()]) {
          new InterleavedBatch([], length, bare, source).takeApart(out);
          for (const [c, values] of out.entries())
            expect(Buffer.compare(bytesOf(values), wanted[c]!), `column ${c}`).toBe(0);
        }
        const lent = new Lent();
        const looked = new InterleavedBatch([], length, bare, source).lentBy(lent).columns;
        for (const [c, { values }] of looked.entries())
          expect(Buffer.compare(bytesOf(values), wanted[c]!), `column ${c}`).toBe(0);
        lent.giveBack();
      }
    }
  },
);

test('nothing is read behind records at the end of memory, nor written behind the places of their values', () => {
  end = 0;
  const random = seededRng(seed);
  const columns = (['f64', 'f64', 'i32'] as const).map(physical => columnOf(physical, random));
  const { numbers, records } = dealt(columns, 1, random);
  const memory = new Uint8Array(slabs.buffer);
  const last = memory.subarray(memory.length - 20 * 101);
  last.set(records[0]!.subarray(0, last.length));
  const bare = columns.map(({ values: _, ...column }) => ({ ...column, length: 101 }));
  const all = columns.map(({ physical }) => place(physical, 110).fill(7) as Values);
  const source = { bytes: last, read: () => expect.unreachable() };
  new InterleavedBatch([], 101, bare, source).takeApart(all.map(values => values.subarray(0, 101) as Values));
  for (const [c, values] of all.entries()) {
    const wanted = chosen(columns[c]!, numbers[0]!.slice(0, 101));
    expect(Buffer.compare(bytesOf(values.subarray(0, 101)), wanted)).toBe(0);
    expect([...values.subarray(101)]).toEqual(new Array(9).fill(7));
  }
});

test('rows are not written as records where those take more bytes, are large, or hold more than values', () => {
  end = 0;
  const random = seededRng(seed);
  const plain = (...kinds: Physical[]) => kinds.map(physical => columnOf(physical, random));
  expect(interleavedRecord(plain('f64', 'i32'))).toBeNull();
  expect(interleavedRecord(plain(...new Array<Physical>(9).fill('f64')))).toBeNull();
  expect(interleavedRecord([])).toBeNull();
  const [column] = plain('f64');
  expect(interleavedRecord([{ ...column!, nullCount: 1, validity: new Uint8Array(5001) }])).toBeNull();
});

test('without memory of kernels nothing is written', () => {
  end = 0;
  const random = seededRng(seed);
  const columns = [columnOf('f64', random)];
  const slab = placeBytes(rows * 8 + 64).fill(5);
  const slice = place('u16', rows) as Uint16Array;
  workFor(null);
  expect(interleaveInto(slab, [0], [{ batch: { rows, columns }, slice }])).toBe(false);
  workFor(0);
  expect(interleaveInto(new Uint8Array(slab.length), [0], [{ batch: { rows, columns }, slice }])).toBe(false);
  expect(slab.every(byte => byte === 5)).toBe(true);
});
