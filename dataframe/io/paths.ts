import { type BigIntStats, realpathSync, type Stats, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { VolleyError } from '../../core/base/errors.js';
import { expandGlob, filesUnder, isGlob } from './glob.js';
import { LocalFile } from './local-file.js';
import type { IoEnv, OpenSource, ScanFormat, SourceHandle } from './source.js';
import { packedExtensions } from './text/pack.js';
import { schemeOf } from './urls.js';

const extensionsOf: Record<ScanFormat, readonly string[]> = {
  parquet: ['.parquet', '.pq'],
  csv: packedToo('.csv', '.tsv', '.txt'),
  ndjson: packedToo('.ndjson', '.jsonl'),
  json: packedToo('.json'),
  ipc: ['.arrow', '.arrows', '.ipc', '.feather'],
  postgres: [],
};

/** Text is known by its extension where it is compressed too. */
function packedToo(...extensions: string[]): string[] {
  return ['', ...Object.values(packedExtensions)].flatMap(packed =>
    extensions.map(extension => `${extension}${packed}`),
  );
}

/**
 * The files a scan reads, absolute, in the order of `paths`; the matches of one glob or folder are sorted.
 * Relative paths start at the working directory of the node.
 * @throws FILE_NOT_FOUND, ACCESS_DENIED, INVALID_ARGUMENT
 */
export async function resolveSources(
  paths: readonly string[],
  format: ScanFormat,
  env: IoEnv,
): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const matches =
      schemeOf(path) === null
        ? await matchesOf(absolutePath(path), format, env)
        : await urlsOf(path, format, env);
    if (matches.length === 0) {
      throw notFound(path, env, isGlob(path) ? 'nothing matches' : `no ${format} file under`);
    }
    files.push(...matches);
  }
  if (files.length === 0) {
    throw new VolleyError('INVALID_ARGUMENT', 'no path to read: give at least one path, folder or glob');
  }
  return files;
}

async function urlsOf(url: string, format: ScanFormat, env: IoEnv): Promise<string[]> {
  const scheme = schemeOf(url);
  if (scheme === 's3:') return (await import('./s3/objects.js')).listS3(url, extensionsOf[format], env);
  if (scheme !== 'http:' && scheme !== 'https:') return [absolutePath(url)];
  if (url.includes('*')) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `'${url}': web servers list nothing, so globs need the URL of every file`,
      {
        path: url,
      },
    );
  }
  return [url];
}

