import { afterAll, beforeAll, expect, test } from 'vitest';
import { col } from '../../expr/expr.js';
import { workInKernelMemory } from '../../testing/kernel-memory.js';
import { countInstances } from '../../testing/wasm-instances.js';
import { type Cell, cellsOf, duckdb, readAll, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { parquetReader } from './reader.js';

/** As in a pool thread: pages are unpacked, looked up and numbered by WebAssembly. */
beforeAll(() => workInKernelMemory(64 * 1024 * 1024));
const scratch = scratchFolder();
afterAll(scratch.close);

/** Text whose values grow towards the end of a page, so that few of its first bytes hold most of its rows; and back. */
const columns = [
  "CASE WHEN i % 11 = 3 THEN NULL ELSE 'id' || lpad((i * 7919 % 3000)::VARCHAR, 10, '0') END AS nulls",
  "'id' || lpad((i * 7919 % 3000)::VARCHAR, 10, '0') AS plain",
  "repeat('long ', (i // 300)::INTEGER % 60) || i AS growing",
  "repeat('long ', 60 - (i // 300)::INTEGER % 60) || i AS shrinking",
  "'key ' || (i * 31 % 90) AS few",
  '(i * 31 % 700)::DOUBLE AS f64',
  '(i * 31 % 700)::BIGINT AS i64',
  '(i * 31 % 5)::TINYINT AS i8',
  'i::INTEGER AS row',
];

async function write(name: string, codec: string, version: string): Promise<string> {
  const path = scratch.path(name);
  await duckdb(
    `COPY (SELECT ${columns.join(', ')} FROM range(40000) t(i) ORDER BY i) TO '${path}'
     (FORMAT parquet, COMPRESSION ${codec}, PARQUET_VERSION ${version}, ROW_GROUP_SIZE 18432)`,
  );
  return path;
}

const files = [
  ['snappy', 'V1'],
  ['zstd', 'V1'],
  ['snappy', 'V2'],
  ['uncompressed', 'V1'],
] as const;

// Goal: whole files are what DuckDB wrote.
test.each(files)('rows of %s files, pages %s', async (codec, version) => {
  const path = await write(`all-${codec}-${version}.parquet`, codec, version);
  const instances = countInstances();
  const cells = await readAll(parquetReader, scanOf(path));
  instances.stop();
  const expected = await duckdb(
    `SELECT nulls, plain, growing, shrinking, few, f64::DOUBLE, i64::VARCHAR, i8::VARCHAR, row::VARCHAR FROM '${path}' ORDER BY row`,
  );
  const different = cells.findIndex((row, i) => row.join() !== expected[i]?.join());
  expect(cells[different]).toEqual(expected[different]);
  expect(cells.length).toBe(expected.length);
  if (codec === 'snappy' && version === 'V1') expect(instances.made).toBeGreaterThan(3);
});

// Goal: rows that lie behind what a page was unpacked to at first are found too.
test.each(files)('few rows of %s files, pages %s', async (codec, version) => {
  const path = await write(`few-${codec}-${version}.parquet`, codec, version);
  for (const rows of [[5], [9000], [17_000, 30_000], [18_431], [1, 2, 39_999]]) {
    const { schema, splits } = await parquetReader.inspect(scanOf(path), testEnv);
    const scan = { ...scanOf(path), schema, predicate: col('row').isIn(rows).node };
    const cells: Cell[][] = [];
    for await (const batch of parquetReader.read(scan, splits, testEnv, readWhole()))
      cells.push(...cellsOf(batch));
    const expected = await duckdb(
      `SELECT nulls, plain, growing, shrinking, few, f64::DOUBLE, i64::VARCHAR, i8::VARCHAR, row::VARCHAR FROM '${path}'
       WHERE row IN (${rows.join()}) ORDER BY row`,
    );
    expect(cells.map(row => row.join())).toEqual(expected.map(row => row.join()));
  }
});
