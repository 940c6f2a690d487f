import * as arrow from 'apache-arrow';
import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { concatBatches } from '../kernels/concat.js';
import { sliceBatch } from '../kernels/take.js';
import { randomBatch, testSeed } from '../testing/random-batch.js';
import { dirtyMemory, recordsOf } from '../testing/run-fragment.js';
import { batchesToTable, tableToBatches } from './arrow.js';
import { DataType } from './datatype.js';
import { batchesToRecords, recordsToBatch } from './records.js';
import { decodeBatch, encodeBatch } from './slab.js';

const seed = testSeed();

function wholeOf(table: arrow.Table): Record<string, unknown>[] {
  const batches = tableToBatches(table, 1 << 20);
  return recordsOf(batches[0]!);
}

test('batches with dictionaries of their own make one table, through get, toArray and IPC', () => {
  const batch = randomBatch(seededRng(seed), 500);
  const parts = [sliceBatch(batch, 0, 200), sliceBatch(batch, 200, 201), sliceBatch(batch, 201, 500)].map(
    part => {
      const { header, bytes } = encodeBatch(part, dirtyMemory);
      return decodeBatch(header, bytes);
    },
  );
  const expected = recordsOf(batch);
  const table = batchesToTable(batch.schema, parts);
  expect(table.numRows).toBe(500);
  const texts = table.getChild('s')!;
  const numbers = table.getChild('i')!;
  const rows = table.toArray();
  for (let row = 0; row < 500; row += 7) {
    expect(texts.get(row)).toBe(expected[row]!.s);
    expect(numbers.get(row)).toBe(expected[row]!.i);
    expect(rows[row]!.b).toBe(expected[row]!.b);
    expect(rows[row]!.d === null ? null : new Date(rows[row]!.d)).toEqual(expected[row]!.d);
  }
  expect(wholeOf(table)).toEqual(expected);
  expect(wholeOf(arrow.tableFromIPC(arrow.tableToIPC(table, 'file')))).toEqual(expected);
  expect(wholeOf(arrow.tableFromIPC(arrow.tableToIPC(table, 'stream')))).toEqual(expected);
});

test('partitions have the rows asked for, whatever the chunks of the table are', () => {
  const batch = randomBatch(seededRng(seed + 1), 300);
  const table = batchesToTable(batch.schema, [sliceBatch(batch, 0, 130), sliceBatch(batch, 130, 300)]);
  const parts = tableToBatches(table, 64);
  expect(parts.map(part => part.rows)).toEqual([64, 64, 64, 64, 44]);
  expect(recordsOf(concatBatches(batch.schema, parts))).toEqual(recordsOf(batch));
  // A slice of a table shares buffers, but not the position of its bitmaps.
  expect(wholeOf(table.slice(37, 251))).toEqual(recordsOf(batch).slice(37, 251));
});

test('every Arrow type that Volley has a column for', () => {
  const { vectorFromArray: v } = arrow;
  const table = new arrow.Table({
    small: v([1, null, -3], new arrow.Int8()),
    word: v([1, null, 4_000_000_000], new arrow.Uint32()),
    long: v([1n, null, 2n ** 62n], new arrow.Int64()),
    ulong: v([1n, null, 2n ** 64n - 1n], new arrow.Uint64()),
    half: v([0.5, null, 2], new arrow.Float16()),
    single: v([0.5, null, 2], new arrow.Float32()),
    text: v(['a', null, 'é'], new arrow.Utf8()),
    large: v(['a', null, 'é'], new arrow.LargeUtf8()),
    codes: v(['a', null, 'a'], new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8())),
    bytes: v([new Uint8Array([1, 2]), null, new Uint8Array(0)], new arrow.Binary()),
    flag: v([true, null, false], new arrow.Bool()),
    day: v([new Date('2024-02-29'), null, new Date('1969-12-31')], new arrow.DateDay()),
    moment: v([new Date('2024-02-29T12:30:00.5Z'), null, new Date(0)], new arrow.DateMillisecond()),
    nothing: v([null, null, null], new arrow.Null()),
  });
  const [batch] = tableToBatches(table, 10);
  const rows = recordsOf(batch!);
  expect(rows[1]).toEqual(Object.fromEntries(table.schema.fields.map(f => [f.name, null])));
  expect(rows[2]).toMatchObject({
    small: -3,
    word: 4_000_000_000,
    long: 2n ** 62n,
    ulong: 2n ** 64n - 1n,
    half: 2,
    single: 2,
    text: 'é',
    large: 'é',
    codes: 'a',
    flag: false,
    day: new Date('1969-12-31'),
    moment: new Date(0),
  });
  expect(rows[0]!.moment).toEqual(new Date('2024-02-29T12:30:00.5Z'));
  expect(rows[0]!.bytes).toEqual(new Uint8Array([1, 2]));
  expect(wholeOf(batchesToTable(batch!.schema, [batch!]))).toEqual(rows);
});

