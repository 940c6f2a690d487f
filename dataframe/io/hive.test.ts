import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { DataType, formatType } from '../column/datatype.js';
import { col, len } from '../expr/expr.js';
import type { CSVOptions } from '../frame/sources.js';
import { type DataFrame, scanCSV, scanParquet } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { duckdb, scratchFolder } from './testing/oracle.js';

const host = { executor: new InlineExecutor() };
const scratch = scratchFolder();
afterAll(() => scratch.close());

const rows = `select i, i % 3 + 2022 as year, case when i % 5 = 0 then null else 'a/b=' || i % 2 end as city,
  date '2024-01-01' + (i % 2)::int as day from range(200) t(i)`;
/** Folders as DuckDB writes them. */
async function written(name: string, format: 'parquet' | 'csv'): Promise<string> {
  const folder = scratch.path(name);
  await duckdb(`copy (${rows}) to '${folder}' (format ${format}, partition_by (year, city, day))`);
  return folder;
}

const types = async (frame: DataFrame) =>
  (await frame.schema()).map(f => `${f.name}: ${formatType(f.type)}`).join(', ');
const answer = (frame: DataFrame) =>
  frame.groupBy('year', 'city', 'day').agg(col('i').sum(), len()).sort('year', 'city', 'day').toRecords();

describe('folders that DuckDB wrote', () => {
  test('keys are columns with types, and the answer is DuckDB’s', async () => {
    const expected = await duckdb(
      `select year, city, day, sum(i), count(*) from (${rows}) group by all order by year, city nulls last, day`,
    );
    for (const format of ['parquet', 'csv'] as const) {
      const folder = await written(`duckdb-${format}`, format);
      const scan = format === 'parquet' ? scanParquet(host, folder) : scanCSV(host, folder);
      expect(await types(scan)).toBe('i: Int64, year: Int64, city: Utf8, day: Date');
      const found = await answer(scan);
      const cells = found.map(r => {
        return [r.year, r.city, (r.day as Date).toISOString().slice(0, 10), r.i, r.len].map(v =>
          v === null ? null : String(v),
        );
      });
      expect(cells).toEqual(expected);
      expect(await answer(scanParquetOrCsv(format, `${folder}/**/*.${format}`, { hive: true }))).toEqual(
        found,
      );
    }
  });

  test('without hive, and in the middle of a path, folders mean nothing', async () => {
    const folder = await written('plain', 'parquet');
    expect(await scanParquet(host, folder, { hive: false }).columns()).toEqual(['i']);
    expect(await scanParquet(host, `${folder}/year=2022`).columns()).toEqual(['i', 'city', 'day']);
    expect(await scanParquet(host, `${folder}/year=2022`, { hive: true }).columns()).toEqual([
      'i',
      'year',
      'city',
      'day',
    ]);
  });
});

const scanParquetOrCsv = (format: 'parquet' | 'csv', path: string, options: CSVOptions) =>
  format === 'parquet' ? scanParquet(host, path, options) : scanCSV(host, path, options);

