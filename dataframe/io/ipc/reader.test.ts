import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as arrow from 'apache-arrow';
import { Builder } from 'flatbuffers';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../../core/base/version.js';
import { tableToBatches } from '../../column/arrow-in.js';
import { isValid } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import { DataType, formatType } from '../../column/datatype.js';
import { unscaledReader } from '../../column/decimal-entries.js';
import { col, len } from '../../expr/expr.js';
import { ipcScan } from '../../frame/sources.js';
import { scanFrame } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import type { ScanSpec } from '../source.js';
import { cellOf, cellsOf, readAll, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { ipcReader } from './reader.js';

const scratch = scratchFolder();
afterAll(() => scratch.close());
const executor = new InlineExecutor();
const scan = (path: string, options = {}) => scanFrame({ executor }, ipcScan(path, options));
/** Files of pyarrow, made by make.py beside them. */
const fixture = (name: string) => join(packageRoot, 'dataframe/io/testing/ipc', name);

const scanOf = (path: string, columns: string[] | null = null): ScanSpec => ({
  format: 'ipc',
  paths: [path],
  csv: null,
  columns,
  predicate: null,
  schema: null,
});

type Plain = string | null | readonly Plain[];

function plainOf(column: Column, row: number): Plain {
  if (!isValid(column.validity, row)) return null;
  const { items, fields, values } = column;
  if (fields !== undefined) return fields.map(field => plainOf(field, row));
  if (column.type.kind === 'decimal') return String(unscaledReader(column)(row));
  if (items === undefined) return cellOf(column, row);
  const from = values[row]!;
  return Array.from({ length: values[row + 1]! - from }, (_, k) => plainOf(items, from + k));
}

async function columnsOf(path: string, movesText = false): Promise<[string, Plain[]][]> {
  const { schema, splits } = await ipcReader.inspect(scanOf(path), testEnv);
  const out = schema.map(({ name }): [string, Plain[]] => [name, []]);
  const use = { ...readWhole(), movesText };
  for await (const batch of ipcReader.read({ ...scanOf(path), schema }, splits, testEnv, use)) {
    batch.columns.forEach((column, c) => {
      for (let row = 0; row < batch.rows; row++) out[c]![1].push(plainOf(column, row));
    });
  }
  return out;
}

describe('what pyarrow wrote', () => {
  const expected = JSON.parse(readFileSync(fixture('types.json'), 'utf8')) as [string, Plain[]][];

  for (const name of ['types-None.arrow', 'types-lz4.arrow', 'types-zstd.arrow', 'types.arrows']) {
    test(`every type: ${name}`, async () => {
      for (const movesText of [false, true]) {
        const found = await columnsOf(fixture(name), movesText);
        expect(found.map(([column]) => column)).toEqual(expected.map(([column]) => column));
        found.forEach((column, c) => {
          expect(column).toEqual(expected[c]);
        });
      }
    });
  }

  test('types by name', async () => {
    const { schema, splits } = await ipcReader.inspect(scanOf(fixture('types.arrows')), testEnv);
    const types = new Map(schema.map(({ name, type }) => [name, formatType(type)]));
    expect(splits.map(({ rows }) => rows)).toEqual([25, 25, 10]);
    expect(types.get('half')).toBe('Float32');
    expect(types.get('date64')).toBe('Timestamp(ms)');
    expect(types.get('zoned')).toBe('Timestamp(ns, Europe/Berlin)');
    expect(types.get('time64')).toBe('Duration(ns)');
    expect(types.get('few64')).toBe('Utf8');
    expect(types.get('numbers')).toBe('Int64');
    expect(types.get('map')).toBe('List(Struct(key: Utf8, value: Int64))');
  });

  test('dictionaries keep their codes, and are one object over all batches', async () => {
    const path = fixture('types-lz4.arrow');
    const { schema, splits } = await ipcReader.inspect(scanOf(path), testEnv);
    const asked = { ...scanOf(path, ['few']), schema };
    const seen = new Set();
    for (const split of splits) {
      for await (const { rows, columns } of ipcReader.read(asked, [split], testEnv, readWhole())) {
        expect(rows).toBe(split.rows);
        expect(columns[0]!.dictionary!.length).toBe(3);
        seen.add(columns[0]!.dictionary);
      }
    }
    expect(splits.length).toBe(3);
    expect(seen.size).toBe(1);
  });

  test('dictionaries that grow, and that are replaced', async () => {
    expect(await columnsOf(fixture('delta.arrow'))).toEqual([['w', ['a', 'b', 'c', null, 'a']]]);
    expect(await columnsOf(fixture('replaced.arrows'))).toEqual([
      ['w', ['a', 'b', 'c', null, 'a', 'y', 'z']],
    ]);
  });

  test('blocks of LZ4 that refer to those before them', async () => {
    const [[, texts]] = (await columnsOf(fixture('linked.arrow'))) as [[string, Plain[]]];
    expect(texts).toEqual(
      Array.from({ length: 3000 }, (_, i) =>
        `line ${(i * 7919) % 400} of a text that repeats itself; `.repeat(3),
      ),
    );
  });

  test('types that are not read are refused by name, and only when asked for', async () => {
    const path = fixture('refused.arrow');
    expect(await scan(path, { columns: ['after', 'before'] }).toRecords()).toEqual([
      { after: 'x', before: 1 },
      { after: null, before: 2 },
    ]);
    const words = {
      interval: 'Interval',
      union: 'Union',
      decimal256: 'Decimal256',
      encoded: 'RunEndEncoded',
      listview: 'ListView',
    };
    for (const [column, type] of Object.entries(words)) {
      await expect(scan(path, { columns: [column] }).toRecords()).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(new RegExp(`refused\\.arrow, column '${column}'.*${type}`)),
      });
    }
  });
});

