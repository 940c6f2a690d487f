import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { isVolleyError } from '../../../core/base/errors.js';
import { DataType, formatType } from '../../column/datatype.js';
import { col } from '../../expr/expr.js';
import { type Cell, cellsOf, duckdb, readAll, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { parquetReader } from './reader.js';

const scratch = scratchFolder();
afterAll(scratch.close);

const flights = 'node_modules/vega-datasets/data/flights-3m.parquet';

/** Every flat type, with values at the ends of its range; `i % 7 = 3` is null where `nulls`. */
function allTypes(rows: number, nulls: boolean): string {
  const columns: [string, string][] = [
    ['b', 'i % 3 = 0'],
    ['i8', '(i % 256 - 128)::TINYINT'],
    ['u8', '(i % 256)::UTINYINT'],
    ['i16', '(i * 37 % 65536 - 32768)::SMALLINT'],
    ['u16', '(i * 37 % 65536)::USMALLINT'],
    ['i32', '(i * 1000003 % 4294967296 - 2147483648)::INTEGER'],
    ['u32', '(i * 1000003 % 4294967296)::UINTEGER'],
    ['i64', '(i * 1000000007 - 500000)::BIGINT'],
    ['wide', '(i * 922337203685477 - 9223372036854775807)::BIGINT'],
    ['u64', '(18446744073709551615 - i)::UBIGINT'],
    ['f32', '(i / 7)::FLOAT'],
    ['f64', '(i / 7)::DOUBLE'],
    ['few', "'key ' || (i % 13)"],
    ['many', "'näme ' || (i * 7919)"],
    ['d', "DATE '1970-01-01' + (i * 3 - 1000)::INTEGER"],
    ['ts', "TIMESTAMP '2001-01-01 00:00:00' + INTERVAL (i * 977) MILLISECOND"],
    ['tms', "(TIMESTAMP '2001-01-01 00:00:00' + INTERVAL (i) SECOND)::TIMESTAMP_MS"],
    ['tns', "(TIMESTAMP '2001-01-01 00:00:00' + INTERVAL (i) MICROSECOND)::TIMESTAMP_NS"],
    ['tz', "(TIMESTAMP '2001-01-01 00:00:00' + INTERVAL (i) SECOND)::TIMESTAMPTZ"],
  ];
  const list = columns.map(
    ([name, sql], k) =>
      `${nulls ? `CASE WHEN (i + ${k}) % 7 = 3 THEN NULL ELSE ${sql} END` : sql} AS ${name}`,
  );
  return `SELECT ${list.join(', ')} FROM range(${rows}) t(i) ORDER BY i`;
}

/** The same values as text in Volley's units, from DuckDB. */
const asCells = `SELECT b::VARCHAR, i8::VARCHAR, u8::VARCHAR, i16::VARCHAR, u16::VARCHAR, i32::VARCHAR, u32::VARCHAR, i64::VARCHAR, wide::VARCHAR,
  u64::VARCHAR, f32::DOUBLE, f64, few, many, (d - DATE '1970-01-01')::VARCHAR, epoch_us(ts)::VARCHAR, epoch_ms(tms)::VARCHAR, epoch_ns(tns)::VARCHAR,
  epoch_us(tz)::VARCHAR FROM`;

// Goal: every flat type, codec, page version and null pattern decodes to what DuckDB wrote.
test.each([
  ['snappy', 'V1', true],
  ['zstd', 'V1', true],
  ['gzip', 'V1', false],
  ['brotli', 'V2', true],
  ['lz4_raw', 'V2', false],
  ['uncompressed', 'V2', true],
  ['zstd', 'V2', false],
])('all types, %s, pages %s, nulls %s', async (codec, pages, nulls) => {
  const path = scratch.path(`all-${codec}-${pages}-${nulls}.parquet`);
  const expected = await duckdb(
    "SET TimeZone = 'UTC'",
    `COPY (${allTypes(5000, nulls)}) TO '${path}' (FORMAT parquet, COMPRESSION ${codec}, PARQUET_VERSION ${pages}, ROW_GROUP_SIZE 2048)`,
    `${asCells} '${path}'`,
  );
  const cells = await readAll(parquetReader, scanOf(path));
  const different = cells.findIndex((row, i) => row.join() !== expected[i]?.join());
  expect(cells[different]).toEqual(expected[different]);
  expect(cells.length).toBe(expected.length);
  const { splits } = await parquetReader.inspect(scanOf(path), testEnv);
  expect(splits.map(split => split.rows)).toEqual([2048, 2048, 904]);
});

// Goal: what is decoded for few rows only, from codes and from plain pages, is what DuckDB's filter leaves.
test.each([
  ['V1', true],
  ['V2', false],
])('few rows of all types, pages %s, nulls %s', async (pages, nulls) => {
  const path = scratch.path(`few-${pages}-${nulls}.parquet`);
  const where = "few = 'key 5' AND i32 > 0";
  const expected = await duckdb(
    "SET TimeZone = 'UTC'",
    `COPY (${allTypes(9000, nulls)}) TO '${path}' (FORMAT parquet, PARQUET_VERSION ${pages}, ROW_GROUP_SIZE 4096)`,
    `${asCells} '${path}' WHERE ${where}`,
  );
  const { schema, splits } = await parquetReader.inspect(scanOf(path), testEnv);
  const predicate = col('few').eq('key 5').and(col('i32').gt(0)).node;
  const cells: Cell[][] = [];
  const scan = { ...scanOf(path), schema, predicate };
  for await (const batch of parquetReader.read(scan, splits, testEnv, readWhole()))
    cells.push(...cellsOf(batch));
  expect(expected.length).toBeGreaterThan(200);
  expect(expected.length).toBeLessThan(9000 / 8);
  expect(cells.map(row => row.join())).toEqual(expected.map(row => row.join()));
});

test('schema of every flat type', async () => {
  const path = scratch.path('schema.parquet');
  await duckdb(`COPY (${allTypes(10, false)}) TO '${path}' (FORMAT parquet)`);
  const { schema } = await parquetReader.inspect(scanOf(path), testEnv);
  expect(schema.map(f => formatType(f.type)).join(' ')).toBe(
    'Bool Int8 UInt8 Int16 UInt16 Int32 UInt32 Int64 Int64 UInt64 Float32 Float64 Utf8 Utf8 Date ' +
      'Timestamp(us) Timestamp(ms) Timestamp(ns) Timestamp(us, UTC)',
  );
});

test('a column of nulls only, and a file without rows', async () => {
  const nulls = scratch.path('nulls.parquet');
  const none = scratch.path('none.parquet');
  await duckdb(
    `COPY (SELECT NULL::INTEGER AS a, NULL::VARCHAR AS s FROM range(100)) TO '${nulls}' (FORMAT parquet)`,
    `COPY (SELECT 1 AS a, 'x' AS s WHERE false) TO '${none}' (FORMAT parquet)`,
  );
  expect(await readAll(parquetReader, scanOf(nulls))).toEqual(
    Array.from({ length: 100 }, () => [null, null]),
  );
  expect(await readAll(parquetReader, scanOf(none))).toEqual([]);
  expect((await parquetReader.inspect(scanOf(none), testEnv)).schema.map(f => f.name)).toEqual(['a', 's']);
});

test('flights: columns, counts and sums equal DuckDB', async () => {
  const { schema, splits } = await parquetReader.inspect(scanOf(flights), testEnv);
  const scan = { ...scanOf(flights, ['delay', 'origin', 'date']), schema };
  let rows = 0;
  let delay = 0;
  let dates = 0n;
  const origins = new Map<string, number>();
  for (const split of splits) {
    for await (const batch of parquetReader.read(scan, [split], testEnv, readWhole())) {
      expect(batch.schema.map(f => f.name)).toEqual(['delay', 'origin', 'date']);
      const [d, o, t] = batch.columns;
      rows += batch.rows;
      const counts = new Float64Array(o!.dictionary!.length);
      for (let i = 0; i < batch.rows; i++) {
        delay += d!.values[i]!;
        counts[o!.values[i]!]!++;
      }
      dates += BigInt(t!.values[0]!) + BigInt(t!.values[batch.rows - 1]!);
      counts.forEach((n, code) => {
        const { offsets, bytes } = o!.dictionary!;
        const name = Buffer.from(bytes.subarray(offsets[code], offsets[code + 1])).toString();
        origins.set(name, (origins.get(name) ?? 0) + n);
      });
    }
  }
  const expected = await duckdb(
    `SELECT count(*)::VARCHAR, sum(delay)::VARCHAR, count(DISTINCT origin)::VARCHAR, sum((origin = 'LAS')::INTEGER)::VARCHAR FROM '${flights}'`,
  );
  expect([[String(rows), String(delay), String(origins.size), String(origins.get('LAS'))]]).toEqual(expected);
  const edges = await duckdb(
    `SELECT sum(epoch_us(date))::VARCHAR FROM (SELECT date, row_number() OVER () - 1 AS i FROM '${flights}') WHERE (i % 272727 = 0 AND i < 2999997) OR (i % 272727 = 272726 AND i < 2900000) OR i = 2999999`,
  );
  expect(String(dates)).toBe(edges[0]![0]);
});

test('several files: same columns in any order, splits in order; others are refused by name', async () => {
  const folder = (name: string) => scratch.path(name);
  await duckdb(
    `COPY (SELECT i AS a, 'x' || i AS s FROM range(3) t(i)) TO '${folder('p-1.parquet')}' (FORMAT parquet)`,
    `COPY (SELECT 'y' || i AS s, i AS a FROM range(3) t(i)) TO '${folder('p-2.parquet')}' (FORMAT parquet)`,
    `COPY (SELECT i::INTEGER AS a, 's' AS s FROM range(3) t(i)) TO '${folder('q.parquet')}' (FORMAT parquet)`,
    `COPY (SELECT i AS a FROM range(3) t(i)) TO '${folder('r.parquet')}' (FORMAT parquet)`,
  );
  expect(await readAll(parquetReader, scanOf(folder('p-*.parquet'), ['s', 'a']))).toEqual([
    ['x0', '0'],
    ['x1', '1'],
    ['x2', '2'],
    ['y0', '0'],
    ['y1', '1'],
    ['y2', '2'],
  ]);
  await expect(readAll(parquetReader, scanOf([folder('p-1.parquet'), folder('q.parquet')]))).rejects.toThrow(
    /q\.parquet, column 'a': Int32, but Int64/,
  );
  await expect(readAll(parquetReader, scanOf([folder('p-1.parquet'), folder('r.parquet')]))).rejects.toThrow(
    /r\.parquet lacks column 's'/,
  );
  await expect(readAll(parquetReader, scanOf(folder('r.parquet'), ['b']))).rejects.toMatchObject({
    code: 'COLUMN_NOT_FOUND',
  });
});

test('what cannot be read is refused only when it is asked for', async () => {
  const path = scratch.path('nested.parquet');
  await duckdb(
    `COPY (SELECT i AS a, [i, i + 1] AS l, {'v': [INTERVAL (i) DAY]} AS s, 1.25::DECIMAL(10, 2) AS d, 7::DECIMAL(9, 0) AS e, i * 2 AS z FROM range(3) t(i)) TO '${path}' (FORMAT parquet)`,
  );
  expect(await readAll(parquetReader, scanOf(path, ['z', 'e', 'a']))).toEqual([
    ['0', '7', '0'],
    ['2', '7', '1'],
    ['4', '7', '2'],
  ]);
  for (const column of ['s']) {
    const failure = await readAll(parquetReader, scanOf(path, [column])).catch(error => error);
    expect(failure).toMatchObject({ code: 'UNSUPPORTED', data: { column } });
  }
  const { schema } = await parquetReader.inspect(scanOf(path), testEnv);
  expect(schema.find(f => f.name === 'd')?.type).toEqual(DataType.Decimal(10, 2));
});

test('lists, times and UUIDs, over pages, row groups and null patterns', async () => {
  for (const version of ['V1', 'V2']) {
    const path = scratch.path(`lists-${version}.parquet`);
    const columns = [
      'CASE WHEN i % 7 = 3 THEN NULL ELSE range(i % 5) END AS l',
      "CASE WHEN i % 5 = 1 THEN [] ELSE ['a' || (i % 3), NULL, 'b' || i] END AS t",
      'list_value(i % 2 = 0, NULL) AS b',
      '[9007199254740993 + i] AS w',
      'CASE WHEN i % 11 = 2 THEN NULL ELSE [i / 3] END AS f',
    ];
    const rest = [
      "TIME '00:00:00' + INTERVAL (i * 13) SECOND AS time",
      'CASE WHEN i % 3 = 1 THEN NULL ELSE md5(i::VARCHAR)::UUID END AS id',
      "('x' || i)::BLOB AS blob",
    ];
    const expected = await duckdb(
      `COPY (SELECT ${[...columns, ...rest].join(', ')} FROM range(5000) t(i)) TO '${path}' (FORMAT parquet, PARQUET_VERSION ${version}, ROW_GROUP_SIZE 2048)`,
      `SELECT to_json(l)::VARCHAR, to_json(t)::VARCHAR, to_json(b)::VARCHAR, to_json(w)::VARCHAR, f, epoch_us(time)::VARCHAR, id::VARCHAR, hex(blob) FROM '${path}'`,
    );
    const { schema } = await parquetReader.inspect(scanOf(path), testEnv);
    expect(schema.map(({ type }) => formatType(type)).join(' ')).toBe(
      'List(Int64) List(Utf8) List(Bool) List(Int64) List(Float64) Duration(us) Utf8 Binary',
    );
    const cells = await readAll(parquetReader, scanOf(path));
    // DuckDB shows a list of doubles by an object of its own.
    const shown = (row: Cell[]) =>
      row.map((cell, c) => (c === 4 && cell !== null ? cell.replace(/[^0-9.]/g, '').slice(0, 8) : cell));
    const different = cells.findIndex((row, i) => shown(row).join() !== shown(expected[i]!).join());
    expect(cells[different]).toEqual(expected[different]);
    expect(cells.length).toBe(5000);
    const few = await readAll(parquetReader, {
      ...scanOf(path, ['t', 'id']),
      predicate: null,
    });
    expect(few[4999]).toEqual([expected[4999]![1], expected[4999]![6]]);
  }
});

// Goal: FAULTS 13. Whatever is wrong with the bytes, the error says BAD_DATA and the file.
test('damaged files give BAD_DATA', async () => {
  const path = scratch.path('good.parquet');
  await duckdb(
    `COPY (${allTypes(3000, true)}) TO '${path}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 2048)`,
  );
  const good = readFileSync(path);
  const cases: Record<string, Buffer> = {
    'empty.parquet': Buffer.alloc(0),
    'text.parquet': Buffer.from('a,b\n1,2\n3,4\n5,6\n'),
    'cut.parquet': good.subarray(0, good.length - 40),
    'tail.parquet': Buffer.concat([good.subarray(0, 4), good.subarray(good.length - 3000)]),
  };
  const lying = Buffer.from(good);
  lying.writeUInt32LE(2 ** 31, good.length - 8);
  cases['lying.parquet'] = lying;
  for (const [name, bytes] of Object.entries(cases)) {
    writeFileSync(scratch.path(name), bytes);
    const failure = await readAll(parquetReader, scanOf(scratch.path(name))).catch(error => error);
    expect(failure, name).toMatchObject({ code: 'BAD_DATA', data: { file: scratch.path(name) } });
  }
});

test('flipped bytes: an error that names the file, or a value, never a crash', async () => {
  const path = scratch.path('flip-source.parquet');
  await duckdb(`COPY (${allTypes(300, true)}) TO '${path}' (FORMAT parquet, COMPRESSION uncompressed)`);
  const good = readFileSync(path);
  const file = scratch.path('flip.parquet');
  let failures = 0;
  for (let k = 0; k < 400; k++) {
    const bytes = Buffer.from(good);
    const at = Math.floor((k * good.length) / 400);
    bytes[at]! ^= 1 << (k % 8);
    writeFileSync(file, bytes);
    const result: Cell[][] | Error = await readAll(parquetReader, scanOf(file)).catch(error => error);
    if (result instanceof Error) {
      failures++;
      const known = [
        'BAD_DATA',
        'UNSUPPORTED',
        'TYPE_MISMATCH',
        'COLUMN_NOT_FOUND',
        'DUPLICATE_COLUMN',
        'RESOURCE_EXHAUSTED',
      ];
      expect(isVolleyError(result) ? known.includes(result.code) : result, `byte ${at}`).toBe(true);
      expect(result.message).toContain('flip.parquet');
    }
  }
  expect(failures).toBeGreaterThan(20);
});

test('a file that changed since it was planned is refused', async () => {
  const path = scratch.path('changes.parquet');
  await duckdb(`COPY (SELECT i AS a FROM range(30) t(i)) TO '${path}' (FORMAT parquet)`);
  const { schema, splits } = await parquetReader.inspect(scanOf(path), testEnv);
  await duckdb(`COPY (SELECT i AS a FROM range(31) t(i)) TO '${path}' (FORMAT parquet)`);
  const rows = async () => {
    for await (const batch of parquetReader.read({ ...scanOf(path), schema }, splits, testEnv, readWhole())) {
      cellsOf(batch);
    }
  };
  await expect(rows()).rejects.toMatchObject({ code: 'BAD_DATA' });
});
