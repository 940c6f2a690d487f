import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/services/postgres.js';
import { formatType } from '../../column/datatype.js';
import { col, len } from '../../expr/expr.js';
import { type DataFrame, scanPostgres } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { postgresReader } from './reader.js';

const host = { executor: new InlineExecutor() };
let server: PostgresServer;
let client: pg.Client;

beforeAll(async () => {
  server = await startPostgres();
  client = new pg.Client(server.url);
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await server.stop();
});

const types = async (frame: DataFrame) =>
  (await frame.schema()).map(f => `${f.name} ${formatType(f.type)}`).join(', ');
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    error => error as Error & { code: string },
  );

describe('types', () => {
  test('every type, nulls and edges', async () => {
    await client.query(`create type mood as enum ('sad', 'ok');
      create domain posint as int check (value > 0);
      create table every (b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric(20, 4), t text,
        v varchar(10), c char(4), x bytea, d date, ts timestamp, tz timestamptz, u uuid, j json, jb jsonb, m mood,
        p posint, o oid, iv interval, li int[], lt text[], ld date[], ln numeric[], lu uuid[]);
      insert into every values
        (true, -32768, 2147483647, 9223372036854775807, 1.5, 0.1, 1234567890.5678, 'žluť', 'v', 'c', '\\x00ff',
         '2024-02-29', '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56+02', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
         '{"a": 1}', '{"a":1}', 'ok', 7, 42, '1 day 2 hours', '{1,null,3}', '{"a,b",NULL,""}', '{2024-01-01}', '{1.5}',
         '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'),
        (false, 1, -1, -9223372036854775808, 'NaN', '-Infinity', 'NaN', '', '', '', '', '0001-01-01',
         '1999-12-31 23:59:59.999999', '1970-01-01 00:00:00+00', '00000000-0000-0000-0000-000000000000', '[]', '[]',
         'sad', 1, 0, '0', '{}', '{}', '{}', '{}', '{}');
      insert into every select`);
    const frame = scanPostgres(host, server.url, 'every');
    expect(await types(frame)).toBe(
      'b Bool, i2 Int16, i4 Int32, i8 Int64, f4 Float32, f8 Float64, n Float64, t Utf8, v Utf8, c Utf8, x Binary, ' +
        'd Date, ts Timestamp(us), tz Timestamp(us, UTC), u Utf8, j Utf8, jb Utf8, m Utf8, p Int32, o UInt32, iv Utf8, ' +
        'li List(Int32), lt List(Utf8), ld List(Date), ln List(Float64), lu List(Utf8)',
    );
    const [first, second, nulls] = await frame.drop('x').toRecords({ int64: 'bigint' });
    expect(first).toEqual({
      b: true,
      i2: -32768,
      i4: 2147483647,
      i8: 9223372036854775807n,
      f4: 1.5,
      f8: 0.1,
      n: 1234567890.5678,
      t: 'žluť',
      v: 'v',
      c: 'c   ',
      d: new Date('2024-02-29'),
      ts: new Date('2024-02-29T12:34:56.789Z'),
      tz: new Date('2024-02-29T10:34:56Z'),
      u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
      j: '{"a": 1}',
      jb: '{"a": 1}',
      m: 'ok',
      p: 7,
      o: 42,
      iv: '1 day 02:00:00',
      li: [1, null, 3],
      lt: ['a,b', null, ''],
      ld: [new Date('2024-01-01')],
      ln: [1.5],
      lu: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    });
    expect(second).toMatchObject({
      i8: -9223372036854775808n,
      f4: Number.NaN,
      f8: -Infinity,
      n: Number.NaN,
      li: [],
    });
    expect(second).toMatchObject({ d: new Date('0001-01-01'), tz: new Date(0), iv: '00:00:00' });
    expect(Object.values(nulls!).every(value => value === null)).toBe(true);
    const [micros] = await frame.select(col('ts').date.epoch('us').alias('us')).toRecords();
    expect(micros).toEqual({ us: Date.parse('2024-02-29T12:34:56.789Z') * 1000 + 12 });
    const table = await frame.select('x').collect();
    expect([...(table.getChild('x')!.get(0) as Uint8Array)]).toEqual([0, 255]);
  });

  test('what has no value here is an error with a way out', async () => {
    const failure = await failureOf(scanPostgres(host, server.url, "select 'infinity'::date as d").count());
    expect(failure).toMatchObject({ code: 'BAD_DATA', data: { column: 'd' } });
    expect(failure.message).toContain('column::text');
    const matrix = scanPostgres(host, server.url, "select '{{1,2},{3,4}}'::int[] as m");
    expect(await failureOf(matrix.count())).toMatchObject({ code: 'UNSUPPORTED' });
  });
});