describe('what apache-arrow wrote', () => {
  const table = arrow.tableFromArrays({
    id: Int32Array.from({ length: 1000 }, (_, i) => i),
    word: Array.from({ length: 1000 }, (_, i) => (i % 9 === 0 ? null : `w${i % 5}`)),
    big: BigInt64Array.from({ length: 1000 }, (_, i) => BigInt(i) * 2n ** 50n),
  });

  for (const kind of ['file', 'stream'] as const) {
    test(`as a ${kind}`, async () => {
      const path = scratch.path(`js-${kind}.arrow`);
      writeFileSync(path, arrow.tableToIPC(table, kind));
      const frame = scan(path);
      expect(await frame.count()).toBe(1000);
      expect(await frame.filter(col('id').lt(4)).toRecords({ int64: 'bigint' })).toEqual([
        { id: 0, word: null, big: 0n },
        { id: 1, word: 'w1', big: 2n ** 50n },
        { id: 2, word: 'w2', big: 2n ** 51n },
        { id: 3, word: 'w3', big: 3n * 2n ** 50n },
      ]);
      expect(await frame.groupBy('word').agg(len()).sort('word').toRecords()).toHaveLength(6);
    });
  }

  test('one row, no rows, batches without rows', async () => {
    const none = table.slice(0, 0);
    const files = { none, one: table.slice(7, 8), mixed: none.concat(table.slice(0, 2)) };
    for (const [name, part] of Object.entries(files)) {
      for (const kind of ['file', 'stream'] as const) {
        const path = scratch.path(`${name}-${kind}.arrow`);
        writeFileSync(path, arrow.tableToIPC(part, kind));
        expect(await scan(path).count()).toBe(part.numRows);
        expect(await scan(path).columns()).toEqual(['id', 'word', 'big']);
      }
    }
  });
});

test('a published file: flights-200k.arrow', async () => {
  const path = join(packageRoot, 'node_modules/vega-datasets/data/flights-200k.arrow');
  const table = arrow.tableFromIPC(readFileSync(path));
  const expected = tableToBatches(table, 300_000).flatMap(cellsOf);
  expect(expected).toHaveLength(200_000);
  expect(await readAll(ipcReader, scanOf(path))).toEqual(expected);
});

describe('files that are not what they claim', () => {
  const file = readFileSync(fixture('types-None.arrow'));
  const stream = readFileSync(fixture('types.arrows'));
  const failure = async (name: string, bytes: Buffer) => {
    const path = scratch.path(name);
    writeFileSync(path, bytes);
    return readAll(ipcReader, scanOf(path)).then(
      () => 'read',
      error => `${error.code} ${error.message.includes(path)} ${error.message}`,
    );
  };

  // Goal: FAULTS 9 and 13. A stream that is cut between two messages is not a shorter table.
  test('every cut is an error that names the file', async () => {
    for (const bytes of [file, stream]) {
      for (let n = 0; n < 200; n++) {
        const cut = bytes.subarray(0, Math.floor((bytes.length * n) / 200));
        expect(await failure('cut.arrow', cut)).toMatch(/^BAD_DATA true/);
      }
    }
    expect(await failure('cut.arrow', stream.subarray(0, -8))).toContain('without the mark of its end');
  });

  test('other formats', async () => {
    expect(await failure('text.arrow', Buffer.from('a,b\n1,2\n'))).toMatch(/^BAD_DATA true/);
    expect(await failure('old.feather', Buffer.from('FEA1....FEA1'))).toContain('Feather version 1');
  });

  test('big-endian numbers are refused', async () => {
    const builder = new Builder();
    builder.startVector(4, 0, 4);
    const fields = builder.endVector();
    builder.startObject(4);
    builder.addFieldInt16(0, 1, 0);
    builder.addFieldOffset(1, fields, 0);
    const schema = builder.endObject();
    builder.startObject(5);
    builder.addFieldInt16(0, 4, 0);
    builder.addFieldInt8(1, 1, 0);
    builder.addFieldOffset(2, schema, 0);
    builder.finish(builder.endObject());
    const message = builder.asUint8Array();
    const prefix = Buffer.from([255, 255, 255, 255, message.length, 0, 0, 0]);
    const end = Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]);
    expect(await failure('big.arrows', Buffer.concat([prefix, message, end]))).toContain('big-endian');
  });
});

test('folders of hive keys, and files of other columns', async () => {
  for (const year of [2023, 2024]) {
    mkdirSync(scratch.path(`hive/year=${year}`), { recursive: true });
    copyFileSync(fixture('delta.arrow'), scratch.path(`hive/year=${year}/a.arrow`));
  }
  const frame = scan(scratch.path('hive'));
  expect(await frame.groupBy('year').agg(col('w').count()).sort('year').toRecords()).toEqual([
    { year: 2023, w: 4 },
    { year: 2024, w: 4 },
  ]);
  expect((await frame.schema()).map(({ type }) => formatType(type))).toEqual([
    'Utf8',
    formatType(DataType.Int64),
  ]);
  copyFileSync(fixture('linked.arrow'), scratch.path('hive/year=2024/b.arrow'));
  await expect(frame.count()).rejects.toMatchObject({ code: 'COLUMN_NOT_FOUND' });
});

// Goal: FAULTS 14. Where a node is limited to some folders, these formats are too.
test('files outside of the allowed folders are denied', async () => {
  const path = fixture('delta.arrow');
  const limited = { ...testEnv, allowPaths: [scratch.path('.')] };
  await expect(ipcReader.inspect(scanOf(path), limited)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  const { schema, splits } = await ipcReader.inspect(scanOf(path), testEnv);
  const rows = ipcReader.read({ ...scanOf(path), schema }, splits, limited, readWhole());
  await expect(rows[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
});
