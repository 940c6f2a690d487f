import { afterAll, describe, expect, test } from 'vitest';
import { isValid } from '../../column/bitmap.js';
import type { Batch } from '../../column/column.js';
import { DataType, formatType } from '../../column/datatype.js';
import { denseColumn } from '../../column/layout.js';
import { col } from '../../expr/expr.js';
import { writeSink } from '../sink.js';
import type { ScanSpec, SinkSpec } from '../source.js';
import { nestedCells, nestedSelect } from '../testing/nested-sql.js';
import {
  type Cell,
  cellsOf,
  duckdb,
  newSeed,
  readAll,
  readWhole,
  scratchFolder,
  testEnv,
} from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { assemble, type Levels } from './assemble.js';
import type { SchemaElement } from './metadata.js';
import { parquetReader } from './reader.js';
import { fileColumns } from './types.js';

const scratch = scratchFolder();
afterAll(scratch.close);

const duckdbCells = (path: string) => duckdb(`SELECT ${Object.values(nestedCells)} FROM '${path}'`);

function expectSame(cells: readonly Cell[][], expected: readonly Cell[][]): void {
  const different = expected.findIndex((row, i) => row.some((cell, c) => cell !== cells[i]?.[c]));
  expect(cells[different]).toEqual(expected[different]);
  expect(cells.length).toBe(expected.length);
}

async function batchesOf(scan: ScanSpec, rows = Number.POSITIVE_INFINITY): Promise<Batch[]> {
  const { schema, splits } = await parquetReader.inspect(scan, testEnv);
  const batches: Batch[] = [];
  const use = { ...readWhole(), rows };
  for await (const batch of parquetReader.read({ ...scan, schema }, splits, testEnv, use))
    batches.push(batch);
  return batches;
}

// Goal: lists, structs and maps in each other, null and empty at each level, are what DuckDB reads.
test.each([
  ['V1', 'snappy', 5000],
  ['V2', 'zstd', 5000],
  ['V1', 'uncompressed', 1],
  ['V2', 'snappy', 0],
])('nested columns of pages %s, %s, %i rows', async (version, compression, rows) => {
  const path = scratch.path(`nested-${version}-${compression}-${rows}.parquet`);
  await duckdb(
    `COPY (${nestedSelect(rows)}) TO '${path}' (FORMAT parquet, PARQUET_VERSION ${version}, COMPRESSION ${compression}, ROW_GROUP_SIZE 2048)`,
  );
  const { schema } = await parquetReader.inspect(scanOf(path), testEnv);
  expect(schema.map(({ name, type }) => `${name} ${formatType(type)}`)).toEqual([
    'ints List(Int64)',
    'lists List(List(Utf8))',
    'deep List(List(List(Int16)))',
    'structs List(Struct(x: Int64, t: Utf8, l: List(Int64)))',
    'inside Struct(l: List(Int64), flat: Int64, s: Struct(m: List(Struct(b: Bool, i: Int64))))',
    'map List(Struct(key: Utf8, value: Int64))',
    'maps List(List(Struct(key: Int64, value: List(Struct(z: Int64, b: Bool)))))',
  ]);
  expectSame(await readAll(parquetReader, scanOf(path)), await duckdbCells(path));
});

