import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isVolleyError } from '../../../core/base/errors.js';
import { isValid } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import { DataType } from '../../column/datatype.js';
import type { ScanSpec } from '../source.js';
import { damage, type Mutation, mutated, mutation } from '../testing/mutations.js';
import { type Cell, cellOf, DuckdbSession, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { loadZstd, packZstd } from '../zstd/zstd.js';
import { jsonReader, ndjsonReader } from './reader.js';

const scratch = scratchFolder();
let duckdb: DuckdbSession;
beforeAll(async () => {
  await loadZstd();
  duckdb = await DuckdbSession.open();
});
afterAll(() => {
  duckdb.close();
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
  readonly name: string;
  readonly bytes: Buffer;
  readonly format: 'ndjson' | 'json';
  readonly packing?: 'gzip' | 'zstd';
}
const ndjson: readonly Sample[] = [
  lines.map(line => `${JSON.stringify(line)}\n`).join(''),
  lines.map(line => JSON.stringify(line, Object.keys(line).reverse().concat('x', 'y', 'a'))).join('\r\n\n'),
].map((text, n) => ({ name: `NDJSON ${n}`, bytes: Buffer.from(text), format: 'ndjson' }));
const documents: readonly Sample[] = [JSON.stringify(lines), JSON.stringify(lines, null, 1)].map(
  (text, n) => ({
    name: `JSON ${n}`,
    bytes: Buffer.from(text),
    format: 'json',
  }),
);

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

function oracle({ format, packing }: Sample, path: string): Promise<Cell[][] | null> {
  const types = Object.entries(columns).map(([name, [, type]]) => `${name}: '${type}'`);
  const asked = Object.entries(columns).map(([name, [type]]) =>
    type.kind === 'list' || type.kind === 'struct' ? `to_json(${name})::VARCHAR` : `${name}`,
  );
  const form = format === 'json' ? 'array' : 'newline_delimited';
  return duckdb.cellsOrNull(
    `SELECT ${asked} FROM read_json('${path}', format = '${form}', compression = '${packing ?? 'uncompressed'}', columns = {${types}})`,
  );
}

/** DuckDB writes the escapes of JSON in capitals, and takes -0 for an integer, which has no sign. */
const plain = (cell: string | null) =>
  cell === '-0' ? '0' : (cell?.replace(/\\u[0-9A-F]{4}/gi, text => text.toLowerCase()) ?? null);

let files = 0;

async function outcome(sample: Sample, how: Mutation): Promise<string> {
  const { bytes: whole, format, packing } = sample;
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
  const expected = await oracle(sample, path);
  if (expected === null) return 'refused by DuckDB';
  const row = own.findIndex((cells, r) =>
    cells.some((cell, c) => plain(cell) !== plain(expected[r]?.[c] ?? null)),
  );
  if (row < 0 && own.length === expected.length) return 'equal';
  return `row ${row} of ${own.length}/${expected.length}: ${own[row]} where DuckDB reads ${expected[row]}`;
}

// Goal: FAULTS 14. Whatever happens to a file: an error that names it, or the rows that DuckDB reads too.
const mutate = (samples: readonly Sample[], runs: number) =>
  damage(samples, runs, mutation, outcome, ['error', 'equal', 'same', 'refused by DuckDB']);

test('NDJSON: flipped, cut and overwritten files', async () => {
  const seen = await mutate(ndjson, 5_000);
  expect(Math.min(seen.get('error')!, seen.get('equal')!)).toBeGreaterThan(500);
}, 120_000);

test('documents: flipped, cut and overwritten files', async () => {
  const seen = await mutate(documents, 1_500);
  expect(Math.min(seen.get('error')!, seen.get('equal')!)).toBeGreaterThan(150);
}, 120_000);

// gzip has a checksum, so that nearly all is an error.
test('archives: flipped, cut and overwritten files', async () => {
  const archives = [ndjson[0]!, documents[0]!].flatMap(sample => [
    { ...sample, bytes: gzipSync(sample.bytes), packing: 'gzip' as const },
    { ...sample, bytes: Buffer.from(packZstd(sample.bytes)), packing: 'zstd' as const },
  ]);
  expect((await mutate(archives, 1_500)).get('error')).toBeGreaterThan(500);
}, 120_000);
