import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isVolleyError } from '../../../core/base/errors.js';
import { DataType } from '../../column/datatype.js';
import type { CsvOptions } from '../source.js';
import { csvScanOf } from '../testing/csv-scan.js';
import { damage, type Mutation, mutated, mutationWith } from '../testing/mutations.js';
import { type Cell, DuckdbSession, readAll, scratchFolder } from '../testing/oracle.js';
import { loadZstd, packZstd } from '../zstd/zstd.js';
import { csvReader } from './reader.js';

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

interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
  readonly options: Partial<CsvOptions>;
  /** Options of read_csv. */
  readonly sql: string;
  readonly packed?: boolean;
}

const columns = {
  i: 'BIGINT',
  k: 'INTEGER',
  x: 'DOUBLE',
  s: 'VARCHAR',
  d: 'DATE',
  t: 'TIMESTAMP',
  b: 'BOOLEAN',
  m: 'DECIMAL(12,3)',
  e: 'VARCHAR',
};
const schema = {
  i: DataType.Int64,
  k: DataType.Int32,
  x: DataType.Float64,
  s: DataType.Utf8,
  d: DataType.Date,
  t: DataType.Timestamp('us'),
  b: DataType.Bool,
  m: DataType.Decimal(12, 3),
  e: DataType.Utf8,
};
const cells = `i::VARCHAR, k::VARCHAR, x, s, (d - DATE '1970-01-01')::VARCHAR, epoch_us(t)::VARCHAR, b::VARCHAR,
  m::VARCHAR, e`;

/** One record in three has a null; texts are what `write` makes of them. */
function textOf(write: (text: string, row: number) => string, newline: string, delimiter: string): string {
  const lines = [Object.keys(columns).join(delimiter)];
  for (let r = 0; r < 24; r++) {
    const day = `20${10 + (r % 80)}-0${1 + (r % 9)}-1${r % 10}`;
    const values = [
      String(r * 1_000_003 - 7),
      String(r % 7),
      String(r / 8 - 1),
      write(`näme, "${r % 5}"`, r),
      day,
      `${day} 1${r % 10}:20:30${r % 2 === 0 ? '' : `.${100 + r}`}`,
      String(r % 2 === 0),
      (r * 1.375).toFixed(3),
      write(`a longer text in which a byte more or less is text still ${r}`, r),
    ];
    if (r % 3 === 0) values[r % values.length] = '';
    lines.push(values.join(delimiter));
  }
  return `${lines.join(newline)}${newline}`;
}

const doubled = (text: string) => `"${text.replaceAll('"', '""')}"`;

const samples: readonly Sample[] = [
  {
    name: 'plain',
    bytes: Buffer.from(textOf(text => text.replace(/[,"]/g, ''), '\n', ',')),
    options: {},
    sql: `delim = ',', quote = '"', escape = '"', new_line = '\\n'`,
  },
  {
    name: 'quoted, line breaks in fields',
    bytes: Buffer.from(textOf((text, r) => doubled(r % 4 === 0 ? `${text}\n,` : text), '\n', ',')),
    options: {},
    sql: `delim = ',', quote = '"', escape = '"', new_line = '\\n'`,
  },
  {
    name: 'CRLF, semicolons',
    bytes: Buffer.from(textOf((text, r) => (r % 2 === 0 ? doubled(text) : `n${r}`), '\r\n', ';')),
    options: { delimiter: ';' },
    sql: `delim = ';', quote = '"', escape = '"', new_line = '\\r\\n'`,
  },
  {
    name: 'backslash',
    bytes: Buffer.from(textOf(text => `"${text.replaceAll('"', '\\"')}"`, '\n', '|')),
    options: { delimiter: '|', escape: '\\' },
    sql: `delim = '|', quote = '"', escape = '\\', new_line = '\\n'`,
  },
];

const mutation = mutationWith([...'",;|\\\n\r\0 #-+.e0'].map(text => text.charCodeAt(0)));

/**
 * What DuckDB reads; null: it refuses the file. Of what Volley reads, it was seen to refuse a carriage return that ends no
 * line, and a line feed alone where new_line says otherwise: for Volley the first is text, the second ends a record.
 */
function oracle(path: string, options: string): Promise<Cell[][] | null> {
  const list = Object.entries(columns).map(([name, type]) => `'${name}': '${type}'`);
  return duckdb.cellsOrNull(
    `SELECT ${cells} FROM read_csv('${path}', auto_detect = false, header = true,
     allow_quoted_nulls = false, ${options}, columns = {${list.join(', ')}})`,
  );
}

const fine = ['error', 'equal', 'same', 'refused by DuckDB'];
const inSplits = (all: readonly Sample[]) =>
  all.flatMap(sample => [1, 17, 150, 1000].map(split => ({ ...sample, split })));

let files = 0;

/** What a mutation led to: an 'error', the 'same' bytes, rows 'equal' to DuckDB's, or what is wrong. */
async function outcome(
  { bytes: before, options, sql, split, packed }: Sample & { readonly split: number },
  how: Mutation,
): Promise<string> {
  const bytes = mutated(before, how);
  if (bytes.equals(before)) return 'same';
  const path = scratch.path(`m${files++ % 50}.csv`);
  writeFileSync(path, bytes);
  const read = (splitBytes: number) =>
    readAll(csvReader, csvScanOf(path, { ...options, schema, splitBytes })).catch(error => error as Error);
  const whole = await read(1e9);
  const parts = await read(split);
  if (whole instanceof Error) {
    if (!isVolleyError(whole) || !whole.message.includes(path)) return `no error of ours: ${whole.stack}`;
    return parts instanceof Error && parts.message === whole.message
      ? 'error'
      : `splits of ${split}: ${parts}`;
  }
  if (JSON.stringify(parts) !== JSON.stringify(whole)) return `splits of ${split} differ`;
  if (packed && how.kind === 'cut' && bytes.length > 0) return 'a cut archive was read';
  const expected = await oracle(path, sql);
  if (expected === null) return 'refused by DuckDB';
  const row = whole.findIndex((each, r) => JSON.stringify(each) !== JSON.stringify(expected[r]));
  if (row < 0 && whole.length === expected.length) return 'equal';
  return `row ${row} of ${whole.length}/${expected.length}: ${JSON.stringify(whole[row])} where DuckDB reads ${JSON.stringify(expected[row])}`;
}

// Goal: FAULTS 12. Whatever happens to a file: an error that names it, or the rows that DuckDB reads too; and never other rows
// in other splits.
test('flipped, cut and overwritten files', async () => {
  const seen = await damage(inSplits(samples), 5_500, mutation, outcome, fine);
  expect(seen.get('error')).toBeGreaterThan(500);
  expect(seen.get('equal')).toBeGreaterThan(500);
}, 180_000);

// gzip has a checksum, so that nearly all is an error.
test('archives: flipped, cut and overwritten files', async () => {
  const [{ bytes, ...plain }] = samples as readonly [Sample];
  const archives = [
    {
      ...plain,
      name: 'gzip',
      bytes: gzipSync(bytes),
      sql: `${plain.sql}, compression = 'gzip'`,
      packed: true,
    },
    {
      ...plain,
      name: 'zstd',
      bytes: Buffer.from(packZstd(bytes)),
      sql: `${plain.sql}, compression = 'zstd'`,
      packed: true,
    },
  ];
  const seen = await damage(inSplits(archives), 1_000, mutation, outcome, fine);
  expect(seen.get('error')).toBeGreaterThan(500);
}, 120_000);
