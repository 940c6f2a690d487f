import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import type { Batch } from '../column/column.js';
import { DataType, type Schema } from '../column/datatype.js';
import { nullColumn } from '../column/layout.js';
import { recordsToBatch } from '../column/records.js';
import { parquetReader } from './parquet/reader.js';
import { writeSink } from './sink.js';
import type { ScanSpec, SinkSpec } from './source.js';
import { cellsOf, duckdb, readAll, readWhole, scratchFolder, testEnv } from './testing/oracle.js';

const scratch = scratchFolder();
afterAll(scratch.close);

function sinkOf(path: string, role: SinkSpec['role'] = 'file', changes: Partial<SinkSpec> = {}): SinkSpec {
  return {
    format: 'parquet',
    path,
    temporaryPath: `${path}.tmp`,
    csv: null,
    compression: 'snappy',
    rowGroupRows: 1000,
    role,
    ...changes,
  };
}

const scanOf = (path: string): ScanSpec => ({
  format: 'parquet',
  paths: [path],
  csv: null,
  columns: null,
  predicate: null,
  schema: null,
});

/** Batches with every type that is written, nulls in all columns. */
async function sourceBatches(rows: number): Promise<{ schema: Schema; batches: Batch[] }> {
  const path = scratch.path(`source-${rows}.parquet`);
  const columns = [
    'i % 3 = 0 AS b, (i % 100)::TINYINT AS i8, (i % 256)::UTINYINT AS u8, i::SMALLINT AS i16, i::USMALLINT AS u16, (i - 7)::INTEGER AS i32, (4294967295 - i)::UINTEGER AS u32',
    'i::BIGINT AS i64, (9223372036854775807 - i)::BIGINT AS wide, (18446744073709551615 - i)::UBIGINT AS u64, (i / 7)::FLOAT AS f32, (i / 7)::DOUBLE AS f64',
    "'k' || (i % 9) AS few, 'n€' || i AS many, DATE '2000-01-01' + i::INTEGER AS d, TIMESTAMP '2001-01-01' + INTERVAL (i) SECOND AS us",
    "(TIMESTAMP '2001-01-01' + INTERVAL (i) SECOND)::TIMESTAMP_MS AS ms, (TIMESTAMP '2001-01-01' + INTERVAL (i) SECOND)::TIMESTAMP_NS AS ns, (TIMESTAMP '2001-01-01' + INTERVAL (i) SECOND)::TIMESTAMPTZ AS tz",
  ];
  await duckdb(
    "SET TimeZone = 'UTC'",
    `COPY (SELECT ${columns.join(', ')} FROM range(${rows}) t(i) UNION ALL SELECT ${new Array(19).fill('NULL').join(', ')}) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
  );
  const { schema, splits } = await parquetReader.inspect(scanOf(path), testEnv);
  const batches: Batch[] = [];
  for (const split of splits) {
    for await (const batch of parquetReader.read(
      { ...scanOf(path), schema },
      [split],
      testEnv,
      readWhole(),
    )) {
      batches.push(batch);
    }
  }
  return { schema, batches };
}

test('folders by key: what DuckDB reads from them is what was written', async () => {
  const { schema, batches } = await sourceBatches(4500);
  const target = scratch.path('hive');
  const spec = sinkOf(target, 'part', { partitionBy: ['few', 'd8'] });
  const renamed = schema.map(field => (field.name === 'b' ? { ...field, name: 'd8' } : field));
  const rows = batches.map(batch => ({ ...batch, schema: renamed }));
  await writeSink({ ...spec, role: 'prepare' }, renamed, [], testEnv);
  const first = await writeSink(spec, renamed, rows.slice(0, 1), testEnv);
  const rest = await writeSink(spec, renamed, rows.slice(1), { ...testEnv, position: 1 });
  await writeSink({ ...spec, role: 'commit' }, renamed, [], testEnv);
  expect(first.rows + rest.rows).toBe(4501);
  expect(first.files[0]).toMatch(/hive\/few=k\d\/d8=(true|false)\/part-00000\.parquet$/);
  const counts = `SELECT few::VARCHAR, d8::VARCHAR, count(*), sum(i64), max(many) FROM`;
  const source = scratch.path('source-4500.parquet');
  expect(
    await duckdb(
      `${counts} read_parquet('${target}/**/*.parquet', hive_partitioning = true) GROUP BY ALL ORDER BY ALL`,
    ),
  ).toEqual(await duckdb(`${counts} (SELECT *, b AS d8 FROM '${source}') GROUP BY ALL ORDER BY ALL`));
});

test('every type: DuckDB and our reader read back what was written', async () => {
  const { schema, batches } = await sourceBatches(4500);
  for (const compression of ['snappy', 'zstd', 'none'] as const) {
    const path = scratch.path(`types-${compression}.parquet`);
    const receipt = await writeSink(sinkOf(path, 'file', { compression }), schema, batches, testEnv);
    expect(receipt).toMatchObject({ rows: 4501, files: [path] });
    expect(await readAll(parquetReader, scanOf(path))).toEqual(batches.flatMap(cellsOf));
    const { schema: again, splits } = await parquetReader.inspect(scanOf(path), testEnv);
    expect(again).toEqual(schema);
    expect(splits.map(split => split.rows)).toEqual([1000, 1000, 1000, 1000, 501]);
    const differences = await duckdb(
      `SELECT count(*) FROM (FROM '${path}' EXCEPT ALL FROM '${scratch.path('source-4500.parquet')}')`,
    );
    expect(differences).toEqual([['0']]);
  }
});

test('seconds become milliseconds; zero rows keep the schema', async () => {
  const schema: Schema = [{ name: 't', type: DataType.Timestamp('s') }];
  const path = scratch.path('empty.parquet');
  const batch = { schema, rows: 0, columns: [nullColumn(schema[0]!.type, 0)] };
  expect(await writeSink(sinkOf(path), schema, [batch], testEnv)).toMatchObject({ rows: 0 });
  expect((await parquetReader.inspect(scanOf(path), testEnv)).schema).toEqual([
    { name: 't', type: DataType.Timestamp('ms') },
  ]);
  expect(await readAll(parquetReader, scanOf(path))).toEqual([]);
});

const small = recordsToBatch([{ a: 1 }, { a: 2 }]);

// Goal: FAULTS 28. A failure half-way leaves the folder as it was, and what was there untouched.
test('an error half-way leaves nothing visible, and an existing file as it was', async () => {
  mkdirSync(scratch.path('half'));
  const path = scratch.path('half/out.parquet');
  writeFileSync(path, 'before');
  await expect(writeSink(sinkOf(path), small.schema, [small], testEnv)).rejects.toMatchObject({
    code: 'SINK_EXISTS',
  });
  async function* failing(): AsyncGenerator<Batch> {
    yield small;
    throw new Error('cancelled');
  }
  await expect(
    writeSink(sinkOf(path, 'file', { rowGroupRows: 1, overwrite: true }), small.schema, failing(), testEnv),
  ).rejects.toThrow('cancelled');
  expect(readdirSync(scratch.path('half'))).toEqual(['out.parquet']);
  await writeSink(sinkOf(path, 'file', { overwrite: true }), small.schema, [small], testEnv);
  expect(readdirSync(scratch.path('half'))).toEqual(['out.parquet']);
  expect(await readAll(parquetReader, scanOf(path))).toEqual([['1'], ['2']]);
});

test('a full disk is told as such and leaves nothing', async () => {
  const path = scratch.path('full/out.parquet');
  mkdirSync(scratch.path('full'));
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const batches = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(full) }) };
  await expect(writeSink(sinkOf(path), small.schema, batches, testEnv)).rejects.toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
  });
  expect(readdirSync(scratch.path('full'))).toEqual([]);
});

test('parts appear together, in row order, at the commit; leftovers of dead attempts never', async () => {
  const path = scratch.path('parts');
  const part = sinkOf(path, 'part');
  await writeSink({ ...part, role: 'prepare' }, small.schema, [], testEnv);
  for (const position of [11, 2, 0]) {
    const batch = recordsToBatch([{ a: position }]);
    await writeSink(part, batch.schema, [batch], { ...testEnv, position });
  }
  writeFileSync(`${scratch.path('.parts.tmp')}/.part-00001.parquet.a0`, 'half');
  const again = await writeSink(part, small.schema, [small], { ...testEnv, position: 11, attempt: 2 });
  expect(again.files).toEqual([`${path}/part-00011.parquet`]);
  expect(existsSync(path)).toBe(false);
  const commit = sinkOf(path, 'commit');
  await writeSink(commit, small.schema, [], testEnv);
  expect(readdirSync(path)).toEqual(['part-00000.parquet', 'part-00002.parquet', 'part-00011.parquet']);
  expect(readdirSync(scratch.path('')).some(name => name.includes('parts.tmp'))).toBe(false);
  expect(await readAll(parquetReader, scanOf(path))).toEqual([['0'], ['2'], ['1'], ['2']]);
  // A commit whose report was lost is repeated.
  await writeSink(commit, small.schema, [], { ...testEnv, attempt: 2 });
});

// A sink that failed is given up while some of its tasks are still at work.
test.each([[], ['a']])(
  'a part that comes to its folder when the sink has failed leaves nothing, keys %j',
  async (...keys) => {
    const path = scratch.path(`late-${keys.length}`);
    const part = sinkOf(path, 'part', { partitionBy: keys });
    const two = recordsToBatch([{ a: 'x', b: 2 }]);
    await writeSink({ ...part, role: 'prepare' }, two.schema, [], testEnv);
    const write = (position: number) => writeSink(part, two.schema, [two], { ...testEnv, position });
    await write(0);
    await writeSink({ ...part, role: 'discard' }, two.schema, [], testEnv);
    await expect(write(1)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/shared by all workers/),
    });
    expect(readdirSync(scratch.path('')).filter(name => name.includes('late-'))).toEqual([]);
  },
);

test('a folder that parts are still added to is removed all the same', async () => {
  const path = scratch.path('busy');
  const part = sinkOf(path, 'part');
  await writeSink({ ...part, role: 'prepare' }, small.schema, [], testEnv);
  const writing = Array.from({ length: 200 }, (_, position) =>
    writeSink(part, small.schema, [small], { ...testEnv, position }).catch(error => error.code),
  );
  await writing[0];
  await writeSink({ ...part, role: 'discard' }, small.schema, [], testEnv);
  await Promise.all(writing);
  expect(readdirSync(scratch.path('')).filter(name => name.includes('busy'))).toEqual([]);
});

test('a repeated attempt whose report was lost finds its own file; another one is refused', async () => {
  const path = scratch.path('again.parquet');
  await writeSink(sinkOf(path), small.schema, [small], testEnv);
  const retry = { ...testEnv, attempt: 2 };
  expect(await writeSink(sinkOf(path), small.schema, [small], retry)).toMatchObject({
    rows: 2,
    files: [path],
  });
  const other = recordsToBatch([{ a: 3 }]);
  await expect(writeSink(sinkOf(path), other.schema, [other], retry)).rejects.toMatchObject({
    code: 'SINK_EXISTS',
  });
  expect(await readAll(parquetReader, scanOf(path))).toEqual([['1'], ['2']]);
  expect(readdirSync(scratch.path('')).filter(name => name.includes('again'))).toEqual(['again.parquet']);
});

test('overwrite replaces a folder by a folder', async () => {
  const path = scratch.path('replaced');
  mkdirSync(path);
  writeFileSync(`${path}/old`, 'x');
  await writeSink(sinkOf(path, 'prepare'), small.schema, [], testEnv);
  await writeSink(sinkOf(path, 'part', { overwrite: true }), small.schema, [small], testEnv);
  await writeSink(sinkOf(path, 'commit', { overwrite: true }), small.schema, [], testEnv);
  expect(readdirSync(path)).toEqual(['part-00000.parquet']);
  expect(readdirSync(scratch.path('')).filter(name => name.includes('replaced'))).toEqual(['replaced']);
});

test('an existing folder is never replaced unless told', async () => {
  const path = scratch.path('taken');
  mkdirSync(path);
  writeFileSync(`${path}/precious`, 'x');
  await writeSink(sinkOf(path, 'prepare'), small.schema, [], testEnv);
  await writeSink(sinkOf(path, 'part'), small.schema, [small], testEnv);
  await expect(writeSink(sinkOf(path, 'commit'), small.schema, [], testEnv)).rejects.toMatchObject({
    code: 'SINK_EXISTS',
  });
  await expect(writeSink(sinkOf(path), small.schema, [small], testEnv)).rejects.toMatchObject({
    code: 'SINK_EXISTS',
  });
  expect(readdirSync(path)).toEqual(['precious']);
  expect(readdirSync(scratch.path('')).some(name => name.includes('taken.tmp'))).toBe(false);
});

test('refusals: allowed folders, missing folders, types, zstd without a compressor', async () => {
  const env = { ...testEnv, allowPaths: [scratch.path('half')] };
  await expect(
    writeSink(sinkOf(scratch.path('no.parquet')), small.schema, [small], env),
  ).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  await expect(
    writeSink(sinkOf(scratch.path('none/no.parquet')), small.schema, [small], testEnv),
  ).rejects.toThrow(/create it there/);
  const schema = [{ name: 'l', type: DataType.Struct({}) }];
  await expect(writeSink(sinkOf(scratch.path('no.parquet')), schema, [], testEnv)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    data: { column: 'l' },
  });
  await expect(writeSink(sinkOf(scratch.path('no.parquet')), [], [], testEnv)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
  });
});