describe('tables, queries and partitions', () => {
  beforeAll(async () => {
    await client.query(`create schema "My Schema";
      create table "My Schema"."Big Table" as
        select i, case when i % 10 = 0 then null else i * 2 end as k, 'n' || i % 100 as name, (i / 7.0)::float8 as f,
          timestamp '2024-01-01' + i * interval '1 second' as at
        from generate_series(1, 100000) as t(i)`);
  });
  const big = '"My Schema"."Big Table"';

  test('columns and rows that nobody asks for are not sent', async () => {
    const [row] = await scanPostgres(host, server.url, big).select(col('i').sum()).toRecords();
    expect(row).toEqual({ i: 5000050000 });
    expect(await scanPostgres(host, server.url, big, { columns: ['name', 'i'] }).columns()).toEqual([
      'name',
      'i',
    ]);
    const few = await scanPostgres(host, server.url, `select * from ${big} order by i; `)
      .head(2)
      .select('i')
      .toRecords();
    expect(few).toEqual([{ i: 1 }, { i: 2 }]);
    expect(await scanPostgres(host, server.url, 'values (1, $$x$$) -- two').toRecords()).toEqual([
      { column1: 1, column2: 'x' },
    ]);
  });

  test.each(['i', 'k', 'name', 'f', 'at'])('ranges of %s hold every row once, nulls too', async key => {
    const whole = scanPostgres(host, server.url, big);
    const ask = (frame: DataFrame) =>
      frame.select(len(), col('i').sum(), col('k').sum(), col('f').sum(), col('name').nUnique()).toRecords();
    const cut = scanPostgres(host, server.url, big, { partitionOn: key, partitions: 7 });
    expect(await ask(cut)).toEqual(await ask(whole));
    expect(host.executor.layers.some(layer => layer.count === 7)).toBe(true);
    expect(await cut.toRecords()).toHaveLength(100_000);
  });

  test('by default the number of rows makes the ranges', async () => {
    const scan = {
      format: 'postgres',
      paths: [server.url],
      csv: null,
      columns: null,
      predicate: null,
      schema: null,
    } as const;
    const env = { node: 'here', allowPaths: null, attempt: 1, position: 0 };
    const split = async (relation: string) => {
      const postgres = { relation, isQuery: true, partitionOn: 'i', partitions: null };
      return (await postgresReader.inspect({ ...scan, postgres }, env)).splits.map(s => s.query!.where);
    };
    expect(await split('select i from generate_series(1, 1200000) t(i)')).toEqual([
      `"i" <= '400000'`,
      `"i" > '400000' and "i" <= '800000'`,
      `"i" > '800000' or "i" is null`,
    ]);
    expect(await split('select 1 as i')).toEqual([null]);
    expect(await split('select null::int as i from generate_series(1, 600000)')).toEqual([null]);
  });
});

describe('refusals', () => {
  test('secrets are shown nowhere', async () => {
    const wrong = server.url.replace(encodeURIComponent(server.password), 'wr0ng');
    const secret = new RegExp(`wr0ng|${server.password}|${encodeURIComponent(server.password)}`);
    const denied = await failureOf(scanPostgres(host, wrong, 'every').count());
    expect(denied).toMatchObject({ code: 'UNAUTHENTICATED' });
    const absent = await failureOf(scanPostgres(host, server.url, 'no_such_table').count());
    expect(absent).toMatchObject({ code: 'NOT_FOUND' });
    expect(absent.message).toMatch(
      /^postgres:\/\/127\.0\.0\.1:\d+\/postgres, asked by this process: relation "no_such/,
    );
    const closed = await failureOf(scanPostgres(host, 'postgres://u:wr0ng@127.0.0.1:9/x', 'every').count());
    expect(closed).toMatchObject({ code: 'UNREACHABLE' });
    const texts = [denied, absent, closed].map(error => JSON.stringify(error) + error.stack);
    texts.push(await scanPostgres(host, server.url, 'every').explain({ physical: true }));
    expect(texts.filter(text => secret.test(text))).toEqual([]);
  });

  test('a query cannot write', async () => {
    await client.query(
      'create table precious (a int); create function wipe() returns int language sql as $$ delete from precious returning a $$',
    );
    expect(await failureOf(scanPostgres(host, server.url, 'select wipe()').count())).toMatchObject({
      code: 'ACCESS_DENIED',
    });
  });

  test('limited nodes, wrong arguments, unknown keys', async () => {
    const env = {
      node: 'n',
      allowPaths: ['/srv', 'postgres://127.0.0.1:1/postgres'],
      attempt: 1,
      position: 0,
    };
    const postgres = { relation: 'every', isQuery: false, partitionOn: null, partitions: null };
    const scan = {
      format: 'postgres',
      paths: [server.url],
      csv: null,
      columns: null,
      predicate: null,
      schema: null,
      postgres,
    } as const;
    await expect(postgresReader.inspect(scan, env)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    const near = new URL(server.url);
    const allowed = [`postgres://${near.host}/postgres`];
    expect((await postgresReader.inspect(scan, { ...env, allowPaths: allowed })).splits).toHaveLength(1);
    expect(() => scanPostgres(host, 'mysql://x', 'a')).toThrow(/postgres:\/\/user/);
    expect(() => scanPostgres(host, server.url, 'a.b.c.d')).toThrow(/schema\.table/);
    expect(() => scanPostgres(host, server.url, 'a', { partitions: 3 })).toThrow(/partitionOn/);
    const typo = scanPostgres(host, server.url, 'every', { partitionOn: 'i3' });
    expect(await failureOf(typo.count())).toMatchObject({ code: 'COLUMN_NOT_FOUND', data: { column: 'i3' } });
  });
});
