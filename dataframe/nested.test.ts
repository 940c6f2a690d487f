import { afterAll, beforeAll, expect, test } from 'vitest';
import { tableToBatches } from './column/arrow-in.js';
import { col } from './expr/expr.js';
import { ipcScan, jsonScan, ndjsonScan } from './frame/sources.js';
import { concat, type DataFrame, fromArrow, fromRecords, scanFrame, scanParquet } from './frame.js';
import { nestedCells, nestedSelect } from './io/testing/nested-sql.js';
import { type Cell, cellsOf, duckdb, scratchFolder } from './io/testing/oracle.js';
import { InlineExecutor } from './testing/inline-executor.js';

const scratch = scratchFolder();
const host = { executor: new InlineExecutor() };
const path = scratch.path('nested.parquet');
const names = Object.keys(nestedCells);
const asked = (rest: string) => duckdb(`SELECT i, ${Object.values(nestedCells)} FROM '${path}' ${rest}`);

beforeAll(async () => {
  await duckdb(
    `COPY (SELECT row_number() OVER () - 1 AS i, * FROM (${nestedSelect(6000)})) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
  );
});
afterAll(scratch.close);

const frame = () => scanParquet(host, path);
const cells = async (of: DataFrame): Promise<Cell[][]> =>
  tableToBatches(await of.select('i', ...names).collect(), 1_000_000).flatMap(cellsOf);

// Goal: columns of any depth go through the verbs as they are: gathered, dealt out, sent as slabs, put together.
test('nested columns are carried by sorts, filters, joins and repartitions', async () => {
  expect(await cells(frame().sort({ by: 'i', descending: true }))).toEqual(await asked('ORDER BY i DESC'));
  expect(await cells(frame().filter(col('i').mod(7).eq(3)))).toEqual(
    await asked('WHERE i % 7 = 3 ORDER BY i'),
  );
  const keys = fromRecords(
    host,
    [5, 77, 2500, 5999].map(i => ({ i: BigInt(i) })),
  );
  expect(await cells(frame().join(keys, { on: 'i', how: 'inner' }).sort('i'))).toEqual(
    await asked('WHERE i IN (5, 77, 2500, 5999) ORDER BY i'),
  );
  expect(await cells(keys.join(frame(), { on: 'i', how: 'left' }).sort('i'))).toEqual(
    await asked('WHERE i IN (5, 77, 2500, 5999) ORDER BY i'),
  );
  expect(await cells(frame().repartition({ by: 'i', n: 3 }).sort('i'))).toEqual(await asked('ORDER BY i'));
  const halves = [frame().filter(col('i').lt(3000)), frame().filter(col('i').gtEq(3000))] as const;
  expect(await cells(concat([...halves]))).toEqual(await asked('ORDER BY i'));
});

test('they come apart', async () => {
  const [row] = await duckdb(
    `SELECT count(*), sum(len(x)), count(x) FROM (SELECT unnest(lists) AS x FROM '${path}' WHERE len(lists) > 0)`,
  );
  const items = frame()
    .filter(col('lists').list.len().gt(0))
    .explode('lists')
    .select(col('lists').alias('x'));
  expect(await items.count()).toBe(Number(row![0]));
  const sums = await items
    .select(col('x').list.len().sum().alias('n'), col('x').count().alias('there'))
    .toRecords();
  expect(sums).toEqual([{ n: Number(row![1]), there: Number(row![2]) }]);
  const [sum] = await duckdb(`SELECT sum(x.x) FROM (SELECT unnest(structs) AS x FROM '${path}')`);
  const field = frame().explode('structs').select(col('structs').struct.field('x').sum().alias('x'));
  expect(await field.toRecords()).toEqual([{ x: Number(sum![0]) }]);
});

test('Arrow tables, records and files of every format take them and give them back', async () => {
  const expected = await asked('ORDER BY i');
  expect(await cells(fromArrow(host, await frame().collect()))).toEqual(expected);
  const schema = Object.fromEntries((await frame().schema()).map(({ name, type }) => [name, type]));
  expect(await cells(fromRecords(host, await frame().toRecords(), { schema }))).toEqual(expected);
  await frame().sinkIPC(scratch.path('own.arrow'));
  expect(await cells(scanFrame(host, ipcScan(scratch.path('own.arrow'), {})))).toEqual(expected);
  await frame().sinkNDJSON(scratch.path('own.ndjson.gz'));
  const lines = ndjsonScan(scratch.path('own.ndjson.gz'), { schema });
  expect(await cells(scanFrame(host, lines))).toEqual(expected);
  await frame().sinkJSON(scratch.path('own.json'));
  expect(await cells(scanFrame(host, jsonScan(scratch.path('own.json'), { schema })))).toEqual(expected);
  await frame().sinkParquet(scratch.path('own.parquet'));
  expect(await cells(scanParquet(host, scratch.path('own.parquet')))).toEqual(expected);
});
