import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Client } from 'pg';
import { VolleyError } from '../../../core/base/errors.js';
import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import type { IoEnv, SinkReceipt, TableSinkSpec } from '../source.js';
import { copyStreams, type Rows, withPostgres } from './client.js';
import { columnTypeSql, copyText } from './copy-text.js';
import { quoted, quotedTable } from './relation.js';

/**
 * One task's share of a table. Parts go into a staging table beside the target, each in a transaction that notes its
 * number in a second table, so that a repeated part is one. The commit makes them the target's in one transaction: by
 * a new name, or for an existing table by INSERT. Readers of the target see all of it or nothing.
 * @throws SINK_EXISTS, NOT_FOUND (no such schema), BAD_DATA (a value the column refuses)
 */
export function writeTable(
  spec: TableSinkSpec,
  schema: Schema,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  env: IoEnv,
): Promise<SinkReceipt> {
  const access = { ...env, access: spec.access };
  const place = placeOf(spec);
  return withPostgres(spec.path, access, 'begin', async client => {
    const rows = await runRole(client, spec, place, schema, batches, env);
    await client.query('commit');
    return { rows, files: [], bytes: 0 };
  });
}

interface Place {
  readonly target: string;
  /** The target's name without its schema. */
  readonly name: string;
  readonly staging: string;
  readonly ledger: string;
}

function placeOf({ table, id }: TableSinkSpec): Place {
  const target = quotedTable(table);
  const parts = target.match(/"(?:[^"]|"")+"/g)!;
  const beside = (name: string) => [...parts.slice(0, -1), quoted(name)].join('.');
  return {
    target,
    name: parts.at(-1)!,
    staging: beside(`volley_${id}`),
    ledger: beside(`volley_${id}_parts`),
  };
}

async function runRole(
  client: Client,
  spec: TableSinkSpec,
  place: Place,
  schema: Schema,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  env: IoEnv,
): Promise<number> {
  switch (spec.role) {
    case 'prepare':
      await prepare(client, spec, place, schema);
      return 0;
    case 'part':
      return writePart(client, place, schema, batches, env);
    case 'commit':
      await commit(client, spec, place, schema, env);
      return 0;
    case 'discard':
      await client.query(`drop table if exists ${place.staging}, ${place.ledger}`);
      return 0;
  }
}

async function exists(client: Client, table: string): Promise<boolean> {
  const { rows }: Rows = await client.query('select to_regclass($1)::text as found', [table]);
  return rows[0]!.found !== null;
}

async function prepare(client: Client, spec: TableSinkSpec, place: Place, schema: Schema): Promise<void> {
  const { target, staging, ledger } = place;
  const there = await exists(client, target);
  if (there && spec.mode === 'create') throw tableExists(spec);
  const columns = schema.map(({ name, type }) => `${quoted(name)} ${columnTypeSql(type, name)}`);
  // An existing table's own types, so that the server reads every value as that column would.
  const like = `as select ${columnList(schema)} from ${target} with no data`;
  const sql =
    there && spec.mode === 'append'
      ? `create unlogged table if not exists ${staging} ${like}`
      : `create table if not exists ${staging} (${columns.join(', ')})`;
  await client.query(`${sql}; create unlogged table if not exists ${ledger} (part int primary key)`);
}

/** Waits for another attempt of the same part that is under way, and leaves it to that when it succeeds. */
async function writePart(
  client: Client,
  { staging, ledger }: Place,
  schema: Schema,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  env: IoEnv,
): Promise<number> {
  const noted = await client.query(`insert into ${ledger} (part) values ($1) on conflict do nothing`, [
    env.position,
  ]);
  let rows = 0;
  const counted = async function* () {
    for await (const batch of batches) {
      rows += batch.rows;
      yield batch;
    }
  };
  if (noted.rowCount === 0) {
    for await (const _ of counted());
    return rows;
  }
  const { from } = await copyStreams();
  const copy = client.query(from(`copy ${staging} (${columnList(schema)}) from stdin`));
  await pipeline(Readable.from(copyText(counted())), copy);
  return rows;
}

async function commit(
  client: Client,
  spec: TableSinkSpec,
  place: Place,
  schema: Schema,
  env: IoEnv,
): Promise<void> {
  const { target, name, staging, ledger } = place;
  // An attempt whose report was lost has left nothing to do.
  if (env.attempt > 1 && !(await exists(client, ledger))) return;
  const counted: Rows = await client.query(`select count(*)::text as n from ${ledger}`);
  if (Number(counted.rows[0]!.n) !== spec.parts) {
    throw new VolleyError('DATA_LOST', `${counted.rows[0]!.n} of ${spec.parts} parts are in ${spec.path}`);
  }
  const there = await exists(client, target);
  if (spec.mode === 'append' && there) {
    const list = columnList(schema);
    await client.query(
      `insert into ${target} (${list}) select ${list} from ${staging}; drop table ${staging}`,
    );
  } else {
    if (there && spec.mode === 'create') throw tableExists(spec);
    if (there) await client.query(`drop table ${target}`);
    await client.query(`alter table ${staging} set logged; alter table ${staging} rename to ${name}`);
  }
  await client.query(`drop table ${ledger}`);
}

function columnList(schema: Schema): string {
  return schema.map(({ name }) => quoted(name)).join(', ');
}

function tableExists({ table, path }: TableSinkSpec): VolleyError {
  return new VolleyError(
    'SINK_EXISTS',
    `table ${table} exists in ${path}: pass { mode: 'append' } or { mode: 'replace' }, or write to another`,
    { path, table },
  );
}
