import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { col } from '../../expr/expr.js';
import type { ExprNode } from '../../expr/node.js';
import { duckdb, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { XxHash64 } from '../xxhash64.js';
import { parquetReader } from './reader.js';

const scratch = scratchFolder();
afterAll(scratch.close);

// Published: the vectors of the reference implementation.
test('xxHash64', () => {
  const hasher = new XxHash64();
  const hash = (text: string) => {
    hasher.hash(Buffer.from(`~${text}~`), 1, 1 + Buffer.byteLength(text));
    return ((BigInt(hasher.high) << 32n) | BigInt(hasher.low)).toString(16);
  };
  expect(hash('')).toBe('ef46db3751d8e999');
  expect(hash('a')).toBe('d24ec4f1a98c6e5b');
  expect(hash('abc')).toBe('44bc2cf5ad770999');
  expect(hash('Nobody inspects the spammish repetition')).toBe('fbcea83c8a378bf1');
});

async function rowsRead(path: string, predicate: ExprNode): Promise<number> {
  const scan = scanOf(path);
  const { schema, splits } = await parquetReader.inspect(scan, testEnv);
  let rows = 0;
  for await (const batch of parquetReader.read({ ...scan, schema, predicate }, splits, testEnv, readWhole()))
    rows += batch.rows;
  return rows;
}

// Goal: values within the bounds of every row group, which only Bloom filters can tell to be missing.
test('row groups whose filters deny every value are not read; those that DuckDB finds values in are', async () => {
  const path = scratch.path('bloom.parquet');
  await duckdb(
    `COPY (SELECT (i % 500) * 20 + (i // 20480) AS n, 'k' || ((i % 500) * 20 + (i // 20480)) AS t, ((i % 500) * 20 + (i // 20480)) / 8 AS f FROM range(204800) r(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 20480)`,
  );
  const written = await duckdb(`SELECT count(bloom_filter_offset) FROM parquet_metadata('${path}')`);
  expect(written).toEqual([['30']]);
  for (const [predicate, sql] of [
    [col('n').eq(4003), 'n = 4003'],
    [col('n').eq(4017), 'n = 4017'],
    [col('t').eq('k4003'), "t = 'k4003'"],
    [col('t').isIn(['k4003', 'k77', 'nowhere']), "t IN ('k4003', 'k77', 'nowhere')"],
    [col('f').eq(500.375), 'f = 500.375'],
    [col('n').eq(4003).or(col('t').eq('k18')), "n = 4003 OR t = 'k18'"],
  ] as const) {
    const [[groups]] = (await duckdb(
      `SELECT count(DISTINCT file_row_number // 20480) FROM read_parquet('${path}', file_row_number = true) WHERE ${sql}`,
    )) as [[string]];
    const read = await rowsRead(path, predicate.node);
    // The few rows that late materialisation keeps lie in row groups that hold them.
    expect(read > 0).toBe(Number(groups) > 0);
    const [[found]] = (await duckdb(`SELECT count(*) FROM '${path}' WHERE ${sql}`)) as [[string]];
    expect(read).toBeGreaterThanOrEqual(Number(found));
  }
});

test('pages of row groups whose filter denies the value are not looked at', async () => {
  const path = scratch.path('bloom.parquet');
  const pages = await duckdb(
    `SELECT data_page_offset + total_compressed_size // 2 FROM parquet_metadata('${path}') WHERE row_group_id <> 3`,
  );
  const bad = readFileSync(path);
  for (const [offset] of pages) bad.fill(0xff, Number(offset), Number(offset) + 64);
  const damaged = scratch.path('pages.parquet');
  writeFileSync(damaged, bad);
  expect(await rowsRead(damaged, col('t').eq('k4003').node)).toBe(
    await rowsRead(path, col('t').eq('k4003').node),
  );
  await expect(rowsRead(damaged, col('t').gtEq('k4003').node)).rejects.toMatchObject({ code: 'BAD_DATA' });
  expect(await rowsRead(damaged, col('t').eq('nowhere').node)).toBe(0);
});

test('a damaged filter is a hint that is not taken', async () => {
  const path = scratch.path('bloom.parquet');
  const [[offset]] = (await duckdb(`SELECT min(bloom_filter_offset) FROM parquet_metadata('${path}')`)) as [
    [string],
  ];
  const file = openSync(path, 'r');
  const header = Buffer.alloc(1);
  readSync(file, header, 0, 1, Number(offset));
  closeSync(file);
  const bad = readFileSync(path);
  bad[Number(offset)] = header[0]! ^ 0xff;
  const damaged = scratch.path('damaged.parquet');
  writeFileSync(damaged, bad);
  expect(await rowsRead(damaged, col('n').eq(4003).node)).toBe(await rowsRead(path, col('n').eq(4003).node));
});
