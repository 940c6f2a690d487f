import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { limits } from '../../../core/base/limits.js';
import { DataType, formatType, type Schema } from '../../column/datatype.js';
import { col } from '../../expr/expr.js';
import { type JSONOptions, jsonScan, type NDJSONOptions, ndjsonScan } from '../../frame/sources.js';
import { scanFrame } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { jsonReader, ndjsonReader } from './reader.js';

const scratch = scratchFolder();
afterAll(() => scratch.close());
const host = { executor: new InlineExecutor() };
let files = 0;

const forms = {
  ndjson: (path: string, options: NDJSONOptions = {}) => scanFrame(host, ndjsonScan(path, options)),
  json: (path: string, options: JSONOptions = {}) => scanFrame(host, jsonScan(path, options)),
};

function fileOf(text: string | Buffer, format: 'ndjson' | 'json' = 'ndjson'): string {
  const path = scratch.path(`f${files++}.${format}`);
  writeFileSync(path, text);
  return path;
}
const lines = (text: string | Buffer, options: NDJSONOptions = {}) => forms.ndjson(fileOf(text), options);
const document = (text: string, options: JSONOptions = {}) => forms.json(fileOf(text, 'json'), options);
const shown = (schema: Schema) => schema.map(({ name, type }) => `${name}: ${formatType(type)}`);

