import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { expandBraces, expandGlob, segmentPattern } from './glob.js';
import { allowedTarget, openSource, resolveSources } from './paths.js';
import { scratchFolder, testEnv } from './testing/oracle.js';

const scratch = scratchFolder();
afterAll(scratch.close);
for (const folder of ['in', 'in/a', 'in/a/deep', 'in/.hidden', 'out']) {
  mkdirSync(scratch.path(folder));
}
const names = [
  'in/a/x1.csv',
  'in/a/x10.csv',
  'in/a/x2.csv',
  'in/a/deep/y.csv',
  'in/b.csv',
  'in/b.txt',
  'in/.hidden/z.csv',
  'in/_tmp.csv',
  'in/[1].csv',
  'out/secret.csv',
];
for (const name of names) {
  writeFileSync(scratch.path(name), 'a\n1\n');
}
symlinkSync(scratch.path('out/secret.csv'), scratch.path('in/link.csv'));

const inside = { ...testEnv, node: 'worker 3', allowPaths: [scratch.path('in')] };
const glob = async (pattern: string) =>
  (await expandGlob(scratch.path(pattern))).map(path => path.slice(scratch.path('').length + 1));

test('globs', async () => {
  expect(await glob('in/a/*.csv')).toEqual(['in/a/x1.csv', 'in/a/x10.csv', 'in/a/x2.csv']);
  expect(await glob('in/a/x?.csv')).toEqual(['in/a/x1.csv', 'in/a/x2.csv']);
  expect(await glob('in/**/*.csv')).toEqual([
    'in/[1].csv',
    'in/_tmp.csv',
    'in/a/deep/y.csv',
    'in/a/x1.csv',
    'in/a/x10.csv',
    'in/a/x2.csv',
    'in/b.csv',
    'in/link.csv',
  ]);
  expect(await glob('in/**/y.csv')).toEqual(['in/a/deep/y.csv']);
  expect(await glob('in/{a/x[!1],b}*.{csv,txt}')).toEqual(['in/a/x2.csv', 'in/b.csv', 'in/b.txt']);
  expect(await glob('in/*/deep/*')).toEqual(['in/a/deep/y.csv']);
  expect(await glob('in/none/*.csv')).toEqual([]);
  expect(await glob('in/b.csv/*')).toEqual([]);
});

test('braces nest; an open one is text; too many are refused', () => {
  expect(expandBraces('a{b,c{d,e}}f')).toEqual(['abf', 'acdf', 'acef']);
  expect(expandBraces('a{b')).toEqual(['a{b']);
  expect(() => expandBraces('{1,2}'.repeat(12))).toThrow(/alternatives/);
  expect(segmentPattern('a.b*[0-9]').test('a.bcc7')).toBe(true);
  expect(segmentPattern('a.b').test('axb')).toBe(false);
});

test('folders are read whole, without hidden and temporary names; a name with glob characters is itself', async () => {
  const files = await resolveSources([scratch.path('in')], 'csv', testEnv);
  expect(files.map(path => path.slice(scratch.path('in/').length))).toEqual([
    '[1].csv',
    'a/deep/y.csv',
    'a/x1.csv',
    'a/x10.csv',
    'a/x2.csv',
    'b.csv',
    'b.txt',
    'link.csv',
  ]);
  expect(await resolveSources([scratch.path('in/[1].csv')], 'csv', testEnv)).toEqual([
    scratch.path('in/[1].csv'),
  ]);
});

test('a missing file names node, path and the ways out', async () => {
  const failure = await openSource(scratch.path('in/none.csv'), inside).catch(error => error);
  expect(failure).toMatchObject({ code: 'FILE_NOT_FOUND', data: { node: 'worker 3' } });
  expect(failure.message).toMatch(/none\.csv' on worker 3.*mount.*fromRecords/);
  await expect(resolveSources([scratch.path('in/*.parquet')], 'csv', inside)).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
  });
  await expect(resolveSources([scratch.path('in/a')], 'parquet', inside)).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
  });
});

// Goal: FAULTS 14. What leaves the allowed folders is denied after realpath, and does not tell whether it exists.
test.each(['out/secret.csv', 'in/../out/secret.csv', 'in/link.csv', 'out/none.csv', 'in-other.csv'])(
  '%s is outside of the allowed folders',
  async name => {
    const path = `${scratch.path('in')}/../${name}`;
    const failure = await openSource(path, inside).catch(error => error);
    expect(failure).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(failure.message).toContain('--allow-path');
    const { handle } = await openSource(scratch.path('in/b.csv'), inside);
    await handle.close();
  },
);

test('globs and folders outside are denied too, and targets of sinks', async () => {
  await expect(resolveSources([scratch.path('out/*.csv')], 'csv', inside)).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
  });
  await expect(resolveSources([scratch.path('out')], 'csv', inside)).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
  });
  await expect(allowedTarget(scratch.path('out/new.parquet'), inside)).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
  });
});

test('URLs and NUL are refused', async () => {
  await expect(openSource(`file://${scratch.path('in/b.csv')}`, testEnv)).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
  });
  await expect(openSource('ftp://host/file', testEnv)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  await expect(openSource('a\0b', testEnv)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(openSource(scratch.path('in'), testEnv)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
