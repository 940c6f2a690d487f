import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** DuckDB as the judge of answers: the same records in its tables, the same question in SQL. */

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
