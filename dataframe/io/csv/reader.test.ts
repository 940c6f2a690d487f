import { writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { limits } from '../../../core/base/limits.js';
import { seededRng } from '../../../core/base/rng.js';
import { DataType, formatType } from '../../column/datatype.js';
import type { CsvOptions } from '../source.js';
import { csvScanOf } from '../testing/csv-scan.js';
import { type Cell, duckdb, newSeed, readAll, scratchFolder, testEnv } from '../testing/oracle.js';
import { csvReader } from './reader.js';

const scratch = scratchFolder();
afterAll(scratch.close);

const wholeFile = 1024 ** 3;
let files = 0;
/** The path of a new file with this text. */
function fileOf(text: string | Buffer): string {
  const path = scratch.path(`f${files++}.csv`);
  writeFileSync(path, text);
  return path;
}

const read = (text: string | Buffer, options: Partial<CsvOptions> = {}, columns: string[] | null = null) =>
  readAll(csvReader, csvScanOf(fileOf(text), options, columns));

async function typesOf(text: string, options: Partial<CsvOptions> = {}): Promise<string> {
  const { schema } = await csvReader.inspect(csvScanOf(fileOf(text), options), testEnv);
  return schema.map(field => `${field.name} ${formatType(field.type)}`).join(', ');
}

async function failureOf(text: string | Buffer, options: Partial<CsvOptions> = {}) {
  return read(text, options).then(
    rows => ({ rows }),
    error => error,
  );
}

/** Values that CSV makes hard. */
const oddities = [
  '',
  'plain',
  'with "quotes"',
  '"',
  '""',
  'a,b',
  'line\nbreak',
  'crlf\r\nbreak',
  ' padded ',
  'ünïcödé €',
  '\t',
  ';',
  "it's",
  '5" pipe',
  ',',
];

interface Variant {
  readonly delimiter: string;
  readonly newline: string;
  readonly quoteAll: boolean;
  readonly trailing: boolean;
  readonly mark: boolean;
}

/** Random rows as a CSV file with the oddities of a variant. */
function randomFile(random: () => number, rows: number, variant: Variant): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const write = (text: string | null): string => {
    if (text === null) {
      return '';
    }
    const must = text === '' || text.includes('"') || text.includes(variant.delimiter) || /[\r\n]/.test(text);
    return must || variant.quoteAll ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const nullable = (text: string): string | null => (random() < 0.1 ? null : text);
  const lines = [['id', 'n', 'x', 's', 'd', 't', 'b', 'odd name'].join(variant.delimiter)];
  for (let i = 0; i < rows; i++) {
    const day = `20${String(Math.floor(random() * 90) + 10)}-0${1 + Math.floor(random() * 9)}-1${Math.floor(random() * 10)}`;
    const cells = [
      String(i),
      nullable(String(Math.floor((random() - 0.5) * 10 ** Math.floor(random() * 19)))),
      nullable(
        pick([
          String(random()),
          String((random() - 0.5) * 1e30),
          '1e-7',
          '0.1',
          '-0.0',
          '123456789012345678',
          '4.9e-324',
          '1.7976931348623157e308',
        ]),
      ),
      nullable(pick(oddities)),
      nullable(day),
      nullable(
        `${day} 1${Math.floor(random() * 10)}:2${Math.floor(random() * 10)}:33.${Math.floor(random() * 1e6)}`,
      ),
      nullable(pick(['true', 'false'])),
      nullable(pick(oddities)),
    ];
    lines.push(cells.map(write).join(variant.delimiter));
  }
  return (
    (variant.mark ? '\ufeff' : '') + lines.join(variant.newline) + (variant.trailing ? variant.newline : '')
  );
}

const types = {
  id: DataType.Int64,
  n: DataType.Int64,
  x: DataType.Float64,
  s: DataType.Utf8,
  d: DataType.Date,
  t: DataType.Timestamp('us'),
  b: DataType.Bool,
  'odd name': DataType.Utf8,
};

// Goal: every way to quote, in any variant, reads as DuckDB reads it, and as it does in splits of any size.
test('random files equal DuckDB, whole and in tiny splits', async () => {
  const seed = newSeed();
  const random = seededRng(seed);
  for (let k = 0; k < 24; k++) {
    const variant: Variant = {
      delimiter: [',', ';', '\t', '|'][k % 4] as string,
      newline: k % 3 === 0 ? '\r\n' : '\n',
      quoteAll: k % 5 === 0,
      trailing: k % 2 === 0,
      mark: k % 7 === 0,
    };
    const path = fileOf(randomFile(random, 60, variant));
    const options = { delimiter: variant.delimiter, schema: types };
    const expected = await duckdb(
      `SELECT id::VARCHAR, n::VARCHAR, CASE WHEN x = 0 AND signbit(x) THEN '-0' ELSE x::VARCHAR END, s, (d - DATE '1970-01-01')::VARCHAR, epoch_us(t)::VARCHAR, b::VARCHAR, "odd name"
       FROM read_csv('${path}', delim = '${variant.delimiter}', quote = '"', escape = '"', header = true, auto_detect = false, new_line = '${k % 3 === 0 ? '\\r\\n' : '\\n'}',
       allow_quoted_nulls = false, columns = {id: BIGINT, n: BIGINT, x: DOUBLE, s: VARCHAR, d: DATE, t: TIMESTAMP, b: BOOLEAN, "odd name": VARCHAR})`,
    );
    const story = `seed ${seed}, file ${k} ${JSON.stringify(variant)}`;
    const numbered = (rows: Cell[][]) =>
      rows.map(row =>
        row.map((cell, i) => (i === 2 && cell !== null && cell !== '-0' ? String(Number(cell)) : cell)),
      );
    const whole = await readAll(csvReader, csvScanOf(path, options));
    expect(numbered(whole), story).toEqual(numbered(expected));
    for (const splitBytes of [1, 64, 500]) {
      expect(
        await readAll(csvReader, csvScanOf(path, { ...options, splitBytes })),
        `${story} splits of ${splitBytes}`,
      ).toEqual(whole);
    }
  }
});

// Goal: malformed text too is cut into the same records wherever the splits are.
test('any bytes: splits never change what is read', async () => {
  const seed = newSeed();
  const random = seededRng(seed);
  const alphabet = ['a', '"', ',', '\n', '\r', '\r\n', '1', '""', 'é', ' '];
  for (let k = 0; k < 60; k++) {
    let text = 'a,b\n';
    for (let i = 0; i < 120; i++) {
      text += alphabet[Math.floor(random() * alphabet.length)];
    }
    const path = fileOf(text);
    const options = { schema: { a: DataType.Utf8, b: DataType.Utf8 }, ignoreErrors: true };
    const env = { ...testEnv, skippedRows: () => {} };
    const whole = await readAll(csvReader, csvScanOf(path, options), env);
    for (const splitBytes of [1, 7, 33]) {
      const parts = await readAll(csvReader, csvScanOf(path, { ...options, splitBytes }), env);
      expect(parts, `seed ${seed}, file ${k}: ${JSON.stringify(text)}`).toEqual(whole);
    }
  }
});

test('types are inferred', async () => {
  expect(
    await typesOf('a,b,c,d,e,f,g,h\n1,1.5,true,2020-01-31,2020-01-31 10:00:00,2020-01-31T10:00:00Z,x,\n'),
  ).toBe('a Int64, b Float64, c Bool, d Date, e Timestamp(us), f Timestamp(us, UTC), g Utf8, h Utf8');
  expect(
    await typesOf('a,b,c,d,e\n1,2020-01-01,1,true,2020-02-30\n2.5,2020-01-01T00:00:00,x,0,2020-02-28\n'),
  ).toBe('a Float64, b Timestamp(us), c Utf8, d Utf8, e Utf8');
  expect(await typesOf('n\n9223372036854775807\n')).toBe('n Int64');
  expect(await typesOf('n\n9223372036854775808\n')).toBe('n Float64');
  expect(await typesOf('n\n1e5\nnan\n-inf\n')).toBe('n Float64');
  expect(await typesOf('n\nNA\n1\n')).toBe('n Utf8');
  expect(await typesOf('n\nNA\n1\n', { nullValues: ['NA'] })).toBe('n Int64');
  expect(await typesOf('"1","2"\n', { header: false })).toBe('column_1 Int64, column_2 Int64');
});

test('a declared schema overrides inference and names columns without a header', async () => {
  expect(await typesOf('a,b\n1,2\n', { schema: { b: DataType.Utf8 } })).toBe('a Int64, b Utf8');
  expect(await typesOf('1,2\n', { header: false, schema: { x: DataType.Utf8, y: DataType.Int8 } })).toBe(
    'x Utf8, y Int8',
  );
  expect(await failureOf('a\n1\n', { schema: { b: DataType.Utf8 } })).toMatchObject({
    code: 'COLUMN_NOT_FOUND',
  });
  expect(await failureOf('a\n1\n', { schema: { a: DataType.List(DataType.Utf8) } })).toMatchObject({
    code: 'UNSUPPORTED',
  });
  expect(await failureOf('a\n300\n', { schema: { a: DataType.UInt8 } })).toMatchObject({ code: 'BAD_DATA' });
});

test('nulls: the empty field, nullValues, quoted text never', async () => {
  expect(await read('a,s\n1,\n,"x"\nNA,""\n3,NA\n4,"NA"\n', { nullValues: ['NA'] })).toEqual([
    ['1', null],
    [null, 'x'],
    [null, ''],
    ['3', null],
    ['4', 'NA'],
  ]);
});

test('columns in the order asked for, blank lines, one column, no columns', async () => {
  expect(await read('a,b,c\n1,2,3\n\n4,5,6\n', {}, ['c', 'a'])).toEqual([
    ['3', '1'],
    ['6', '4'],
  ]);
  expect(await read('a\n1\n\n2')).toEqual([['1'], [null], ['2']]);
  expect(await read('a,b\n1,2\n3,4\n', {}, [])).toEqual([[], []]);
});

test('64-bit integers stay exact', async () => {
  expect(await read('n\n9007199254740993\n-9223372036854775808\n1\n')).toEqual([
    ['9007199254740993'],
    ['-9223372036854775808'],
    ['1'],
  ]);
  expect(await read('t\n9999-12-31 23:59:59.999999\n')).toEqual([['253402300799999999']]);
});

test('no rows: header only; an empty file needs a schema', async () => {
  expect(await read('a,b\n')).toEqual([]);
  expect(await read('a,b')).toEqual([]);
  expect(await read('', { schema: { a: DataType.Int64 } })).toEqual([]);
  for (const text of ['', '\ufeff', '\n\n']) {
    expect(await failureOf(text)).toMatchObject({
      code: 'BAD_DATA',
      message: expect.stringContaining('the file is empty'),
    });
  }
});

test('several files: equal names; others are refused by name', async () => {
  const [a, b, c] = [fileOf('a,b\n1,2\n'), fileOf('a,b\n3,4\n'), fileOf('a,c\n5,6\n')];
  expect(await readAll(csvReader, csvScanOf([a, b]))).toEqual([
    ['1', '2'],
    ['3', '4'],
  ]);
  await expect(readAll(csvReader, csvScanOf([a, c]))).rejects.toMatchObject({
    code: 'BAD_DATA',
    data: { file: c, column: 'b' },
  });
});

// Goal: FAULTS 12. The error has file, row, column and text; ignoreErrors skips and counts.
test.each([
  ['a,b\n1,2\n3\n', { row: 3, text: '3' }],
  ['a,b\n1,2\n3,4,5\n', { row: 3, text: '3,4,5' }],
  ['a,b\n"x\ny",2\nz,3\n"q"w,4\n', { row: 4, text: '"q"w,4' }],
  ['a,b\n1,2\n3,"open\n', { row: 3, text: '3,"open\n' }],
  ['a,b\n1,2\n3,x\0y\n', { row: 3 }],
])('bad record in %j', async (text, data) => {
  const path = fileOf(text);
  const scan = csvScanOf(path, { schema: { a: DataType.Utf8, b: DataType.Utf8 } });
  const failure = await readAll(csvReader, scan).catch(error => error);
  expect(failure).toMatchObject({ code: 'BAD_DATA', data: { file: path, ...data } });
  const skipped: number[] = [];
  const env = { ...testEnv, skippedRows: (_path: string, rows: number) => skipped.push(rows) };
  await readAll(csvReader, { ...scan, csv: { ...scan.csv!, ignoreErrors: true } }, env);
  expect(skipped).toEqual([1]);
});

test('a bad number names row, column and text, also in a later split', async () => {
  const lines = Array.from({ length: 50 }, (_, i) => `${i},"v\n${i}"`);
  lines[40] = 'forty,"v"';
  const path = fileOf(`\ufeff"n",s\n${lines.join('\n')}\n`);
  for (const splitBytes of [30, wholeFile]) {
    const scan = csvScanOf(path, { splitBytes, schema: { n: DataType.Int64 } });
    const failure = await readAll(csvReader, scan).catch(error => error);
    expect(failure).toMatchObject({
      code: 'BAD_DATA',
      data: { file: path, row: 42, column: 'n', text: 'forty' },
    });
    const skipped: number[] = [];
    const env = { ...testEnv, skippedRows: (_path: string, rows: number) => skipped.push(rows) };
    const rows = await readAll(csvReader, { ...scan, csv: { ...scan.csv!, ignoreErrors: true } }, env);
    expect([rows.length, skipped]).toEqual([49, [1]]);
  }
});

test('text that is not UTF-8, a header that is malformed, duplicate names, bad options', async () => {
  for (const header of ['"a,b\n1,2\n', '"a"x,b\n1,2\n', Buffer.from([0xff, 0xfe, 97, 0, 10, 0])]) {
    expect(await failureOf(header)).toMatchObject({ code: 'BAD_DATA', data: { row: 1 } });
  }
  expect(await failureOf(Buffer.from([97, 10, 98, 0xff, 10]))).toMatchObject({
    code: 'BAD_DATA',
    data: { row: 2 },
  });
  expect(await failureOf('a,b,a\n1,2,3\n')).toMatchObject({
    code: 'DUPLICATE_COLUMN',
    data: { column: 'a' },
  });
  expect(await failureOf('a\n', { delimiter: '::' })).toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(await failureOf('a\n', { delimiter: '"' })).toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('a line over the bound is refused, or skipped, in bounded memory', async () => {
  const long = Buffer.alloc(limits.lineBytes + 10 * 1024 * 1024, 'x');
  const path = fileOf(Buffer.concat([Buffer.from('a\n1\n'), long, Buffer.from('\n2\n')]));
  const scan = csvScanOf(path, { schema: { a: DataType.Int64 } });
  expect(await readAll(csvReader, scan).catch(error => error)).toMatchObject({
    code: 'BAD_DATA',
    data: { row: 3 },
  });
  let skipped = 0;
  const env = { ...testEnv, skippedRows: (_path: string, rows: number) => (skipped += rows) };
  const rows = await readAll(csvReader, { ...scan, csv: { ...scan.csv!, ignoreErrors: true } }, env);
  expect([rows, skipped]).toEqual([[['1'], ['2']], 1]);
});

test('airports.csv equals DuckDB', async () => {
  const path = 'node_modules/vega-datasets/data/airports.csv';
  const expected = await duckdb(
    `SELECT iata, name, city, state, country, latitude, longitude FROM read_csv('${path}', types = {'iata': 'VARCHAR'})`,
  );
  expect(await readAll(csvReader, csvScanOf(path))).toEqual(expected);
});
