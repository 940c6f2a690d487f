import { readFileSync, writeFileSync } from 'node:fs';
import { parquetMetadata } from 'hyparquet';
import { readColumnIndex, readOffsetIndex } from 'hyparquet/src/indexes.js';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, expect, test } from 'vitest';
import type { Batch } from '../../column/column.js';
import { recordsToBatch } from '../../column/records.js';
import { col } from '../../expr/expr.js';
import { sliceBatch } from '../../kernels/take.js';
import { writeSink } from '../sink.js';
import type { SinkSpec } from '../source.js';
import { type Cell, cellsOf, duckdb, readAll, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { parquetReader } from './reader.js';

const scratch = scratchFolder();
afterAll(scratch.close);

async function write(
  name: string,
  batch: Batch,
  changes: Partial<SinkSpec> = {},
  parts: readonly Batch[] = [batch],
): Promise<string> {
  const path = scratch.path(name);
  const spec: SinkSpec = {
    format: 'parquet',
    path,
    temporaryPath: `${path}.tmp`,
    compression: 'snappy',
    rowGroupRows: 100_000,
    role: 'file',
    ...changes,
  };
  await writeSink(spec, batch.schema, parts, testEnv);
  return path;
}

/** Rows with every form of page: dictionaries small and too large, runs, nulls, values that are no numbers. */
function records(rows: number): Record<string, unknown>[] {
  return Array.from({ length: rows }, (_, i) => ({
    few: i % 11 === 3 ? null : `key ${i % 9}`,
    many: `näme ${i * 7919}`,
    long: i % 1000 === 0 ? 'x'.repeat(5000) : '',
    sorted: Math.floor(i / 500),
    real: i % 13 === 0 ? Number.NaN : i % 17 === 0 ? -0 : i / 7,
    wide: BigInt(i) * 922_337_203_685n - 9_007_199_254_740_993n,
    flag: i % 5 === 0 ? null : i % 3 === 0,
    none: null,
    at: new Date(i * 1000),
  }));
}

// Goal: what is written over several pages and row groups is what DuckDB and our own reader read.
test.each([
  ['snappy', 0],
  ['zstd', 1],
  ['none', 70_000],
  ['zstd', 70_000],
] as const)('written with %s, %i rows', async (compression, rows) => {
  const whole = recordsToBatch(records(Math.max(1, rows)));
  const batch = rows === 0 ? { ...whole, rows: 0, columns: recordsToBatch([], whole.schema).columns } : whole;
  const path = await write(`own-${compression}-${rows}.parquet`, batch, {
    compression,
    rowGroupRows: 50_000,
  });
  const cells = cellsOf(batch);
  expect(await readAll(parquetReader, scanOf(path))).toEqual(cells);
  const seen = await duckdb(
    `SELECT few, many, long, sorted, real, wide::VARCHAR, flag::VARCHAR, "none"::VARCHAR, epoch_ms("at")::VARCHAR FROM '${path}'`,
  );
  const zero = (cell: Cell) => (cell === '-0' ? '0' : cell);
  const different = cells.findIndex((row, i) => row.map(zero).join() !== seen[i]?.map(zero).join());
  expect(cells[different]).toEqual(seen[different]);
  expect(seen.length).toBe(rows);
});

// Goal: row groups that straddle batches: each part has a dictionary of its own texts, nulls and bits of validity.
test('batches of any length give the same row groups', async () => {
  const batch = recordsToBatch(records(5000));
  const cells = cellsOf(batch);
  for (const step of [1, 333, 1001, 4999]) {
    const parts = Array.from({ length: Math.ceil(5000 / step) }, (_, i) =>
      sliceBatch(batch, i * step, Math.min(5000, (i + 1) * step)),
    );
    const path = await write(`straddled-${step}.parquet`, batch, { rowGroupRows: 1000 }, parts);
    expect(await readAll(parquetReader, scanOf(path))).toEqual(cells);
    const { row_groups } = parquetMetadata(Uint8Array.from(readFileSync(path)).buffer);
    expect(row_groups.map(group => Number(group.num_rows))).toEqual([1000, 1000, 1000, 1000, 1000]);
  }
});

test('pages have an index, bounds and counts of nulls that hold', async () => {
  const path = await write('index.parquet', recordsToBatch(records(70_000)));
  const bytes = readFileSync(path);
  const metadata = parquetMetadata(Uint8Array.from(bytes).buffer);
  const chunk = metadata.row_groups[0]!.columns[3]!;
  const at = (offset: bigint, length: number) => ({
    view: new DataView(bytes.buffer, bytes.byteOffset + Number(offset), length),
    offset: 0,
  });
  const offsets = readOffsetIndex(at(chunk.offset_index_offset!, chunk.offset_index_length!));
  expect(offsets.page_locations.map(page => Number(page.first_row_index))).toEqual([0, 32_768, 65_536]);
  const index = readColumnIndex(
    at(chunk.column_index_offset!, chunk.column_index_length!),
    metadata.schema[4]!,
  );
  expect(index.min_values.map(Number)).toEqual([-0, 65, 131]);
  expect(index.max_values.map(Number)).toEqual([65, 131, 139]);
  expect(
    metadata.row_groups[0]!.columns.map(({ meta_data: data }) => Number(data!.statistics!.null_count)),
  ).toEqual([6364, 0, 0, 0, 0, 0, 14_000, 70_000, 0]);
  // NaN, which bounds leave out, is the largest value to DuckDB too.
  const expected = records(70_000).filter(
    row => row.sorted === 139 && !((row.real as number) <= 9999),
  ).length;
  const few = await duckdb(`SELECT count(*) FROM '${path}' WHERE sorted = 139 AND real > 9999`);
  expect(few).toEqual([[String(expected)]]);
});

test('a flip in any page is seen', async () => {
  const path = await write('sealed.parquet', recordsToBatch(records(300)), { compression: 'none' });
  const good = readFileSync(path);
  const start = Number(
    parquetMetadata(Uint8Array.from(good).buffer).row_groups[0]!.columns[1]!.meta_data!.data_page_offset,
  );
  for (let at = start + 60; at < start + 1000; at += 97) {
    const bad = Buffer.from(good);
    bad[at]! ^= 4;
    writeFileSync(scratch.path('flipped.parquet'), bad);
    await expect(readAll(parquetReader, scanOf(scratch.path('flipped.parquet'), ['many']))).rejects.toThrow(
      /checksum/,
    );
  }
});

test('rows that are not wanted are left out by filters and limits, whatever the pages hold', async () => {
  const batch = recordsToBatch(records(70_000));
  const path = await write('late.parquet', batch, { rowGroupRows: 30_000 });
  const scan = scanOf(path);
  const { schema, splits } = await parquetReader.inspect(scan, testEnv);
  const whole = cellsOf(batch);
  for (const rows of [1, 29_999, 30_001, 70_000]) {
    const cells: Cell[][] = [];
    const use = { ...readWhole(), rows };
    for await (const part of parquetReader.read({ ...scan, schema }, splits, testEnv, use))
      cells.push(...cellsOf(part));
    expect(cells.length).toBe(rows);
    expect(cells[rows - 1]).toEqual(whole[rows - 1]);
  }
  const { node } = col('real').lt(0.2).and(col('few').isNotNull());
  const filtered: Cell[][] = [];
  const late = { ...scan, schema, predicate: node };
  for await (const part of parquetReader.read(late, splits, testEnv, readWhole()))
    filtered.push(...cellsOf(part));
  const wanted = whole.filter(row => row[0] !== null && Number(row[4]) < 0.2);
  expect(filtered.length).toBeLessThan(10_000);
  expect(filtered).toEqual(wanted);
});

test('pages that their index rules out are left out', async () => {
  const batch = recordsToBatch(records(330_000).map((row, i) => ({ ...row, row: i })));
  const path = await write('pages.parquet', batch, { rowGroupRows: 330_000 });
  const scan = { ...scanOf(path, ['row', 'few', 'wide']), schema: batch.schema };
  const { splits } = await parquetReader.inspect(scan, testEnv);
  const predicate = col('row').eq(100_000).node;
  const parts: Batch[] = [];
  for await (const part of parquetReader.read({ ...scan, predicate }, splits, testEnv, readWhole()))
    parts.push(part);
  // The page of rows 98,304 to 131,071 may hold it.
  expect(parts.map(({ rows }) => rows)).toEqual([32_768]);
  expect(cellsOf(parts[0]!)[100_000 - 98_304]).toEqual([
    '100000',
    'key 1',
    String(100_000n * 922_337_203_685n - 9_007_199_254_740_993n),
  ]);
});

// Goal: encodings that DuckDB does not write by itself.
test.each([
  ['INT32', 'DELTA_BINARY_PACKED'],
  ['INT64', 'DELTA_BINARY_PACKED'],
  ['STRING', 'DELTA_LENGTH_BYTE_ARRAY'],
  ['STRING', 'DELTA_BYTE_ARRAY'],
  ['FLOAT', 'BYTE_STREAM_SPLIT'],
  ['DOUBLE', 'BYTE_STREAM_SPLIT'],
  ['BOOLEAN', 'RLE'],
  ['STRING', 'PLAIN'],
] as const)('hyparquet-writer: %s as %s', async (type, encoding) => {
  const values = Array.from({ length: 3000 }, (_, i) => {
    if (i % 7 === 2) return null;
    if (type === 'STRING') return `text ${i % 40} of ${i}`;
    if (type === 'BOOLEAN') return i % 3 === 0;
    return type === 'INT64' ? BigInt(i) * 1_000_003n : type === 'INT32' ? i * 37 - 5 : Math.fround(i / 3);
  });
  const columnData: ColumnSource[] = [{ name: 'v', data: values, type, encoding, nullable: true }];
  const path = scratch.path(`hyparquet-${type}-${encoding}.parquet`);
  writeFileSync(path, Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: 1000 })));
  const wanted = values.map(value => (value === null ? null : String(value)));
  const cells = await readAll(parquetReader, scanOf(path));
  expect(cells.map(([cell]) => cell)).toEqual(wanted);
  // Some of the values of a page.
  for (const rows of [1, 150, 997, 1400]) {
    const first = await readAll(parquetReader, scanOf(path), testEnv, rows);
    expect(first.map(([cell]) => cell)).toEqual(wanted.slice(0, rows));
  }
});
