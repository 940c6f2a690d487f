import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { col, connect, LocalCluster, len, type Session } from '../../index.js';
import { type HttpFiles, serveFiles } from '../services/http-files.js';
import { type PostgresServer, startPostgres } from '../services/postgres.js';
import { type S3Server, startS3 } from '../services/s3.js';

/** Goal: workers of a cluster, processes of their own, read and write what is not on their disks. */

const folder = mkdtempSync(join(tmpdir(), 'volley-sources-'));
let cluster: LocalCluster;
let session: Session;
let http: HttpFiles;
let postgres: PostgresServer;
let s3: S3Server;

beforeAll(async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i},n${i % 9}`);
  writeFileSync(join(folder, 'rows.csv'), `i,name\n${lines.join('\n')}\n`);
  [http, postgres, s3, cluster] = await Promise.all([
    serveFiles(folder),
    startPostgres(),
    startS3(),
    LocalCluster.start({ workers: 2, threadsPerWorker: 1 }),
  ]);
  session = await cluster.connect();
});
afterAll(async () => {
  await session?.close();
  await cluster?.close();
  await Promise.all([http?.stop(), postgres?.stop(), s3?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

test('from the web into PostgreSQL, from there to S3, and back', async () => {
  const web = session.scanCSV(`${http.url}/files/rows.csv`, { splitBytes: 20_000 });
  const written = await web.sinkPostgres(postgres.url, 'rows');
  expect(written.rows).toBe(20_000);
  const table = session.scanPostgres(postgres.url, 'rows', { partitionOn: 'i', partitions: 5 });
  const access = { endpoint: s3.endpoint, accessKeyId: 'k', secretAccessKey: 's' };
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
  });
  await client.send(new CreateBucketCommand({ Bucket: 'out' }));
  client.destroy();
  const { files } = await table.sinkParquet('s3://out/rows', { s3: access });
  expect(files).toHaveLength(5);
  const stored = session.scanParquet('s3://out/rows', { s3: access });
  const ask = (frame: typeof web) =>
    frame.groupBy('name').agg(col('i').sum(), len()).sort('name').toRecords();
  expect(await ask(stored)).toEqual(await ask(web));
  await table.sinkIPC('s3://out/rows.arrow', { s3: access, compression: 'zstd' });
  expect(await ask(session.scanIPC('s3://out/rows.arrow', { s3: access }))).toEqual(await ask(web));
  await table.sinkNDJSON('s3://out/lines', { s3: access });
  expect(await ask(session.scanNDJSON('s3://out/lines', { s3: access }))).toEqual(await ask(web));
});

test('every format of files, from the web and from disk, is the same on a cluster as in this process', async () => {
  const web = session.scanCSV(`${http.url}/files/rows.csv`, { splitBytes: 20_000 });
  const out = (name: string) => join(folder, name);
  await web.sinkNDJSON(out('rows.ndjson'));
  await web.sinkIPC(out('rows.arrow'), { compression: 'lz4', batchRows: 3000 });
  await web.sinkIPC(out('parts'), { compression: 'zstd', partitionBy: 'name' });
  writeFileSync(
    out('rows.json'),
    `[${readFileSync(out('rows.ndjson'), 'utf8').trimEnd().replaceAll('\n', ',')}]`,
  );
  const embedded = await connect();
  const frames = (on: Session) => [
    on.scanNDJSON(out('rows.ndjson'), { splitBytes: 30_000 }),
    on.scanNDJSON(`${http.url}/files/rows.ndjson`, { splitBytes: 30_000 }),
    on.scanJSON(`${http.url}/files/rows.json`),
    on.scanIPC(out('rows.arrow')),
    on.scanIPC(`${http.url}/files/rows.arrow`),
    on.scanIPC(out('parts')),
  ];
  const ask = (frame: typeof web) =>
    frame.groupBy('name').agg(col('i').sum(), len()).sort('name').toRecords();
  const expected = await ask(web);
  for (const on of [session, embedded]) {
    for (const frame of frames(on)) expect(await ask(frame)).toEqual(expected);
  }
  await embedded.close();
});
