import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { isVolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import { seededRng } from '../../core/base/rng.js';
import type { PartitionHeader } from '../../core/graph/partition.js';
import { noChecksum } from '../../core/graph/partition.js';
import { randomBatch, testSeed } from '../testing/random-batch.js';
import { dirtyMemory, recordsOf } from '../testing/run-fragment.js';
import type { Batch } from './column.js';
import { DataType } from './datatype.js';
import { emptyBatch } from './layout.js';
import { recordsToBatch } from './records.js';
import { decodeBatch, encodeBatch, type PartitionMeta, sizeOfBatch } from './slab.js';
import { packMeta, unpackMeta } from './slab-meta.js';

const seed = testSeed();

test('a batch comes back as views of the same bytes', () => {
  const batch = randomBatch(seededRng(seed), 333);
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  expect(header.byteLength).toBe(sizeOfBatch(batch));
  expect(header.checksum).toBe(noChecksum);
  const back = decodeBatch(header, bytes);
  expect(back.schema).toEqual(batch.schema);
  expect(recordsOf(back)).toEqual(recordsOf(batch));
  for (const column of back.columns) {
    expect(column.values.buffer).toBe(bytes.buffer);
    expect(column.values.byteOffset % limits.alignment).toBe(0);
  }
});

test('every byte of a reused slab is written: equal batches give equal bytes', () => {
  const batch = randomBatch(seededRng(seed + 1), 77);
  const first = encodeBatch(batch, dirtyMemory);
  const second = encodeBatch(batch, size => new Uint8Array(size));
  expect(first.bytes).toEqual(second.bytes);
  expect(first.header).toEqual(second.header);
});

test.each([0, 1, 8, 9])('%d rows, all null and none, no columns', rows => {
  const batch = recordsToBatch(
    Array.from({ length: rows }, (_, i) => ({ a: null, b: `t${i}`, c: null })),
    [
      { name: 'a', type: DataType.Utf8 },
      { name: 'b', type: DataType.Utf8 },
      { name: 'c', type: DataType.Null },
    ],
  );
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  expect(recordsOf(decodeBatch(header, bytes))).toEqual(recordsOf(batch));
  const none: Batch = { schema: [], rows, columns: [] };
  const packed = encodeBatch(none, dirtyMemory);
  expect(decodeBatch(packed.header, packed.bytes).rows).toBe(rows);
});

test('integers beyond 2^53 stay exact', () => {
  const batch = recordsToBatch([{ v: 2n ** 63n - 1n }, { v: -(2n ** 63n) }, { v: null }, { v: 5n }]);
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  expect(recordsOf(decodeBatch(header, bytes))).toEqual(recordsOf(batch));
});

type Change = (meta: PartitionMeta & { columns: Record<string, unknown>[] }) => void;

function changed(header: PartitionHeader, change: Change): PartitionHeader {
  const meta = unpackMeta<PartitionMeta & { columns: Record<string, unknown>[] }>(header.meta);
  change(meta);
  return { ...header, meta: packMeta(meta) };
}

/** What a lying layout must be answered with. */
function expectCorrupt(header: PartitionHeader, bytes: Uint8Array): void {
  expect(() => decodeBatch(header, bytes)).toThrowError(
    expect.objectContaining({ code: 'CORRUPT_PARTITION' }),
  );
}

test('a layout that lies is refused before the first read', () => {
  const batch = randomBatch(seededRng(seed + 2), 50);
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  const text = batch.schema.findIndex(field => field.name === 's');
  const lies: Change[] = [
    m => Object.assign(m, { rows: 51 }),
    m => Object.assign(m, { rows: -1 }),
    m => Object.assign(m, { columns: 7 }),
    m => Object.assign(m.columns[0]!, { values: [0, 1 << 30] }),
    m => Object.assign(m.columns[0]!, { values: [bytes.byteLength, 200] }),
    m => Object.assign(m.columns[0]!, { values: [-64, 200] }),
    m => Object.assign(m.columns[0]!, { values: [1, 200] }),
    m => Object.assign(m.columns[0]!, { values: [0.5, 200] }),
    m => Object.assign(m.columns[0]!, { values: null }),
    m => Object.assign(m.columns[0]!, { nullCount: 0 }),
    m => Object.assign(m.columns[0]!, { nullCount: 51 }),
    m => Object.assign(m.columns[0]!, { validity: null }),
    m => Object.assign(m.columns[0]!, { type: { kind: 'float64' } }),
    m => Object.assign(m.columns[0]!, { type: { kind: 'nonsense' } }),
    m => Object.assign(m.columns[0]!, { type: { kind: 'list' } }),
    m => Object.assign(m.columns[0]!, { physical: 'code' }),
    m => Object.assign(m.columns[text]!, { dictionary: null }),
    m => Object.assign(m.columns[text]!.dictionary as object, { length: 1 }),
    m => Object.assign(m.columns[text]!.dictionary as object, { length: 2 ** 40 }),
    m => Object.assign(m.columns[text]!.dictionary as object, { bytes: [0, 1] }),
  ];
  for (const lie of lies) expectCorrupt(changed(header, lie), bytes);
  expectCorrupt({ ...header, rows: header.rows - 1 }, bytes);
  expectCorrupt(header, bytes.subarray(0, bytes.byteLength - 64));
  expectCorrupt({ ...header, meta: new Uint8Array([1, 2, 3]) }, bytes);
  expectCorrupt({ ...header, meta: new Uint8Array(0) }, bytes);
});

test('codes and offsets in the bytes are checked as well', () => {
  const { header, bytes } = encodeBatch(recordsToBatch([{ s: 'aa' }, { s: 'b' }, { s: 'aa' }]), dirtyMemory);
  const [column] = unpackMeta<PartitionMeta>(header.meta).columns;
  const write = (at: number, value: number) => {
    const copy = bytes.slice();
    new DataView(copy.buffer).setInt32(at, value, true);
    return copy;
  };
  for (const code of [2, -1, 2 ** 31 - 1]) expectCorrupt(header, write(column!.values[0] + 4, code));
  const offsets = column!.dictionary!.offsets[0];
  for (const [at, value] of [
    [0, -1],
    [1, 9],
    [2, 1],
    [2, 4],
  ] as const) {
    expectCorrupt(header, write(offsets + 4 * at, value));
  }
});

test('what this process wrote itself is not checked value by value, but its layout is', () => {
  const batch = randomBatch(seededRng(seed + 4), 60);
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  expect(recordsOf(decodeBatch(header, bytes, null, null, true))).toEqual(recordsOf(batch));
  const text = batch.schema.findIndex(field => field.name === 's');
  const lies: Change[] = [
    m => Object.assign(m, { rows: 61 }),
    m => Object.assign(m.columns[0]!, { values: [bytes.byteLength, 240] }),
    m => Object.assign(m.columns[text]!, { dictionary: null }),
  ];
  for (const lie of lies) {
    expect(() => decodeBatch(changed(header, lie), bytes, null, null, true)).toThrowError(
      expect.objectContaining({ code: 'CORRUPT_PARTITION' }),
    );
  }
});

test('flipped bits: a typed error or other values, never a crash', () => {
  const random = seededRng(seed + 3);
  const batch = randomBatch(random, 40);
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const meta = header.meta.slice();
    const copy = bytes.slice();
    const target = round % 2 === 0 ? meta : copy;
    const flip = Math.floor(random() * target.length);
    target[flip]! ^= 1 << Math.floor(random() * 8);
    if (target === copy) expect(crc32(copy)).not.toBe(crc32(bytes));
    try {
      const back = decodeBatch({ ...header, meta }, copy);
      expect(back.rows).toBe(batch.rows);
      for (const column of back.columns) expect(column.length).toBe(batch.rows);
    } catch (error) {
      if (!isVolleyError(error, 'CORRUPT_PARTITION')) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(0);
});

test('a batch without rows keeps its schema', () => {
  const batch = emptyBatch(randomBatch(seededRng(seed), 1).schema);
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  const back = decodeBatch(header, bytes);
  expect(back.rows).toBe(0);
  expect(back.schema).toEqual(batch.schema);
});
