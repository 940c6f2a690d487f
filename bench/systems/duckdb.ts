import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Question } from '../questions/question.js';
import type { Check, LoadedSystem, SystemJob } from './protocol.js';

const numericTypes = /INT|DOUBLE|FLOAT|DECIMAL|REAL/;

/** DuckDB with its tables in memory and its low-cardinality strings as ENUM, which tables share where names are equal. */
export async function loadDuckdb(job: SystemJob, questions: readonly Question[]): Promise<LoadedSystem> {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(job.threads) });
  const connection = await instance.connect();
  const start = performance.now();
  for (const [table, file] of Object.entries(job.files)) {
    const made = job.scan ? `VIEW ${table}` : `TABLE raw_${table}`;
    const reader = file.endsWith('.csv') ? 'read_csv' : 'read_parquet';
    await connection.run(`CREATE ${made} AS SELECT * FROM ${reader}('${quote(file)}')`);
  }
  const loaded = performance.now();
  if (!job.scan) await convert(connection, job);
  const converted = performance.now();
  const [row] = (await connection.runAndReadAll('SELECT version()')).getRows();
  return {
    version: String(row?.[0]).replace(/^v/, ''),
    loadMs: loaded - start,
    convertMs: converted - loaded,
    note: job.scan ? 'from files' : 'strings of few values as ENUM',
    async ask(id) {
      const { sql } = questions.find(question => question.id === id)!;
      const begin = performance.now();
      await connection.run(`CREATE OR REPLACE TEMP TABLE answer AS ${sql}`);
      const ms = performance.now() - begin;
      const check = await checkTable(connection);
      await connection.run('DROP TABLE answer');
      return { ms, check };
    },
    async close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function convert(connection: DuckDBConnection, { files, categories }: SystemJob): Promise<void> {
  const tables = Object.keys(files);
  for (const column of new Set(Object.values(categories).flat())) {
    const parts = tables
      .filter(table => categories[table]?.includes(column))
      .map(table => `SELECT ${column} FROM raw_${table} WHERE ${column} IS NOT NULL`);
    // Ordered: the type must not depend on which thread saw a value first.
    await connection.run(
      `CREATE TYPE enum_${column} AS ENUM (SELECT DISTINCT ${column} FROM (${parts.join(' UNION ALL ')}) ORDER BY 1)`,
    );
  }
  for (const table of tables) {
    const casts = (categories[table] ?? []).map(column => `${column}::enum_${column} AS ${column}`);
    const replace = casts.length === 0 ? '' : `REPLACE (${casts.join(', ')})`;
    await connection.run(`CREATE TABLE ${table} AS SELECT * ${replace} FROM raw_${table}`);
    await connection.run(`DROP TABLE raw_${table}`);
  }
}

async function checkTable(connection: DuckDBConnection): Promise<Check> {
  const described = (await connection.runAndReadAll('DESCRIBE answer')).getRows();
  const names = described.filter(([, type]) => numericTypes.test(String(type))).map(([name]) => String(name));
  const sums = names.map(
    name => `coalesce(fsum(${name}::DOUBLE) FILTER (NOT isnan(${name}::DOUBLE)), 0)::DOUBLE`,
  );
  const [row] = (
    await connection.runAndReadAll(`SELECT ${['count(*)::DOUBLE', ...sums].join(', ')} FROM answer`)
  ).getRows();
  return {
    rows: Number(row?.[0]),
    sums: Object.fromEntries(names.map((name, i) => [name, Number(row?.[i + 1])])),
  };
}

function quote(file: string): string {
  return file.replaceAll("'", "''");
}
