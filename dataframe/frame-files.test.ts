import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DataType, formatType } from './column/datatype.js';
import { col, len, lit, when } from './expr/expr.js';
import { fromRecords, scanCSV, scanParquet } from './frame.js';
import { InlineExecutor } from './testing/inline-executor.js';

const executor = new InlineExecutor();
const host = { executor };
const folder = mkdtempSync(join(tmpdir(), 'volley-frame-'));
const path = (name: string) => join(folder, name);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rows = Array.from({ length: 1000 }, (_, i) => ({
  id: i,
  city: i % 7 === 0 ? null : `city-${i % 5}`,
  value: i % 11 === 0 ? null : i / 4,
  at: new Date(Date.UTC(2024, 0, 1) + i * 3_600_000),
  big: BigInt(i),
}));
const frame = () => fromRecords(host, rows, { partitions: 4 });

describe('Parquet', () => {
  test('one file: what is written is read again, with its types', async () => {
    const file = path('one.parquet');
    const result = await frame().sinkParquet(file, { rowGroupRows: 100 });
    expect(result).toEqual({ rows: 1000, files: [file] });
    const scan = scanParquet(host, file);
    expect((await scan.schema()).map(f => `${f.name}: ${formatType(f.type)}`)).toEqual(
      (await frame().schema()).map(f => expect.stringContaining(`${f.name}: `)),
    );
    expect(await scan.toRecords()).toEqual(await frame().toRecords());
  });

  test('splits that cannot match and columns nobody uses are not read', async () => {
    const scan = scanParquet(host, path('one.parquet')).filter(col('big').gtEq(850)).select('value');
    const text = await scan.explain();
    expect(text).toContain('2/5 columns [value, big], 2 splits where (big >= 850)');
    expect(await scan.count()).toBe(150);
    expect(executor.layers.at(-2)).toMatchObject({ count: 2 });
    expect(await scanParquet(host, path('one.parquet')).filter(col('big').gt(5000)).count()).toBe(0);
  });

  test('a limit reads only the splits it needs', async () => {
    expect(await scanParquet(host, path('one.parquet')).head(3).select('id').toRecords()).toEqual([
      { id: 0 },
      { id: 1 },
      { id: 2 },
    ]);
    expect(executor.layers.at(-1)).toMatchObject({ count: 1 });
  });

  test('a folder sink that fails leaves nothing behind', async () => {
    const before = readdirSync(folder);
    // The last partition holds a value that is not a date.
    const failing = frame().withColumns(
      when(col('id').eq(990)).then(lit('soon')).otherwise(lit('2024-01-01')).cast(DataType.Date).alias('day'),
    );
    await expect(failing.sinkParquet(path('never'))).rejects.toMatchObject({ code: 'CAST_FAILED' });
    expect(readdirSync(folder)).toEqual(before);
  });

  test('a folder of parts appears whole and reads as one frame', async () => {
    const target = path('parts');
    const result = await frame().filter(col('id').lt(900)).sinkParquet(target);
    expect(result.rows).toBe(900);
    expect(result.files).toHaveLength(4);
    expect(result.files.every(file => file.startsWith(`${target}/`))).toBe(true);
    expect(readdirSync(folder).filter(name => name.includes('tmp'))).toEqual([]);
    expect(await scanParquet(host, `${target}/*.parquet`).select(len()).toRecords()).toEqual([{ len: 900 }]);
  });

  test('what exists is refused unless told, and stays as it was', async () => {
    const file = path('exists.parquet');
    await frame().head(5).sinkParquet(file);
    await expect(frame().sinkParquet(file)).rejects.toMatchObject({ code: 'SINK_EXISTS' });
    await expect(frame().sinkParquet(path('parts'))).rejects.toMatchObject({ code: 'SINK_EXISTS' });
    expect(await scanParquet(host, file).count()).toBe(5);
    await frame().head(7).sinkParquet(file, { overwrite: true });
    expect(await scanParquet(host, file).count()).toBe(7);
    expect(await frame().head(9).sinkParquet(path('parts'), { overwrite: true })).toMatchObject({ rows: 9 });
    expect(await scanParquet(host, path('parts/*.parquet')).count()).toBe(9);
    writeFileSync(path('text.parquet'), 'not parquet');
    await expect(frame().sinkParquet(path('text.parquet'))).rejects.toMatchObject({ code: 'SINK_EXISTS' });
  });

  test('no rows are a file with a schema', async () => {
    await frame().filter(col('id').lt(0)).sinkParquet(path('none.parquet'));
    const none = scanParquet(host, path('none.parquet'));
    expect(await none.columns()).toEqual(['id', 'city', 'value', 'at', 'big']);
    expect(await none.count()).toBe(0);
    expect(await none.groupBy('city').agg(len()).toRecords()).toEqual([]);
  });
});

