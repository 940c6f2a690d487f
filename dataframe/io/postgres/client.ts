import type { Client, QueryResult } from 'pg';
import { type ErrorCode, VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import { optionalPackage } from '../optional.js';
import type { IoEnv } from '../source.js';
import { parsedUrl, placeOf, requireAllowedUrl, wholeUrl } from '../urls.js';

/** A connection in a transaction, closed at the end whatever happens; what was not committed is rolled back. */
export async function withPostgres<T>(
  name: string,
  env: IoEnv,
  begin: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const connection = await openPostgres(name, env, begin);
  try {
    return await work(connection.client);
  } catch (error) {
    throw connection.failure(error);
  } finally {
    await connection.close();
  }
}

export interface PostgresConnection {
  readonly client: Client;
  /** Any error as the user's. */
  failure(error: unknown): Error;
  close(): Promise<void>;
}

/** @throws UNREACHABLE, UNAUTHENTICATED, ACCESS_DENIED, UNSUPPORTED (no pg) */
export async function openPostgres(name: string, env: IoEnv, begin: string): Promise<PostgresConnection> {
  const url = parsedUrl(wholeUrl(name, env.access));
  requireAllowedUrl(placeOf(url), env);
  const { default: pg } = await optionalPackage(() => import('pg'), 'PostgreSQL', 'pg pg-copy-streams');
  const client = new pg.Client({
    connectionString: url.href,
    connectionTimeoutMillis: limits.postgresConnectMs,
    application_name: 'volley',
    keepAlive: true,
  });
  let lost: Error | null = null;
  // A connection that breaks between two statements would end the process.
  client.on('error', error => {
    lost = error;
  });
  const failure = (error: unknown) => asUserError(lost ?? error, name, env);
  try {
    await client.connect();
    await client.query(
      `${begin}; set local timezone = 'UTC'; set local datestyle = 'ISO'; set local intervalstyle = 'postgres'`,
    );
  } catch (error) {
    await client.end().catch(() => {});
    throw failure(error);
  }
  // Ends at once, a running COPY too: then the server sees its client gone.
  return { client, failure, close: () => client.end().catch(() => {}) };
}

/** COPY streams are an optional package of their own. */
export function copyStreams() {
  return optionalPackage(() => import('pg-copy-streams'), 'PostgreSQL', 'pg pg-copy-streams');
}

/** Classes of SQLSTATE, longest prefix first. */
const codes: readonly (readonly [string, ErrorCode])[] = [
  ['28', 'UNAUTHENTICATED'],
  ['3D', 'NOT_FOUND'],
  ['3F', 'NOT_FOUND'],
  ['42P01', 'NOT_FOUND'],
  ['42P07', 'SINK_EXISTS'],
  ['42703', 'COLUMN_NOT_FOUND'],
  ['42501', 'ACCESS_DENIED'],
  ['25006', 'ACCESS_DENIED'],
  ['42', 'INVALID_ARGUMENT'],
  ['22', 'BAD_DATA'],
  ['23', 'BAD_DATA'],
  ['53', 'RESOURCE_EXHAUSTED'],
  ['08', 'UNREACHABLE'],
  ['57', 'UNREACHABLE'],
];

function asUserError(error: unknown, name: string, env: IoEnv): Error {
  if (error instanceof VolleyError || !(error instanceof Error)) return error as Error;
  const state = (error as { code?: string }).code ?? '';
  const code = codes.find(([prefix]) => state.startsWith(prefix))?.[1];
  // Errors of the network have codes like ECONNREFUSED; pg's own, such as its timeout, have none.
  const network = code === undefined && (state === '' || /^E[A-Z]+$/.test(state));
  const detail = (error as { detail?: string }).detail;
  const said = `${error.message || state}${detail === undefined ? '' : `: ${detail}`}`;
  return new VolleyError(
    code ?? (network ? 'UNREACHABLE' : 'INTERNAL'),
    `${name}, asked by ${env.node}: ${said}`,
    {
      path: name,
      node: env.node,
      ...(state !== '' && { sqlstate: state }),
    },
  );
}

export type Rows = QueryResult<Record<string, string | null>>;
