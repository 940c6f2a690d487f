import type { Client } from 'pg';
import { assert } from '../../../core/base/assert.js';
import { createBuilder } from '../../column/builder.js';
import type { Batch } from '../../column/column.js';
import { columnNotFound } from '../../expr/nearest.js';
import { selectedFields } from '../columns.js';
import { badData } from '../errors.js';
import type { IoEnv, PostgresSpec, ScanInspection, ScanSpec, SourceReader, Split } from '../source.js';
import { BinaryRows } from './binary-rows.js';
import { copyStreams, openPostgres, type Rows, withPostgres } from './client.js';
import { quoted, relationSql } from './relation.js';
import { postgresType, selected } from './types.js';

/** Rows of one batch. */
const batchRows = 65_536;
/** Rows of one partition unless told: a constant of the plan. */
const partitionRows = 524_288;
const readOnly = 'begin isolation level repeatable read read only';

/**
 * A table or query of PostgreSQL, streamed as binary COPY. One partition, or one per range of the key `partitionOn`;
 * each is read over a connection, and in a snapshot, of its own.
 */
export const postgresReader: SourceReader = { inspect, read };

async function inspect(scan: ScanSpec, env: IoEnv): Promise<ScanInspection> {
  const spec = scan.postgres;
  assert(spec !== undefined, 'a postgres scan has its options');
  const name = scan.paths[0]!;
  return withPostgres(name, env, readOnly, async client => {
    const fields = await describe(client, spec);
    const schema = fields.map(field => ({ name: field.name, type: postgresType(field.typeName).type }));
    const types = Object.fromEntries(fields.map(field => [field.name, field.typeName]));
    selectedFields(schema, scan.columns, `scan of ${name}`);
    const ranges = await rangesOf(client, spec, types, name);
    const splits = ranges.map(
      ({ where, rows }, rowGroup): Split => ({
        path: name,
        rowGroup,
        start: 0,
        end: 0,
        rows: -1,
        bytes: rows * 8 * schema.length,
        statistics: null,
        query: { where, types },
      }),
    );
    return { schema, splits };
  });
}

/** Names of columns and of their types. Nothing is run but the planner. */
async function describe(client: Client, spec: PostgresSpec): Promise<{ name: string; typeName: string }[]> {
  const { fields } = await client.query(`select * from ${relationSql(spec)} limit 0`);
  const oids = [...new Set(fields.map(field => field.dataTypeID))];
  const { rows }: Rows = await client.query(
    'select oid::text, typname from pg_catalog.pg_type where oid = any($1)',
    [oids],
  );
  const names = new Map(rows.map(row => [row.oid, row.typname!]));
  return fields.map(field => ({
    name: field.name,
    typeName: names.get(String(field.dataTypeID)) ?? 'unknown',
  }));
}

interface Range {
  /** SQL, or null for all rows. */
  readonly where: string | null;
  /** About so many rows; 0: nobody counted. */
  readonly rows: number;
}

/** Ranges of the key with about equally many rows, ascending; null keys are with the last. */
async function rangesOf(
  client: Client,
  spec: PostgresSpec,
  types: Readonly<Record<string, string>>,
  name: string,
): Promise<Range[]> {
  const key = spec.partitionOn;
  if (key === null) return [{ where: null, rows: 0 }];
  if (types[key] === undefined) {
    const schema = Object.entries(types).map(([column, type]) => ({
      name: column,
      type: postgresType(type).type,
    }));
    throw columnNotFound(key, schema, `partitionOn of ${name}`);
  }
  const from = relationSql(spec);
  const counted: Rows = await client.query(`select count(*)::text as n from ${from}`);
  const rows = Number(counted.rows[0]!.n);
  const wanted = spec.partitions ?? Math.max(1, Math.ceil(rows / partitionRows));
  const shares = Array.from({ length: wanted - 1 }, (_, i) => (i + 1) / wanted);
  if (shares.length === 0 || rows === 0) return [{ where: null, rows }];
  const column = quoted(key);
  // The values in the places where ranges end: whatever the server can sort will do.
  const cut: Rows = await client.query(
    `select distinct on (b) b::text as bound from (select unnest(percentile_disc($1::float8[]) within group (order by ${column})) as b from ${from}) as t where b is not null order by b`,
    [shares],
  );
  const bounds = cut.rows.map(row => client.escapeLiteral(row.bound!));
  if (bounds.length === 0) return [{ where: null, rows }];
  const each = Math.ceil(rows / (bounds.length + 1));
  return [
    { where: `${column} <= ${bounds[0]}`, rows: each },
    ...bounds
      .slice(1)
      .map((bound, i) => ({ where: `${column} > ${bounds[i]} and ${column} <= ${bound}`, rows: each })),
    { where: `${column} > ${bounds.at(-1)} or ${column} is null`, rows: each },
  ];
}

async function* read(scan: ScanSpec, splits: readonly Split[], env: IoEnv): AsyncGenerator<Batch> {
  for (const split of splits) yield* readSplit(scan, split, env);
}

async function* readSplit(scan: ScanSpec, split: Split, env: IoEnv): AsyncGenerator<Batch> {
  assert(
    scan.postgres !== undefined && scan.schema !== null && split.query !== undefined,
    'read after inspection',
  );
  const { where, types } = split.query;
  const schema = selectedFields(scan.schema, scan.columns, `scan of ${split.path}`);
  const columns = schema.map(({ name, type }) => ({
    name,
    builder: createBuilder(type),
    decode: postgresType(types[name]!).decode,
  }));
  const list = schema.map(({ name }) => selected(name, postgresType(types[name]!))).join(', ');
  const query = `select ${list} from ${relationSql(scan.postgres)}${where === null ? '' : ` where ${where}`}`;
  const rows = new BinaryRows(split.path, columns);
  const finish = (): Batch => {
    const batch = { schema, rows: rows.rows, columns: columns.map(({ builder }) => builder.finish()) };
    rows.rows = 0;
    return batch;
  };
  const { to } = await copyStreams();
  const connection = await openPostgres(split.path, env, readOnly);
  try {
    for await (const piece of connection.client.query(to(`copy (${query}) to stdout (format binary)`))) {
      rows.push(piece as Buffer);
      if (rows.rows >= batchRows) yield finish();
    }
    if (!rows.ended) throw badData({ file: split.path }, 'the rows broke off before their end');
  } catch (error) {
    throw connection.failure(error);
  } finally {
    await connection.close();
  }
  if (rows.rows > 0) yield finish();
}
