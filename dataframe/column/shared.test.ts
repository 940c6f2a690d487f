import * as arrow from 'apache-arrow';
import { expect, test } from 'vitest';
import { limits } from '../../core/base/limits.js';
import { compactBatch } from '../kernels/concat.js';
import { sliceBatch, takeBatch } from '../kernels/take.js';
import { dirtyMemory, recordsOf } from '../testing/run-fragment.js';
import { tableToBatches } from './arrow.js';
import type { Batch, Column } from './column.js';
import { DataType } from './datatype.js';
import { contentId, dictionaryOf } from './dictionary.js';
import { dictionaryCacheBytes } from './dictionary-cache.js';
import { denseColumn } from './layout.js';
import { rangeOf } from './range.js';
import { decodeBatch, encodeBatch, type PartitionMeta } from './slab.js';
import { packMeta, unpackMeta } from './slab-meta.js';

function batchOf(name: string, column: Column): Batch {
  return { schema: [{ name, type: column.type }], rows: column.length, columns: [column] };
}

function through(batch: Batch, shared = new Map()): Batch {
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  return decodeBatch(header, bytes, shared);
}

function textBatch(texts: readonly string[]): Batch {
  const { dictionary, codes } = dictionaryOf(texts);
  return batchOf('s', denseColumn(DataType.Utf8, 'code', texts.length, codes, dictionary));
}

const many = (n: number, distinct: number, prefix = 'v') =>
  Array.from({ length: n }, (_, i) => `${prefix}${i % distinct}`);

test('integers, dates and safe 64-bit integers come back with their bounds; others without', () => {
  const ints = denseColumn(DataType.Int32, 'i32', 4, Int32Array.of(5, -7, 3, 0));
  expect(through(batchOf('i', ints)).columns[0]!.range).toEqual({ min: -7, max: 5 });
  const wide = denseColumn(DataType.Int64, 'f64', 2, Float64Array.of(2 ** 50, 1));
  expect(through(batchOf('w', wide)).columns[0]!.range).toEqual({ min: 1, max: 2 ** 50 });
  const floats = denseColumn(DataType.Float64, 'f64', 2, Float64Array.of(1.5, 2));
  expect(through(batchOf('f', floats)).columns[0]!.range).toBeUndefined();
  const none = denseColumn(DataType.Int32, 'i32', 0, new Int32Array(0));
  expect(through(batchOf('n', none)).columns[0]!.range).toBeUndefined();
  expect(rangeOf({ ...ints, range: { min: -100, max: 100 } })).toEqual({ min: -100, max: 100 });
});

test('bounds and ids that are none are refused', () => {
  const { header, bytes } = encodeBatch({ ...textBatch(many(100, 5)) }, dirtyMemory);
  const lies: ((column: Record<string, unknown>) => void)[] = [
    column => Object.assign(column, { range: [1, 2] }),
    column => Object.assign(column.dictionary as object, { id: 7 }),
    column => Object.assign(column.dictionary as object, { id: 'x'.repeat(65) }),
  ];
  for (const lie of lies) {
    const meta = unpackMeta<PartitionMeta>(header.meta);
    lie(meta.columns[0] as never);
    expect(() => decodeBatch({ ...header, meta: packMeta(meta) }, bytes)).toThrowError(
      expect.objectContaining({ code: 'CORRUPT_PARTITION' }),
    );
  }
});

test('equal dictionaries of different partitions become one object, which outlives the slabs', () => {
  const first = encodeBatch(textBatch(many(1000, 10)), dirtyMemory);
  const a = decodeBatch(first.header, first.bytes);
  const b = through(textBatch(many(800, 10)));
  expect(a.columns[0]!.dictionary!.id).toBeDefined();
  expect(b.columns[0]!.dictionary).toBe(a.columns[0]!.dictionary);
  first.bytes.fill(0x55); // The slab is used again.
  expect(recordsOf(b)[13]).toEqual({ s: 'v3' });
  const other = through(textBatch(many(800, 10, 'w')));
  expect(other.columns[0]!.dictionary).not.toBe(a.columns[0]!.dictionary);
});

