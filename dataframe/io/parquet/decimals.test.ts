import { afterAll, expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { writeSink } from '../sink.js';
import type { SinkSpec } from '../source.js';
import { duckdb, readAll, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { decimalEntry } from './decimals.js';
import { parquetReader } from './reader.js';

const scratch = scratchFolder();
afterAll(scratch.close);

/** Of every storage: DuckDB keeps 4, 9, 18 and 38 digits in 16, 32, 64 and 128 bits. */
const columns = [
  'CASE WHEN i % 7 = 3 THEN NULL ELSE ((i - 250) * 1.25)::DECIMAL(9, 2) END AS few',
  '((i - 250) * 12345678)::DECIMAL(18, 4) AS safe',
  '((i - 250) * 3999999999999999)::DECIMAL(18, 0) AS whole',
  'CASE WHEN i % 5 = 1 THEN NULL ELSE ((i - 250) * 39999999999.12345)::DECIMAL(18, 5) END AS wide',
  '((i - 250) * 0.125)::DECIMAL(38, 10) AS small',
  "CASE WHEN i % 3 = 1 THEN NULL ELSE (CASE WHEN i < 250 THEN '-' ELSE '' END || i || '45678901234567890123456789012.25')::DECIMAL(38, 2) END AS huge",
].join(', ');
const names = ['few', 'safe', 'whole', 'wide', 'small', 'huge'];
const texts = names.map(name => `${name}::VARCHAR`).join(', ');
test.each(['V1', 'V2'])(
  'decimals of every size that DuckDB writes, pages %s; written again, DuckDB reads them',
  async version => {
    const path = scratch.path(`duck-${version}.parquet`);
    const expected = await duckdb(
      `COPY (SELECT ${columns} FROM range(500) t(i)) TO '${path}' (FORMAT parquet, PARQUET_VERSION ${version}, ROW_GROUP_SIZE 2048)`,
      `SELECT ${texts} FROM '${path}'`,
    );
    const scan = scanOf(path);
    const { schema, splits } = await parquetReader.inspect(scan, testEnv);
    expect(schema.map(({ type }) => type)).toEqual([
      DataType.Decimal(9, 2),
      DataType.Decimal(18, 4),
      DataType.Int64,
      DataType.Decimal(18, 5),
      DataType.Decimal(38, 10),
      DataType.Decimal(38, 2),
    ]);
    const read = await readAll(parquetReader, scan);
    expect(read).toEqual(expected);
    const batches = [];
    for await (const batch of parquetReader.read({ ...scan, schema }, splits, testEnv, readWhole()))
      batches.push(batch);
    for (const compression of ['none', 'zstd'] as const) {
      const own = scratch.path(`own-${version}-${compression}.parquet`);
      const sink: SinkSpec = {
        format: 'parquet',
        path: own,
        temporaryPath: `${own}.tmp`,
        compression,
        rowGroupRows: 200,
        role: 'file',
      };
      await writeSink(sink, schema, batches, testEnv);
      expect(await duckdb(`SELECT ${texts} FROM '${own}'`)).toEqual(expected);
      const types = await duckdb(`SELECT column_type FROM (DESCRIBE SELECT * FROM '${own}')`);
      expect(types.flat()).toEqual([
        'DECIMAL(9,2)',
        'DECIMAL(18,4)',
        'BIGINT',
        'DECIMAL(18,5)',
        'DECIMAL(38,10)',
        'DECIMAL(38,2)',
      ]);
      expect(await readAll(parquetReader, scanOf(own))).toEqual(read);
      const [low] = await duckdb(
        `SELECT stats_min_value, stats_max_value FROM parquet_metadata('${own}') WHERE path_in_schema = 'huge' LIMIT 1`,
      );
      expect(low!.every(bound => bound !== null)).toBe(true);
    }
  },
);

test('lists of decimals', async () => {
  const path = scratch.path('lists.parquet');
  const expected = await duckdb(
    `COPY (SELECT [i::DECIMAL(9, 2), NULL] AS a, CASE WHEN i % 4 = 1 THEN NULL ELSE [i::DECIMAL(38, 3)] END AS b FROM range(100) t(i)) TO '${path}' (FORMAT parquet)`,
    `SELECT to_json(a::VARCHAR[])::VARCHAR, to_json(b::VARCHAR[])::VARCHAR FROM '${path}'`,
  );
  const read = await readAll(parquetReader, scanOf(path));
  const plain = (cell: string | null) => cell?.replaceAll('"', '') ?? null;
  expect(read.map(row => row.map(plain))).toEqual(expected.map(row => row.map(plain)));
});

// Published examples: two's complement, the most significant byte first, of as few bytes as the writer liked.
test('a decimal of any number of bytes', () => {
  const hex = (...bytes: number[]) =>
    Buffer.from(decimalEntry(Uint8Array.from(bytes), 0, bytes.length)).toString('hex');
  expect(hex(0x01)).toBe('80000000000000000000000000000001');
  expect(hex(0xff)).toBe('7fffffffffffffffffffffffffffffff');
  expect(hex(0x80, 0x00)).toBe('7fffffffffffffffffffffffffff8000');
  expect(hex()).toBe('80000000000000000000000000000000');
  expect(hex(0, 0, ...new Uint8Array(15).fill(1), 0)).toBe(`81${'01'.repeat(14)}00`);
  expect(() => hex(1, ...new Uint8Array(16))).toThrow(/128 bits/);
  expect(() => hex(0, 0x80, ...new Uint8Array(15))).toThrow(/128 bits/);
});
