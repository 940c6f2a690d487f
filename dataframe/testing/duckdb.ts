import { DuckDBInstance } from '@duckdb/node-api';
import { dateText, timestampText } from '../codegen/time-text.js';
import { isValid } from '../column/bitmap.js';
import type { Batch, Column } from '../column/column.js';
import { formatDecimal } from '../column/decimal.js';
import { unscaledReader } from '../column/decimal-entries.js';
import { entryText } from '../column/dictionary.js';

/** An in-memory DuckDB with these tables: the oracle of kernel and operator tests. */
export async function duckdbWith(tables: Readonly<Record<string, Batch>>) {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run("set timezone='UTC'; set threads=1; set preserve_insertion_order=true");
  for (const [name, batch] of Object.entries(tables)) {
    const columns = batch.schema.map((field, c) => `"${field.name}" ${sqlType(batch.columns[c]!)}`);
    await connection.run(`create table "${name}" ("#" integer, ${columns.join(', ')})`);
    for (let from = 0; from < batch.rows; from += 500) {
      const rows: string[] = [];
      for (let row = from; row < Math.min(batch.rows, from + 500); row++) {
        rows.push(`(${row}, ${batch.columns.map(column => sqlValue(column, row)).join(', ')})`);
      }
      await connection.run(`insert into "${name}" values ${rows.join(', ')}`);
    }
  }
  return {
    /** Rows of a query as arrays: numbers, booleans, strings, null; integers as bigint. */
    async query(sql: string): Promise<unknown[][]> {
      const reader = await connection.runAndReadAll(sql);
      return reader.getRows() as unknown[][];
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

function sqlType(column: Column): string {
  switch (column.type.kind) {
    case 'bool':
      return 'boolean';
    case 'int32':
      return 'integer';
    case 'int64':
      return 'bigint';
    case 'utf8':
      return 'varchar';
    case 'date':
      return 'date';
    case 'timestamp':
      return 'timestamp';
    case 'decimal':
      return `decimal(${column.type.precision}, ${column.type.scale})`;
    default:
      return 'double';
  }
}

function sqlValue(column: Column, row: number): string {
  if (!isValid(column.validity, row)) return 'null';
  const v = column.values[row]!;
  switch (column.type.kind) {
    case 'bool':
      return v === 0 ? 'false' : 'true';
    case 'utf8':
      return `'${entryText(column.dictionary!, v).replaceAll("'", "''")}'`;
    case 'date':
      return `date '${dateText(v)}'`;
    case 'timestamp': {
      const day = Math.floor(v / 86_400e6);
      return `timestamp '${timestampText(day, (v - day * 86_400e6) * 1000)}'`;
    }
    case 'decimal':
      return `'${formatDecimal(unscaledReader(column)(row), column.type.scale)}'`;
    case 'float32':
    case 'float64':
      // Through text: a literal would become a DECIMAL and lose digits.
      return Object.is(v, -0) ? "'-0'::double" : `'${v}'::double`;
    default:
      return String(v);
  }
}