test('a dictionary known by another length is not taken for it', () => {
  const batch = textBatch(many(1000, 7, 'x'));
  through(batch);
  const { header, bytes } = encodeBatch(textBatch(many(1000, 8, 'y')), dirtyMemory);
  const meta = unpackMeta<PartitionMeta>(header.meta);
  Object.assign(meta.columns[0]!.dictionary!, { id: contentId(batch.columns[0]!.dictionary!) });
  expect(recordsOf(decodeBatch({ ...header, meta: packMeta(meta) }, bytes))[7]).toEqual({ s: 'y7' });
});

test('the thread keeps a bounded share of dictionaries', () => {
  const size = 4 * 2 ** 20;
  for (let round = 0; round < 12; round++) {
    const bytes = new Uint8Array(size).fill(65 + round);
    const dictionary = { length: 1, offsets: Int32Array.of(0, size), bytes };
    through(batchOf('s', denseColumn(DataType.Utf8, 'code', 8, new Int32Array(8), dictionary)));
  }
  expect(dictionaryCacheBytes()).toBeGreaterThan(limits.dictionaryCacheBytes / 2);
  expect(dictionaryCacheBytes()).toBeLessThanOrEqual(limits.dictionaryCacheBytes);
});

test('a known dictionary stays while a quarter of it is in use or it is small beside the rows', () => {
  const batch = through(textBatch(many(1000, 100)));
  const { dictionary } = batch.columns[0]!;
  const used = compactBatch(sliceBatch(batch, 0, 30)).columns[0]!;
  expect(used.dictionary).toBe(dictionary);
  const few = compactBatch(takeBatch(batch, Int32Array.of(5, 6, 7), 3));
  expect(few.columns[0]!.dictionary!.length).toBe(3);
  expect(recordsOf(few)).toEqual([{ s: 'v5' }, { s: 'v6' }, { s: 'v7' }]);
});

test('partitions of one Arrow table share the dictionary and the values of the table', () => {
  const rows = 3000;
  const words = arrow.vectorFromArray(many(40, 40, 'word'), new arrow.Utf8());
  const codes = Int32Array.from({ length: rows }, (_, i) => (i * 7) % 40);
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32());
  const data = arrow.makeData({ type, length: rows, data: codes, dictionary: words });
  const numbers = Float64Array.from({ length: rows }, (_, i) => i / 2);
  const table = new arrow.Table({ s: new arrow.Vector([data]), f: arrow.makeVector(numbers) });
  const batches = tableToBatches(table, 1000);
  expect(new Set(batches.map(batch => batch.columns[0]!.dictionary)).size).toBe(1);
  expect(batches[0]!.columns[0]!.dictionary!.id).toBeDefined();
  expect(batches[1]!.columns[0]!.values.buffer).toBe(codes.buffer);
  expect(batches[1]!.columns[1]!.values.buffer).toBe(numbers.buffer);
  expect(recordsOf(batches[2]!)[1]).toEqual({ s: `word${(2001 * 7) % 40}`, f: 1000.5 });
});

test('a dictionary that repeats entries, keys without entries, and null keys', () => {
  const words = arrow.vectorFromArray(['a', 'b', 'a'], new arrow.Utf8());
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8());
  const data = arrow.makeData({
    type,
    length: 6,
    data: Int8Array.of(2, 1, 0, 99, -1, 1),
    nullCount: 1,
    nullBitmap: Uint8Array.of(0b011111),
    dictionary: words,
  });
  const [batch] = tableToBatches(new arrow.Table({ s: new arrow.Vector([data]) }), 10);
  expect(recordsOf(batch!).map(row => row.s)).toEqual(['a', 'b', 'a', null, null, null]);
  expect(batch!.columns[0]!.dictionary!.length).toBe(2);
  expect(batch!.columns[0]!.nullCount).toBe(3);
});

test('64-bit integers are numbers where all are safe, pairs of words where one is not', () => {
  const safe = arrow.makeVector(BigInt64Array.of(-5n, 2n ** 53n - 1n, 0n));
  const unsafe = arrow.makeVector(BigInt64Array.of(-5n, 2n ** 53n, 0n));
  const [batch] = tableToBatches(new arrow.Table({ safe, unsafe }), 10);
  const [a, b] = batch!.columns;
  expect([a!.physical, b!.physical]).toEqual(['f64', 'i64']);
  expect(a!.range).toEqual({ min: -5, max: 2 ** 53 - 1 });
  expect(recordsOf(batch!)[1]).toEqual({ safe: 2n ** 53n - 1n, unsafe: 2n ** 53n });
});
