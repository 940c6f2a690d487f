import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isVolleyError } from '../../../core/base/errors.js';
import { seededRng } from '../../../core/base/rng.js';
import type { Batch } from '../../column/column.js';
import { Lent } from '../../kernels/lent.js';
import { lookedUp } from '../../kernels/looked-up.js';
import type { AggregateStep } from '../../physical/fragment.js';
import { aggregateOperator } from '../../physical/operators/aggregate.js';
import { workInKernelMemory } from '../../testing/kernel-memory.js';
import { runs } from '../testing/hybrid-runs.js';
import { cellsOf, duckdb, newSeed, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { decodeHybrid } from './hybrid.js';
import { unpackCodes } from './look-up-wasm.js';
import { parquetReader } from './reader.js';

beforeAll(() => workInKernelMemory(64 * 1024 * 1024));
const scratch = scratchFolder();
afterAll(scratch.close);

// Goal: codes are those that JavaScript unpacks, each `base` more; damage is left to who decodes.
test('codes of every width are unpacked to two bytes', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  let compared = 0;
  for (let round = 0; round < 400; round++) {
    const width = 1 + (round % 16);
    const count = 1 + Math.floor(random() * 3000);
    const entries = 1 + Math.floor(random() * 2 ** width);
    const base = Math.floor(random() * (65_536 - entries));
    const packed = runs(random, width, count, random() < 0.8 ? entries : 2 ** width);
    const whole = random() < 0.7 ? packed.length : Math.floor(packed.length * random());
    const lent = new Lent();
    const bytes = lent.bytes(65_536).subarray(3, 3 + whole);
    bytes.set(packed.subarray(0, whole));
    const room = lent.bytes(65_536);
    const out = new Uint16Array(room.buffer, room.byteOffset, 32_768).fill(7);
    const expected = () => {
      const codes = new Int32Array(count);
      try {
        decodeHybrid(bytes, 0, whole, width, codes, 0, count);
      } catch {
        return null;
      }
      return codes.some(code => code >= entries) ? null : Array.from(codes, code => base + code);
    };
    const done = unpackCodes(bytes, 0, width, entries, base, out, 5, count);
    const found = done ? [...out.subarray(5, 5 + count)] : null;
    const around = [...out.subarray(0, 5), out[5 + count]];
    lent.giveBack();
    if (done) compared++;
    expect(found, `seed ${seed}, round ${round}`).toEqual(expected());
    if (done) expect(around, `seed ${seed}, round ${round}`).toEqual([7, 7, 7, 7, 7, 7]);
  }
  expect(compared).toBeGreaterThan(100);
});

const columns = {
  i64: '(i * 31 % 700)::BIGINT',
  i32: '(i * 17 % 300 - 150)::INTEGER',
  i8: '(i * 31 % 100)::TINYINT',
  f64: '(i * 31 % 700 / 8)::DOUBLE',
  d: "DATE '2001-01-01' + (i // 300)::INTEGER",
  // Other texts, and the same ones in another order, in each row group.
  few: "'key ' || ((i * 31 + i // 9000) % (60 + i // 9000 * 40))",
  one: "'always'",
  nulls: 'CASE WHEN i % 11 = 3 THEN NULL ELSE (i * 31 % 700)::BIGINT END',
  plain: 'i::DOUBLE',
  row: 'i::INTEGER',
};
const coded = ['i64', 'i32', 'i8', 'f64', 'd', 'few', 'one'];

async function writeFile(name: string, options: string, rows = 40_000): Promise<string> {
  const path = scratch.path(`${name}.parquet`);
  const select = Object.entries(columns).map(([column, sql]) => `${sql} AS ${column}`);
  await duckdb(
    `COPY (SELECT ${select.join(', ')} FROM range(${rows}) t(i) ORDER BY i) TO '${path}' (FORMAT parquet, ${options})`,
  );
  return path;
}

/** `perBatch`: row groups of a batch. */
async function readAs(path: string, aggregated: readonly string[], perBatch = Infinity): Promise<Batch[]> {
  const { schema, splits } = await parquetReader.inspect(scanOf(path), testEnv);
  const batches: Batch[] = [];
  const use = { ...readWhole(), aggregated: new Set(aggregated) };
  for (let at = 0; at < splits.length; at += perBatch) {
    const some = splits.slice(at, at + perBatch);
    for await (const batch of parquetReader.read({ ...scanOf(path), schema }, some, testEnv, use))
      batches.push(batch);
  }
  return batches;
}

const forms = {
  'zstd, V1': 'COMPRESSION zstd, PARQUET_VERSION V1, ROW_GROUP_SIZE 10240',
  'snappy, V1': 'COMPRESSION snappy, PARQUET_VERSION V1, ROW_GROUP_SIZE 10240',
  'uncompressed, V1': 'COMPRESSION uncompressed, PARQUET_VERSION V1, ROW_GROUP_SIZE 10240',
  'gzip, V1': 'COMPRESSION gzip, PARQUET_VERSION V1, ROW_GROUP_SIZE 10240',
  'zstd, V2': 'COMPRESSION zstd, PARQUET_VERSION V2, ROW_GROUP_SIZE 10240',
};

