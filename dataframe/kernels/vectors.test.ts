import { expect, test } from 'vitest';
import { workFor } from '../../core/base/kernel-memory.js';
import { seededRng } from '../../core/base/rng.js';
import { compileText } from '../codegen/wasm/kernel.js';
import { packValidity } from '../column/bitmap.js';
import type { Column, Physical } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { viewValues } from '../column/layout.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import { countBits, packBits, spreadBits } from './bits-wasm.js';
import { compactBatch } from './compact-wasm.js';
import { combineDigits, digitsThere, takeDigits } from './digits-wasm.js';
import { ChosenValidity } from './gather-validity.js';
import { Lent } from './lent.js';
import { pairsOfFloats } from './pairs-wasm.js';
import { takeBatch } from './take.js';

const random = seededRng(testSeed());
const slabs = workInKernelMemory(64 * 1024 * 1024, 64 * 1024 * 1024);
const rows = 10_005;
let end = 0;

function place<T>(physical: Physical, length: number): T {
  const values = viewValues(physical, slabs.buffer, end, length);
  end = (end + values.byteLength + 127) & ~63;
  return values as T;
}

/** Of small numbers, 0 where null. */
function column(physical: Physical, nulls: number): Column {
  const values = place<Int32Array>(physical, rows);
  const flags = Uint8Array.from({ length: rows }, () => (random() < nulls ? 0 : 1));
  for (let i = 0; i < values.length; i++) values[i] = Math.floor(random() * 100) + 1;
  for (let i = 0; i < rows; i++)
    if (flags[i] === 0) values.fill(0, i * (values.length / rows), (i + 1) * (values.length / rows));
  const { validity, nullCount } = packValidity(flags, rows);
  const bits = validity && place<Uint8Array>('u8', validity.length);
  if (validity !== null) bits!.set(validity);
  const type = physical === 'f64' ? DataType.Float64 : DataType.Int32;
  return { type, physical, length: rows, validity: bits, nullCount, values, dictionary: null };
}

const isThere = ({ validity }: Column, i: number) =>
  validity === null ? 1 : (validity[i >> 3]! >> (i & 7)) & 1;

test('bits become bytes, and bytes bits, as one by one', () => {
  const [a, b] = [column('i32', 0.3), column('i32', 0.5)] as const;
  const bytes = place<Uint8Array>('u8', rows);
  const done = spreadBits(a.validity!, bytes, rows, false);
  expect(done).toBe(10_000);
  expect(Array.from(bytes.subarray(0, done))).toEqual(Array.from({ length: done }, (_, i) => isThere(a, i)));
  spreadBits(b.validity!, bytes, rows, true);
  const both = Array.from({ length: done }, (_, i) => isThere(a, i) & isThere(b, i));
  expect(Array.from(bytes.subarray(0, done))).toEqual(both);
  for (let i = 0; i < rows; i++) bytes[i] = isThere(a, i);
  const packed = place<Uint8Array>('u8', a.validity!.length);
  expect(packBits(bytes, packed, rows)).toBe(rows - a.nullCount);
  expect(packed).toEqual(a.validity);
  expect(countBits(a.validity!, rows)).toBe(rows - a.nullCount);
});

test('digits are put together and taken apart as by Math.imul and shifts', () => {
  const columns = [column('i32', 0.1), column('i32', 0), column('i32', 0.9)];
  const terms = columns.map((each, k) => ({
    column: each,
    base: k & 1,
    size: 101,
    factor: 1 << (7 * (k & 1)),
    word: (k >> 1) as 0 | 1,
  }));
  const pairs = place<Int32Array>('i64', rows);
  const done = combineDigits(terms, pairs, true, rows);
  const digit = (k: number, i: number) =>
    isThere(columns[k]!, i) === 0 ? 101 : (columns[k]!.values[i] as number) - (k & 1);
  for (let i = 0; i < done; i++) {
    expect(pairs[2 * i]).toBe(digit(0, i) + 128 * digit(1, i));
    expect(pairs[2 * i + 1]).toBe(digit(2, i));
  }
  terms.forEach(({ base, word, factor }, k) => {
    const from = { pairs, word, shift: Math.log2(factor), mask: 127 };
    const out = place<Int32Array>('i32', rows);
    expect(takeDigits(from, 101, base, out, done)).toBe(done);
    expect(out.subarray(0, done)).toEqual((columns[k]!.values as Int32Array).subarray(0, done));
    const bits = place<Uint8Array>('u8', done / 8);
    const valid = digitsThere(from, 101, bits, done)!.valid;
    expect(valid).toBe(
      Array.from({ length: done }, (_, i) => isThere(columns[k]!, i)).filter(Boolean).length,
    );
    for (let i = 0; i < done; i++) expect((bits[i >> 3]! >> (i & 7)) & 1).toBe(isThere(columns[k]!, i));
  });
  const halves = place<Uint16Array>('u16', rows);
  const sums = terms.slice(0, 2).map(term => ({ ...term, word: 0 as const }));
  expect(combineDigits(sums, halves, false, rows)).toBe(done);
  for (let i = 0; i < done; i++) expect(halves[i]).toBe(digit(0, i) + 128 * digit(1, i));
});

