import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isVolleyError } from '../../../core/base/errors.js';
import { isValid } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import { DataType } from '../../column/datatype.js';
import { loadZstd, packZstd } from '../parquet/zstd.js';
import type { ScanSpec } from '../source.js';
import { type Mutation, mutated, mutation } from '../testing/mutations.js';
import { cellOf, newSeed, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { jsonReader, ndjsonReader } from './reader.js';

const scratch = scratchFolder();
let connection: DuckDBConnection;
beforeAll(async () => {
  await loadZstd();
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
});
afterAll(() => {
  connection.closeSync();
  scratch.close();
});

/** Of each column its type here and in DuckDB. */
const columns: Record<string, [DataType, string]> = {
  id: [DataType.Int64, 'BIGINT'],
  small: [DataType.Int8, 'TINYINT'],
  ratio: [DataType.Float64, 'DOUBLE'],
  ok: [DataType.Bool, 'BOOLEAN'],
  text: [DataType.Utf8, 'VARCHAR'],
  list: [DataType.List(DataType.Int64), 'BIGINT[]'],
  texts: [DataType.List(DataType.Utf8), 'VARCHAR[]'],
  pair: [DataType.Struct({ x: DataType.Int32, y: DataType.Utf8 }), 'STRUCT(x INTEGER, y VARCHAR)'],
};

const lines = Array.from({ length: 12 }, (_, i) => ({
  id: i === 3 ? null : i * 1_000_003,
  small: (i * 37) % 127,
  ratio: i === 5 ? null : i / 7 - 1,
  ok: i % 3 === 0,
  skipped: { deep: [i, { a: 'b' }], t: `\u0001 ${i}` },
  text: i % 5 === 2 ? null : `näme "${i}"\n🦆`,
  list: i % 7 === 3 ? null : Array.from({ length: i % 4 }, (_, k) => (k === 2 ? null : k - 1)),
  texts: [`t${i}`, null, '\\'],
  pair: i % 6 === 1 ? null : { x: i, y: i % 2 === 0 ? 'even' : null },
}));
interface Sample {
  readonly bytes: Buffer;
  readonly format: 'ndjson' | 'json';
  readonly packing?: 'gzip' | 'zstd';
}
const ndjson: readonly Sample[] = [
  lines.map(line => `${JSON.stringify(line)}\n`).join(''),
  lines.map(line => JSON.stringify(line, Object.keys(line).reverse().concat('x', 'y', 'a'))).join('\r\n\n'),
].map(text => ({ bytes: Buffer.from(text), format: 'ndjson' }));
const documents: readonly Sample[] = [JSON.stringify(lines), JSON.stringify(lines, null, 1)].map(text => ({
  bytes: Buffer.from(text),
  format: 'json',
}));

function jsonOf(column: Column, row: number): string {
  if (!isValid(column.validity, row)) return 'null';
  const { items, fields, values, type } = column;
  if (items !== undefined) {
    const from = values[row]!;
    return `[${Array.from({ length: values[row + 1]! - from }, (_, k) => jsonOf(items, from + k)).join()}]`;
  }
  if (type.kind === 'struct') {
    return `{${type.fields.map(({ name }, f) => `"${name}":${jsonOf(fields![f]!, row)}`).join()}}`;
  }
  return type.kind === 'utf8' ? JSON.stringify(cellOf(column, row)) : cellOf(column, row)!;
}

/** The rows as lists of texts, in the forms that `oracle` asks DuckDB for. */
async function readOwn(path: string, format: Sample['format']): Promise<(string | null)[][]> {
  const schema = Object.fromEntries(Object.entries(columns).map(([name, [type]]) => [name, type]));
  const scan: ScanSpec = {
    format,
    paths: [path],
    csv: null,
    // Ranges are cut anywhere.
    json: { schema, ignoreErrors: false, splitBytes: 1500 },
    columns: Object.keys(columns),
    predicate: null,
    schema: null,
  };
  const reader = format === 'json' ? jsonReader : ndjsonReader;
  const inspection = await reader.inspect(scan, testEnv);
  const rows: (string | null)[][] = [];
  const whole = { ...scan, schema: inspection.schema };
  for await (const batch of reader.read(whole, inspection.splits, testEnv, readWhole())) {
    for (let row = 0; row < batch.rows; row++) {
      rows.push(
        batch.columns.map(column => {
          if (!isValid(column.validity, row)) return null;
          return column.type.kind === 'list' || column.type.kind === 'struct'
            ? jsonOf(column, row)
            : cellOf(column, row);
        }),
      );
    }
  }
  return rows;
}

async function oracle(
  path: string,
  format: Sample['format'],
  packing: Sample['packing'],
): Promise<(string | null)[][] | null> {
  const types = Object.entries(columns).map(([name, [, type]]) => `${name}: '${type}'`);
  const asked = Object.entries(columns).map(([name, [type]]) =>
    type.kind === 'list' || type.kind === 'struct' ? `to_json(${name})::VARCHAR` : `${name}`,
  );
  try {
    const reader = await connection.runAndReadAll(
      `SELECT ${asked} FROM read_json('${path}', format = '${format === 'json' ? 'array' : 'newline_delimited'}', compression = '${packing ?? 'none'}', columns = {${types}})`,
    );
    return reader
      .getRows()
      .map(row => row.map(value => (value === null ? null : Object.is(value, -0) ? '-0' : String(value))));
  } catch {
    return null;
  }
}

/** DuckDB writes the escapes of JSON in capitals, and takes -0 for an integer, which has no sign. */
const plain = (cell: string | null) =>
  cell === '-0' ? '0' : (cell?.replace(/\\u[0-9A-F]{4}/gi, text => text.toLowerCase()) ?? null);

let files = 0;

async function outcome({ bytes: whole, format, packing }: Sample, how: Mutation): Promise<string> {
  const bytes = mutated(whole, how);
  if (bytes.equals(whole)) return 'same';
  const path = scratch.path(`m${files++ % 50}.${format}`);
  writeFileSync(path, bytes);
  let own: (string | null)[][];
  try {
    own = await readOwn(path, format);
  } catch (error) {
    const ours = isVolleyError(error) && error.message.includes(path);
    return ours ? 'error' : `no error of ours: ${(error as Error).stack}`;
  }
  if (packing !== undefined && how.kind === 'cut' && bytes.length > 0) return 'a cut archive was read';
  const expected = await oracle(path, format, packing);
  if (expected === null) return 'refused by DuckDB';
  const row = own.findIndex((cells, r) =>
    cells.some((cell, c) => plain(cell) !== plain(expected[r]?.[c] ?? null)),
  );
  if (row < 0 && own.length === expected.length) return 'equal';
  return `row ${row} of ${own.length}/${expected.length}: ${own[row]} where DuckDB reads ${expected[row]}`;
}

// Goal: FAULTS 14. Whatever happens to a file: an error that names it, or the rows that DuckDB reads too.
async function mutate(samples: readonly Sample[], numRuns: number): Promise<Map<string, number>> {
  const seed = newSeed();
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.nat(samples.length - 1), mutation, async (n, how) => {
      const result = await outcome(samples[n]!, how);
      seen.set(result, (seen.get(result) ?? 0) + 1);
      expect(
        ['error', 'equal', 'same', 'refused by DuckDB'],
        `${n} ${JSON.stringify(how)}: ${result}`,
      ).toContain(result);
    }),
    { seed, numRuns, endOnFailure: true },
  );
  console.log(`seed ${seed}:`, seen);
  expect(seen.get('error')).toBeGreaterThan(numRuns / 10);
  return seen;
}

test('NDJSON: flipped, cut and overwritten files', async () => {
  expect((await mutate(ndjson, 5_000)).get('equal')).toBeGreaterThan(500);
}, 120_000);

test('documents: flipped, cut and overwritten files', async () => {
  expect((await mutate(documents, 1_500)).get('equal')).toBeGreaterThan(150);
}, 120_000);

// gzip has a checksum, so that nearly all is an error.
test('archives: flipped, cut and overwritten files', async () => {
  const archives = [ndjson[0]!, documents[0]!].flatMap(sample => [
    { ...sample, bytes: gzipSync(sample.bytes), packing: 'gzip' as const },
    { ...sample, bytes: Buffer.from(packZstd(sample.bytes)), packing: 'zstd' as const },
  ]);
  await mutate(archives, 1_500);
}, 120_000);
