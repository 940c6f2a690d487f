import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { col } from '../expr/expr.js';
import { type DataFrame, scanCSV } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';

const files = 30;
const rowsPerFile = 10;

/** Thirty files of ten rows: `v` counts on from file to file. */
function numbered(executor: InlineExecutor): DataFrame {
  const folder = mkdtempSync(join(tmpdir(), 'volley-limit-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const paths = Array.from({ length: files }, (_, f) => {
    const path = join(folder, `${String(f).padStart(2, '0')}.csv`);
    const rows = Array.from({ length: rowsPerFile }, (_, i) => `${f * rowsPerFile + i}\n`);
    writeFileSync(path, `v\n${rows.join('')}`);
    return path;
  });
  return scanCSV({ executor }, paths);
}

const scans = (executor: InlineExecutor) =>
  executor.layers.filter(({ name }) => name.startsWith('scan')).map(({ count }) => count);

// Goal: head(n) behind a filter must not read all files when the first ones have enough rows.
test('a limit reads files in waves until there are enough rows', async () => {
  const executor = new InlineExecutor();
  const frame = numbered(executor).filter(col('v').mod(2).eq(1));
  const values = async (some: DataFrame) => (await some.toRecords()).map(({ v }) => v);
  expect(await values(frame.head(3))).toEqual([1, 3, 5]);
  expect(scans(executor)).toEqual([4]);
  executor.layers.length = 0;
  expect(await values(frame.limit(4, 18))).toEqual([37, 39, 41, 43]);
  expect(scans(executor)).toEqual([4, 16]);
  executor.layers.length = 0;
  const late = numbered(executor).filter(col('v').gtEq(files * rowsPerFile - 2));
  expect(await values(late.head(5))).toEqual([298, 299]);
  expect(scans(executor)).toEqual([4, 16, 10]);
  expect(executor.storedResults()).toBe(0);
});
