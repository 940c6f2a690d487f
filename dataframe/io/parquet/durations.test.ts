import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { DataType, formatType } from '../../column/datatype.js';
import { col } from '../../expr/expr.js';
import { fromRecords, scanCSV, scanParquet } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { duckdb, scratchFolder } from '../testing/oracle.js';
import { arrowSchema } from './arrow-schema.js';
import type { SchemaElement } from './metadata.js';
import { fileColumns } from './types.js';

const scratch = scratchFolder();
afterAll(scratch.close);
const host = { executor: new InlineExecutor() };

const schema = {
  s: DataType.Duration('s'),
  us: DataType.Duration('us'),
  ns: DataType.Duration('ns'),
  plain: DataType.Int64,
  list: DataType.List(DataType.Duration('ms')),
  pair: DataType.Struct({ x: DataType.Duration('us'), y: DataType.Int64 }),
};
const rows = Array.from({ length: 500 }, (_, i) => ({
  s: i % 7 === 3 ? null : i - 250,
  us: i * 1_000_003,
  ns: BigInt(i) * 18_014_398_509_481_985n,
  plain: i,
  list: i % 5 === 0 ? null : [i, null],
  pair: { x: i % 3 === 0 ? null : -i, y: i },
}));
const frame = () => fromRecords(host, rows, { schema, partitions: 2 });
const typesOf = (columns: readonly { name: string; type: DataType }[]) =>
  columns.map(({ name, type }) => `${name} ${formatType(type)}`);

// Goal: as pyarrow has them: 64-bit integers for all, durations for whoever knows Arrow.
test('Parquet: durations come back, and are integers for DuckDB', async () => {
  const path = scratch.path('durations.parquet');
  await frame().sinkParquet(path);
  const back = scanParquet(host, path);
  expect(typesOf(await back.schema())).toEqual(typesOf(await frame().schema()));
  expect(await back.toRecords({ int64: 'bigint' })).toEqual(await frame().toRecords({ int64: 'bigint' }));
  // Statistics of integers rule out nothing of durations.
  expect(await back.filter(col('plain').eq(7)).select('us').toRecords()).toEqual([{ us: 7_000_021 }]);
  const [types] = await duckdb(
    `SELECT typeof(s), typeof(ns), typeof(list), typeof(pair) FROM '${path}' LIMIT 1`,
  );
  expect(types).toEqual(['BIGINT', 'BIGINT', 'BIGINT[]', 'STRUCT(x BIGINT, y BIGINT)']);
  const sums = await duckdb(
    `SELECT sum(s)::VARCHAR, sum(us)::VARCHAR, max(ns)::VARCHAR, sum(pair.x)::VARCHAR FROM '${path}'`,
  );
  const sum = (values: (number | null)[]) => String(values.reduce<number>((a, b) => a + (b ?? 0), 0));
  expect(sums).toEqual([
    [
      sum(rows.map(row => row.s)),
      sum(rows.map(row => row.us)),
      String(rows.at(-1)!.ns),
      sum(rows.map(row => row.pair.x)),
    ],
  ]);
});

test('files without durations have no schema of Arrow, and one that is damaged is passed over', async () => {
  const plain = scratch.path('plain.parquet');
  await frame().select('plain').sinkParquet(plain);
  expect(readFileSync(plain).includes('ARROW:schema')).toBe(false);
  const bytes = readFileSync(scratch.path('durations.parquet'));
  const at = bytes.indexOf('ARROW:schema') + 20;
  bytes.fill('A', at, at + 200);
  const damaged = scratch.path('damaged.parquet');
  writeFileSync(damaged, bytes);
  expect(typesOf(await scanParquet(host, damaged).schema()).slice(0, 4)).toEqual([
    's Int64',
    'us Int64',
    'ns Int64',
    'plain Int64',
  ]);
});

/** Of pyarrow 26: d duration[us], l list<duration[ms]>, n int64, s struct<x: duration[ns], y: int64>, m map<string, duration[s]>. */
const pyarrow = [
  '/////0ACAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAUAAADkAQAAfAEAAEQBAADAAAAABAAA',
  'AED+//8AAAERFAAAABgAAAAEAAAAAQAAABAAAAABAAAAbQAAAGz+//+k////AAAADRgAAAAgAAAABAAAAAIAAABUAAAAFAAAAAcA',
  'AABlbnRyaWVzAJz+//+Y/v//AAABEhAAAAAYAAAABAAAAAAAAAAFAAAAdmFsdWUAAACO/v//AAAAABAAFAAIAAAABwAMAAAAEAAQ',
  'AAAAAAAABRAAAAAUAAAABAAAAAAAAAADAAAAa2V5APz+///4/v//AAABDRgAAAAcAAAABAAAAAIAAABAAAAAEAAAAAEAAABzAAAA',
  'KP///yT///8AAAECEAAAABQAAAAEAAAAAAAAAAEAAAB5AAAArP///wAAAAFAAAAAUP///wAAARIQAAAAFAAAAAQAAAAAAAAAAQAA',
  'AHgAAABC////AAADAHj///8AAAECEAAAABwAAAAEAAAAAAAAAAEAAABuAAAACAAMAAgABwAIAAAAAAAAAUAAAACs////AAABDBQA',
  'AAAYAAAABAAAAAEAAAAQAAAAAQAAAGwAAADY////1P///wAAARIQAAAAHAAAAAQAAAAAAAAABAAAAGl0ZW0AAAAABAAEAAQAAAAQ',
  'ABQACAAGAAcADAAAABAAEAAAAAAAARIQAAAAGAAAAAQAAAAAAAAAAQAAAGQABgAIAAYABgAAAAAAAgA=',
].join('');

