import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import type { Batch } from '../../column/column.js';
import { entryTexts, unify } from '../../column/dictionary.js';
import type { FoundTexts } from '../source.js';
import { cellsOf, duckdb, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { parquetReader } from './reader.js';

const scratch = scratchFolder();
afterAll(scratch.close);

const groupRows = 10_240;
const groups = 4;
// Other texts, and the same ones in another order, in each row group.
const number = `((i * 31 + i // ${groupRows} * 17) % (60 + i // ${groupRows} * 40))`;
const columns = {
  few: `'key ' || ${number}`,
  long: `CASE WHEN i % 5 = 1 THEN 'a text of more than twelve bytes, ' || ${number} ELSE 'short ' || ${number} END`,
  nulls: `CASE WHEN i % 11 < 3 THEN NULL ELSE 'key ' || ${number} END`,
  bytes: `('key ' || ${number})::BLOB`,
  plain: "'row ' || i",
  // Its dictionaries do not fit into what is read of them.
  large: `CASE WHEN i % 2 = 0 THEN 'x' ELSE md5((i % 500)::VARCHAR) || md5((i % 500 + 1)::VARCHAR) || md5((i % 500 + 2)::VARCHAR) END`,
};
const shared = ['few', 'long', 'nulls', 'bytes'];

async function writeFile(name: string, options: string, rows = groups * groupRows): Promise<string> {
  const path = scratch.path(`${name}.parquet`);
  const select = Object.entries(columns).map(([column, sql]) => `${sql} AS ${column}`);
  await duckdb(
    `COPY (SELECT ${select.join(', ')} FROM range(${rows}) t(i) ORDER BY i) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE ${groupRows}, ${options})`,
  );
  return path;
}

/** A batch for each row group, each read by itself, as tasks do. */
async function batchesOf(path: string, found: FoundTexts | null, only?: number): Promise<Batch[]> {
  const scan = scanOf(path);
  const { schema, splits } = await parquetReader.inspect(scan, testEnv);
  const out: Batch[] = [];
  for (const split of only === undefined ? splits : [splits[only]!]) {
    const use = { ...readWhole(), movesText: true, ...(found === null ? {} : { together: found }) };
    for await (const batch of parquetReader.read({ ...scan, schema }, [split], testEnv, use)) out.push(batch);
  }
  return out;
}

const dictionaries = (batches: readonly Batch[], name: string) =>
  batches.map(batch => batch.columns[batch.schema.findIndex(field => field.name === name)]!.dictionary!);

// Goal: codes of all batches of a file mean the same, and what they mean is what putting the batches together would give.
test.each(['COMPRESSION zstd', 'COMPRESSION snappy', 'PARQUET_VERSION V2, COMPRESSION uncompressed'])(
  'texts of small dictionaries have one for the file: %s',
  async options => {
    const path = await writeFile(options.replaceAll(/\W+/g, '-'), options);
    const apart = await batchesOf(path, null);
    const together = await batchesOf(path, new Map());
    expect(together.flatMap(cellsOf)).toEqual(apart.flatMap(cellsOf));
    expect(together).toHaveLength(groups);
    for (const name of Object.keys(columns)) {
      const own = dictionaries(apart, name);
      const found = dictionaries(together, name);
      expect(new Set(own.map(({ length }) => length)).size, name).toBe(
        name === 'plain' || name === 'large' ? 1 : groups,
      );
      expect(
        found.map(({ id }) => id !== undefined),
        name,
      ).toEqual(found.map(() => shared.includes(name)));
      const { dictionary, maps } = unify(found);
      expect(entryTexts(dictionary), name).toEqual(entryTexts(unify(own).dictionary));
      if (shared.includes(name)) expect(maps, name).toEqual(maps.map(() => null));
    }
  },
);

// Goal: a damaged row group is the matter of whoever reads it.
test('dictionaries of others that are damaged are left alone', async () => {
  const path = await writeFile('whole', 'COMPRESSION uncompressed');
  const before = await batchesOf(path, null, 0);
  const bytes = readFileSync(path);
  // The length in front of a text of a later row group.
  const at = bytes.indexOf('key 7', bytes.length / 2);
  const damaged = scratch.path('damaged.parquet');
  bytes.writeInt32LE(2 ** 30, at - 4);
  writeFileSync(damaged, bytes);
  const [batch] = await batchesOf(damaged, new Map(), 0);
  expect(cellsOf(batch!)).toEqual(cellsOf(before[0]!));
  await expect(batchesOf(damaged, new Map())).rejects.toThrow('damaged.parquet');
});

// Goal: many row groups of few rows are not looked at for each other.
test('row groups of few rows have their own', async () => {
  const found: FoundTexts = new Map();
  await batchesOf(await writeFile('many', 'COMPRESSION zstd', 6 * groupRows), found);
  expect(found.size).toBe(0);
  await batchesOf(await writeFile('enough', 'COMPRESSION zstd'), found);
  expect(found.size).toBeGreaterThan(0);
});

// Goal: codes that stay the same are not led over.
test('maps that change nothing are none', async () => {
  const path = await writeFile('unify', 'COMPRESSION zstd');
  const own = dictionaries(await batchesOf(path, null), 'few');
  const { maps } = unify(own);
  expect(maps.map(map => map === null)).toEqual([true, false, false, false]);
});