test('timestamps of all units keep their values', () => {
  for (const unit of ['s', 'ms', 'us', 'ns'] as const) {
    const type = DataType.Timestamp(unit, 'UTC');
    const schema = [{ name: 't', type }];
    const batch = recordsToBatch(
      [{ t: new Date('2024-02-29T12:30:01Z') }, { t: null }, { t: new Date('1900-01-01') }],
      schema,
    );
    const table = batchesToTable(schema, [batch]);
    expect(table.getChild('t')!.get(0)).toBe(Date.parse('2024-02-29T12:30:01Z'));
    const [back] = tableToBatches(table, 10);
    expect(back!.schema).toEqual(schema);
    expect(recordsOf(back!)).toEqual(recordsOf(batch));
  }
});

test('types there are no columns for are refused by name and type', () => {
  const table = new arrow.Table({ at: arrow.vectorFromArray([1, 2], new arrow.TimeSecond()) });
  expect(() => tableToBatches(table, 10)).toThrowError(/"at".*Time32/);
});

test('lists go out and come back, across chunks and batches', () => {
  const records = [
    { t: ['a', null, 'é'], n: [1.5, NaN], deep: [[1n], [], null], d: [new Date(0)] },
    { t: null, n: [], deep: null, d: null },
    { t: [], n: [null], deep: [], d: [null, new Date(5)] },
    { t: ['z'], n: [-0], deep: [[2n, 3n]], d: [] },
  ];
  const batch = recordsToBatch(records);
  const other = { schema: batch.schema, rows: 4, columns: batch.columns };
  const table = batchesToTable(batch.schema, [batch, other]);
  expect(table.getChild('t')!.get(0)!.toJSON()).toEqual(['a', null, 'é']);
  const back = tableToBatches(table, 3);
  expect(back.map(b => b.rows)).toEqual([3, 3, 2]);
  expect(batchesToRecords(batch.schema, back, { int64: 'bigint' })).toEqual([...records, ...records]);
  const [sliced] = tableToBatches(table.slice(2, 7), 10);
  expect(batchesToRecords(batch.schema, [sliced!], { int64: 'bigint' })).toEqual(
    [...records, ...records].slice(2, 7),
  );
});

test('a table without rows is one batch without rows', () => {
  const { schema } = randomBatch(seededRng(seed), 1);
  const table = batchesToTable(schema, []);
  expect(table.numRows).toBe(0);
  expect(table.schema.fields.map(f => f.name)).toEqual(schema.map(f => f.name));
  const [batch] = tableToBatches(table, 10);
  expect(batch!.rows).toBe(0);
  expect(batch!.schema).toEqual(schema);
});

test('text of nearly one entry per row keeps the dictionaries of its batches', () => {
  const rows = 2 ** 19 + 1;
  const batches = ['a', 'b'].map(tag =>
    recordsToBatch(Array.from({ length: rows }, (_, i) => ({ s: `${tag}${i}` }))),
  );
  const table = batchesToTable(batches[0]!.schema, batches);
  const texts = table.getChild('s')!;
  expect([0, 7, rows - 1, rows, 2 * rows - 1].map(i => texts.get(i))).toEqual([
    'a0',
    'a7',
    `a${rows - 1}`,
    'b0',
    `b${rows - 1}`,
  ]);
  const streamed = arrow.tableFromIPC(arrow.tableToIPC(table, 'stream'));
  expect(streamed.getChild('s')!.get(rows)).toBe('b0');
  expect(tableToBatches(table, rows).map(batch => batchesToRecords(batch.schema, [batch])[1])).toEqual([
    { s: 'a1' },
    { s: 'b1' },
  ]);
});
