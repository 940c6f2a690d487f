import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import { allocateValues } from '../../column/layout.js';
import { col, type Expr } from '../../expr/expr.js';
import { Lent } from '../../kernels/lent.js';
import { workInKernelMemory } from '../../testing/kernel-memory.js';
import { countInstances } from '../../testing/wasm-instances.js';
import { runs } from '../testing/hybrid-runs.js';
import { type Cell, cellsOf, duckdb, newSeed, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { chooseInWasm, pairBytes } from './choose-wasm.js';
import { decodeHybrid } from './hybrid.js';
import { parquetReader } from './reader.js';

beforeAll(() => workInKernelMemory(64 * 1024 * 1024));
const scratch = scratchFolder();
afterAll(scratch.close);

// Goal: rows and entries are those of the codes that pass; damage, and more rows than may be, are left to who decodes.
test('rows are chosen from runs of every width', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  let compared = 0;
  for (let round = 0; round < 400; round++) {
    const width = 1 + (round % 12);
    const count = 300 + Math.floor(random() * 3000);
    const first = Math.floor(random() * 1000);
    const entries = 1 + Math.floor(random() * 2 ** width);
    const physical = (['f64', 'i32', 'u8', 'i16'] as const)[round % 4]!;
    const values = allocateValues(physical, entries).map(() => Math.floor(random() * 100));
    const share = random();
    const passes = new Uint8Array(entries).map(() => (random() < share ? pairBytes : 0));
    const packed = runs(random, width, count, random() < 0.8 ? entries : 2 ** width);
    const whole = random() < 0.7 ? packed.length : Math.floor(packed.length * random());
    const most = random() < 0.8 ? count : Math.floor(count * random());
    const lent = new Lent();
    const bytes = lent.bytes(65_536).subarray(3, 3 + whole);
    bytes.set(packed.subarray(0, whole));
    const rows = lent.ints(8192);
    const out = lent.values(physical, 32_768);
    const pairs = lent.bytes(pairBytes * 8192);
    const dictionary = { values, count: entries, passes };
    const page = { bytes, from: 0, width, first, count };
    const found = chooseInWasm(page, dictionary, pairs, { rows, values: out, at: 5, most });
    const expected = () => {
      const codes = new Int32Array(count);
      try {
        decodeHybrid(bytes, 0, whole, width, codes, 0, count);
      } catch {
        return null;
      }
      if (codes.some(code => code >= entries)) return null;
      const all = [...codes].flatMap((code, i) => (passes[code]! > 0 ? [[first + i, values[code]!]] : []));
      return all.length > most ? null : all;
    };
    const chosen =
      found === null ? null : Array.from({ length: found }, (_, k) => [rows[5 + k]!, out[5 + k]!]);
    lent.giveBack();
    if (chosen !== null) compared++;
    expect(chosen, `seed ${seed}, round ${round}`).toEqual(expected());
  }
  expect(compared).toBeGreaterThan(100);
});

const columns = [
  '(i * 31 % 700)::BIGINT AS i64',
  'CASE WHEN i % 11 = 3 THEN NULL ELSE (i * 31 % 700)::BIGINT END AS nulls',
  '(i * 31 % 700 / 8)::DOUBLE AS f64',
  '(i * 31 % 100)::TINYINT AS i8',
  "DATE '2001-01-01' + (i // 300)::INTEGER AS d",
  'i::DOUBLE AS plain',
  "'key ' || (i * 31 % 90) AS few",
  'i::INTEGER AS row',
];

const conditions: Readonly<Record<string, [sql: string, predicate: Expr]>> = {
  few: ['i64 > 660', col('i64').gt(660)],
  none: ['i64 > 5000', col('i64').gt(5000)],
  all: ['i64 < 5000', col('i64').lt(5000)],
  many: ['i64 > 200', col('i64').gt(200)],
  bytes: ['i8 = 17', col('i8').eq(17)],
  floats: ['f64 * 2 < 3', col('f64').mul(2).lt(3)],
  'in one part': ["d = DATE '2001-02-01'", col('d').eq(new Date('2001-02-01'))],
  'with nulls': ['nulls > 660', col('nulls').gt(660)],
  'no nulls': ['nulls IS NULL', col('nulls').isNull()],
  plain: ['plain < 500', col('plain').lt(500)],
};

// Goal: what is chosen by a dictionary's entries is what DuckDB's filter leaves, as it is where that cannot be.
test.each(['V1', 'V2'])('rows by one column, pages %s', async version => {
  const path = scratch.path(`choose-${version}.parquet`);
  await duckdb(
    `COPY (SELECT ${columns.join(', ')} FROM range(40000) t(i) ORDER BY i) TO '${path}'
     (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION ${version}, ROW_GROUP_SIZE 18432)`,
  );
  const { schema, splits } = await parquetReader.inspect(scanOf(path), testEnv);
  for (const [name, [where, predicate]] of Object.entries(conditions)) {
    const instances = countInstances();
    const cells: Cell[][] = [];
    const scan = { ...scanOf(path), schema, predicate: predicate.node };
    for await (const batch of parquetReader.read(scan, splits, testEnv, readWhole()))
      cells.push(...cellsOf(batch));
    instances.stop();
    const expected = await duckdb(
      `SELECT i64::VARCHAR, nulls::VARCHAR, f64, i8::VARCHAR, (d - DATE '1970-01-01')::VARCHAR, plain, few, row::VARCHAR FROM '${path}' WHERE ${where} ORDER BY row`,
    );
    // Where many rows are left, all are: the filter itself still runs.
    const share = expected.length / 40_000;
    const left = share > 1 / 8 ? cells.length >= expected.length : cells.length === expected.length;
    expect(left, name).toBe(true);
    if (share <= 1 / 8)
      expect(
        cells.map(row => row.join()),
        name,
      ).toEqual(expected.map(row => row.join()));
    if (name === 'few' && version === 'V1') expect(instances.made).toBeGreaterThan(2);
  }
});
