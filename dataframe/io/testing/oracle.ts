import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { isValid } from '../../column/bitmap.js';
import type { Batch, Column, Dictionary } from '../../column/column.js';
import { formatDecimal } from '../../column/decimal.js';
import { unscaledReader } from '../../column/decimal-entries.js';
import { entryText } from '../../column/dictionary.js';
import { Lent } from '../../kernels/lent.js';
import type { IoEnv, ReadUse, ScanSpec, SourceReader } from '../source.js';

/** Numbers in every column are compared as text of bigint or float64, so that nothing is rounded on the way. */
export type Cell = string | null;

export const testEnv: IoEnv = { node: 'this process', allowPaths: null, attempt: 1, position: 0 };

/** Seed of this run; the test prints it when it fails. */
export function newSeed(): number {
  return randomInt(2 ** 31);
}

/** A folder that is removed with `close`. */
export function scratchFolder(): { path: (name: string) => string; close: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'volley-io-'));
  return { path: name => join(folder, name), close: () => rmSync(folder, { recursive: true, force: true }) };
}

/** DuckDB of one thread, for tests that ask it often. Rows as cells: columns are cast to text by its own forms in `select`. */
export class DuckdbSession {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(): Promise<DuckdbSession> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    // Names are used again: what DuckDB remembers of a file is of another one.
    await connection.run('SET enable_external_file_cache = false');
    return new DuckdbSession(instance, connection);
  }

  async cells(sql: string): Promise<Cell[][]> {
    const rows = (await this.#connection.runAndReadAll(sql)).getRows();
    return rows.map(row =>
      row.map(value => (value === null ? null : Object.is(value, -0) ? '-0' : String(value))),
    );
  }

  /** null: it refuses the file. */
  async cellsOrNull(sql: string): Promise<Cell[][] | null> {
    try {
      return await this.cells(sql);
    } catch {
      return null;
    }
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

/** Runs SQL in a fresh DuckDB. @returns the rows of the last statement */
export async function duckdb(...statements: string[]): Promise<Cell[][]> {
  const session = await DuckdbSession.open();
  try {
    let rows: Cell[][] = [];
    for (const sql of statements) rows = await session.cells(sql);
    return rows;
  } finally {
    session.close();
  }
}

/** All rows; text is looked at. */
export function readWhole(): ReadUse {
  return { lent: new Lent(), movesText: false, rows: Number.POSITIVE_INFINITY };
}

/** Everything a reader yields for a scan, of which only so many of the first rows are wanted. */
export async function readAll(
  reader: SourceReader,
  scan: ScanSpec,
  env = testEnv,
  rows = Number.POSITIVE_INFINITY,
): Promise<Cell[][]> {
  const inspection = await reader.inspect(scan, env);
  const batches: Batch[] = [];
  const whole = { ...scan, schema: inspection.schema };
  const use = { ...readWhole(), rows };
  for await (const batch of reader.read(whole, inspection.splits, env, use)) batches.push(batch);
  return batches.flatMap(cellsOf);
}

export function cellsOf(batch: Batch): Cell[][] {
  return Array.from({ length: batch.rows }, (_, row) => batch.columns.map(column => cellOf(column, row)));
}

function hexOf({ bytes, offsets }: Dictionary, entry: number): string {
  return Buffer.from(bytes.subarray(offsets[entry], offsets[entry + 1]))
    .toString('hex')
    .toUpperCase();
}

function jsonOf(column: Column, row: number): string {
  const cell = cellOf(column, row);
  return cell !== null && column.dictionary !== null ? JSON.stringify(cell) : String(cell);
}

export function cellOf(column: Column, row: number): Cell {
  if (!isValid(column.validity, row)) {
    return null;
  }
  if (column.type.kind === 'decimal') return formatDecimal(unscaledReader(column)(row), column.type.scale);
  if (column.fields !== undefined && column.type.kind === 'struct') {
    const names = column.type.fields.map(field => field.name);
    return `{${column.fields.map((field, f) => `${JSON.stringify(names[f])}:${jsonOf(field, row)}`).join(',')}}`;
  }
  const value = column.values[row]!;
  if (column.items !== undefined) {
    const to = column.values[row + 1]!;
    const items = Array.from({ length: to - value }, (_, i) => jsonOf(column.items!, value + i));
    // As DuckDB's to_json has it.
    return `[${items.join(',')}]`;
  }
  switch (column.physical) {
    case 'code':
      if (column.type.kind === 'binary') return hexOf(column.dictionary!, value);
      return entryText(column.dictionary!, value);
    case 'bool':
      return value === 1 ? 'true' : 'false';
    case 'i64': {
      const high = column.values[2 * row + 1]!;
      const bits = (BigInt(high) << 32n) | BigInt(column.values[2 * row]! >>> 0);
      return String(column.type.kind === 'uint64' ? BigInt.asUintN(64, bits) : bits);
    }
    default:
      return Object.is(value, -0) ? '-0' : String(value);
  }
}
