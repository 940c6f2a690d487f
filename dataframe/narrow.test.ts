import { expect, test } from 'vitest';
import { seededRng } from '../core/base/rng.js';
import type { PartitionHeader } from '../core/graph/partition.js';
import type { Batch, Column } from './column/column.js';
import { DataType } from './column/datatype.js';
import { denseColumn } from './column/layout.js';
import { narrowest, narrowForm } from './column/narrow.js';
import { decodeBatch, type PartitionMeta, sizeOfBatch, writeBatch } from './column/slab.js';
import { packMeta, unpackMeta } from './column/slab-meta.js';
import { col, corr, len } from './expr/expr.js';
import { type DataFrame, fromArrow, fromRecords } from './frame.js';
import { InlineExecutor } from './testing/inline-executor.js';
import { testSeed } from './testing/random-batch.js';
import { dirtyMemory, recordsOf } from './testing/run-fragment.js';

const rows = 1000;

function integers(min: number, max: number): Column {
  const values = Int32Array.from({ length: rows }, (_, i) => min + (i % (max - min + 1)));
  return { ...denseColumn(DataType.Int32, 'i32', rows, values), range: { min, max } };
}

function batchOf(columns: Readonly<Record<string, Column>>): Batch {
  const schema = Object.entries(columns).map(([name, { type }]) => ({ name, type }));
  return { schema, rows, columns: Object.values(columns) };
}

function written(batch: Batch) {
  const bytes = dirtyMemory(sizeOfBatch(batch, true));
  return { header: writeBatch(batch, bytes, true), bytes };
}

test('integers of few bytes lie in a slab once more, in the narrowest form, and are found by their values', () => {
  const bounds = { u8: [0, 255], i8: [-128, 127], u16: [0, 256], i16: [-1, 300], i32: [-1, 40_000] } as const;
  const columns = Object.entries(bounds).map(([form, [min, max]]) => [form, integers(min, max)] as const);
  const batch = batchOf(Object.fromEntries(columns));
  const { header, bytes } = written(batch);
  const back = decodeBatch(header, bytes, null, null, true);
  expect(recordsOf(back)).toEqual(recordsOf(batch));
  back.columns.forEach((column, c) => {
    const { values, physical } = narrowest(column);
    expect(physical).toBe(columns[c]![0]);
    expect(Array.from(values)).toEqual(Array.from(column.values));
    // Other values are others'.
    expect(narrowest({ ...column, values: column.values.slice() }).physical).toBe('i32');
  });
  // Nobody compared them where the bytes come from elsewhere.
  for (const column of decodeBatch(header, bytes).columns) expect(narrowest(column).physical).toBe('i32');
});

test('columns without known bounds, and of other types, have no narrow form', () => {
  const { range: _, ...unknown } = integers(0, 9);
  expect(narrowForm(unknown)).toBe(null);
  expect(narrowForm(denseColumn(DataType.Float64, 'f64', rows, new Float64Array(rows)))).toBe(null);
  expect(sizeOfBatch(batchOf({ unknown }), true)).toBe(sizeOfBatch(batchOf({ unknown })));
});

test.each([
  ['beyond the slab', { physical: 'u8', values: [1 << 20, rows] }],
  ['too short', { physical: 'u16', values: [0, rows] }],
  ['not narrow', { physical: 'f64', values: [0, 8 * rows] }],
])('a narrow form that is %s is CORRUPT_PARTITION', (_, narrow) => {
  const { header, bytes } = written(batchOf({ a: integers(0, 9) }));
  const meta = unpackMeta<PartitionMeta>(header.meta);
  const columns = meta.columns.map(column => ({ ...column, narrow }));
  const broken: PartitionHeader = { ...header, meta: packMeta({ ...meta, columns }) };
  expect(() => decodeBatch(broken, bytes, null, null, true)).toThrow(/CORRUPT_PARTITION|narrow/);
});

async function answers(frame: DataFrame): Promise<unknown[]> {
  const of = (keys: readonly string[]) =>
    frame
      .groupBy(...keys)
      .agg(
        col('v').sum(),
        col('n').min().alias('least'),
        col('n').max().alias('most'),
        col('w').mean().alias('mean'),
        col('n').sum().alias('all'),
        corr('v', 'w').alias('r'),
        len().alias('rows'),
      )
      .sort(...keys)
      .toRecords({ int64: 'bigint' });
  const joined = frame
    .join(frame.groupBy('t').agg(len().alias('of')), { on: 't' })
    .sort('i')
    .toRecords();
  return Promise.all([of(['t']), of(['t', 'k']), of(['k', 'n']), of(['n']), joined]);
}

test('tables that are kept answer as those that are not', async () => {
  const executor = new InlineExecutor();
  const random = seededRng(testSeed());
  const below = (n: number) => Math.floor(random() * n);
  const records = Array.from({ length: 6000 }, (_, i) => ({
    i,
    t: below(20) === 0 ? null : `t${below(30)}`,
    k: below(7) - 3,
    v: below(5),
    w: below(1000),
    n: below(10) === 0 ? null : below(40) - 20,
  }));
  const ints = ['k', 'v', 'w', 'n'].map(name => col(name).cast(DataType.Int32).alias(name));
  const table = await fromRecords({ executor }, records)
    .withColumns(...ints)
    .collect();
  const frame = fromArrow({ executor }, table, { partitions: 4 });
  const expected = await answers(frame);
  const kept = await frame.persist();
  expect(await answers(kept)).toEqual(expected);
  const filtered = await kept.filter(col('v').gt(0)).persist();
  expect(await answers(filtered)).toEqual(await answers(frame.filter(col('v').gt(0))));
  await kept.release();
  await filtered.release();
});
