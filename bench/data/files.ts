import { once } from 'node:events';
import { createReadStream, existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DOUBLE, type DuckDBConnection, DuckDBDataChunk, DuckDBInstance, INTEGER } from '@duckdb/node-api';
import { flightsFile } from '../../examples/flights-queries.js';
import type { BenchColumn, BenchTable, DataOptions } from './columns.js';
import { categories, makeTables } from './tables.js';

/** Raised when a generator changes: what is cached under an older number is not read. */
const generatorVersion = 1;
const chunkRows = 2048;
const folder = join(homedir(), '.cache', 'volley', 'bench');
const tableForm = 'FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 131072';
const csvForm = { 'csv.csv': 'FORMAT csv, HEADER' };
/** The forms in which the scan and convert benches have the group-by table, by file name. */
const ownForms: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  scan: {
    'snappy.parquet': 'FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 250000',
    'zstd.parquet': 'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 250000',
    ...csvForm,
  },
  convert: csvForm,
};

/** The file of each table of a data set; written the first time it is asked for. */
export async function dataFiles(dataSet: string, options: DataOptions): Promise<Record<string, string>> {
  const { rows, seed, na, sorted } = options;
  const stem = `${dataSet}-v${generatorVersion}-${rows}-seed${seed}-na${na}${sorted ? '-sorted' : ''}`;
  const forms = ownForms[dataSet];
  const names = forms ? Object.keys(forms) : Object.keys(categories[dataSet]!).map(name => `${name}.parquet`);
  const files = Object.fromEntries(
    names.map(name => [name.slice(0, name.indexOf('.')), join(folder, `${stem}-${name}`)]),
  );
  if (!Object.values(files).every(file => existsSync(file))) {
    mkdirSync(folder, { recursive: true });
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    for (const table of makeTables(dataSet, options)) {
      await loadNumbers(connection, table);
      for (const name of forms ? names : [`${table.name}.parquet`])
        await writeFile(connection, table, join(folder, `${stem}-${name}`), forms?.[name] ?? tableForm);
    }
    connection.closeSync();
    instance.closeSync();
  }
  if (dataSet !== 'scan') return files;
  const scanned = { ...files, flights: flightsFile };
  for (const file of Object.values(scanned)) await readThrough(file);
  return scanned;
}

/** Has the system hold it in its page cache: else whoever is asked first would read it from a disk for all others. */
async function readThrough(file: string): Promise<void> {
  const stream = createReadStream(file, { highWaterMark: 2 ** 20 });
  stream.resume();
  await once(stream, 'close');
}

/** Numbers go through DuckDB's appender; the strings are made from them while a file is written. */
async function loadNumbers(connection: DuckDBConnection, table: BenchTable): Promise<void> {
  const fields = table.columns.map(({ name, kind }) => `${name} ${kind === 'float' ? 'DOUBLE' : 'INTEGER'}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE numbers (${fields.join(', ')})`);
  const appender = await connection.createAppender('numbers');
  const types = table.columns.map(({ kind }) => (kind === 'float' ? DOUBLE : INTEGER));
  for (let from = 0; from < table.rows; from += chunkRows) {
    const to = Math.min(table.rows, from + chunkRows);
    const chunk = DuckDBDataChunk.create(types, to - from);
    chunk.setColumns(table.columns.map(column => valuesOf(column, from, to)));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

async function writeFile(
  connection: DuckDBConnection,
  table: BenchTable,
  file: string,
  form: string,
): Promise<void> {
  const partial = `${file}.${process.pid}`;
  await connection.run(
    `COPY (SELECT ${table.columns.map(expressionOf).join(', ')} FROM numbers)
     TO '${partial.replaceAll("'", "''")}' (${form})`,
  );
  renameSync(partial, file);
}

function valuesOf({ values, nulls }: BenchColumn, from: number, to: number): (number | null)[] {
  const list: (number | null)[] = Array.from(values.subarray(from, to));
  if (nulls !== null) for (let i = from; i < to; i++) if (nulls[i] === 1) list[i - from] = null;
  return list;
}

function expressionOf({ name, kind, prefix, width }: BenchColumn): string {
  if (kind === 'int' || kind === 'float') return name;
  const digits = width === 0 ? `${name}::VARCHAR` : `lpad(${name}::VARCHAR, ${width}, '0')`;
  return `'${prefix}' || ${digits} AS ${name}`;
}