describe('types', () => {
  test('inferred from values; keys in order of appearance; what is missing is null', async () => {
    const frame = lines(
      [
        '{"i":1,"f":1,"b":true,"t":"2024-01-01T00:00:00","n":null,"l":[1,2],"s":{"x":1}}',
        '{"i":-2,"f":1.5,"b":null,"t":"x","l":[],"s":{"y":"a","x":null},"late":[[1],[2.5]]}',
        '{}',
      ].join('\n'),
    );
    expect(shown(await frame.schema())).toEqual([
      'i: Int64',
      'f: Float64',
      'b: Bool',
      't: Utf8',
      'n: Utf8',
      'l: List(Int64)',
      's: Struct(x: Int64, y: Utf8)',
      'late: List(List(Float64))',
    ]);
    expect(await frame.toRecords()).toEqual([
      { i: 1, f: 1, b: true, t: '2024-01-01T00:00:00', n: null, l: [1, 2], s: { x: 1, y: null }, late: null },
      { i: -2, f: 1.5, b: null, t: 'x', n: null, l: [], s: { x: null, y: 'a' }, late: [[1], [2.5]] },
      { i: null, f: null, b: null, t: null, n: null, l: null, s: null, late: null },
    ]);
  });

  test('what does not agree is text, as it stands in the file', async () => {
    const frame = lines(
      '{"a":1,"b":[1],"c":{}}\n{"a":"x","b":{"k": 1},"c":{}}\n{"a":true,"b":2.50,"c":{}}\n',
    );
    expect(shown(await frame.schema())).toEqual(['a: Utf8', 'b: Utf8', 'c: Utf8']);
    expect(await frame.select('a', 'b').toRecords()).toEqual([
      { a: '1', b: '[1]' },
      { a: 'x', b: '{"k": 1}' },
      { a: 'true', b: '2.50' },
    ]);
  });

  test('declared types override, and make other keys be ignored', async () => {
    const text = '{"day":"2024-02-29","at":"2024-01-01T10:00:00.123456+02:00","price":"12.50","n":3,"x":1}\n';
    const schema = {
      day: DataType.Date,
      at: DataType.Timestamp('us', 'UTC'),
      price: DataType.Decimal(10, 2),
      n: DataType.Float32,
      gone: DataType.Int8,
    };
    const frame = lines(`${text}{"unheard":1,"gone":7,"price":0.1}\n`, { schema });
    expect(shown(await frame.schema())).toEqual([
      'day: Date',
      'at: Timestamp(us, UTC)',
      'price: Decimal(10, 2)',
      'n: Float32',
      'x: Int64',
      'unheard: Int64',
      'gone: Int8',
    ]);
    const [first, second] = await frame.toRecords();
    expect(first).toMatchObject({ day: new Date('2024-02-29'), price: '12.50', n: 3, gone: null });
    expect(first!.at).toEqual(new Date('2024-01-01T08:00:00.123Z'));
    expect(second).toMatchObject({ price: '0.10', gone: 7, day: null });
  });

  test('integers of 64 bits are exact; 1e3 and "7" are integers too', async () => {
    const big = ['9223372036854775807', '-9223372036854775808', '9007199254740993'];
    const frame = lines(big.map(v => `{"v":${v}}`).join('\n'));
    expect((await frame.toRecords({ int64: 'bigint' })).map(({ v }) => v)).toEqual(big.map(BigInt));
    const declared = lines('{"v":1e3}\n{"v":"7"}\n{"v":2.0}\n{"v":-0}', { schema: { v: DataType.Int32 } });
    expect((await declared.toRecords()).map(({ v }) => v)).toEqual([1000, 7, 2, 0]);
    const wide = lines('{"v":18446744073709551615}', { schema: { v: DataType.UInt64 } });
    expect(await wide.toRecords({ int64: 'bigint' })).toEqual([{ v: 2n ** 64n - 1n }]);
  });

  test('a column that JSON cannot hold is refused', async () => {
    const frame = lines('{"a":1}', { schema: { a: DataType.Binary } });
    await expect(frame.count()).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});

describe('text', () => {
  test('escapes, surrogate pairs, UTF-8, and keys that need them', async () => {
    const records = [
      { 'a"b': '\u0000\b\f\n\r\t"\\/', ключ: '🦆 ü' },
      { 'a"b': '\ud83e\udd86', ключ: '' },
    ];
    const ascii = (text: string) =>
      text.replace(/[^\x20-\x7e]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
    for (const write of [(text: string) => text, ascii]) {
      const frame = lines(records.map(record => write(JSON.stringify(record))).join('\n'));
      expect(await frame.toRecords()).toEqual(records);
    }
  });

  test('the last of equal keys counts, at every level', async () => {
    const frame = lines('{"a":1,"a":2,"s":{"x":1,"x":"z"},"a":null}\n{"a":5,"s":{"x":"q"}}');
    expect(await frame.toRecords()).toEqual([
      { a: null, s: { x: 'z' } },
      { a: 5, s: { x: 'q' } },
    ]);
  });

  test('blank lines, CRLF, a byte order mark and blanks', async () => {
    const frame = lines('\ufeff\r\n\n  {"a" : 1 , "b":[ 1 , 2 ] }  \r\n\r\n \t{"a":2}\r\n   \n');
    expect(await frame.toRecords()).toEqual([
      { a: 1, b: [1, 2] },
      { a: 2, b: null },
    ]);
  });

  test('one record without a line break; nothing; nothing but blanks', async () => {
    expect(await lines('{"a":1}').toRecords()).toEqual([{ a: 1 }]);
    for (const text of ['', '\n\n', '\ufeff']) {
      await expect(lines(text).count()).rejects.toMatchObject({ code: 'BAD_DATA' });
      expect(await lines(text, { schema: { a: DataType.Int64 } }).count()).toBe(0);
    }
  });
});

describe('errors', () => {
  const bad: Record<string, string> = {
    '{"a":1,}': 'a key is no text',
    '{"a":01}': 'leading zero',
    '{"a":1.}': 'without digits behind its point',
    '{"a":-}': 'without digits',
    '{"a":1e}': 'exponent',
    '{"a":tru}': 'no JSON value',
    '{"a":NaN}': 'no JSON value',
    '{"a" 1}': 'no colon',
    '{"a":1 "b":2}': 'neither a comma nor the end of an object',
    '{"a":"\\x"}': 'unknown escape',
    '{"a":"\\u12g4"}': 'hexadecimal',
    '{"a":"\\ud800"}': 'surrogate',
    '{"a":"\\udc00x"}': 'surrogate',
    '{"a":"\t"}': 'control character',
    '{"a":[1 2]}': 'end of an array',
    '{"a":1': 'neither a comma nor the end of an object',
    '{"a":1} x': 'more text behind',
    '[1]': 'no JSON object',
    '{"b":[1,{"c":tru}]}': 'no JSON value',
    [`{"a":${'['.repeat(200)}${']'.repeat(200)}}`]: 'nested more than',
  };
  for (const [line, problem] of Object.entries(bad)) {
    test(`${line.slice(0, 30)} says where and what`, async () => {
      // The broken key is one that nobody asks for: it is stepped over, not believed.
      const text = `{"a":null,"k":1}\n\n${line}\n{"k":2}\n`;
      const frame = lines(text, { columns: ['k'], schema: { b: DataType.Utf8 } });
      const path = scratch.path(`f${files - 1}.ndjson`);
      await expect(frame.toRecords()).rejects.toMatchObject({
        code: 'BAD_DATA',
        data: { file: path, row: 3 },
        message: expect.stringContaining(problem),
      });
      const kept = forms.ndjson(path, { columns: ['k'], ignoreErrors: true });
      expect(await kept.toRecords()).toEqual([{ k: 1 }, { k: 2 }]);
    });
  }

  test('a value of another type: row, column and text', async () => {
    const text = `${'{"a":1,"s":{"x":1}}\n'.repeat(70_000)}{"a":"x7","s":{"x":1}}\n{"a":3,"s":{"x":[]}}\n`;
    const path = fileOf(text);
    await expect(forms.ndjson(path).toRecords()).rejects.toMatchObject({
      code: 'BAD_DATA',
      data: { file: path, row: 70_001, column: 'a', text: 'x7' },
      message: expect.stringContaining('no Int64'),
    });
    // What nobody asks for is not converted, and so not left out.
    const kept = forms.ndjson(path, { ignoreErrors: true });
    expect(await kept.toRecords()).toHaveLength(70_000);
    expect(await kept.select('s').toRecords()).toHaveLength(70_001);
  });

  test('bytes that are not UTF-8', async () => {
    const text = Buffer.concat([Buffer.from('{"a":"x"}\n{"a":"'), Buffer.from([0xff]), Buffer.from('"}\n')]);
    await expect(lines(text).toRecords()).rejects.toMatchObject({ data: { row: 2 }, code: 'BAD_DATA' });
    expect(await lines(text, { ignoreErrors: true }).toRecords()).toEqual([{ a: 'x' }]);
  });

  test('a key that the sample does not have is an error unless types are declared', async () => {
    const text = `${'{"a":1}\n'.repeat(150_000)}{"a":1,"new":2}\n`;
    await expect(lines(text).toRecords()).rejects.toMatchObject({
      data: { row: 150_001 },
      message: expect.stringMatching(/key "new" is in no record.*Declare it/),
    });
    expect(await lines(text, { schema: { a: DataType.Int64 } }).count()).toBe(150_001);
    expect(await lines(text, { ignoreErrors: true }).count()).toBe(150_001);
  });
});

describe('ranges', () => {
  const rows = Array.from({ length: 500 }, (_, i) => ({
    id: i,
    text: `t${i % 7}\n`.repeat(i % 5),
    list: [i, null],
  }));
  const text = `${rows.map(row => JSON.stringify(row)).join('\n  ')}\n`;

  test('cut anywhere they give the rows of the whole, each once', async () => {
    const path = fileOf(text);
    for (const splitBytes of [53, 64, 1000, 4099]) {
      expect(await forms.ndjson(path, { splitBytes }).toRecords()).toEqual(rows);
    }
  });

  test('every place of a cut around a line', async () => {
    const path = fileOf('{"a":1}\n\n {"a":22}\r\n{"a":3}');
    for (let splitBytes = 1; splitBytes < 30; splitBytes++) {
      expect(await forms.ndjson(path, { splitBytes }).toRecords()).toEqual([{ a: 1 }, { a: 22 }, { a: 3 }]);
    }
  });

  test('records longer than what is read at a time', async () => {
    const long = Array.from({ length: 3 }, (_, i) => ({ i, text: String(i).repeat(9_000_000) }));
    const frame = lines(long.map(row => JSON.stringify(row)).join('\n'), { splitBytes: 2_000_000 });
    const sizes = await frame.select(col('i'), col('text').str.lenChars().alias('n')).toRecords();
    expect(sizes).toEqual([0, 1, 2].map(i => ({ i, n: 9_000_000 })));
    const array = document(JSON.stringify(long));
    expect(await array.select(col('i'), col('text').str.lenChars().alias('n')).toRecords()).toEqual(sizes);
  });

  test('a record beyond the bound is an error, or one more that is skipped', async () => {
    const long = Buffer.concat([
      Buffer.from('{"a":"'),
      Buffer.alloc(limits.lineBytes + 9_000_000, 'x'),
      Buffer.from('"}\n'),
    ]);
    const path = fileOf(Buffer.concat([Buffer.from('{"a":"1"}\n'), long, Buffer.from('{"a":"2"}\n')]));
    await expect(forms.ndjson(path).toRecords()).rejects.toMatchObject({
      data: { row: 2 },
      message: expect.stringContaining('exceeds'),
    });
    expect(await forms.ndjson(path, { ignoreErrors: true }).toRecords()).toEqual([{ a: '1' }, { a: '2' }]);
  });

  test('folders of hive keys', async () => {
    for (const year of [2023, 2024]) {
      mkdirSync(scratch.path(`hive/year=${year}`), { recursive: true });
      writeFileSync(scratch.path(`hive/year=${year}/a.jsonl`), `{"a":${year % 10}}\n`);
    }
    const frame = forms.ndjson(scratch.path('hive')).filter(col('year').eq(2024));
    expect(await frame.toRecords()).toEqual([{ a: 4, year: 2024 }]);
  });
});

describe('documents', () => {
  test('an array, however it is spaced; one object; nothing', async () => {
    const records = [
      { a: 1, s: { x: ['q'] } },
      { a: null, s: null },
    ];
    for (const space of [undefined, 2]) {
      const text = `\ufeff \n${JSON.stringify(records, null, space)}\n\n`;
      expect(await document(text).toRecords()).toEqual(records);
    }
    expect(await document('{"a":\n1}\n').toRecords()).toEqual([{ a: 1 }]);
    expect(await document(' [ ] ', { schema: { a: DataType.Int64 } }).count()).toBe(0);
    expect(await document('', { schema: { a: DataType.Int64 } }).count()).toBe(0);
    await expect(document('[]').count()).rejects.toMatchObject({ code: 'BAD_DATA' });
  });

  const bad = [
    '[{"a":1}',
    '[{"a":1},',
    '[{"a":1},]',
    '[{"a":1} {"a":2}]',
    '[{"a":1}] x',
    '[{"a":1},2]',
    '{"a":1}{"a":2}',
    '[{"a":1},{"a":',
  ];
  for (const text of bad) {
    test(`${text} is an error, whatever is ignored`, async () => {
      for (const ignoreErrors of [false, true]) {
        await expect(document(text, { ignoreErrors }).toRecords()).rejects.toMatchObject({
          code: 'BAD_DATA',
        });
      }
    });
  }

  test('lines where a document belongs: the error names the way out', async () => {
    await expect(document('{"a":1}\n{"a":2}\n').toRecords()).rejects.toThrow(/scanNDJSON/);
  });

  test('a value of another type: the number of its element', async () => {
    const text = '[{"a":1},\n{"a":2},{"a":"x"},{"a":4}]';
    const schema = { a: DataType.Int64 };
    await expect(document(text, { schema }).toRecords()).rejects.toMatchObject({
      data: { row: 3, column: 'a', text: 'x' },
    });
    expect(await document(text, { schema, ignoreErrors: true }).toRecords()).toEqual([
      { a: 1 },
      { a: 2 },
      { a: 4 },
    ]);
  });
});

// Goal: FAULTS 14. Where a node is limited to some folders, these formats are too.
test('files outside of the allowed folders are denied', async () => {
  const path = fileOf('{"a":1}\n');
  const limited = { ...testEnv, allowPaths: [scratch.path('inside')] };
  for (const [reader, scan] of [
    [ndjsonReader, ndjsonScan(path, {})],
    [jsonReader, jsonScan(path, {})],
  ] as const) {
    await expect(reader.inspect(scan, limited)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    const { schema, splits } = await reader.inspect(scan, testEnv);
    const rows = reader.read({ ...scan, schema }, splits, limited, readWhole());
    await expect(rows[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  }
});