test.each([0.01, 0.4])('rows without nulls are those that gathering takes, of %d nulls', nulls => {
  const kinds: readonly Physical[] = ['i32', 'f64', 'i64', 'u8'];
  const columns = kinds.flatMap(physical => [column(physical, 0), column(physical, 0.2)]);
  const { validity: bits, nullCount } = column('i32', nulls);
  const schema = columns.map((_, c) => ({ name: `${c}`, type: DataType.Int32 }));
  const lent = new Lent();
  const out = compactBatch({ schema, rows, columns }, bits!, rows - nullCount, lent)!;
  const at = Array.from({ length: rows }, (_, i) => i).filter(i => ((bits![i >> 3]! >> (i & 7)) & 1) === 1);
  const expected = takeBatch({ schema, rows, columns }, Int32Array.from(at), at.length);
  out.columns.forEach((each, c) => {
    const like = expected.columns[c]!;
    expect(each.nullCount).toBe(like.nullCount);
    expect(Array.from(each.values as Int32Array)).toEqual(Array.from(like.values as Int32Array));
    expect(Array.from({ length: at.length }, (_, i) => isThere(each, i))).toEqual(
      Array.from({ length: at.length }, (_, i) => isThere(like, i)),
    );
  });
  lent.giveBack();
});

test('two neighbours that are added to at once have the bits of one after the other', () => {
  const [ints, more] = [column('i32', 0), column('i32', 0)] as const;
  const floats = place<Float64Array>('f64', rows).map(() => random() - 0.5);
  const text =
    'for(let i=from;i<rows;i++){const b=Math.imul(x[i],4);st[b]+=x[i];st[b+1]+=y[i];st[b+2]+=z[i];st[b+3]+=y[i];}';
  const sums = () => {
    const st = new Lent().numbers(4 * 101 + 4096);
    compileText<(...args: unknown[]) => void>(
      ['x', 'y', 'z', 'st', 'from', 'rows'],
      text,
      rows,
    )(...[ints.values, more.values, floats, st, 0, rows]);
    return Array.from(st);
  };
  const vectors = sums();
  workFor(null);
  expect(sums()).toEqual(vectors);
  workFor(0);
});

test('bitmaps of columns that are chosen alike are those of one by one', () => {
  const columns = [0.1, 0, 0.5, 0.9, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8].map(nulls => column('i32', nulls));
  const count = 12_345;
  const at = place<Int32Array>('i32', count);
  for (let i = 0; i < count; i++) at[i] = Math.floor(random() * (rows + 500)) - 500;
  for (const gaps of [true, false]) {
    if (!gaps) for (let i = 0; i < count; i++) at[i] = Math.max(0, at[i]!);
    const pieces = columns.map((each, c) => [
      { column: each, at, gaps, rows: count },
      { column: columns[(c + 3) % columns.length]!, at: null, gaps: false, rows },
    ]);
    const [alone, lent] = [new ChosenValidity(), new Lent()];
    const together = new ChosenValidity();
    together.findTogether(pieces, count + rows, lent);
    for (const each of pieces) {
      const [a, b] = [alone.of(each, count + rows), together.of(each, count + rows)];
      if (each[0]!.column.validity !== null) expect(b.validity!.buffer).toBe(slabs.buffer);
      expect(b.nullCount).toBe(a.nullCount);
      expect(Buffer.compare(b.validity!, a.validity!)).toBe(0);
    }
    lent.giveBack();
  }
});

test('whole numbers that lie as floats become pairs of words', () => {
  const values = place<Float64Array>('f64', rows);
  const ends = [0, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32) - 1, 2 ** 53 - 1, 1 - 2 ** 53, Number.NaN];
  for (let i = 0; i < rows; i++) values[i] = ends[i] ?? Math.floor((random() - 0.5) * 2 ** 53);
  const out = place<Int32Array>('i64', rows);
  const done = pairsOfFloats(values, out, rows);
  expect(done).toBe(10_004);
  for (let i = 0; i < done; i++) {
    const whole = Number.isNaN(values[i]) ? 0 : values[i]!;
    expect([out[2 * i], out[2 * i + 1]]).toEqual([whole | 0, Math.floor(whole / 2 ** 32) | 0]);
  }
  workFor(null);
  expect(pairsOfFloats(values, out, rows)).toBe(0);
  workFor(0);
});
