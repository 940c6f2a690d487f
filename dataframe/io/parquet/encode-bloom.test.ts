import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import type { Batch } from '../../column/column.js';
import { DataType } from '../../column/datatype.js';
import { recordsToBatch } from '../../column/records.js';
import { col } from '../../expr/expr.js';
import type { ExprNode } from '../../expr/node.js';
import { fromRecords } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { writeSink } from '../sink.js';
import type { SinkSpec } from '../source.js';
import { duckdb, newSeed, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { BloomBlocks } from './bloom-blocks.js';
import { parquetReader } from './reader.js';

const scratch = scratchFolder();
afterAll(scratch.close);
const host = { executor: new InlineExecutor() };
const path = scratch.path('bloom.parquet');

/** Every third number: what is between them is within all bounds, and not there. */
const types = {
  id: DataType.Int64,
  small: DataType.Int32,
  text: DataType.Utf8,
  real: DataType.Float64,
  day: DataType.Date,
  at: DataType.Timestamp('us'),
  price: DataType.Decimal(30, 2),
  none: DataType.Int64,
};
const rows = Array.from({ length: 6000 }, (_, i) => ({
  id: i % 11 === 4 ? null : BigInt(i) * 3_000_000_019n,
  small: (i % 500) * 3,
  text: i % 13 === 5 ? null : `näme ${i * 3}`,
  real: i === 7 ? -0 : i === 8 ? Number.NaN : i * 1.5,
  day: new Date(i * 3 * 86_400_000),
  at: new Date(i * 3000),
  price: `${i * 3}.25`,
  none: null,
}));

async function write(batch: Batch, changes: Partial<SinkSpec>): Promise<void> {
  const spec: SinkSpec = {
    format: 'parquet',
    path,
    temporaryPath: `${path}.tmp`,
    compression: 'snappy',
    rowGroupRows: 2000,
    role: 'file',
    ...changes,
  };
  await writeSink(spec, batch.schema, [batch], testEnv);
}

beforeAll(async () => {
  await write(
    recordsToBatch(
      rows,
      Object.entries(types).map(([name, type]) => ({ name, type })),
    ),
    {
      bloomFilters: Object.keys(types),
    },
  );
});

/** How many of the three row groups DuckDB's probe excludes. */
async function excluded(column: string, value: string): Promise<number> {
  const [[count]] = (await duckdb(
    `SELECT count(*) FILTER (bloom_filter_excludes) FROM parquet_bloom_probe('${path}', '${column}', ${value})`,
  )) as [[string]];
  return Number(count);
}

// Goal: DuckDB's own probe finds each value in the row group that has it, and mostly not where it is not.
test.each([
  ['id', (i: number) => `${BigInt(i) * 3_000_000_019n}::BIGINT`, (i: number) => `${i * 3 + 1}::BIGINT`],
  ['text', (i: number) => `'näme ${i * 3}'`, (i: number) => `'näme ${i * 3 + 1}'`],
  ['real', (i: number) => `${i * 1.5}::DOUBLE`, (i: number) => `${i * 1.5 + 0.25}::DOUBLE`],
  ['day', (i: number) => `DATE '1970-01-01' + ${i * 3}`, (i: number) => `DATE '1970-01-01' + ${i * 3 + 1}`],
  [
    'at',
    (i: number) => `make_timestamp(${i * 3_000_000})`,
    (i: number) => `make_timestamp(${i * 3_000_000 + 1})`,
  ],
])('DuckDB probes %s', async (column, there, absent) => {
  for (const i of [0, 1, 2001, 3000, 5999].filter(i => i % 11 !== 4 && i % 13 !== 5)) {
    expect(await excluded(column, there(i)), there(i)).toBeLessThan(3);
  }
  let found = 0;
  for (let i = 0; i < 20; i++) found += 3 - (await excluded(column, absent(100 + i * 211)));
  // One of a hundred, of sixty.
  expect(found).toBeLessThan(6);
});

test('a dictionary page is hashed once for each entry, zeros and NaN in every form', async () => {
  expect(await excluded('small', '1497')).toBe(0);
  expect(await excluded('small', '1498')).toBe(3);
  for (const zero of ["'0'::DOUBLE", "'-0'::DOUBLE"]) expect(await excluded('real', zero)).toBe(2);
  expect(await excluded('real', "'nan'::DOUBLE")).toBe(2);
});

test('the footer tells where they are; rows are as without them', async () => {
  const told = await duckdb(
    `SELECT count(bloom_filter_offset), count(DISTINCT bloom_filter_offset), min(bloom_filter_length) FROM parquet_metadata('${path}')`,
  );
  expect(told[0]!.slice(0, 2)).toEqual(['24', '24']);
  const [sums] = await duckdb(
    `SELECT count(*), sum(small)::VARCHAR, count(text), max(price)::VARCHAR FROM '${path}'`,
  );
  const small = rows.reduce((sum, row) => sum + row.small, 0);
  expect(sums).toEqual([
    '6000',
    String(small),
    String(rows.filter(row => row.text !== null).length),
    '17997.25',
  ]);
});

async function rowsRead(predicate: ExprNode, file = path): Promise<number> {
  const scan = scanOf(file);
  const { schema, splits } = await parquetReader.inspect(scan, testEnv);
  let read = 0;
  for await (const batch of parquetReader.read({ ...scan, schema, predicate }, splits, testEnv, readWhole()))
    read += batch.rows;
  return read;
}

test('our own scans leave out row groups by them', async () => {
  // Pages of the row groups are damaged: whoever looks at one fails.
  const pages = await duckdb(
    `SELECT data_page_offset + total_compressed_size // 2 FROM parquet_metadata('${path}') WHERE path_in_schema IN ('id', 'text', 'real')`,
  );
  const bad = readFileSync(path);
  for (const [offset] of pages) bad[Number(offset)]! ^= 255;
  const damaged = scratch.path('damaged.parquet');
  writeFileSync(damaged, bad);
  for (const missing of [col('id').eq(7), col('text').eq('näme 17'), col('real').isIn([4.25, 8.125])]) {
    expect(await rowsRead(missing.node, damaged)).toBe(0);
  }
  await expect(rowsRead(col('text').eq('näme 18').node, damaged)).rejects.toThrow(/checksum/);
  expect(await rowsRead(col('text').eq('näme 18').node)).toBeGreaterThan(0);
  expect(await rowsRead(col('real').eq(0).node)).toBeGreaterThan(0);
});

test('columns that have no filters are refused', async () => {
  const frame = fromRecords(host, [{ a: 1, l: [1], b: true }]);
  for (const [name, code] of [
    ['l', 'INVALID_ARGUMENT'],
    ['b', 'INVALID_ARGUMENT'],
    ['c', 'COLUMN_NOT_FOUND'],
  ] as const) {
    const sink = frame.sinkParquet(scratch.path('never.parquet'), { bloomFilters: [name] });
    await expect(sink).rejects.toMatchObject({ code });
  }
});

// Goal: what was added is always found; of the rest one in a hundred, as the size is meant for.
test('filters of any number of values', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  for (const count of [0, 1, 20, 5000, 60_000]) {
    const filter = BloomBlocks.forValues(count);
    const value = () =>
      Buffer.from(Array.from({ length: 1 + Math.floor(random() * 40) }, () => random() * 256));
    const added = Array.from({ length: count }, value);
    for (const each of added) filter.add(each);
    expect(
      added.every(each => filter.mayHold(each)),
      `seed ${seed}`,
    ).toBe(true);
    const others = Array.from({ length: 4000 }, () => Buffer.concat([value(), Buffer.alloc(8)]));
    expect(others.filter(each => filter.mayHold(each)).length, `seed ${seed}`).toBeLessThan(80);
  }
  expect(BloomBlocks.forValues(1e12).bytes.length).toBe(128 * 1024 * 1024);
});