test('some of the columns, the first rows, and those that a filter wants', async () => {
  const path = scratch.path('some.parquet');
  await duckdb(
    `COPY (SELECT row_number() OVER () - 1 AS i, * FROM (${nestedSelect(6000)})) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
  );
  const expected = await duckdbCells(path);
  const names = Object.keys(nestedCells);
  for (const rows of [1, 2047, 2049, 5999]) {
    const cells = (await batchesOf(scanOf(path, names), rows)).flatMap(cellsOf);
    expectSame(cells, expected.slice(0, rows));
  }
  const predicate = col('i').isIn([3, 2500, 5998]).node;
  const cells = (await batchesOf({ ...scanOf(path, ['i', ...names]), predicate })).flatMap(cellsOf);
  for (const i of [3, 2500, 5998]) {
    expect(cells.find(row => row[0] === String(i))?.slice(1)).toEqual(expected[i]);
  }
  expectSame(
    await readAll(parquetReader, scanOf(path, ['inside'])),
    expected.map(row => [row[names.indexOf('inside')]!]),
  );
});

// Goal: what is written is what DuckDB and our own reader read, over pages and row groups.
test.each([
  ['snappy', 70_000, 70_000],
  ['none', 9_000, 2_500],
] as const)('written with %s: %i rows, row groups of %i', async (compression, rows, rowGroupRows) => {
  const source = scratch.path(`source-${rows}.parquet`);
  await duckdb(
    `COPY (SELECT * REPLACE (map_entries(map) AS map, list_transform(maps, m -> map_entries(m)) AS maps) FROM (${nestedSelect(rows)})) TO '${source}' (FORMAT parquet, ROW_GROUP_SIZE 20480)`,
  );
  const batches = await batchesOf(scanOf(source));
  const path = scratch.path(`own-${rows}.parquet`);
  const temporaryPath = `${path}.tmp`;
  const sink: SinkSpec = { format: 'parquet', path, temporaryPath, compression, rowGroupRows, role: 'file' };
  await writeSink(sink, batches[0]!.schema, batches, testEnv);
  const expected = batches.flatMap(cellsOf);
  expectSame(await readAll(parquetReader, scanOf(path)), expected);
  expectSame(
    await duckdb(
      `SELECT ${Object.keys(nestedCells).map(name => `to_json(${name})::VARCHAR`)} FROM '${path}'`,
    ),
    expected,
  );
});

/** `group name repetition annotation children`, a leaf without children: the elements of a schema in file order. */
type Tree = readonly [
  name: string,
  repetition: 'REQUIRED' | 'OPTIONAL' | 'REPEATED',
  kind: string | null,
  ...Tree[],
];

function elementsOf([name, repetition_type, kind, ...children]: Tree): SchemaElement[] {
  const leaf = children.length === 0;
  const element = {
    name,
    repetition_type,
    ...(leaf
      ? { type: kind === 'INTERVAL' ? 'FIXED_LEN_BYTE_ARRAY' : 'INT32' }
      : { num_children: children.length }),
    ...(kind !== null && { converted_type: kind }),
  } as SchemaElement;
  return [element, ...children.flatMap(elementsOf)];
}

function columnOf(tree: Tree) {
  const schema = [{ name: 'schema', num_children: 1 } as SchemaElement, ...elementsOf(tree)];
  return fileColumns({ schema, num_rows: 0, row_groups: [], arrowSchema: null })[0]!;
}

// Goal: the rules of the format for lists that other writers have written.
describe('forms of lists and maps', () => {
  const leaf = (name: string): Tree => [name, 'OPTIONAL', null];
  test.each<[Tree, string]>([
    [['l', 'OPTIONAL', 'LIST', ['list', 'REPEATED', null, leaf('element')]], 'List(Int32)'],
    [['l', 'REQUIRED', 'LIST', ['bag', 'REPEATED', null, leaf('array_element')]], 'List(Int32)'],
    [['l', 'OPTIONAL', 'LIST', ['element', 'REPEATED', null]], 'List(Int32)'],
    [['l', 'REPEATED', null], 'List(Int32)'],
    [['l', 'REPEATED', null, leaf('x'), leaf('y')], 'List(Struct(x: Int32, y: Int32))'],
    [['l', 'REPEATED', 'LIST', ['list', 'REPEATED', null, leaf('e')]], 'List(List(Int32))'],
    [
      ['l', 'OPTIONAL', 'LIST', ['e', 'REPEATED', null, leaf('x'), leaf('y')]],
      'List(Struct(x: Int32, y: Int32))',
    ],
    [['l', 'OPTIONAL', 'LIST', ['array', 'REPEATED', null, leaf('x')]], 'List(Struct(x: Int32))'],
    [['l', 'OPTIONAL', 'LIST', ['l_tuple', 'REPEATED', null, leaf('x')]], 'List(Struct(x: Int32))'],
    [
      ['l', 'OPTIONAL', 'LIST', ['array', 'REPEATED', 'LIST', ['array', 'REPEATED', null]]],
      'List(List(Int32))',
    ],
    [
      ['l', 'OPTIONAL', 'LIST', ['e', 'REPEATED', null, ['x', 'REPEATED', null]]],
      'List(Struct(x: List(Int32)))',
    ],
    [
      ['m', 'OPTIONAL', 'MAP', ['key_value', 'REPEATED', null, leaf('key'), leaf('value')]],
      'List(Struct(key: Int32, value: Int32))',
    ],
    [
      ['m', 'OPTIONAL', 'MAP_KEY_VALUE', ['map', 'REPEATED', null, leaf('key'), leaf('value')]],
      'List(Struct(key: Int32, value: Int32))',
    ],
    [
      ['m', 'OPTIONAL', 'MAP', ['map', 'REPEATED', 'MAP_KEY_VALUE', leaf('key'), leaf('value')]],
      'List(Struct(key: Int32, value: Int32))',
    ],
    [['m', 'OPTIONAL', 'MAP', ['map', 'REPEATED', null, leaf('key')]], 'List(Struct(key: Int32))'],
    [['s', 'OPTIONAL', null, ['x', 'REPEATED', null], leaf('y')], 'Struct(x: List(Int32), y: Int32)'],
  ])('%j is %s', (tree, type) => {
    const column = columnOf(tree);
    expect(column.unsupported).toBeNull();
    expect(formatType(column.type)).toBe(type);
  });

  test.each<[Tree, RegExp]>([
    [['l', 'OPTIONAL', 'LIST', leaf('x')], /LIST is not read/],
    [['l', 'OPTIONAL', 'LIST', leaf('x'), leaf('y')], /LIST is not read/],
    [
      ['m', 'OPTIONAL', 'MAP', ['e', 'REPEATED', null, leaf('a'), leaf('b'), leaf('c')]],
      /no keys and values/,
    ],
    [['m', 'OPTIONAL', 'MAP', ['e', 'REPEATED', null]], /no keys and values/],
    [['s', 'OPTIONAL', 'BSON', leaf('x')], /BSON is not read/],
    [
      [
        'l',
        'OPTIONAL',
        'LIST',
        ['list', 'REPEATED', null, ['s', 'OPTIONAL', null, ['x', 'OPTIONAL', 'INTERVAL']]],
      ],
      /'x'/,
    ],
  ])('%j is refused', (tree, why) => {
    expect(columnOf(tree).unsupported).toMatch(why);
  });
});

test('a group without fields is refused, and the columns behind it are found', () => {
  const schema = [
    { name: 'schema', num_children: 3 },
    { name: 'none', num_children: 0, repetition_type: 'OPTIONAL' },
    { name: 's', num_children: 1, repetition_type: 'OPTIONAL' },
    { name: 'none', num_children: 0, repetition_type: 'OPTIONAL' },
    { name: 'x', type: 'INT32', repetition_type: 'OPTIONAL' },
  ] as SchemaElement[];
  const columns = fileColumns({ schema, num_rows: 0, row_groups: [], arrowSchema: null });
  expect(columns.map(({ name, leaf, unsupported }) => [name, leaf, unsupported])).toEqual([
    ['none', -1, 'a group without fields is not read'],
    ['s', -1, "its field 'none': a group without fields is not read"],
    ['x', 0, null],
  ]);
});

// Goal: whatever levels say, leaves that tell different things are damage, never a column of unequal parts.
test('leaves that disagree', () => {
  const seed = newSeed();
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const list: Tree = [
    'l',
    'OPTIONAL',
    'LIST',
    ['list', 'REPEATED', null, ['s', 'OPTIONAL', null, ['x', 'OPTIONAL', null], ['y', 'OPTIONAL', null]]],
  ];
  const column = columnOf(list);
  const levelsOf = (): Levels => {
    const length = 3 + random(3);
    const definition = new Uint8Array(length);
    const repetition = new Uint8Array(length);
    for (let e = 0; e < length; e++) {
      definition[e] = random(5);
      const open = e > 0 && definition[e - 1]! >= 2 && definition[e]! >= 2;
      repetition[e] = open ? random(2) : 0;
    }
    return { length, definition, repetition };
  };
  /** What the levels say of all but the values. */
  const shape = ({ definition, repetition }: Levels) =>
    JSON.stringify([...definition!].map((level, e) => [Math.min(level, 3), repetition![e]]));
  const seen = { equal: 0, different: 0 };
  for (let run = 0; run < 3000; run++) {
    const x = levelsOf();
    const y =
      run % 3 === 0
        ? { ...x, definition: x.definition!.map(level => (level >= 3 ? 3 + random(2) : level)) }
        : levelsOf();
    const decode = (leaf: { name: string }) => {
      const levels = leaf.name === 'x' ? x : y;
      const length = levels.definition!.filter(level => level >= 2).length;
      return { column: denseColumn(DataType.Int32, 'i32', length, new Int32Array(length)), levels };
    };
    if (shape(x) === shape(y)) {
      const whole = assemble(column, decode);
      expect(whole.length).toBe(x.repetition!.filter(level => level === 0).length);
      const struct = whole.items!;
      expect(struct.fields!.map(field => field.length)).toEqual([struct.length, struct.length]);
      expect(isValid(whole.validity, 0)).toBe(x.definition![0]! >= 1);
      seen.equal++;
    } else {
      expect(() => assemble(column, decode), `seed ${seed}`).toThrow(/disagree/);
      seen.different++;
    }
  }
  expect(Math.min(seen.equal, seen.different)).toBeGreaterThan(500);
});
