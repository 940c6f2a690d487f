import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/services/postgres.js';
import { createBuilder } from '../../column/builder.js';
import { DataType } from '../../column/datatype.js';
import type { ListBuilder } from '../../column/nested-builder.js';
import { recordsToBatch } from '../../column/records.js';
import { col, lit, when } from '../../expr/expr.js';
import { type DataFrame, fromRecords, scanPostgres } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import type { TableSinkSpec } from '../source.js';
import { testEnv } from '../testing/oracle.js';
import { writeTable } from './writer.js';

const host = { executor: new InlineExecutor() };
let server: PostgresServer;
let client: pg.Client;

beforeAll(async () => {
  server = await startPostgres();
  client = new pg.Client(server.url);
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await server?.stop();
});

const query = async (sql: string) => (await client.query(sql)).rows as Record<string, unknown>[];
/** Tables of writes that are under way, or were left behind. */
const leftovers = async () =>
  (await query("select relname from pg_class where relname like 'volley%'")).length;

const rows = Array.from({ length: 1000 }, (_, i) => ({
  i: BigInt(i),
  x: i % 7 === 0 ? null : i / 3,
  s: i % 5 === 0 ? null : `a\tb\\c\nd"${i % 11}`,
  b: i % 2 === 0,
  at: new Date(Date.UTC(2024, 0, 1) + i * 1001),
}));
const frame = (): DataFrame => fromRecords(host, rows, { partitions: 4 });
const scan = (table: string) => scanPostgres(host, server.url, table);

describe('a new table', () => {
  test('what is written is read again, and the server agrees', async () => {
    expect(await frame().sinkPostgres(server.url, 'public.fresh')).toEqual({ rows: 1000, files: [] });
    expect(await scan('fresh').sort('i').toRecords()).toEqual(await frame().toRecords());
    expect(
      await query(
        'select count(*)::int as n, sum(i)::int as i, count(x)::int as x, sum(length(s))::int as s from fresh',
      ),
    ).toEqual([{ n: 1000, i: 499500, x: 857, s: rows.reduce((sum, r) => sum + (r.s?.length ?? 0), 0) }]);
    expect(await leftovers()).toBe(0);
  });

  test('types and edges', async () => {
    const every = frame()
      .head(3)
      .select(
        lit(-0).cast(DataType.Float64).alias('zero'),
        lit(Number.NaN).alias('nan'),
        lit(-Infinity).alias('low'),
        lit(0.1).cast(DataType.Float32).alias('f4'),
        lit(-(2n ** 63n)).alias('i8'),
        lit(200).cast(DataType.UInt8).alias('u1'),
        lit('1999-12-31').cast(DataType.Date).alias('d'),
        col('at').cast(DataType.Timestamp('us', 'UTC')).alias('tz'),
        lit(null).alias('none'),
      );
    await every.sinkPostgres(server.url, 'edges');
    expect(
      await query(
        'select zero::text, nan::text, low::text, f4::text, i8::text, u1, d::text, none from edges limit 1',
      ),
    ).toEqual([
      {
        zero: '-0',
        nan: 'NaN',
        low: '-Infinity',
        f4: '0.1',
        i8: '-9223372036854775808',
        u1: 200,
        d: '1999-12-31',
        none: null,
      },
    ]);
    expect(await query('select extract(epoch from tz)::int as s from edges order by 1')).toEqual(
      rows.slice(0, 3).map(r => ({ s: Math.round(r.at.getTime() / 1000) })),
    );
  });

  test('lists and bytes', async () => {
    const texts = createBuilder(DataType.List(DataType.Utf8)) as ListBuilder;
    for (const text of ['plain', 'a"b\\c,{}', '', 'NULL']) texts.items.appendString(text);
    texts.items.appendNull();
    texts.appendList();
    texts.appendList();
    texts.appendNull();
    const bytes = createBuilder(DataType.Binary);
    bytes.appendBytes(Uint8Array.of(0, 92, 255), 0, 3);
    bytes.appendBytes(new Uint8Array(0), 0, 0);
    bytes.appendNull();
    const schema = [
      { name: 'l', type: DataType.List(DataType.Utf8) },
      { name: 'x', type: DataType.Binary },
    ];
    const batch = { schema, rows: 3, columns: [texts.finish(), bytes.finish()] };
    const spec = specOf('lists');
    await writeTable({ ...spec, role: 'prepare' }, schema, [], testEnv);
    await writeTable(spec, schema, [batch], testEnv);
    await writeTable({ ...spec, role: 'commit', parts: 1 }, schema, [], testEnv);
    expect(await query('select l, x from lists')).toEqual([
      { l: ['plain', 'a"b\\c,{}', '', 'NULL', null], x: Buffer.from([0, 92, 255]) },
      { l: [], x: Buffer.alloc(0) },
      { l: null, x: null },
    ]);
  });
});

