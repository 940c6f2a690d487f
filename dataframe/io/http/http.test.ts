import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../core/base/limits.js';
import { type HttpFiles, serveFiles } from '../../../test/services/http-files.js';
import { col, len } from '../../expr/expr.js';
import { fromRecords, scanCSV, scanParquet } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { openSource, readRange } from '../paths.js';
import { scratchFolder, testEnv } from '../testing/oracle.js';

const host = { executor: new InlineExecutor() };
const scratch = scratchFolder();
let server: HttpFiles;
const rows = Array.from({ length: 3000 }, (_, i) => ({ i, name: `n${i % 7}`, half: i / 2 }));

beforeAll(async () => {
  await fromRecords(host, rows).sinkParquet(scratch.path('rows.parquet'), { rowGroupRows: 1000 });
  const lines = rows.map(r => `${r.i},${r.name},${r.half}`);
  writeFileSync(scratch.path('rows.csv'), `i,name,half\n${lines.join('\n')}\n`);
  writeFileSync(scratch.path('empty.csv'), '');
  server = await serveFiles(scratch.path(''));
});
/** Bytes that were asked for. */
function bytesOf(log: readonly { readonly range?: string }[]): number {
  return log.reduce((sum, { range }) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    return sum + Number(last) - Number(first) + 1;
  }, 0);
}

beforeEach(() => server.log());
afterAll(async () => {
  await server.stop();
  scratch.close();
});

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    error => error as Error & { code: string },
  );

describe('a server with ranges', () => {
  test('Parquet and CSV are what they are on disk, and only ranges are asked for', async () => {
    const local = scanParquet(host, scratch.path('rows.parquet'));
    const remote = scanParquet(host, `${server.url}/files/rows.parquet`);
    expect(await remote.toRecords()).toEqual(await local.toRecords());
    const csv = scanCSV(host, `${server.url}/files/rows.csv`, { splitBytes: 5000 });
    expect(await csv.groupBy('name').agg(col('half').sum(), len()).sort('name').toRecords()).toEqual(
      await local.groupBy('name').agg(col('half').sum(), len()).sort('name').toRecords(),
    );
    const log = await server.log();
    expect(log.every(({ method, range }) => method === 'GET' && /^bytes=\d+-\d+$/.test(range ?? ''))).toBe(
      true,
    );
  });

  test('columns and row groups that nobody needs are not fetched', async () => {
    const remote = scanParquet(host, `${server.url}/files/rows.parquet`);
    await remote.select('name').toRecords();
    const narrow = bytesOf(await server.log());
    await remote.filter(col('i').lt(500)).toRecords();
    const short = bytesOf(await server.log());
    await remote.toRecords();
    const all = bytesOf(await server.log());
    expect(narrow).toBeLessThan(all);
    expect(short).toBeLessThan(all);
    expect(await remote.filter(col('i').gt(2500)).count()).toBe(499);
  });

  test('an empty file is one, and a missing one says where', async () => {
    const { size, handle } = await openSource(`${server.url}/files/empty.csv`, testEnv);
    expect(size).toBe(0);
    expect(await readRange(handle, 0, 10)).toHaveLength(0);
    const failure = await failureOf(scanCSV(host, `${server.url}/files/none.csv`).count());
    expect(failure).toMatchObject({ code: 'FILE_NOT_FOUND' });
    expect(failure.message).toContain('/files/none.csv, asked for by this process, answers 404');
  });

  test('a file that changes while it is read is an error', async () => {
    const failure = await failureOf(scanCSV(host, `${server.url}/changing/rows.csv`).count());
    expect(failure).toMatchObject({ code: 'BAD_DATA' });
    expect(failure.message).toContain('the file changed');
  });
});

describe('a server without ranges', () => {
  test('a small file is read whole', async () => {
    expect(await scanCSV(host, `${server.url}/whole/rows.csv`).count()).toBe(3000);
    expect(await scanParquet(host, `${server.url}/whole/rows.parquet`).count()).toBe(3000);
  });

  test('a large one is refused before it is read', async () => {
    const failure = await failureOf(scanCSV(host, `${server.url}/huge/x.csv`).count());
    expect(failure).toMatchObject({ code: 'UNSUPPORTED' });
    expect(failure.message).toContain(`larger than ${limits.httpWholeBytes} bytes: download it first`);
  });
});

