import { VolleyError } from '../../../core/base/errors.js';
import type { PostgresSpec, ScanSpec } from '../source.js';
import { schemeOf, splitSecrets } from '../urls.js';

/** `"a""b"`. */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** `schema.table`, each part quoted already or taken as it is. @throws INVALID_ARGUMENT */
export function quotedTable(table: string): string {
  const parts = table.match(/"(?:[^"]|"")+"|[^."]+/g) ?? [];
  if (parts.length === 0 || parts.length > 2 || parts.join('.') !== table) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(table)} is no table: write table or schema.table`,
    );
  }
  return parts.map(part => (part.startsWith('"') ? part : quoted(part))).join('.');
}

/** What stands after FROM. */
export function relationSql({ relation: text, isQuery }: PostgresSpec): string {
  // The line break ends a comment that the query may end with.
  return isQuery ? `(${text.trim().replace(/;+$/, '')}\n) as volley` : quotedTable(text);
}

/** Queries begin with a word that no table is named without quotes. */
export function isQuery(text: string): boolean {
  return /^\s*(?:\(|--|\/\*|(?:select|with|values|table)\b)/i.test(text);
}

/** @throws INVALID_ARGUMENT */
export function checkRelation(text: string): void {
  if (typeof text !== 'string' || text.trim() === '') {
    throw new VolleyError('INVALID_ARGUMENT', 'scanPostgres takes a table (schema.table) or a query');
  }
  if (!isQuery(text)) quotedTable(text);
}

/** The name a database has everywhere, and how it is opened. */
export function databaseOf(url: string, where: string): Required<Pick<ScanSpec, 'paths' | 'access'>> {
  const scheme = typeof url === 'string' ? schemeOf(url) : null;
  if (scheme !== 'postgres:' && scheme !== 'postgresql:') {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `${where} takes a URL like postgres://user:password@host:5432/database`,
    );
  }
  const { names, urls } = splitSecrets([url]);
  return { paths: names, access: { urls } };
}
