import { VolleyError } from '../../core/base/errors.js';
import type { IoEnv, SourceAccess } from './source.js';

/** `https:`, `s3:`, `postgres:`: null for a path. */
export function schemeOf(path: string): string | null {
  return /^([a-z][a-z0-9+.-]*:)\/\//i.exec(path)?.[1]?.toLowerCase() ?? null;
}

/** S3 URLs have neither users nor queries, and `?` in them is a glob character. */
const withSecrets: ReadonlySet<string> = new Set(['http:', 'https:', 'postgres:', 'postgresql:']);

/**
 * Splits what may be secret from URLs: user, password and query. What is left names them in plans, messages and logs;
 * `urls` has the whole URL by that name, and goes only to whoever opens it. Paths stay as they are.
 */
export function splitSecrets(paths: readonly string[]): {
  names: string[];
  urls: Record<string, string>;
} {
  const urls: Record<string, string> = {};
  const names = paths.map(path => {
    if (!withSecrets.has(schemeOf(path) ?? '')) return path;
    const shown = shownUrl(path);
    let name = shown;
    // Two URLs that differ in their queries only are still two files.
    for (let n = 2; urls[name] !== undefined && urls[name] !== path; n++) name = `${shown}#${n}`;
    urls[name] = path;
    return name;
  });
  return { names, urls };
}

/** The URL without what may be secret in it. @throws INVALID_ARGUMENT, without the text */
export function shownUrl(text: string): string {
  const url = parsedUrl(text);
  return `${url.protocol}//${url.host}${decodedPath(url)}${url.search === '' ? '' : '?…'}`;
}

function decodedPath(url: URL): string {
  try {
    return decodeURI(url.pathname);
  } catch {
    return url.pathname;
  }
}

/** @throws INVALID_ARGUMENT, without the text: it may hold a password */
export function parsedUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new VolleyError('INVALID_ARGUMENT', `a URL that begins with ${schemeOf(text)}// cannot be parsed`);
  }
}

/** The whole URL of a name that splitSecrets gave. */
export function wholeUrl(name: string, access: SourceAccess | undefined): string {
  return access?.urls[name] ?? name;
}

/** A place in a store of URLs; `path` begins with a slash and is compared as it is. */
export interface UrlPlace {
  readonly protocol: string;
  readonly host: string;
  readonly path: string;
}

export function placeOf(url: URL): UrlPlace {
  return { protocol: url.protocol, host: url.host, path: url.pathname };
}

/**
 * Where nodes are limited (--allow-path), URLs are too: one must begin with an entry of the list that is a URL, in the
 * same scheme, host and port and at the end of a path segment.
 * @throws ACCESS_DENIED
 */
export function requireAllowedUrl(place: UrlPlace, env: IoEnv): void {
  if (env.allowPaths === null || env.allowPaths.some(entry => covers(entry, place))) return;
  const shown = `${place.protocol}//${place.host}${place.path}`;
  throw new VolleyError(
    'ACCESS_DENIED',
    `'${shown}' is none of the places ${env.node} may use (${env.allowPaths.join(', ') || 'none'}): ` +
      `start it with --allow-path ${place.protocol}//${place.host}/… for the URLs it may read and write`,
    { path: shown, node: env.node, allowPaths: env.allowPaths },
  );
}

function covers(entry: string, { protocol, host, path }: UrlPlace): boolean {
  if (schemeOf(entry) !== protocol) return false;
  // Keys of S3 stand in URLs as they are.
  const raw = /^s3:\/\/([^/]*)(.*)$/s.exec(entry);
  const prefix = raw === null ? placeOf(parsedUrl(entry)) : { host: raw[1]!, path: raw[2]! };
  const below = prefix.path.replace(/\/+$/, '');
  // A segment that steps up may be taken for one by the server, however it is written.
  const steps = /(^|[/\\])\.\.?([/\\]|$)/.test(
    path.replace(/%2e/gi, '.').replace(/%2f/gi, '/').replace(/%5c/gi, '\\'),
  );
  return prefix.host === host && !steps && (path === below || path.startsWith(`${below}/`));
}