/** At once, as files are opened: to ask another thread takes longer than the system does. Null: nothing that can be seen. */
function statusOf(absolute: string): Stats | null {
  try {
    return statSync(absolute, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

async function matchesOf(absolute: string, format: ScanFormat, env: IoEnv): Promise<string[]> {
  const status = statusOf(absolute);
  if (status?.isDirectory()) {
    await allowedPath(absolute, env);
    return filesUnder(absolute, extensionsOf[format]);
  }
  // A file whose name holds glob characters is read as it is.
  if (status !== null || !isGlob(absolute)) {
    return [absolute];
  }
  await allowedPath(fixedPrefix(absolute), env);
  return expandGlob(sep === '/' ? absolute : absolute.split(sep).join('/'));
}

/** The folder above the first segment with a glob character. */
function fixedPrefix(pattern: string): string {
  const parts = pattern.split(sep);
  const index = parts.findIndex(isGlob);
  return parts.slice(0, index).join(sep) || sep;
}

/** Milliseconds after which another change of a file is sure to have another time. */
const settledMs = 2_000;

/** A file or URL opened for reading after the checks, and its size. The caller closes the handle. */
export async function openSource(path: string, env: IoEnv): Promise<OpenSource> {
  const scheme = schemeOf(path);
  if (scheme === 'http:' || scheme === 'https:') return (await import('./http/file.js')).openHttp(path, env);
  if (scheme === 's3:') return (await import('./s3/objects.js')).openS3(path, env);
  const absolute = absolutePath(path);
  const real = env.allowPaths === null ? absolute : await allowedPath(absolute, env);
  let handle: LocalFile;
  try {
    handle = new LocalFile(real);
  } catch (error) {
    throw readFailure(path, env, error);
  }
  const { status } = handle;
  if (!status.isFile()) {
    await handle.close();
    throw new VolleyError('INVALID_ARGUMENT', `'${path}' is no regular file on ${env.node}`, {
      path,
      node: env.node,
    });
  }
  return { handle, size: Number(status.size), stamp: stampOf(status) };
}

/** Changes whenever the file does; null: it changed just now, and times of change are coarse. */
function stampOf({ size, mtimeNs, ctimeNs, ctimeMs, ino, dev }: BigIntStats): string | null {
  if (Date.now() - Number(ctimeMs) < settledMs) return null;
  return [size, mtimeNs, ctimeNs, ino, dev].join();
}

/** Bytes [start, start + length), or fewer where the file ends before. */
export async function readRange(
  handle: SourceHandle,
  start: number,
  length: number,
): Promise<Buffer<ArrayBuffer>> {
  const buffer = Buffer.from(new ArrayBuffer(length));
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, start + filled);
    if (bytesRead === 0) {
      break;
    }
    filled += bytesRead;
  }
  return filled === length ? buffer : buffer.subarray(0, filled);
}

/**
 * The real path, checked against env.allowPaths.
 * @throws FILE_NOT_FOUND, ACCESS_DENIED
 */
export async function allowedPath(absolute: string, env: IoEnv): Promise<string> {
  let real: string;
  try {
    real = realpathSync.native(absolute);
  } catch (error) {
    // Without this, existence of files outside of the allowed folders could be probed.
    await requireInside(resolve(absolute), absolute, env);
    throw readFailure(absolute, env, error);
  }
  await requireInside(real, absolute, env);
  return real;
}

/** Where a new file may be made: the real path of its folder (which must exist) and its name. */
export async function allowedTarget(path: string, env: IoEnv): Promise<string> {
  const absolute = absolutePath(path);
  const folder = await allowedPath(dirname(absolute), env);
  return join(folder, basename(absolute));
}

async function requireInside(real: string, asked: string, env: IoEnv): Promise<void> {
  if (env.allowPaths === null) {
    return;
  }
  for (const folder of env.allowPaths) {
    if (schemeOf(folder) !== null) continue;
    const root = await realpath(folder).catch(() => resolve(folder));
    const below = relative(root, real);
    if (below === '' || (below !== '..' && !below.startsWith(`..${sep}`) && resolve(root, below) === real)) {
      return;
    }
  }
  throw new VolleyError(
    'ACCESS_DENIED',
    `'${asked}' is outside of the folders ${env.node} may use (${env.allowPaths.join(', ') || 'none'}): ` +
      'start it with --allow-path DIR for the folder that holds the file',
    { path: asked, node: env.node, allowPaths: env.allowPaths },
  );
}

/** @throws ACCESS_DENIED for file: URLs, UNSUPPORTED for other schemes, INVALID_ARGUMENT for a NUL */
export function absolutePath(path: string): string {
  if (path === '' || path.includes('\0')) {
    throw new VolleyError('INVALID_ARGUMENT', `${JSON.stringify(path)} is no path`, { path });
  }
  if (/^file:/i.test(path)) {
    throw new VolleyError('ACCESS_DENIED', `'${path}': file: URLs are refused, give the plain path`, {
      path,
    });
  }
  const scheme = schemeOf(path);
  if (scheme !== null) {
    throw new VolleyError('UNSUPPORTED', `URLs that begin with ${scheme}// are not read or written here`, {
      scheme,
    });
  }
  return resolve(path);
}

function readFailure(path: string, env: IoEnv, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return notFound(path, env, 'there is no');
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new VolleyError(
      'ACCESS_DENIED',
      `${env.node} may not open '${path}' (${code}): change its permissions for the user that runs the worker`,
      { path, node: env.node },
      { cause: error },
    );
  }
  return error as Error;
}

function notFound(path: string, env: IoEnv, what: string): VolleyError {
  return new VolleyError(
    'FILE_NOT_FOUND',
    `${what} '${path}' on ${env.node}. Paths are read where the task runs: check the spelling, mount the folder ` +
      `on ${env.node} under the same path, or send the rows with fromRecords or fromArrow`,
    { path, node: env.node },
  );
}
