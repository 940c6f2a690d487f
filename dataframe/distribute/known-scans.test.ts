import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { limits } from '../../core/base/limits.js';
import type { Executor } from '../../core/graph/executor.js';
import { col, len } from '../expr/expr.js';
import { fromRecords, scanParquet } from '../frame.js';
import type { ScanInspection, ScanSpec } from '../io/source.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { knownScan, rememberScan, scanText } from './known-scans.js';

const folder = mkdtempSync(join(tmpdir(), 'volley-known-'));
const file = join(folder, 'rows.parquet');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const answer = (n: number) => [0, 1, 2].map(key => ({ key, n: n / 3, sum: expect.any(Number) }));

async function write(executor: InlineExecutor, rows: number): Promise<void> {
  const records = Array.from({ length: rows }, (_, i) => ({ key: i % 3, value: i }));
  await fromRecords({ executor }, records).sinkParquet(file, { rowGroupRows: 100, overwrite: true });
}

/** Files that were written just now have no stamp. */
function later(): void {
  const now = Date.now() + 60_000;
  vi.spyOn(Date, 'now').mockReturnValue(now);
}

test('a file that is the same is not planned again, one that was written again is', async () => {
  const executor = new InlineExecutor();
  const ask = async () => {
    const from = executor.layers.length;
    const rows = await scanParquet({ executor }, file)
      .groupBy('key')
      .agg(len().alias('n'), col('value').sum().alias('sum'))
      .sort('key')
      .with({ surveyBytes: 0, taskRows: 100 })
      .toRecords();
    return { rows, stages: executor.layers.slice(from).map(({ name }) => name) };
  };
  await write(executor, 600);
  later();
  const first = await ask();
  const second = await ask();
  expect(first.rows).toEqual(answer(600));
  expect(second.rows).toEqual(first.rows);
  expect(first.stages).toContain('scan limit survey');
  expect(second.stages).toEqual(first.stages.filter(name => name !== 'scan limit survey'));

  vi.restoreAllMocks();
  await write(executor, 900);
  // As long as it is so new that it may change unseen, it is looked at each time.
  for (const { rows, stages } of [await ask(), await ask()]) {
    expect(rows).toEqual(answer(900));
    expect(stages).toEqual(first.stages);
  }
  later();
  expect((await ask()).rows).toEqual(answer(900));
  const { rows, stages } = await ask();
  expect(rows).toEqual(answer(900));
  expect(stages).toEqual(second.stages);
});

// Goal: where the workers' files are seen from here, no task looks whether they are the same; a file that changed, or is gone, is told by one as ever.
test('files of this process are looked at without a task', async () => {
  const executor = Object.assign(new InlineExecutor(), { isHere: true });
  const ask = async () => {
    const from = executor.layers.length;
    const rows = await scanParquet({ executor }, file).select(len().alias('n')).toRecords();
    const inspections = executor.layers.slice(from).filter(({ name }) => name === 'inspect').length;
    return [rows, inspections];
  };
  await write(executor, 300);
  later();
  expect(await ask()).toEqual([[{ n: 300 }], 1]);
  expect(await ask()).toEqual([[{ n: 300 }], 0]);
  vi.restoreAllMocks();
  await write(executor, 400);
  expect(await ask()).toEqual([[{ n: 400 }], 1]);
  later();
  expect(await ask()).toEqual([[{ n: 400 }], 1]);
  expect(await ask()).toEqual([[{ n: 400 }], 0]);
  rmSync(file);
  await expect(ask()).rejects.toThrow(/rows.parquet/);
});

test('what may not be kept, and what is too much, is not remembered', () => {
  const executor: Executor = new InlineExecutor();
  const scan: ScanSpec = {
    format: 'parquet',
    paths: ['a.parquet'],
    csv: null,
    columns: null,
    predicate: null,
    schema: null,
  };
  expect(scanText({ ...scan, format: 'csv' })).toBe(null);
  expect(scanText({ ...scan, access: { urls: {}, headers: { Authorization: 'secret' } } })).toBe(null);
  expect(scanText({ ...scan, paths: ['x'.repeat(limits.knownScanChars)] })).toBe(null);
  const inspection: ScanInspection = { schema: [], splits: [], stamp: 'stamp' };
  const text = scanText(scan)!;
  rememberScan(executor, text, { ...inspection, stamp: null });
  rememberScan(executor, text, { ...inspection, splits: new Array(limits.knownScanSplits + 1) });
  expect(knownScan(executor, text)).toBe(null);
  rememberScan(executor, text, inspection);
  expect(knownScan(executor, text)).toBe(inspection);
  expect(knownScan(new InlineExecutor(), text)).toBe(null);
  for (let k = 0; k < limits.knownScans; k++) rememberScan(executor, `other ${k}`, inspection);
  expect(knownScan(executor, text)).toBe(null);
});