// Goal: values are those that DuckDB wrote, whether or not they are left as codes.
test.each(Object.entries(forms))('columns left as codes: %s', async (name, options) => {
  const path = await writeFile('values', options);
  const batches = await readAs(path, Object.keys(columns));
  const left = batches[0]!.schema.flatMap(({ name }, c) =>
    lookedUp(batches[0]!.columns[c]!) === null ? [] : [name],
  );
  // Pages of version 2 and what zlib unpacks are decoded.
  if (name !== 'zstd, V2' && name !== 'gzip, V1') expect(left).toEqual(coded);
  const expected = await duckdb(
    `SELECT i64::VARCHAR, i32::VARCHAR, i8::VARCHAR, f64, (d - DATE '1970-01-01')::VARCHAR, few, one, nulls::VARCHAR, plain, row::VARCHAR FROM '${path}' ORDER BY row`,
  );
  const joined = (rows: readonly (readonly unknown[])[]) => rows.map(row => row.join());
  expect(joined(batches.flatMap(cellsOf))).toEqual(joined(expected));
  // Asked again, what cannot be left is known.
  expect(joined((await readAs(path, Object.keys(columns))).flatMap(cellsOf))).toEqual(joined(expected));
  expect(lookedUp((await readAs(path, ['i8']))[0]!.columns[0]!)).toBe(null);
});

const questions: Readonly<Record<string, readonly string[]>> = {
  text: ['few'],
  'one text': ['one'],
  dates: ['d'],
  integers: ['i32'],
  'several keys': ['few', 'i8'],
  'many groups': ['i64', 'few', 'i8'],
  'a key with nulls': ['few', 'nulls'],
  'keys of floats': ['f64'],
  none: [],
};

// Goal: groups and aggregates over codes are DuckDB's, over batches of several dictionaries each and over several batches.
test.each([1, 2, Infinity])('groups over codes, row groups of a batch: %s', async perBatch => {
  const path = await writeFile(`groups-${perBatch}`, forms['zstd, V1']);
  for (const [name, keys] of Object.entries(questions)) {
    const batches = await readAs(path, coded, perBatch);
    const spec = (name: string, op: AggregateStep['aggregates'][number]['op'], column: string | null) => ({
      ...{ name, op, column, filter: null },
    });
    const step: AggregateStep = {
      kind: 'aggregate',
      phase: 'complete',
      keys,
      aggregates: [
        spec('n', 'len', null),
        spec('a', 'sum', 'i64'),
        spec('b', 'sum', 'i32'),
        spec('c', 'mean', 'i8'),
        spec('e', 'min', 'i32'),
        spec('g', 'max', 'f64'),
        spec('h', 'sum', 'f64'),
        spec('m', 'nUnique', 'few'),
      ],
      input: batches[0]!.schema,
    };
    const operator = aggregateOperator(step, new Lent());
    const out: Batch[] = [];
    for (const batch of batches) operator.push(batch, 0, found => out.push(found));
    operator.finish(found => out.push(found));
    const days = (key: string) => (key === 'd' ? `(d - DATE '1970-01-01')::VARCHAR` : key);
    const text = keys.map(key => `${['f64', 'few', 'one'].includes(key) ? key : `${days(key)}::VARCHAR`}`);
    const results = 'count(*)::VARCHAR, sum(i64)::VARCHAR, sum(i32)::VARCHAR, avg(i8), min(i32)::VARCHAR';
    const expected = await duckdb(
      `SELECT ${[...text, results, 'max(f64), sum(f64), count(DISTINCT few)::VARCHAR'].join(', ')} FROM '${path}' ${keys.length > 0 ? 'GROUP BY ALL' : ''}`,
    );
    const sorted = (rows: readonly (readonly unknown[])[]) => rows.map(row => row.join()).sort();
    expect(sorted(out.flatMap(cellsOf)), name).toEqual(sorted(expected));
  }
});

// Goal: whatever the bytes are, what comes of them is what comes of decoding.
test('damaged pages come to the same end as where they are decoded', async () => {
  const seed = newSeed();
  const random = seededRng(seed);
  const path = await writeFile('whole', 'COMPRESSION uncompressed, ROW_GROUP_SIZE 10240', 12_000);
  const bytes = readFileSync(path);
  const outcome = async (file: string, aggregated: readonly string[]) => {
    try {
      return (await readAs(file, aggregated)).flatMap(cellsOf).map(row => row.join());
    } catch (error) {
      if (!isVolleyError(error)) throw error;
      return `${error.code} ${error.message}`;
    }
  };
  const ends = { read: 0, refused: 0 };
  for (let round = 0; round < 60; round++) {
    const damaged = Buffer.from(bytes);
    for (let k = 0; k < 3; k++) {
      const place = Math.floor(random() * bytes.length);
      damaged[place] = Math.floor(random() * 256);
    }
    const file = scratch.path('damaged.parquet');
    writeFileSync(file, damaged);
    const left = await outcome(file, Object.keys(columns));
    expect(left, `seed ${seed}, round ${round}`).toEqual(await outcome(file, []));
    if (typeof left === 'string') ends.refused++;
    else ends.read++;
  }
  expect(ends.read).toBeGreaterThan(0);
  expect(ends.refused).toBeGreaterThan(0);
});
