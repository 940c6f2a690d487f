import { mkdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { type JSONOptions, jsonScan, type NDJSONOptions, ndjsonScan } from '../../frame/sources.js';
import { scanFrame } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { duckdb, readAll, scratchFolder, testEnv } from '../testing/oracle.js';
import { loadZstd, packZstd } from '../zstd/zstd.js';
import { jsonReader, ndjsonReader } from './reader.js';

const scratch = scratchFolder();
beforeAll(loadZstd);
afterAll(() => scratch.close());
const host = { executor: new InlineExecutor() };
const lines = (path: string, options: NDJSONOptions = {}) => scanFrame(host, ndjsonScan(path, options));
const document = (path: string, options: JSONOptions = {}) => scanFrame(host, jsonScan(path, options));

let files = 0;
function fileOf(bytes: Uint8Array): string {
  const path = scratch.path(`f${files++}`);
  writeFileSync(path, bytes);
  return path;
}

const packs = [
  ['gzip', gzipSync],
  ['zstd', packZstd],
] as const;

describe.each(packs)('%s', (name, pack) => {
  test('what DuckDB packs, several windows long, is one split', async () => {
    const query = "SELECT i AS a, 'text \n' || i AS t, [i, NULL] AS l FROM range(150000) r(i)";
    for (const [format, options, scan, reader] of [
      ['ndjson', '', ndjsonScan, ndjsonReader],
      ['json', ', ARRAY true', jsonScan, jsonReader],
    ] as const) {
      const path = scratch.path(`duck-${name}.${format}`);
      await duckdb(`COPY (${query}) TO '${path}' (FORMAT json${options}, COMPRESSION ${name})`);
      expect((await reader.inspect(scan(path, {}), testEnv)).splits).toHaveLength(1);
      const rows = await readAll(reader, scan(path, { splitBytes: 1000 }));
      expect(rows.length).toBe(150_000);
      expect(rows.every(([a, t, l], i) => a === `${i}` && t === `text \n${i}` && l === `[${i},null]`)).toBe(
        true,
      );
    }
  });

  test('of several members, without a line break at the end', async () => {
    const members = ['{"a":1}\n{"a"', ':2}\n', '{"b":3}'].map(text => pack(Buffer.from(text)));
    expect(await lines(fileOf(Buffer.concat(members))).toRecords()).toEqual([
      { a: 1, b: null },
      { a: 2, b: null },
      { a: null, b: 3 },
    ]);
  });

  test('errors tell the row of what it unpacks to; such rows can be left out', async () => {
    const schema = { a: DataType.Int64 };
    const path = fileOf(pack(Buffer.from('{"a":1}\n\n{"a":"x"}\n{"a":4}\n')));
    await expect(lines(path, { schema }).toRecords()).rejects.toMatchObject({
      code: 'BAD_DATA',
      data: { file: path, row: 3, column: 'a', text: 'x' },
    });
    expect(await lines(path, { schema, ignoreErrors: true }).toRecords()).toEqual([{ a: 1 }, { a: 4 }]);
    const array = fileOf(pack(Buffer.from('[{"a":1},{"a":"x"}]')));
    await expect(document(array, { schema }).toRecords()).rejects.toMatchObject({
      data: { file: array, row: 2, column: 'a', text: 'x' },
    });
  });

  test('cut anywhere it is an error that names the file', async () => {
    const text = Array.from({ length: 2000 }, (_, i) => JSON.stringify({ a: i * 7919, t: `text ${i}` }));
    for (const [bytes, scan] of [
      [pack(Buffer.from(text.join('\n'))), lines],
      [pack(Buffer.from(`[${text.join()}]`)), document],
    ] as const) {
      for (const end of [1, 3, 9, bytes.length >> 1, bytes.length - 9, bytes.length - 1]) {
        const path = fileOf(bytes.subarray(0, end));
        await expect(scan(path).toRecords(), `${end} of ${bytes.length} bytes`).rejects.toMatchObject({
          code: 'BAD_DATA',
          data: { file: path },
        });
      }
    }
  });
});

test('a flip in a gzip file is an error that names it', async () => {
  const good = gzipSync(Array.from({ length: 500 }, (_, i) => `{"a":${i * 7919}}\n`).join(''));
  for (let at = 12; at < good.length; at += 61) {
    const bad = Buffer.from(good);
    bad[at]! ^= 16;
    const path = fileOf(bad);
    await expect(lines(path, { schema: { a: DataType.Int64 } }).toRecords()).rejects.toMatchObject({
      code: 'BAD_DATA',
      data: { file: path },
    });
  }
});

test('folders are searched for them', async () => {
  const folder = scratch.path('folder');
  mkdirSync(folder);
  const packed = {
    '': '{"a":1}\n',
    '.gz': gzipSync('{"a":2}\n'),
    '.zst': packZstd(Buffer.from('{"a":3}\n')),
  };
  for (const [extension, bytes] of Object.entries(packed)) {
    writeFileSync(`${folder}/x.ndjson${extension}`, bytes);
    writeFileSync(`${folder}/y.jsonl${extension}`, bytes);
  }
  expect(await lines(folder).count()).toBe(6);
});
