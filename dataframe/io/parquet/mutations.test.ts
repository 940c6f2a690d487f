import { readFileSync, writeFileSync } from 'node:fs';
import { parquetMetadata } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isVolleyError } from '../../../core/base/errors.js';
import type { Batch } from '../../column/column.js';
import type { DataType, Field, Schema } from '../../column/datatype.js';
import { writeSink } from '../sink.js';
import type { SinkSpec } from '../source.js';
import { damage, type Mutation, mutated, mutation, placeOf } from '../testing/mutations.js';
import { nestedCells, nestedSelect } from '../testing/nested-sql.js';
import { type Cell, cellsOf, DuckdbSession, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { parquetScanOf as scanOf } from '../testing/parquet-scan.js';
import { parquetReader } from './reader.js';

const scratch = scratchFolder();
let duckdb: DuckdbSession;
beforeAll(async () => {
  duckdb = await DuckdbSession.open();
});
afterAll(() => {
  duckdb.close();
  scratch.close();
});

interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
  /** Byte ranges under a checksum. */
  readonly sealed: readonly (readonly [number, number])[];
}

const rows = `SELECT i % 3 = 0 AS b, (i % 100)::TINYINT AS i8, CASE WHEN i % 7 = 3 THEN NULL ELSE (i * 1000003)::INTEGER END AS i32,
  (i * 1000000007)::BIGINT AS i64, (i / 7)::DOUBLE AS f64, (i / 3)::FLOAT AS f32, CASE WHEN i % 5 = 2 THEN NULL ELSE 'key ' || (i % 4) END AS few,
  'näme ' || (i * 7919) AS many, DATE '1970-01-01' + (i * 3)::INTEGER AS d, TIMESTAMP '2001-01-01 00:00:00' + INTERVAL (i * 977) MILLISECOND AS ts
  FROM range(90) t(i)`;
const lists = `SELECT CASE WHEN i % 7 = 3 THEN NULL ELSE range(i % 5) END AS l, ['a' || (i % 3), NULL] AS t FROM range(60) u(i)`;

const decimals = `SELECT CASE WHEN i % 7 = 3 THEN NULL ELSE (i * 1.25)::DECIMAL(9, 2) END AS few, (i * 1234567)::DECIMAL(18, 4) AS wide,
  ((i - 30) * 12345678901234567.125)::DECIMAL(38, 3) AS huge FROM range(60) t(i)`;
const structs = `SELECT CASE WHEN i % 7 = 3 THEN NULL ELSE {'x': i, 'y': CASE WHEN i % 3 = 1 THEN NULL ELSE 'n' || (i % 9) END} END AS s,
  {'deep': CASE WHEN i % 4 = 2 THEN NULL ELSE {'v': i * 3} END} AS t FROM range(60) u(i)`;

/** A time of day is a duration here, and so is written as one. */
const durations = `SELECT CASE WHEN i % 7 = 3 THEN NULL ELSE TIME '00:00:00' + INTERVAL (i * 977) SECOND END AS t, i FROM range(60) u(i)`;

async function ownBytes(
  compression: SinkSpec['compression'],
  select = rows,
  bloomFilters: string[] = [],
): Promise<Buffer> {
  const source = scratch.path('source.parquet');
  await duckdb.cells(`COPY (${select}) TO '${source}' (FORMAT parquet)`);
  const { schema, batches } = await readFile(source);
  const path = scratch.path(`own-${compression}.parquet`);
  const temporaryPath = `${path}.tmp`;
  await writeSink(
    {
      format: 'parquet',
      path,
      temporaryPath,
      compression,
      rowGroupRows: 50,
      role: 'file',
      overwrite: true,
      bloomFilters,
    },
    schema,
    batches,
    testEnv,
  );
  return readFileSync(path);
}

async function duckdbBytes(name: string, select: string, options: string): Promise<Buffer> {
  const path = scratch.path(`${name}.parquet`);
  await duckdb.cells(`COPY (${select}) TO '${path}' (FORMAT parquet, ${options})`);
  return readFileSync(path);
}

/** Where the bodies of pages lie that carry a checksum. */
function sealedRanges(bytes: Buffer): [number, number][] {
  const metadata = parquetMetadata(Uint8Array.from(bytes).buffer);
  const out: [number, number][] = [];
  for (const { columns } of metadata.row_groups) {
    for (const { meta_data: chunk } of columns) {
      const start = Number(chunk!.dictionary_page_offset ?? chunk!.data_page_offset);
      const end = start + Number(chunk!.total_compressed_size);
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: start };
      while (reader.offset < end) {
        const header = parquetHeader(reader);
        if (header.crc !== undefined) out.push([reader.offset, reader.offset + header.compressed_page_size]);
        reader.offset += header.compressed_page_size;
      }
    }
  }
  return out;
}

async function readFile(path: string): Promise<{ schema: Schema; batches: Batch[] }> {
  const { schema, splits } = await parquetReader.inspect(scanOf(path), testEnv);
  const batches: Batch[] = [];
  for await (const batch of parquetReader.read({ ...scanOf(path), schema }, splits, testEnv, readWhole())) {
    batches.push(batch);
  }
  return { schema, batches };
}

/** The value of a column in the form of cells, in DuckDB's SQL. */
function cellSql({ name, type }: Field): string {
  const column = `"${name.replaceAll('"', '""')}"`;
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return `${column}::DOUBLE`;
    case 'date':
      return `(${column}::DATE - DATE '1970-01-01')::VARCHAR`;
    case 'timestamp':
      return `epoch_${type.unit}(${column})::VARCHAR`;
    case 'binary':
      return `hex(${column})`;
    case 'struct':
      return nestedCells[name] ?? `to_json(${column})::VARCHAR`;
    case 'list':
      return type.item.kind === 'binary'
        ? `to_json(list_transform(${column}, x -> hex(x)))::VARCHAR`
        : (nestedCells[name] ?? `to_json(${column})::VARCHAR`);
    default:
      return `${column}::VARCHAR`;
  }
}

