import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '../../../core/base/limits.js';
import { type S3Server, startS3 } from '../../../test/services/s3.js';
import { DataType } from '../../column/datatype.js';
import { recordsToBatch } from '../../column/records.js';
import { col, len, lit, when } from '../../expr/expr.js';
import { fromRecords, scanParquet } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { writeSink } from '../sink.js';
import type { S3Options, SinkSpec } from '../source.js';
import { testEnv } from '../testing/oracle.js';

const host = { executor: new InlineExecutor() };
let server: S3Server;
let client: S3Client;
let s3: S3Options;
const rows = Array.from({ length: 1000 }, (_, i) => ({ i, name: `n${i % 7}` }));
const frame = () => fromRecords(host, rows, { partitions: 4 });
const keys = async (prefix: string) => {
  const page = await client.send(new ListObjectsV2Command({ Bucket: 'out', Prefix: prefix }));
  return (page.Contents ?? []).map(({ Key }) => Key);
};

beforeAll(async () => {
  server = await startS3();
  s3 = { endpoint: server.endpoint, accessKeyId: 'key', secretAccessKey: 'hu5h' };
  const credentials = { accessKeyId: 'key', secretAccessKey: 'hu5h' };
  client = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials,
  });
  await client.send(new CreateBucketCommand({ Bucket: 'out' }));
});
afterAll(async () => {
  client?.destroy();
  await server?.stop();
});

test('one file, a folder of parts, and what exists is refused unless told', async () => {
  const one = 's3://out/one.parquet';
  expect(await frame().sinkParquet(one, { s3 })).toEqual({ rows: 1000, files: [one] });
  expect(await scanParquet(host, one, { s3 }).toRecords()).toEqual(rows);
  await expect(frame().sinkParquet(one, { s3 })).rejects.toMatchObject({ code: 'SINK_EXISTS' });
  await frame().head(5).sinkParquet(one, { s3, overwrite: true });
  expect(await scanParquet(host, one, { s3 }).count()).toBe(5);

  const folder = 's3://out/folder';
  const result = await frame().sinkParquet(`${folder}/`, { s3 });
  expect(result).toEqual({ rows: 1000, files: [0, 1, 2, 3].map(p => `${folder}/part-0000${p}.parquet`) });
  expect(await scanParquet(host, folder, { s3 }).select(len(), col('i').sum()).toRecords()).toEqual([
    { len: 1000, i: 499500 },
  ]);
  await expect(frame().sinkParquet(folder, { s3 })).rejects.toMatchObject({ code: 'SINK_EXISTS' });
  await frame().head(7).sinkParquet(folder, { s3, overwrite: true });
  expect(await scanParquet(host, folder, { s3 }).count()).toBe(7);
});

test('a sink that fails leaves no object', async () => {
  const failing = frame().withColumns(
    when(col('i').eq(990)).then(lit('soon')).otherwise(lit('2024-01-01')).cast(DataType.Date).alias('day'),
  );
  await expect(failing.sinkParquet('s3://out/never', { s3 })).rejects.toMatchObject({ code: 'CAST_FAILED' });
  await expect(failing.sinkParquet('s3://out/never.parquet', { s3 })).rejects.toMatchObject({
    code: 'CAST_FAILED',
  });
  await expect(frame().sinkParquet('s3://no-bucket/x.parquet', { s3 })).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
  });
  await expect(async () => frame().sinkParquet('https://host/x.parquet')).rejects.toMatchObject({
    code: 'UNSUPPORTED',
  });
  expect(await keys('never')).toEqual([]);
});

test('parts are seen at the commit, all of them, and a repeated commit finds its work done', async () => {
  const batch = recordsToBatch([{ a: 1 }, { a: 2 }]);
  const spec: SinkSpec = {
    format: 'parquet',
    path: 's3://out/steps',
    temporaryPath: 's3://out/steps.tmp',
    compression: 'snappy',
    rowGroupRows: 1000,
    role: 'part',
  };
  const env = { ...testEnv, access: { urls: {}, s3 } };
  const part = (position: number, attempt: number) =>
    writeSink(spec, batch.schema, [batch], { ...env, position, attempt });
  // The report of the first attempt of part 1 was lost: its upload is never completed.
  const [first, , second] = [await part(0, 1), await part(1, 1), await part(1, 2)];
  expect(await keys('steps')).toEqual([]);
  const commit: SinkSpec = { ...spec, role: 'commit', uploads: [...first!.uploads!, ...second!.uploads!] };
  await writeSink(commit, batch.schema, [], env);
  await writeSink(commit, batch.schema, [], { ...env, attempt: 2 });
  expect(await keys('steps')).toEqual(['steps/part-00000.parquet', 'steps/part-00001.parquet']);
  await expect(
    writeSink(spec, batch.schema, [batch], { ...env, allowPaths: ['s3://out/other'] }),
  ).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
});

test('a file of several upload parts is whole', async () => {
  const many = Array.from({ length: 300_000 }, (_, i) => ({
    a: Math.sin(i),
    b: Math.cos(i),
    c: i * Math.PI,
    d: 1 / (i + 1),
    e: i ** 0.5,
    f: Math.tan(i),
    g: Math.exp(-i),
    h: -i / 7,
  }));
  const path = 's3://out/many.parquet';
  await fromRecords(host, many).sinkParquet(path, { s3, compression: 'none' });
  const object = await client.send(new GetObjectCommand({ Bucket: 'out', Key: 'many.parquet' }));
  expect(object.ContentLength).toBeGreaterThan(limits.s3PartBytes);
  expect(object.ETag).toMatch(/-\d"$/);
  await object.Body?.transformToByteArray();
  const sums = (f: ReturnType<typeof scanParquet>) =>
    f.select(len(), col('a').sum(), col('c').sum()).toRecords();
  expect(await sums(scanParquet(host, path, { s3 }))).toEqual(await sums(fromRecords(host, many)));
});
