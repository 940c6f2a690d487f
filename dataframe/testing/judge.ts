import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/**
 * DuckDB as the judge of answers: the same records in its tables, the same question in SQL. Where API.md wants something
 * else than DuckDB gives, tests either say it in SQL or ask a naive engine that goes row by row:
 * - the sum of nothing is 0, not NULL: `coalesce(sum(x), 0)`;
 * - variance and correlation of NaN or infinity are NaN, where DuckDB throws: naive in distribute/aggregate.test.ts, finite
 *   values only where DuckDB judges;
 * - `first`, `last` and `list` follow the order of rows, which DuckDB promises within an aggregate's ORDER BY only: naive
 *   there, `order by "#"` in aggregates.test.ts; `list`, `topK` and `bottomK` skip nulls: `filter (x is not null)`;
 * - order is numbers < NaN < null unless told, descending too: NULLS FIRST or LAST is always written;
 * - integer sums beyond Int64 throw, where DuckDB goes on in 128 bits: tested by hand in aggregates.test.ts;
 * - `mod` by zero is null and `div` gives floats, `slice` counts code points, regular expressions are JavaScript's: tested by
 *   hand in codegen/semantics.test.ts;
 * - DuckDB adds floats as they come and rounds at each step: compared within 1e-9. Bits are compared with Volley's own
 *   other plans only.
 */

export type Cell = null | boolean | number | bigint | string | Date;
export type Row = Readonly<Record<string, Cell>>;

export interface Judge {
  /** Column types in SQL, in order. */
  table(name: string, columns: Readonly<Record<string, string>>, rows: readonly Row[]): Promise<void>;
  query(sql: string): Promise<Row[]>;
  close(): void;
}

export async function openJudge(): Promise<Judge> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  return {
    table: (name, columns, rows) => createTable(connection, name, columns, rows),
    query: async sql => (await connection.runAndReadAll(sql)).getRowObjectsJS() as Row[],
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function createTable(
  connection: DuckDBConnection,
  name: string,
  columns: Readonly<Record<string, string>>,
  rows: readonly Row[],
): Promise<void> {
  const names = Object.keys(columns);
  await connection.run(`CREATE TABLE ${name} (${names.map(n => `"${n}" ${columns[n]}`).join(', ')})`);
  if (rows.length === 0) return;
  const values = rows.map(row => `(${names.map(n => sqlLiteral(row[n] ?? null)).join(', ')})`);
  await connection.run(`INSERT INTO ${name} VALUES ${values.join(', ')}`);
}

function sqlLiteral(value: Cell): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  if (value instanceof Date) return `TIMESTAMP '${value.toISOString().replace('T', ' ').replace('Z', '')}'`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `'${value}'::DOUBLE`;
  return typeof value === 'number' ? `${value}::DOUBLE` : String(value);
}

/** One row as text: floats to 10 digits (DuckDB adds in another order), big integers as numbers, Dates as ISO. */
export function comparable(rows: readonly object[]): string[] {
  return rows.map(row => Object.values(row).map(cellText).join('|'));
}

function cellText(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'number' || !Number.isFinite(value)) return String(value);
  return String(Number(value.toPrecision(10)) + 0);
}

/**
 * Where two answers differ, or null: rows in any order, told apart by their first `keys` cells; floats within 1e-9, since
 * DuckDB adds in another order and rounds at every step.
 */
export function differenceByKey(
  mine: readonly object[],
  theirs: readonly object[],
  keys: number,
): { readonly mine: unknown; readonly theirs: unknown } | null {
  const inOrder = (rows: readonly object[]) =>
    rows
      .map(row => Object.values(row))
      .map(row => ({ row, key: row.slice(0, keys).map(keyText).join('|') }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  const [ours, wanted] = [inOrder(mine), inOrder(theirs)];
  if (ours.length !== wanted.length) return { mine: ours.length, theirs: wanted.length };
  for (const [r, { row, key }] of ours.entries()) {
    const other = wanted[r]!;
    const same = key === other.key && row.every((cell, c) => c < keys || near(cell, other.row[c]));
    if (!same) return { mine: row, theirs: other.row };
  }
  return null;
}

/** Keys are copied, not computed: every digit counts, but -0 is 0. */
function keyText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(Object.is(value, -0) ? 0 : value);
}

function near(mine: unknown, theirs: unknown): boolean {
  const [a, b] = [mine, theirs].map(v => (typeof v === 'bigint' ? Number(v) : v));
  if (typeof a !== 'number' || typeof b !== 'number') return keyText(a) === keyText(b);
  return a === b || Object.is(a, b) || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
}