describe('pruning', () => {
  test('files that a filter on keys leaves out are never opened', async () => {
    const folder = await written('pruned', 'parquet');
    // No reader survives these.
    mkdirSync(`${folder}/year=1999/city=x/day=2024-01-01`, { recursive: true });
    writeFileSync(`${folder}/year=1999/city=x/day=2024-01-01/broken.parquet`, 'not parquet');
    await expect(scanParquet(host, folder).count()).rejects.toMatchObject({ code: 'BAD_DATA' });
    const all = scanParquet(host, folder);
    const late = all.filter(col('year').gt(2000));
    expect(await late.count()).toBe(200);
    expect(await all.filter(col('i').lt(50)).filter(col('year').mod(2).eq(0)).count()).toBe(33);
    expect(
      await all
        .filter(
          col('year')
            .gt(2000)
            .and(col('day').eq(new Date('2024-01-02'))),
        )
        .count(),
    ).toBe(100);
    expect(await all.filter(col('city').isNull().and(col('year').neq(1999))).count()).toBe(40);
    expect(await late.join(late.filter(col('i').lt(10)), { on: 'i', how: 'semi' }).count()).toBe(10);
    // One of two uses wants all of it.
    await expect(late.join(all, { on: 'i', how: 'semi' }).count()).rejects.toMatchObject({
      code: 'BAD_DATA',
    });
    expect(await late.explain()).toContain('splits where (year > 2000)');
  });

  test('nothing left is no rows, with all columns', async () => {
    const folder = await written('none', 'csv');
    const none = scanCSV(host, folder).filter(col('year').eq(1));
    expect(await none.columns()).toEqual(['i', 'year', 'city', 'day']);
    expect(await none.toRecords()).toEqual([]);
    expect(await none.select(col('i').sum(), len()).toRecords()).toEqual([{ i: 0, len: 0 }]);
  });

  test('only keys asked for', async () => {
    const folder = await written('keys', 'parquet');
    const years = await scanParquet(host, folder).groupBy('year').agg(len()).sort('year').toRecords();
    expect(years.map(r => r.len)).toEqual([67, 67, 66]);
    expect(await scanParquet(host, folder, { columns: ['day', 'i'] }).columns()).toEqual(['day', 'i']);
  });
});

describe('names and values', () => {
  const csv = (path: string, text: string) => {
    const file = scratch.path(path);
    mkdirSync(file.slice(0, file.lastIndexOf('/')), { recursive: true });
    writeFileSync(file, text);
  };

  test('types: declared, inferred over all files, null', async () => {
    csv('types/k=01/t=2024-05-06 07:08:09/x.csv', 'a\n1\n');
    csv('types/k=__HIVE_DEFAULT_PARTITION__/t=2024-05-06T07%3A08%3A10/x.csv', 'a\n2\n');
    const folder = scratch.path('types');
    expect(await types(scanCSV(host, folder))).toBe('a: Int64, k: Int64, t: Timestamp(us)');
    const at = (second: string) => new Date(`2024-05-06T07:08:${second}Z`);
    const sorted = await scanCSV(host, folder).sort('a').toRecords();
    expect(sorted).toEqual([
      { a: 1, k: 1, t: at('09') },
      { a: 2, k: null, t: at('10') },
    ]);
    const declared = scanCSV(host, folder, { hive: { k: DataType.Utf8, t: DataType.Utf8 } });
    expect(await declared.filter(col('k').eq('01')).select('k', 't').toRecords()).toEqual([
      { k: '01', t: '2024-05-06 07:08:09' },
    ]);
    const wrong = scanCSV(host, folder, { hive: { t: DataType.Int32 } });
    await expect(wrong.count()).rejects.toMatchObject({ code: 'BAD_DATA', data: { column: 't' } });
    const absent = scanCSV(host, folder, { hive: { u: DataType.Int32 } });
    await expect(absent.count()).rejects.toMatchObject({ code: 'COLUMN_NOT_FOUND' });
  });

  test('a key wins over a column of the files', async () => {
    csv('same/a=7/x.csv', 'a,b\n1,2\n');
    expect(await scanCSV(host, scratch.path('same')).toRecords()).toEqual([{ b: 2, a: 7 }]);
  });

  test('files that differ in keys: an error where keys were asked for, else plain files', async () => {
    csv('mixed/a=7/x.csv', 'v\n1\n');
    csv('mixed/b=7/x.csv', 'v\n2\n');
    expect(await scanCSV(host, scratch.path('mixed')).columns()).toEqual(['v']);
    await expect(scanCSV(host, scratch.path('mixed'), { hive: true }).count()).rejects.toThrow(/hive: false/);
    cpSync(scratch.path('mixed/a=7/x.csv'), scratch.path('plain.csv'));
    await expect(scanCSV(host, scratch.path('plain.csv'), { hive: true }).count()).rejects.toMatchObject({
      code: 'BAD_DATA',
    });
  });
});