/** What DuckDB reads; null: it refuses the file. */
function oracle(path: string, schema: Schema): Promise<Cell[][] | null> {
  return duckdb.cellsOrNull(`SELECT ${schema.map(cellSql).join(', ')} FROM read_parquet('${path}')`);
}

let files = 0;

/** What a mutation led to: 'error', the 'same' bytes, rows 'equal' to DuckDB's, or what is wrong. */
async function outcome(sample: Sample, how: Mutation): Promise<string> {
  const bytes = mutated(sample.bytes, how);
  const place = placeOf(sample.bytes, how);
  if (bytes.equals(sample.bytes)) return 'same';
  const path = scratch.path(`m${files++ % 50}.parquet`);
  writeFileSync(path, bytes);
  let read: Awaited<ReturnType<typeof readFile>>;
  try {
    read = await readFile(path);
  } catch (error) {
    return isVolleyError(error) && error.message.includes(path)
      ? 'error'
      : `no error of ours: ${(error as Error).stack}`;
  }
  if (how.kind === 'cut') return 'a cut file was read';
  const sealed = how.kind === 'flip' && sample.sealed.some(([from, to]) => place >= from && place < to);
  if (sealed) return 'a flip under a checksum was not seen';
  // From RLE to BIT_PACKED, in a page header: DuckDB takes all levels for RLE.
  if (how.kind === 'set' && how.value === 8 && sample.bytes[place] === 6) return 'other levels';
  // DuckDB has times of day where we have durations, unless we wrote them. What lies in lists and structs is compared as JSON, with its own forms of dates and decimals.
  const comparable = (type: DataType) =>
    isPlain(type) || (type.kind === 'duration' && sample.name === 'own durations');
  if (!read.schema.every(({ type }) => comparable(type))) return 'other types';
  const cells = read.batches.flatMap(cellsOf);
  const expected = await oracle(path, read.schema);
  if (expected === null) return 'refused by DuckDB';
  if (same(cells, expected)) return 'equal';
  const row = cells.findIndex((each, i) => !same([each], [expected[i] ?? []]));
  const names = read.schema.filter((_, c) => cells[row]?.[c] !== expected[row]?.[c]).map(({ name }) => name);
  const was = `byte ${place} of ${bytes.length}, ${sample.bytes[place]} now ${bytes[place]}`;
  return `${was}: ${names.join()}: row ${row} of ${cells.length}/${expected.length}: ${cells[row]} where DuckDB reads ${expected[row]}`;
}

function isPlain(type: DataType, nested = false): boolean {
  if (type.kind === 'list') {
    if (type.item.kind === 'binary') return !nested;
    // Where a list has lost its annotation, DuckDB takes the one field of what repeats for the item, the format all of it.
    return !(type.item.kind === 'struct' && type.item.fields.length === 1) && isPlain(type.item, true);
  }
  if (type.kind === 'struct') return type.fields.every(field => isPlain(field.type, true));
  return nested ? /^(u?int\d+|utf8|bool)$/.test(type.kind) : type.kind !== 'duration';
}

/** DuckDB writes the escapes of JSON in capitals. */
const plain = (cell: Cell) => cell?.replace(/\\u[0-9A-F]{4}/g, text => text.toLowerCase()) ?? null;

function same(a: readonly Cell[][], b: readonly Cell[][]): boolean {
  return (
    a.length === b.length &&
    a.every((row, i) => row.every((cell, c) => plain(cell) === plain(b[i]![c] ?? null)))
  );
}

// Goal: FAULTS 13. Whatever happens to a file: an error that names it, or the rows that DuckDB reads too.
test('flipped, cut and overwritten files', async () => {
  const samples: Sample[] = [];
  const add = (name: string, bytes: Buffer) => samples.push({ name, bytes, sealed: sealedRanges(bytes) });
  for (const compression of ['snappy', 'zstd', 'none'] as const)
    add(`own ${compression}`, await ownBytes(compression, rows, ['i64', 'few']));
  for (const options of [
    'COMPRESSION snappy',
    'COMPRESSION uncompressed, PARQUET_VERSION V2',
    'COMPRESSION gzip',
  ])
    add(`duckdb ${options}`, await duckdbBytes('plain', rows, options));
  add('duckdb decimals', await duckdbBytes('decimals', decimals, 'COMPRESSION uncompressed'));
  add(
    'duckdb structs',
    await duckdbBytes('structs', structs, 'COMPRESSION uncompressed, PARQUET_VERSION V2'),
  );
  const nested = nestedSelect(40);
  for (const options of ['COMPRESSION uncompressed', 'COMPRESSION zstd, PARQUET_VERSION V2'])
    add(`duckdb nested ${options}`, await duckdbBytes('nested', nested, options));
  add('own durations', await ownBytes('none', durations));
  add('own nested', await ownBytes('none', `SELECT * EXCLUDE (map, maps) FROM (${nested})`));
  add('duckdb lists', await duckdbBytes('lists', lists, 'COMPRESSION uncompressed'));
  add('duckdb lists V2', await duckdbBytes('lists2', lists, 'COMPRESSION zstd, PARQUET_VERSION V2'));
  const fine = ['error', 'equal', 'same', 'refused by DuckDB', 'other types', 'other levels'];
  const seen = await damage(samples, 8_000, mutation, outcome, fine);
  expect(seen.get('error')).toBeGreaterThan(500);
  expect(seen.get('equal')).toBeGreaterThan(500);
}, 120_000);
