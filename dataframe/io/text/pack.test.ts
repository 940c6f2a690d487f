import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { limits } from '../../../core/base/limits.js';
import { DataType } from '../../column/datatype.js';
import { recordsToBatch } from '../../column/records.js';
import { col, lit, when } from '../../expr/expr.js';
import { jsonScan, ndjsonScan } from '../../frame/sources.js';
import { fromRecords, scanCSV, scanFrame } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { writeSink } from '../sink.js';
import { duckdb, scratchFolder, testEnv } from '../testing/oracle.js';

const scratch = scratchFolder();
afterAll(() => scratch.close());
const host = { executor: new InlineExecutor() };
const rows = Array.from({ length: 3000 }, (_, i) => ({
  id: i,
  text: i % 7 === 0 ? null : `näme "${i % 50}"\n, ${i}`,
  list: i % 5 === 0 ? null : Array.from({ length: i % 4 }, (_, k) => (k === 2 ? null : { x: k, y: `${i}` })),
  pair: { x: i / 4, y: i % 2 === 0 ? [i] : [] },
}));
const scanJSON = (_: typeof host, path: string) => scanFrame(host, jsonScan(path, {}));
const scanNDJSON = (_: typeof host, path: string) => scanFrame(host, ndjsonScan(path, {}));
const frame = () => fromRecords(host, rows, { partitions: 3 });

describe('sinkJSON', () => {
  test('one file: an array that JSON.parse, DuckDB and scanJSON read', async () => {
    const path = scratch.path('rows.json');
    expect(await frame().sinkJSON(path)).toEqual({ rows: 3000, files: [path] });
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(rows);
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(3003);
    expect(await scanJSON(host, path).toRecords()).toEqual(rows);
    const read = await duckdb(
      `SELECT id::INT, text, to_json(list), to_json(pair) FROM read_json('${path}', columns = {id: 'INT', text: 'VARCHAR', list: 'STRUCT(x INT, y VARCHAR)[]', pair: 'STRUCT(x DOUBLE, y INT[])'}) ORDER BY id`,
    );
    expect(read.length).toBe(3000);
    read.forEach(([id, text, list, pair], i) => {
      const value = (cell: typeof list) => (cell === null ? null : JSON.parse(cell as string));
      expect({ id: Number(id), text, list: value(list), pair: value(pair) }).toEqual(rows[i]);
    });
  });

  test('a folder: each part is an array', async () => {
    const folder = scratch.path('parts');
    const { files } = await frame().sinkJSON(folder);
    expect(files).toEqual([0, 1, 2].map(part => `${folder}/part-0000${part}.json`));
    expect(files.flatMap(file => JSON.parse(readFileSync(file, 'utf8')))).toEqual(rows);
    expect(await scanJSON(host, folder).toRecords()).toEqual(rows);
  });

  test('no rows, one row, and what JSON cannot hold', async () => {
    const none = scratch.path('none.json');
    await frame().filter(col('id').lt(0)).sinkJSON(none);
    expect(JSON.parse(readFileSync(none, 'utf8'))).toEqual([]);
    const one = scratch.path('one.json');
    await frame().head(1).select('id').sinkJSON(one);
    expect(readFileSync(one, 'utf8')).toBe('[\n{"id":0}\n]\n');
    const bytes = fromRecords(host, [{ b: null }], { schema: { b: DataType.Binary } });
    await expect(bytes.sinkJSON(scratch.path('bytes.json'))).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('what fails or exists leaves nothing half-written and nothing replaced', async () => {
    const kept = scratch.path('kept.json');
    writeFileSync(kept, 'mine');
    await expect(frame().sinkJSON(kept)).rejects.toMatchObject({ code: 'SINK_EXISTS' });
    expect(readFileSync(kept, 'utf8')).toBe('mine');
    const before = readdirSync(scratch.path('.'));
    const late = when(col('id').eq(2900)).then(lit('soon')).otherwise(lit('2024-01-01'));
    const failing = frame().withColumns(late.cast(DataType.Date).alias('day'));
    for (const name of ['never.json', 'never.json.gz', 'never']) {
      const sink = failing.sinkJSON(scratch.path(name), { ...(name === 'never' && { compression: 'zstd' }) });
      await expect(sink).rejects.toMatchObject({ code: 'CAST_FAILED' });
    }
    expect(readdirSync(scratch.path('.'))).toEqual(before);
    await frame().head(1).sinkJSON(kept, { overwrite: true });
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toHaveLength(1);
  });
});

describe('compressed', () => {
  const flat = () => frame().select('id', 'text');
  const wanted = rows.map(({ id, text }) => ({ id, text }));

  test.each([
    ['gzip', '.gz'],
    ['zstd', '.zst'],
  ] as const)('%s: by name or by option, read by DuckDB and by us', async (compression, extension) => {
    for (const [format, sink, scan, read] of [
      ['csv', flat().sinkCSV, scanCSV, 'read_csv'],
      ['ndjson', flat().sinkNDJSON, scanNDJSON, 'read_json'],
      ['json', flat().sinkJSON, scanJSON, 'read_json'],
    ] as const) {
      const named = scratch.path(`named.${format}${extension}`);
      const asked = scratch.path(`asked-${compression}.${format}`);
      const folder = scratch.path(`folder-${compression}-${format}`);
      await sink.call(flat(), named);
      await sink.call(flat(), asked, { compression });
      const { files } = await sink.call(flat(), folder, { compression });
      expect(files[2]).toBe(`${folder}/part-00002.${format}${extension}`);
      expect(readFileSync(named).equals(readFileSync(asked))).toBe(true);
      for (const path of [named, asked, folder]) {
        expect(await scan(host, path).toRecords()).toEqual(wanted);
      }
      for (const [path, from] of [
        [named, `'${named}'`],
        [folder, `'${folder}/*'`],
      ]) {
        const cells = await duckdb(
          `SELECT id::INT, text FROM ${read}(${from}${format === 'csv' ? ', allow_quoted_nulls = false' : ''}) ORDER BY id`,
        );
        expect(cells, path).toEqual(wanted.map(({ id, text }) => [String(id), text]));
      }
    }
  });

  test('gzip is one member, whatever its length', async () => {
    const path = scratch.path('long.ndjson.gz');
    const text = 'x'.repeat(1000);
    const batch = recordsToBatch(Array.from({ length: 2000 }, (_, i) => ({ i, text })));
    const spec = {
      format: 'ndjson',
      path,
      temporaryPath: `${path}.tmp`,
      packing: 'gzip',
      role: 'file',
    } as const;
    const many = [batch, batch, batch];
    const sink = { ...spec, compression: 'none', rowGroupRows: 1 } as const;
    const { bytes, rows: written } = await writeSink(sink, batch.schema, many, testEnv);
    const packed = readFileSync(path);
    expect([bytes, written]).toEqual([packed.length, 6000]);
    const unpacked = gunzipSync(packed);
    expect(unpacked.length).toBeGreaterThan(5 * limits.chunkBytes);
    expect(unpacked.toString().split('\n')).toHaveLength(6001);
    // The size at the end is that of the last member.
    expect(packed.readUInt32LE(packed.length - 4)).toBe(unpacked.length);
  });

  test('a name that says otherwise, and what is no compression', async () => {
    for (const [name, compression] of [
      ['x.csv.gz', 'zstd'],
      ['x.csv.zst', 'none'],
      ['x.csv', 'lz4' as 'gzip'],
    ] as const) {
      await expect(flat().sinkCSV(scratch.path(name), { compression })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
  });
});
