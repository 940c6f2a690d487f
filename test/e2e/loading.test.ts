import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../core/base/version.js';
import { node } from './programs.js';

// What a program loads is most of the time it takes to start. These count files, from dist/.

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'volley-loading-'));
  // Says each file the module loader loads; what require() loads is in its cache.
  writeFileSync(
    join(folder, 'hooks.mjs'),
    `import { writeSync } from 'node:fs';
    export async function load(url, context, next) {
      if (url.startsWith('file:')) writeSync(2, url + '\\n');
      return next(url, context);
    }`,
  );
  writeFileSync(
    join(folder, 'register.mjs'),
    `import { createRequire, register } from 'node:module';
    register('./hooks.mjs', import.meta.url);
    const { cache } = createRequire(import.meta.url);
    process.on('exit', () => { for (const file of Object.keys(cache)) console.error('file://' + file); });`,
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Files of Volley below dist/, and packages, that the program loads; those of threads are not seen. */
async function loadedBy(program: string): Promise<{ files: string[]; packages: string[] }> {
  const script = join(folder, 'script.mjs');
  const index = JSON.stringify(pathToFileURL(join(packageRoot, 'dist/index.js')).href);
  writeFileSync(script, `import { col, connect, DataFrame } from ${index};\n${program}`);
  const register = pathToFileURL(join(folder, 'register.mjs')).href;
  const { code, stderr } = await node(['--import', register, script]).ended;
  expect(code).toBe(0);
  const urls = stderr.split('\n').filter(url => url.startsWith('file:'));
  const inPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\/.*/;
  return {
    files: urls.filter(url => url.includes('/dist/') && !inPackage.test(url)),
    packages: [...new Set(urls.filter(url => inPackage.test(url)).map(url => inPackage.exec(url)![1]!))],
  };
}

test('importing Volley loads two files and no package', async () => {
  const { files, packages } = await loadedBy(`console.log(typeof connect, typeof DataFrame);`);
  expect(files.map(url => url.replace(/.*\/dist\//, ''))).toEqual(['index.js', 'shared/program/common.js']);
  expect(packages).toEqual([]);
});

test('an embedded session and a query load the pool, and none of the packages they do not need', async () => {
  const { files, packages } = await loadedBy(`
    const session = await connect({ threads: 2 });
    const frame = session.fromRecords([{ a: 'x', b: 1 }, { a: 'y', b: 2 }]);
    const rows = await frame.filter(col('b').gt(0)).groupBy('a').agg(col('b').sum()).toRecords();
    console.log(rows.length);
    await session.close();`);
  expect(packages).toEqual(['piscina']);
  expect(files.length).toBeLessThanOrEqual(6);
});
