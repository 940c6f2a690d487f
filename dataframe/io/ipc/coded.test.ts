import { readFileSync } from 'node:fs';
import * as arrow from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tableToBatches } from '../../column/arrow-in.js';
import type { Batch } from '../../column/column.js';
import { recordsToBatch } from '../../column/records.js';
import { col } from '../../expr/expr.js';
import { ipcScan } from '../../frame/sources.js';
import { fromRecords, scanFrame } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { openSource } from '../paths.js';
import { cellsOf, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { readContents } from './blocks.js';
import { FileDictionary } from './file-dictionary.js';
import { ipcReader } from './reader.js';

const scratch = scratchFolder();
afterAll(() => scratch.close());
const host = { executor: new InlineExecutor() };

/** New entries come in every batch, old ones again, and one only at the end. */
const rows = Array.from({ length: 5000 }, (_, i) => ({
  id: i,
  city: i % 7 === 3 ? null : i === 4999 ? 'ünique 🦆' : `city ${(i * 31) % (5 + Math.floor(i / 500))}`,
  other: `other ${i % 3}`,
  plain: `text ${i}`,
  none: null as string | null,
  list: [`a${i % 4}`],
}));
const frame = () => fromRecords(host, rows, { partitions: 3 });
const scan = (path: string) => scanFrame(host, ipcScan(path, {}));

async function contentsOf(path: string) {
  const source = await openSource(path, testEnv);
  try {
    return await readContents(source, path);
  } finally {
    await source.handle.close();
  }
}

describe.each(['none', 'lz4', 'zstd'] as const)('compression %s', compression => {
  const path = scratch.path(`coded-${compression}.arrow`);
  beforeAll(async () => {
    await frame().sinkIPC(path, { compression, batchRows: 700, dictionaries: ['city', 'other'] });
  });

  test('columns that are asked for are codes of one dictionary each', async () => {
    const { fields, batches } = await contentsOf(path);
    const kinds = fields.map(({ name, layout }) => `${name} ${layout.kind}`);
    expect(kinds).toEqual(['id plain', 'city codes', 'other codes', 'plain bytes', 'none null', 'list list']);
    expect(batches.length).toBe(8);
    expect(batches[0]!.dictionaries.map(({ id }) => id)).toEqual([1, 2]);
  });

  test('they come back', async () => {
    expect(await scan(path).toRecords()).toEqual(rows);
    const few = scan(path).filter(col('city').eq('ünique 🦆')).select('id', 'city');
    expect(await few.toRecords()).toEqual([{ id: 4999, city: 'ünique 🦆' }]);
  });
});

test('the codes are those of the file: batches share them', async () => {
  const path = scratch.path('coded-none.arrow');
  const { schema, splits } = await ipcReader.inspect(ipcScan(path, { columns: ['other'] }), testEnv);
  const batches: Batch[] = [];
  const read = { ...ipcScan(path, { columns: ['other'] }), schema };
  for await (const batch of ipcReader.read(read, splits, testEnv, readWhole())) batches.push(batch);
  expect(batches.every(batch => batch.columns[0]!.dictionary!.length === 3)).toBe(true);
});

test('apache-arrow reads dictionaries and the same values', () => {
  const table = arrow.tableFromIPC(readFileSync(scratch.path('coded-none.arrow')));
  expect(table.schema.fields.map(({ type }) => String(type)).slice(1, 4)).toEqual([
    'Dictionary<Int32, Utf8>',
    'Dictionary<Int32, Utf8>',
    'Utf8',
  ]);
  const cells = tableToBatches(table, 1_000_000).flatMap(cellsOf);
  expect(cells).toEqual(cellsOf(recordsToBatch(rows)));
});

test('all text; no rows; only nulls; folders', async () => {
  const all = scratch.path('all.arrow');
  await frame().sinkIPC(all, { dictionaries: true });
  const { fields } = await contentsOf(all);
  expect(fields.filter(({ layout }) => layout.kind === 'codes').map(({ name }) => name)).toEqual([
    'city',
    'other',
    'plain',
  ]);
  expect(await scan(all).toRecords()).toEqual(rows);
  for (const [name, filter, count] of [
    ['empty', col('id').lt(0), 0],
    ['nulls', col('city').isNull().and(col('id').lt(4)), 1],
  ] as const) {
    const path = scratch.path(`${name}.arrow`);
    await frame().filter(filter).sinkIPC(path, { dictionaries: true });
    expect(await scan(path).count()).toBe(count);
    const table = arrow.tableFromIPC(readFileSync(path));
    expect(table.numRows).toBe(count);
    expect(table.schema.fields.map(field => field.name)).toEqual(Object.keys(rows[0]!));
  }
  const folder = scratch.path('folder');
  await frame().sinkIPC(folder, { dictionaries: ['city'] });
  expect(await scan(folder).toRecords()).toEqual(rows);
});

test('columns that are no text, or not there, are refused', async () => {
  for (const [name, code] of [
    ['id', 'INVALID_ARGUMENT'],
    ['list', 'INVALID_ARGUMENT'],
    ['citi', 'COLUMN_NOT_FOUND'],
  ]) {
    const sink = frame().sinkIPC(scratch.path('refused.arrow'), { dictionaries: [name!] });
    await expect(sink).rejects.toMatchObject({ code });
  }
});

test('a dictionary has a bound', () => {
  const dictionary = new FileDictionary('much', 1000);
  const column = (i: number) => recordsToBatch([{ t: `${i} ${'x'.repeat(97)}` }]).columns[0]!;
  for (let i = 0; i < 20; i++) dictionary.encode(column(i % 10));
  expect(() => dictionary.encode(column(99))).toThrow(/'much'.*leave it out of dictionaries/);
});