describe('CSV', () => {
  const header = 'id,name,score,day';
  const lines = Array.from(
    { length: 500 },
    (_, i) => `${i},n${i % 3},${i % 4 === 0 ? '' : i / 2},2024-01-0${(i % 9) + 1}`,
  );
  mkdirSync(path('csv'));
  writeFileSync(path('csv/a.csv'), `${[header, ...lines].join('\n')}\n`);

  test('cut into ranges it gives the same answer as whole', async () => {
    const whole = scanCSV(host, path('csv/a.csv'));
    const cut = scanCSV(host, path('csv/a.csv'), { splitBytes: 700 });
    const ask = (f: typeof whole) =>
      f
        .groupBy('name')
        .agg(col('score').sum(), col('score').count().alias('n'), len())
        .sort('name')
        .toRecords();
    expect(await ask(cut)).toEqual(await ask(whole));
    expect(await cut.toRecords()).toEqual(await whole.toRecords());
    expect(executor.layers.some(layer => layer.count > 5)).toBe(true);
  });

  test('declared types win; dates compare with Date', async () => {
    const frame = scanCSV(host, path('csv/a.csv'), { schema: { id: DataType.Utf8, day: DataType.Date } });
    const late = await frame
      .filter(col('day').gt(new Date('2024-01-08')))
      .select('id', 'day')
      .head(1)
      .toRecords();
    expect(late).toEqual([{ id: '8', day: new Date('2024-01-09') }]);
  });

  test("quote: '' takes quotes as text", async () => {
    writeFileSync(path('csv/inches.csv'), 'size,n\n"5,1\n3"x"4,2\n');
    const frame = scanCSV(host, path('csv/inches.csv'), { quote: '' });
    expect(await frame.toRecords()).toEqual([
      { size: '"5', n: 1 },
      { size: '3"x"4', n: 2 },
    ]);
  });

  test('missing files, ragged rows and bad numbers say where', async () => {
    await expect(scanCSV(host, path('csv/none.csv')).collect()).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    writeFileSync(path('csv/bad.csv'), 'a,b\n1,2\n3\n');
    await expect(scanCSV(host, path('csv/bad.csv')).toRecords()).rejects.toMatchObject({ code: 'BAD_DATA' });
    writeFileSync(path('csv/number.csv'), 'a\n1\nx\n');
    const typed = scanCSV(host, path('csv/number.csv'), { schema: { a: DataType.Int32 } });
    await expect(typed.toRecords()).rejects.toThrow(/number\.csv/);
    expect(
      await scanCSV(host, path('csv/number.csv'), {
        schema: { a: DataType.Int32 },
        ignoreErrors: true,
      }).toRecords(),
    ).toEqual([{ a: 1 }]);
  });

  test('empty files', async () => {
    writeFileSync(path('csv/header.csv'), 'a,b\n');
    const frame = scanCSV(host, path('csv/header.csv'));
    expect(await frame.columns()).toEqual(['a', 'b']);
    expect(await frame.count()).toBe(0);
    expect(await frame.select(len()).toRecords()).toEqual([{ len: 0 }]);
  });
});

test('nothing is left on the workers but the frames in memory', async () => {
  const before = executor.storedResults();
  await scanParquet(host, path('one.parquet')).sort('id').head(5).toRecords();
  expect(executor.storedResults()).toBe(before);
});
