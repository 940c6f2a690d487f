import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import { DataType } from '../../column/datatype.js';
import { openSource } from '../paths.js';
import type { CsvOptions } from '../source.js';
import { csvScanOf } from '../testing/csv-scan.js';
import { type Cell, duckdb, newSeed, readAll, scratchFolder, testEnv } from '../testing/oracle.js';
import { UnpackedSource } from '../text/unpack.js';
import { loadZstd, packZstd } from '../zstd/zstd.js';
import { csvReader } from './reader.js';

const scratch = scratchFolder();
beforeAll(loadZstd);
afterAll(scratch.close);

let files = 0;
function fileOf(bytes: string | Uint8Array, suffix = '.csv'): string {
  const path = scratch.path(`o${files++}${suffix}`);
  writeFileSync(path, bytes);
  return path;
}

const read = (bytes: string | Uint8Array, options: Partial<CsvOptions> = {}) =>
  readAll(csvReader, csvScanOf(fileOf(bytes), options));
const failureOf = (bytes: string | Uint8Array, options: Partial<CsvOptions> = {}) =>
  read(bytes, options).then(
    rows => ({ rows }),
    error => error,
  );
const two = { schema: { a: DataType.Utf8, b: DataType.Utf8 } };

test('escape: what follows it within quotes is text, itself too; elsewhere it is text', async () => {
  const text = 'a,b\n"x\\"y","\\\\"\n"1\n\\"2","c\\d"\nplain\\,"e"\n';
  const expected = [
    ['x"y', '\\'],
    ['1\n"2', 'cd'],
    ['plain\\', 'e'],
  ];
  const path = fileOf(text);
  for (let splitBytes = 1; splitBytes <= text.length; splitBytes++) {
    const scan = csvScanOf(path, { ...two, escape: '\\', splitBytes });
    expect(await readAll(csvReader, scan), `splits of ${splitBytes}`).toEqual(expected);
  }
  expect(await failureOf('a,b\n"x""y",1\n', { ...two, escape: '\\' })).toMatchObject({
    code: 'BAD_DATA',
    data: { row: 2 },
  });
});

test('comment: lines that begin with it, wherever splits are cut', async () => {
  const text = '# "open\n\na,b\n1,2\n#x,"\n#\n"#3\n#4",#5\n6,7\n#last';
  const path = fileOf(text);
  for (let splitBytes = 1; splitBytes <= text.length; splitBytes++) {
    const scan = csvScanOf(path, { ...two, comment: '#', splitBytes });
    expect(await readAll(csvReader, scan), `splits of ${splitBytes}`).toEqual([
      ['1', '2'],
      ['#3\n#4', '#5'],
      ['6', '7'],
    ]);
  }
  const failure = await failureOf('# one\na\n# two\n\n1\n# three\nx\n', {
    comment: '#',
    schema: { a: DataType.Int64 },
  });
  expect(failure).toMatchObject({ data: { row: 7, column: 'a', text: 'x' } });
});

test('options that contradict each other', async () => {
  for (const options of [
    { escape: ',' },
    { comment: ',' },
    { comment: '"' },
    { quote: '', escape: '\\' },
    { escape: 'ab' },
    { comment: '\n' },
  ]) {
    expect(await failureOf('a\n', options), JSON.stringify(options)).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  }
});

test('decimals are exact, and round as DuckDB rounds', async () => {
  const texts = ['0', '-0.005', '1.005', '99999999.99', '-12.5', '+3.', '.25', '1e3', '12.3456', ''];
  const path = fileOf(`a,b\n${texts.map(text => `${text},${text}`).join('\n')}\n`);
  const schema = { a: DataType.Decimal(10, 2), b: DataType.Decimal(18, 4) };
  const expected = await duckdb(
    `SELECT a::VARCHAR, b::VARCHAR FROM read_csv('${path}', auto_detect = false, header = true, columns = {a: 'DECIMAL(10,2)', b: 'DECIMAL(18,4)'})`,
  );
  const rows = await readAll(csvReader, csvScanOf(path, { schema }));
  expect(rows).toEqual(expected);
  const { schema: found } = await csvReader.inspect(csvScanOf(path, { schema }), testEnv);
  expect(found.map(field => field.type)).toEqual(Object.values(schema));
  for (const text of ['100000000', '1.2.3', 'x', '1e9']) {
    expect(await failureOf(`a\n${text}\n`, { schema: { a: DataType.Decimal(10, 2) } })).toMatchObject({
      code: 'BAD_DATA',
      data: { row: 2, column: 'a', text },
    });
  }
  expect(await read('a\n123456789012345678\n1\n', { schema: { a: DataType.Decimal(18, 0) } })).toEqual([
    ['123456789012345678'],
    ['1'],
  ]);
});

