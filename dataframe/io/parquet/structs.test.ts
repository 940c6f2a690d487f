import { afterAll, expect, test } from 'vitest';
import type { Batch } from '../../column/column.js';
import { DataType } from '../../column/datatype.js';
import { batchesToRecords } from '../../column/records.js';
import { col } from '../../expr/expr.js';
import { writeSink } from '../sink.js';
import type { ScanSpec } from '../source.js';
import { duckdb, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { parquetReader } from './reader.js';

const scratch = scratchFolder();
afterAll(scratch.close);

async function records(path: string, changes: Partial<ScanSpec> = {}): Promise<Record<string, unknown>[]> {
  const scan = { ...scanOf(path), ...changes };
  const { schema, splits } = await parquetReader.inspect(scan, testEnv);
  const rows: Record<string, unknown>[] = [];
  for await (const batch of parquetReader.read({ ...scan, schema }, splits, testEnv, readWhole()))
    rows.push(...(batchesToRecords(batch.schema, [batch]) as Record<string, unknown>[]));
  return rows;
}

const columns = [
  'i',
  "CASE WHEN i % 7 = 3 THEN NULL ELSE {'x': i, 'y': CASE WHEN i % 3 = 1 THEN NULL ELSE 'n' || (i % 40) END, '1': i % 2 = 0} END AS s",
  "CASE WHEN i % 5 = 1 THEN NULL ELSE {'deep': CASE WHEN i % 4 = 2 THEN NULL ELSE {'v': CASE WHEN i % 6 = 0 THEN NULL ELSE i / 4 END} END, 'd': i::DECIMAL(38, 2)} END AS t",
  "{'always': i} AS u",
].join(', ');

// Goal: a null field, a null struct and a null struct in a struct are told apart, as DuckDB tells them.
test.each([
  ['V1', 'snappy', 5000],
  ['V2', 'zstd', 5000],
  ['V1', 'uncompressed', 1],
  ['V2', 'snappy', 0],
])('structs of pages %s, %s, %i rows', async (version, compression, rows) => {
  const path = scratch.path(`structs-${version}-${compression}-${rows}.parquet`);
  await duckdb(
    `COPY (SELECT ${columns} FROM range(${rows}) t(i)) TO '${path}' (FORMAT parquet, PARQUET_VERSION ${version}, COMPRESSION ${compression}, ROW_GROUP_SIZE 2048)`,
  );
  const expected = await duckdb(
    `SELECT i, to_json(s)::VARCHAR, to_json(t)::VARCHAR, to_json(u)::VARCHAR FROM '${path}' ORDER BY i`,
  );
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
  const seen = await records(path);
  const parsed = expected.map(([i, ...cells]) => [
    Number(i),
    ...cells.map(cell => (cell === null ? null : JSON.parse(cell))),
  ]);
  expect(seen.map(({ i, s, t, u }) => [i, json(s), json(plain(t)), json(u)])).toEqual(
    parsed.map(([i, s, t, u]) => [i, json(s), json(plain(t)), json(u)]),
  );
});

/** Decimals are text here and numbers in JSON. */
function plain(value: unknown): unknown {
  const t = value as { deep: unknown; d: unknown } | null;
  return t === null ? null : { deep: t.deep, d: Number(t.d) };
}

// Goal: what is written of nested columns is what DuckDB and our own reader read, page by page and row group by row group.
test('lists and structs are written', async () => {
  const path = scratch.path('nested.parquet');
  const lists = [
    'CASE WHEN i % 7 = 3 THEN NULL ELSE range(i % 5) END AS l',
    "CASE WHEN i % 5 = 1 THEN [] ELSE ['a' || (i % 3), NULL, 'b' || i] END AS t2",
    'CASE WHEN i % 11 = 2 THEN NULL ELSE [i / 3] END AS f',
    '[(i % 3)::DECIMAL(38, 4), NULL] AS d',
  ];
  await duckdb(
    `COPY (SELECT ${[columns, ...lists].join(', ')} FROM range(70000) t(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 70000)`,
  );
  const scan = scanOf(path);
  const { schema, splits } = await parquetReader.inspect(scan, testEnv);
  const batches: Batch[] = [];
  for await (const batch of parquetReader.read({ ...scan, schema }, splits, testEnv, readWhole()))
    batches.push(batch);
  const names = schema.map(({ name }) =>
    /^[dlf]$/.test(name) || name === 't2'
      ? `to_json(${name}::VARCHAR[])::VARCHAR`
      : `to_json(${name})::VARCHAR`,
  );
  const asked = (file: string) => duckdb(`SELECT ${names.join(', ')} FROM '${file}' ORDER BY i`);
  const expected = await asked(path);
  for (const [rowGroupRows, compression] of [
    [70_000, 'snappy'],
    [30_000, 'none'],
  ] as const) {
    const own = scratch.path(`nested-${rowGroupRows}.parquet`);
    const sink = {
      format: 'parquet',
      path: own,
      temporaryPath: `${own}.tmp`,
      compression,
      rowGroupRows,
      role: 'file',
    } as const;
    await writeSink(sink, schema, batches, testEnv);
    const seen = await asked(own);
    const different = expected.findIndex((row, i) => row.join() !== seen[i]?.join());
    expect(seen[different]).toEqual(expected[different]);
    expect(seen.length).toBe(70_000);
    const again = await records(own);
    expect(JSON.stringify(again.slice(0, 500))).toBe(JSON.stringify((await records(path)).slice(0, 500)));
  }
});

test('what is not written is refused by name', async () => {
  const type = DataType.List(DataType.Struct({}));
  const own = scratch.path('refused.parquet');
  const sink = {
    format: 'parquet',
    path: own,
    temporaryPath: `${own}.tmp`,
    compression: 'none',
    rowGroupRows: 10,
    role: 'file',
  } as const;
  await expect(writeSink(sink, [{ name: 'deep', type }], [], testEnv)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    data: { column: 'deep' },
  });
});

test('structs of the rows that a filter wants, and one column of them', async () => {
  const path = scratch.path('structs-V1-snappy-5000.parquet');
  const few = await records(path, { predicate: col('i').eq(4321).node, columns: ['s', 'i'] });
  expect(few.find(row => row.i === 4321)).toEqual({ i: 4321, s: { x: 4321, y: null, '1': false } });
  expect((await records(path, { columns: ['u'] })).length).toBe(5000);
});
