import { writeFileSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isVolleyError } from '../../../core/base/errors.js';
import { isValid } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import { DataType } from '../../column/datatype.js';
import type { ScanSpec } from '../source.js';
import { type Mutation, mutated, mutation } from '../testing/mutations.js';
import { cellOf, newSeed, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { ndjsonReader } from './reader.js';

const scratch = scratchFolder();
let connection: DuckDBConnection;
beforeAll(async () => {
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
const samples = [
  Buffer.from(lines.map(line => `${JSON.stringify(line)}\n`).join('')),
  Buffer.from(
    lines.map(line => JSON.stringify(line, Object.keys(line).reverse().concat('x', 'y', 'a'))).join('\r\n\n'),
  ),
];

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
async function readOwn(path: string): Promise<(string | null)[][]> {
  const schema = Object.fromEntries(Object.entries(columns).map(([name, [type]]) => [name, type]));
  const scan: ScanSpec = {
    format: 'ndjson',
    paths: [path],
    csv: null,
    // Ranges are cut anywhere.
    json: { schema, ignoreErrors: false, splitBytes: 1500 },
    columns: Object.keys(columns),
    predicate: null,
    schema: null,
  };
  const inspection = await ndjsonReader.inspect(scan, testEnv);
  const rows: (string | null)[][] = [];
  const whole = { ...scan, schema: inspection.schema };
  for await (const batch of ndjsonReader.read(whole, inspection.splits, testEnv, readWhole())) {
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

async function oracle(path: string): Promise<(string | null)[][] | null> {
  const types = Object.entries(columns).map(([name, [, type]]) => `${name}: '${type}'`);
  const asked = Object.entries(columns).map(([name, [type]]) =>
    type.kind === 'list' || type.kind === 'struct' ? `to_json(${name})::VARCHAR` : `${name}`,
  );
  try {
    const reader = await connection.runAndReadAll(
      `SELECT ${asked} FROM read_json('${path}', format = 'newline_delimited', columns = {${types}})`,
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

async function outcome(sample: Buffer, how: Mutation): Promise<string> {
  const bytes = mutated(sample, how);
  if (bytes.equals(sample)) return 'same';
  const path = scratch.path(`m${files++ % 50}.ndjson`);
  writeFileSync(path, bytes);
  let own: (string | null)[][];
  try {
    own = await readOwn(path);
  } catch (error) {
    const ours = isVolleyError(error) && error.message.includes(path);
    return ours ? 'error' : `no error of ours: ${(error as Error).stack}`;
  }
  const expected = await oracle(path);
  if (expected === null) return 'refused by DuckDB';
  const row = own.findIndex((cells, r) =>
    cells.some((cell, c) => plain(cell) !== plain(expected[r]?.[c] ?? null)),
  );
  if (row < 0 && own.length === expected.length) return 'equal';
  return `row ${row} of ${own.length}/${expected.length}: ${own[row]} where DuckDB reads ${expected[row]}`;
}

// Goal: FAULTS 14. Whatever happens to a file: an error that names it, or the rows that DuckDB reads too.
test('flipped, cut and overwritten files', async () => {
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
    { seed, numRuns: 5_000, endOnFailure: true },
  );
  console.log(`seed ${seed}:`, seen);
  expect(seen.get('error')).toBeGreaterThan(500);
  expect(seen.get('equal')).toBeGreaterThan(500);
}, 120_000);