function manyRows(count: number): { text: string; rows: Cell[][] } {
  const random = seededRng(7);
  const rows = Array.from({ length: count }, (_, i) => [
    String(i),
    `text ${Math.floor(random() * 1e6)}\n"q"`,
  ]);
  const lines = rows.map(([a, b]) => `${a},"${b!.replaceAll('"', '""')}"`);
  return { text: `a,b\n${lines.join('\n')}\n`, rows };
}

test('gzip and zstd, also of several members, are read as what they hold', async () => {
  const { text, rows } = manyRows(30_000);
  const half = text.length >> 1;
  const parts = [text.slice(0, half), text.slice(half)].map(part => Buffer.from(part));
  for (const pack of [gzipSync, packZstd]) {
    for (const bytes of [pack(Buffer.from(text)), Buffer.concat(parts.map(part => pack(part)))]) {
      expect(await read(bytes, { splitBytes: 1000 })).toEqual(rows);
      const scan = csvScanOf(fileOf(bytes));
      expect((await csvReader.inspect(scan, testEnv)).splits).toHaveLength(1);
    }
    const bad = pack(Buffer.from('a,b\n1,2\n3,4\nx,5\n'));
    expect(await failureOf(bad, { schema: { a: DataType.Int64 } })).toMatchObject({
      data: { row: 4, column: 'a', text: 'x' },
    });
  }
});

// Goal: a cut or flipped archive is an error that names the file, and one that unpacks to far more than it seems is stopped.
test('compressed files that are cut, or bombs', async () => {
  const { text } = manyRows(20_000);
  for (const pack of [gzipSync, packZstd]) {
    const bytes = pack(Buffer.from(text));
    for (const share of [0.3, 0.9]) {
      const path = fileOf(bytes.subarray(0, Math.floor(bytes.length * share)));
      await expect(readAll(csvReader, csvScanOf(path))).rejects.toMatchObject({
        code: 'BAD_DATA',
        data: { file: path },
      });
    }
    const bomb = fileOf(pack(Buffer.alloc(8_000_000, 10)));
    const { handle } = await openSource(bomb, testEnv);
    const source = new UnpackedSource(handle, pack === gzipSync ? 'gzip' : 'zstd', bomb, 1_000_000);
    await expect(source.skip(2_000_000)).rejects.toMatchObject({ code: 'BAD_DATA', data: { file: bomb } });
    await source.close();
    await handle.close();
  }
});

// Goal: splits are exact also where the bytes before a cut tell its state, and where they do not.
test('large files with quotes are cut into the rows they have', async () => {
  const seed = newSeed();
  const random = seededRng(seed);
  for (const field of [() => '"",""', () => `"a\n,""${random()}",x`, () => `${random()},plain`]) {
    let text = 'a,b\n';
    while (text.length < 700_000) text += `${random() < 0.001 ? '"odd,\n","\n,"' : field()}\n`;
    const path = fileOf(text);
    const whole = await readAll(csvReader, csvScanOf(path, two));
    for (const splitBytes of [70_000, 100_001, 299_993]) {
      const scan = csvScanOf(path, { ...two, splitBytes });
      const { splits } = await csvReader.inspect(scan, testEnv);
      expect(splits.length, `seed ${seed}`).toBeGreaterThan(1);
      expect(await readAll(csvReader, scan), `seed ${seed}, splits of ${splitBytes}`).toEqual(whole);
    }
  }
});