describe('a table that is there', () => {
  test('create refuses it, append adds in its own types, replace makes it anew', async () => {
    await client.query(`create table there (id serial primary key, s varchar(20), i numeric, j jsonb default '{}');
      insert into there (s, i) values ('old', 1)`);
    const two = fromRecords(host, [
      { s: 'new', i: 2 },
      { s: null, i: 3.5 },
    ]);
    await expect(two.sinkPostgres(server.url, 'there')).rejects.toMatchObject({ code: 'SINK_EXISTS' });
    expect(await two.sinkPostgres(server.url, 'there', { mode: 'append' })).toMatchObject({ rows: 2 });
    expect(await query('select id, s, i::float8, j from there order by id')).toEqual([
      { id: 1, s: 'old', i: 1, j: {} },
      { id: 2, s: 'new', i: 2, j: {} },
      { id: 3, s: null, i: 3.5, j: {} },
    ]);
    await two.sinkPostgres(server.url, 'there', { mode: 'replace' });
    expect(await query('select * from there order by i')).toEqual([
      { s: 'new', i: 2 },
      { s: null, i: 3.5 },
    ]);
    await two.sinkPostgres(server.url, 'absent', { mode: 'append' });
    await two.sinkPostgres(server.url, 'absent2', { mode: 'replace' });
    expect(await query('select count(*)::int as n from absent, absent2')).toEqual([{ n: 4 }]);
    expect(await leftovers()).toBe(0);
  });

  test('a part that fails leaves the table as it was, and nothing behind', async () => {
    await client.query('create table kept (i int check (i < 990))');
    await client.query('insert into kept values (7)');
    const ids = frame().select(col('i'));
    await expect(ids.sinkPostgres(server.url, 'kept', { mode: 'append' })).rejects.toMatchObject({
      code: 'BAD_DATA',
    });
    const failing = frame().select(
      when(col('i').eq(990)).then(lit('soon')).otherwise(lit('2024-01-01')).cast(DataType.Date).alias('day'),
    );
    await expect(failing.sinkPostgres(server.url, 'kept', { mode: 'replace' })).rejects.toMatchObject({
      code: 'CAST_FAILED',
    });
    await expect(failing.sinkPostgres(server.url, 'never')).rejects.toMatchObject({ code: 'CAST_FAILED' });
    expect(await query("select i, to_regclass('never') as never from kept")).toEqual([{ i: 7, never: null }]);
    await expect(ids.sinkPostgres(server.url, 'no_schema.t')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(
      fromRecords(host, [{ q: 1 }]).sinkPostgres(server.url, 'kept', { mode: 'append' }),
    ).rejects.toMatchObject({
      code: 'COLUMN_NOT_FOUND',
    });
    expect(await leftovers()).toBe(0);
  });
});

function specOf(table: string): TableSinkSpec {
  return {
    format: 'postgres',
    path: 'db',
    access: { urls: { db: server.url } },
    table,
    mode: 'create',
    id: table,
    role: 'part',
    parts: 0,
  };
}

describe('attempts', () => {
  const batch = recordsToBatch([{ a: 1 }, { a: 2 }]);

  test('repeated and simultaneous attempts of a part count once; nothing is seen before the commit', async () => {
    const spec = specOf('attempts');
    await writeTable({ ...spec, role: 'prepare' }, batch.schema, [], testEnv);
    await writeTable({ ...spec, role: 'prepare' }, batch.schema, [], { ...testEnv, attempt: 2 });
    const part = (position: number, attempt: number) =>
      writeTable(spec, batch.schema, [batch], { ...testEnv, position, attempt });
    await Promise.all([part(0, 1), part(0, 2), part(1, 1)]);
    expect(await part(1, 3)).toMatchObject({ rows: 2 });
    expect(await query("select to_regclass('attempts') as seen")).toEqual([{ seen: null }]);
    const commit = { ...spec, role: 'commit', parts: 2 } as const;
    await expect(writeTable({ ...commit, parts: 3 }, batch.schema, [], testEnv)).rejects.toMatchObject({
      code: 'DATA_LOST',
    });
    await writeTable(commit, batch.schema, [], testEnv);
    // Its report was lost.
    await writeTable(commit, batch.schema, [], { ...testEnv, attempt: 2 });
    expect(await query('select count(*)::int as n from attempts')).toEqual([{ n: 4 }]);
  });

  test('secrets are shown nowhere', async () => {
    const wrong = server.url.replace(encodeURIComponent(server.password), 'wr0ng');
    const failure = await frame()
      .sinkPostgres(wrong, 't')
      .catch(error => error);
    expect(failure).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(JSON.stringify(failure) + failure.stack).not.toContain('wr0ng');
  });
});