function leaf(name: string, type: 'INT64' | 'BYTE_ARRAY' = 'INT64'): SchemaElement {
  return {
    name,
    type,
    repetition_type: 'OPTIONAL',
    ...(type === 'BYTE_ARRAY' && { converted_type: 'UTF8' }),
  };
}
const group = (name: string, children: number, kind?: 'LIST' | 'MAP'): SchemaElement => ({
  name,
  num_children: children,
  repetition_type: 'OPTIONAL',
  ...(kind && { converted_type: kind }),
});
const repeated = (name: string, children: number): SchemaElement => ({
  name,
  num_children: children,
  repetition_type: 'REPEATED',
});
const elements = [
  { name: 'schema', num_children: 5 },
  leaf('d'),
  ...[group('l', 1, 'LIST'), repeated('list', 1), leaf('element')],
  leaf('n'),
  ...[group('s', 2), leaf('x'), leaf('y')],
  ...[group('m', 1, 'MAP'), repeated('key_value', 2), leaf('key', 'BYTE_ARRAY'), leaf('value')],
];

test('what pyarrow writes; schemas of other columns are passed over', () => {
  const columnsWith = (schema: SchemaElement[], arrow: string | null) =>
    typesOf(fileColumns({ schema, num_rows: 0, row_groups: [], arrowSchema: arrow }));
  expect(columnsWith(elements, pyarrow)).toEqual([
    'd Duration(us)',
    'l List(Duration(ms))',
    'n Int64',
    's Struct(x: Duration(ns), y: Int64)',
    'm List(Struct(key: Utf8, value: Duration(s)))',
  ]);
  const bare = [
    'd Int64',
    'l List(Int64)',
    'n Int64',
    's Struct(x: Int64, y: Int64)',
    'm List(Struct(key: Utf8, value: Int64))',
  ];
  for (const other of [null, '', 'AAAA', pyarrow.slice(0, 300)]) {
    expect(columnsWith(elements, other)).toEqual(bare);
  }
  const one = arrowSchema([{ name: 'd', type: DataType.Duration('us') }])!;
  expect(columnsWith(elements, one)).toEqual(bare);
  const renamed = elements.map(element => (element.name === 'd' ? { ...element, name: 'e' } : element));
  expect(columnsWith(renamed, pyarrow)[0]).toBe('e Int64');
  const dated = elements.map(element =>
    element.name === 'd' ? { ...element, converted_type: 'INT_64' } : element,
  );
  expect(columnsWith(dated, pyarrow)[0]).toBe('d Int64');
});

test('CSV: numbers of their unit, and decimals, there and back', async () => {
  const path = scratch.path('flat.csv');
  const price = DataType.Decimal(12, 2);
  const records = rows.map(({ s, ns, plain }) => ({ s, ns, price: plain % 4 === 0 ? null : `${plain}.50` }));
  const types = { s: schema.s, ns: schema.ns, price };
  const source = fromRecords(host, records, { schema: types });
  await source.sinkCSV(path);
  expect(readFileSync(path, 'utf8').split('\n').slice(0, 3)).toEqual([
    's,ns,price',
    '-250,0,',
    '-249,18014398509481985,1.50',
  ]);
  const back = await scanCSV(host, path, { schema: types }).toRecords({ int64: 'bigint' });
  expect(back).toEqual(await source.toRecords({ int64: 'bigint' }));
  const [sums] = await duckdb(
    `SELECT sum(price::DECIMAL(12, 2))::VARCHAR, sum(s::BIGINT)::VARCHAR FROM read_csv('${path}', all_varchar = true)`,
  );
  const total = records.reduce((sum, { price: text }) => sum + Number(text ?? 0), 0);
  expect(sums).toEqual([total.toFixed(2), String(records.reduce((sum, row) => sum + (row.s ?? 0), 0))]);
});
