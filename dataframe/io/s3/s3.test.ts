import { readFileSync } from 'node:fs';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type S3Server, startS3 } from '../../../test/services/s3.js';
import { col, len } from '../../expr/expr.js';
import { fromRecords, scanCSV, scanParquet } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { globMatcher } from '../glob.js';
import { openSource, readRange } from '../paths.js';
import type { S3Options } from '../source.js';
import { scratchFolder, testEnv } from '../testing/oracle.js';

const host = { executor: new InlineExecutor() };
const scratch = scratchFolder();
let server: S3Server;
let client: S3Client;
let s3: S3Options;
const rows = Array.from({ length: 900 }, (_, i) => ({ i, name: `n${i % 7}` }));
const put = (key: string, body: string | Buffer) =>
  client.send(new PutObjectCommand({ Bucket: 'data', Key: key, Body: body }));

beforeAll(async () => {
  server = await startS3();
  s3 = { endpoint: server.endpoint, accessKeyId: 'key', secretAccessKey: 'hu5h', region: 'us-east-1' };
  const credentials = { accessKeyId: 'key', secretAccessKey: 'hu5h' };
  client = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials,
  });
  await client.send(new CreateBucketCommand({ Bucket: 'data' }));
  await fromRecords(host, rows).sinkParquet(scratch.path('rows.parquet'), { rowGroupRows: 300 });
  const parquet = readFileSync(scratch.path('rows.parquet'));
  for (const year of [2023, 2024]) await put(`sales/year=${year}/rows.parquet`, parquet);
  await put('sales/year=2024/_hidden.parquet', 'not parquet');
  await put('sales/year=1999/broken.parquet', 'not parquet');
  await put('plain object', `i\n${rows.map(r => r.i).join('\n')}\n`);
});
afterAll(async () => {
  client?.destroy();
  await server?.stop();
  scratch.close();
});

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    error => error as Error & { code: string },
  );

describe('reading', () => {
  test('one object, by ranges, and an object without an extension', async () => {
    const one = scanParquet(host, 's3://data/sales/year=2024/rows.parquet', { s3 });
    expect(await one.toRecords()).toEqual(rows);
    expect(await one.filter(col('i').lt(100)).count()).toBe(100);
    expect(await scanCSV(host, 's3://data/plain object', { s3 }).count()).toBe(900);
    const env = { ...testEnv, access: { urls: {}, s3 } };
    const { handle, size } = await openSource('s3://data/plain object', env);
    expect((await readRange(handle, 2, 5)).toString()).toBe('0\n1\n2');
    expect(await readRange(handle, size - 1, 50)).toHaveLength(1);
  });

  test('globs, and folders as partitions that filters leave out unopened', async () => {
    expect(
      await scanParquet(host, 's3://data/sales/year=202?/*.parquet', { s3 })
        .count()
        .catch(e => e.code),
    ).toBe('BAD_DATA');
    expect(await scanParquet(host, 's3://data/sales/year=202?/r*.parquet', { s3 }).count()).toBe(1800);
    const years = scanParquet(host, 's3://data/sales', { s3 }).filter(col('year').gt(2000));
    expect(await years.groupBy('year').agg(len()).sort('year').toRecords()).toEqual([
      { year: 2023, len: 900 },
      { year: 2024, len: 900 },
    ]);
  });

  test('listings of more than one page', async () => {
    await Promise.all(Array.from({ length: 1100 }, (_, i) => put(`many/${i}.csv`, `i\n${i}\n`)));
    const [row] = await scanCSV(host, 's3://data/many/*.csv', { s3 })
      .select(len(), col('i').sum())
      .toRecords();
    expect(row).toEqual({ len: 1100, i: (1100 * 1099) / 2 });
  });

  test('endpoint and keys from the environment', async () => {
    const names = { AWS_ENDPOINT_URL: server.endpoint, AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's' };
    Object.assign(process.env, names);
    try {
      expect(await scanCSV(host, 's3://data/plain object').count()).toBe(900);
    } finally {
      for (const name of Object.keys(names)) delete process.env[name];
    }
  });

  test('an object that changes while it is read is an error', async () => {
    await put('changing', 'a,b\n1,2\n');
    const { handle } = await openSource('s3://data/changing', { ...testEnv, access: { urls: {}, s3 } });
    await put('changing', 'a,b\n3,4\n');
    await expect(readRange(handle, 0, 8)).rejects.toMatchObject({ code: 'BAD_DATA' });
  });
});

describe('refusals', () => {
  test('what is missing says so, and secrets are shown nowhere', async () => {
    const missing = await failureOf(scanParquet(host, 's3://data/none.parquet', { s3 }).count());
    expect(missing).toMatchObject({ code: 'FILE_NOT_FOUND' });
    expect(await failureOf(scanParquet(host, 's3://data/none/*.parquet', { s3 }).count())).toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    expect(await failureOf(scanParquet(host, 's3://no-bucket/x/*.parquet', { s3 }).count())).toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    const closed = await failureOf(
      scanParquet(host, 's3://data/x.parquet', { s3: { ...s3, endpoint: 'http://127.0.0.1:9' } }).count(),
    );
    expect(closed).toMatchObject({ code: 'UNREACHABLE' });
    const texts = [missing, closed].map(error => JSON.stringify(error) + error.stack);
    texts.push(await scanCSV(host, 's3://data/plain object', { s3 }).explain({ physical: true }));
    expect(texts.filter(text => text.includes('hu5h'))).toEqual([]);
  });

  test('a limited node reads and lists below what it was given', async () => {
    const env = { ...testEnv, allowPaths: ['s3://data/sales/year=2024'], access: { urls: {}, s3 } };
    await openSource('s3://data/sales/year=2024/rows.parquet', env);
    for (const key of ['sales/year=2023/rows.parquet', 'sales/year=20245', 'sales/year=2024/../x'])
      expect(await failureOf(openSource(`s3://data/${key}`, env))).toMatchObject({ code: 'ACCESS_DENIED' });
  });

  test('glob rules are those of folders', () => {
    const matches = (pattern: string, name: string) => globMatcher(pattern)(name);
    expect(matches('a/**/b*.csv', 'a/b1.csv') && matches('a/**/b*.csv', 'a/x/y/b.csv')).toBe(true);
    expect(matches('a/*.csv', 'a/x/b.csv') || matches('a/*.csv', 'a/.b.csv')).toBe(false);
    expect(matches('a/{b,c}/[0-9].csv', 'a/c/7.csv')).toBe(true);
  });
});