describe('failures that pass', () => {
  test.each(['503', '429', '500'])('%s twice, then the answer', async status => {
    expect(await scanCSV(host, `${server.url}/fails/${status}/2/rows.csv`).count()).toBe(3000);
  });

  test('connections that break off half-way go on where they were', async () => {
    const { handle, size } = await openSource(`${server.url}/cut/rows.csv`, testEnv);
    const whole = await openSource(scratch.path('rows.csv'), testEnv);
    const length = 12;
    expect(await readRange(handle, 100, length)).toEqual(await readRange(whole.handle, 100, length));
    expect(size).toBe(whole.size);
    await whole.handle.close();
    expect((await server.log()).map(({ range }) => range)).toEqual([
      'bytes=0-0',
      'bytes=100-111',
      'bytes=106-111',
      'bytes=109-111',
      'bytes=110-111',
      'bytes=111-111',
    ]);
  });

  test('a failure that stays is told after a bounded number of attempts; one that is final at once', async () => {
    const failure = await failureOf(scanCSV(host, `${server.url}/fails/503/99/rows.csv`).count());
    expect(failure).toMatchObject({ code: 'UNREACHABLE' });
    expect(failure.message).toContain('answers 503');
    expect(await server.log()).toHaveLength(limits.httpAttempts);
    await failureOf(scanCSV(host, `${server.url}/fails/400/99/rows.csv`).count());
    expect(await server.log()).toHaveLength(1);
  });

  test('a server that is not there', async () => {
    const failure = await failureOf(scanCSV(host, 'http://ann:hush@127.0.0.1:9/x.csv').count());
    expect(failure).toMatchObject({ code: 'UNREACHABLE' });
    expect(failure.message).not.toContain('hush');
  });
});

describe('secrets and limits', () => {
  const withUser = (text: string) => text.replace('http://', 'http://ann:pa%20ss@');

  test('user and password of a URL open it and are shown nowhere', async () => {
    const scan = scanCSV(host, withUser(`${server.url}/secret/rows.csv`));
    expect(await scan.count()).toBe(3000);
    const wrong = scanCSV(host, `${server.url.replace('http://', 'http://ann:wr0ng@')}/secret/rows.csv`);
    const signed = scanCSV(host, `${server.url}/secret/none.csv?signature=s3cr3t`);
    const failures = await Promise.all([failureOf(wrong.count()), failureOf(signed.count())]);
    expect(failures.map(f => f.code)).toEqual(['ACCESS_DENIED', 'FILE_NOT_FOUND']);
    const texts = [
      await scan.explain(),
      await scan.explain({ physical: true }),
      ...failures.map(f => JSON.stringify(f) + f.stack),
    ];
    expect(texts.filter(text => /pa%20ss|pa ss|wr0ng|s3cr3t/.test(text))).toEqual([]);
  });

  test('two URLs that differ in their queries only are two files', async () => {
    const at = (n: number) => `${server.url}/secret/rows.csv?signature=s3cr3t&part=${n}`;
    expect(await scanCSV(host, [at(1), at(2)]).count()).toBe(6000);
  });

  test('headers go to the server asked, not to those it redirects to', async () => {
    const other = await serveFiles(scratch.path(''));
    try {
      const hop = `${server.url}/to/${encodeURIComponent(`${other.url}/files/rows.csv`)}`;
      const scan = scanCSV(host, withUser(hop), { headers: { 'x-key': 'k' } });
      expect(await scan.count()).toBe(3000);
      expect((await server.log()).every(({ authorization, x }) => authorization && x === 'k')).toBe(true);
      const seen = await other.log();
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.filter(({ authorization, x }) => authorization || x)).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  test('redirects are bounded, and lead to http(s) only', async () => {
    expect((await failureOf(scanCSV(host, `${server.url}/loop`).count())).message).toContain(
      'redirects more than',
    );
    const away = `${server.url}/to/${encodeURIComponent('file:///etc/passwd')}`;
    expect(await failureOf(scanCSV(host, away).count())).toMatchObject({ code: 'ACCESS_DENIED' });
  });

  test('a limited node uses the URLs it was given, also after a redirect', async () => {
    const env = { ...testEnv, allowPaths: ['/srv', `${server.url}/files`, `${server.url}/to/`] };
    const open = (path: string) => openSource(`${server.url}${path}`, env);
    await open('/files/rows.csv');
    const to = (path: string) => `/to/${encodeURIComponent(`${server.url}${path}`)}`;
    await open(to('/files/rows.csv'));
    const refused = [
      '/whole/rows.csv',
      '/files2/rows.csv',
      '/files/..%2fwhole/rows.csv',
      to('/whole/rows.csv'),
    ];
    for (const path of refused) expect(await failureOf(open(path))).toMatchObject({ code: 'ACCESS_DENIED' });
    await expect(openSource(`${server.url}/x`, { ...testEnv, allowPaths: ['/srv'] })).rejects.toThrow(
      /--allow-path http:/,
    );
  });

  test('what cannot be: globs, other schemes', async () => {
    expect(await failureOf(scanCSV(host, `${server.url}/files/*.csv`).count())).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(await failureOf(scanCSV(host, 'ftp://h/x.csv').count())).toMatchObject({ code: 'UNSUPPORTED' });
    expect(() => scanCSV(host, 'http://[::bad')).toThrow(/cannot be parsed/);
  });
});
