import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isVolleyError, VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { hivePartitions, withoutKeys } from './hive-folders.js';
import { allowedTarget, readRange } from './paths.js';
import type { IoEnv, SinkReceipt, SinkSpec } from './source.js';
import { packedExtensions } from './text/pack.js';
import { schemeOf } from './urls.js';
import { fileOpener } from './writers.js';

/**
 * Writes one task's share of a sink. Rows go to a hidden name that only this attempt uses, are synced, and appear under
 * their final name in one step: whoever looks sees all of the output or nothing. What is at `path` already is replaced
 * only with `overwrite`, except for the very bytes that an earlier attempt of the same task has left there.
 * @throws SINK_EXISTS, ACCESS_DENIED, FILE_NOT_FOUND (no such folder), UNSUPPORTED
 */
export async function writeSink(
  spec: SinkSpec,
  schema: Schema,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  env: IoEnv,
): Promise<SinkReceipt> {
  const keys = spec.partitionBy ?? [];
  // What cannot be written is refused before anything is made.
  fileOpener(spec, withoutKeys(schema, keys));
  if (schemeOf(spec.path) === 's3:') {
    return (await import('./s3/sink.js')).writeS3(spec, schema, batches, env);
  }
  const target = await sinkTarget(spec.path, env);
  const temporary = hidden(await sinkTarget(spec.temporaryPath, env));
  switch (spec.role) {
    case 'file': {
      const status = await stat(target).catch(() => null);
      if (status?.isDirectory() || (status !== null && !spec.overwrite && env.attempt <= 1)) {
        throw sinkExists(target, env);
      }
      return writeFile(spec, schema, batches, env, temporary, target, target);
    }
    case 'prepare':
      await mkdir(temporary, { recursive: true }).catch(error => {
        throw writeFailure(error, spec.path, env);
      });
      return nothing;
    case 'part': {
      if (keys.length > 0) return writeHive(spec, batches, env, temporary, target);
      const name = partName(env.position, spec);
      // Within the hidden folder an earlier attempt's part is simply replaced.
      return writeFile(
        { ...spec, overwrite: true },
        schema,
        batches,
        env,
        join(temporary, `.${name}`),
        join(temporary, name),
        join(target, name),
      );
    }
    case 'commit':
      return commitFolder(temporary, target, spec, env);
    case 'discard':
      // Parts may be at work still, until they find that the folder is gone: what one adds meanwhile goes with the next try.
      await rm(temporary, { recursive: true, force: true, maxRetries: limits.discardTries });
      return nothing;
  }
}

const nothing: SinkReceipt = { rows: 0, files: [], bytes: 0 };

/** A file for each folder of keys that the task has rows of; a row group of each in memory at a time. */
async function writeHive(
  spec: SinkSpec,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  env: IoEnv,
  temporary: string,
  target: string,
): Promise<SinkReceipt> {
  const parts = new Map<string, Batch[]>();
  for await (const batch of batches) {
    for (const { folder, rows } of hivePartitions(batch, spec.partitionBy!)) {
      const known = parts.get(folder);
      if (known === undefined) parts.set(folder, [rows]);
      else known.push(rows);
    }
  }
  const name = partName(env.position, spec);
  const receipts: SinkReceipt[] = [];
  for (const [folder, rows] of parts) {
    const inside = await folderWithin(temporary, folder).catch(error => {
      throw writeFailure(error, spec.path, env);
    });
    const own = { ...spec, overwrite: true };
    const reported = join(target, folder, name);
    const { schema } = rows[0]!;
    receipts.push(
      await writeFile(own, schema, rows, env, join(inside, `.${name}`), join(inside, name), reported),
    );
  }
  return {
    rows: receipts.reduce((sum, receipt) => sum + receipt.rows, 0),
    files: receipts.flatMap(({ files }) => files),
    bytes: receipts.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Folders of keys are made one by one: the hidden one itself is gone when the sink has failed, and has to stay so. */
async function folderWithin(temporary: string, folder: string): Promise<string> {
  let inside = temporary;
  for (const name of folder.split('/')) {
    inside = join(inside, name);
    await mkdir(inside).catch(error => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  return inside;
}

/** Scans of the folder above leave out names that begin with a dot. */
function hidden(path: string): string {
  const name = basename(path);
  return name.startsWith('.') ? path : join(dirname(path), `.${name}`);
}

/** Padded, so that a sorted listing of the folder is in row order. */
export function partName(position: number, { format, packing }: SinkSpec): string {
  const packed = packing ? packedExtensions[packing] : '';
  return `part-${String(position).padStart(5, '0')}.${format}${packed}`;
}

/** `reported` is where the file will be once the sink is committed. */
async function writeFile(
  spec: SinkSpec,
  schema: Schema,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  env: IoEnv,
  unfinished: string,
  visible: string,
  reported: string,
): Promise<SinkReceipt> {
  // What attempts that died have left: they cannot finish any more, they are fenced.
  for (let attempt = 0; attempt < env.attempt; attempt++) {
    await rm(`${unfinished}.a${attempt}`, { force: true });
  }
  const own = `${unfinished}.a${env.attempt}`;
  try {
    const handle = await open(own, 'w');
    let bytes: number;
    let rows: number;
    try {
      ({ rows, bytes } = await encodeFile(handle, spec, schema, batches));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await publish(own, visible, spec.overwrite === true, env);
    await syncFolder(dirname(visible));
    return { rows, files: [reported], bytes };
  } catch (error) {
    await rm(own, { force: true });
    throw writeFailure(error, spec.path, env);
  }
}

/** The rows in the sink's format, written into an empty file. */
export async function encodeFile(
  handle: FileHandle,
  spec: SinkSpec,
  schema: Schema,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
): Promise<{ rows: number; bytes: number }> {
  const file = await fileOpener(spec, schema)(handle);
  for await (const batch of batches) {
    await file.append(batch);
  }
  const bytes = await file.finish();
  return { rows: file.rows, bytes };
}

/** Gives the file its final name; `own` is gone afterwards. */
async function publish(own: string, visible: string, overwrite: boolean, env: IoEnv): Promise<void> {
  if (overwrite) {
    await rename(own, visible);
    return;
  }
  try {
    // Unlike rename, link never replaces what somebody put there in the meantime.
    await link(own, visible);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (noLinks.has(code) && (await stat(visible).catch(() => null)) === null) {
      await rename(own, visible);
      return;
    }
    if (code !== 'EEXIST') {
      throw error;
    }
    if (env.attempt <= 1 || !(await sameBytes(own, visible))) {
      throw sinkExists(visible, env);
    }
  }
  await rm(own);
}

/** What file systems without hard links answer. */
const noLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Attempts of one task write the same bytes, so equal bytes are an earlier attempt's whose report was lost. */
async function sameBytes(a: string, b: string): Promise<boolean> {
  const left = await open(a, 'r');
  try {
    const right = await open(b, 'r');
    try {
      const { size } = await left.stat();
      if ((await right.stat()).size !== size) {
        return false;
      }
      for (let at = 0; at < size; at += limits.chunkBytes) {
        const length = Math.min(limits.chunkBytes, size - at);
        if (!(await readRange(left, at, length)).equals(await readRange(right, at, length))) {
          return false;
        }
      }
      return true;
    } finally {
      await right.close();
    }
  } finally {
    await left.close();
  }
}

/** Makes the folder of parts visible. A repeated commit finds its work done. */
async function commitFolder(
  temporary: string,
  target: string,
  spec: SinkSpec,
  env: IoEnv,
): Promise<SinkReceipt> {
  const [key] = spec.partitionBy ?? [];
  const replaced = `${temporary}.replaced`;
  const left = await readdir(temporary, { recursive: true }).catch(() => null);
  if (left === null) {
    await rm(replaced, { recursive: true, force: true });
    const parts: string[] = await readdir(target).catch(() => []);
    // What an earlier attempt has made visible.
    const own = key === undefined ? partName(0, spec) : `${encodeURIComponent(key)}=`;
    if (parts.some(name => name.startsWith(own))) {
      return nothing;
    }
    throw new VolleyError(
      'FILE_NOT_FOUND',
      `the parts of '${target}' are not on ${env.node}: its folder must be shared by all workers`,
      { path: target, node: env.node },
    );
  }
  try {
    for (const name of left.filter(entry => basename(entry).startsWith('.'))) {
      await rm(join(temporary, name), { force: true });
    }
    if (spec.overwrite) {
      await rename(target, replaced).catch(error => {
        if (error.code !== 'ENOENT') {
          throw error;
        }
      });
    }
    // Replaces an empty folder, fails on any other.
    await rename(temporary, target);
    await syncFolder(dirname(target));
    await rm(replaced, { recursive: true, force: true });
    return nothing;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(code)) {
      throw writeFailure(error, target, env);
    }
    await rm(temporary, { recursive: true, force: true });
    throw sinkExists(target, env);
  }
}

function sinkExists(target: string, env: IoEnv): VolleyError {
  return new VolleyError(
    'SINK_EXISTS',
    `'${target}' exists on ${env.node}: write to another path, remove it, or pass { overwrite: true } ` +
      '(a folder is not replaced by a file)',
    { path: target, node: env.node },
  );
}

async function sinkTarget(path: string, env: IoEnv): Promise<string> {
  try {
    return await allowedTarget(path, env);
  } catch (error) {
    if (!isVolleyError(error, 'FILE_NOT_FOUND')) {
      throw error;
    }
    throw new VolleyError(
      'FILE_NOT_FOUND',
      `the folder of '${path}' does not exist on ${env.node}: create it there, or write to a folder that all workers share`,
      { path, node: env.node },
      { cause: error },
    );
  }
}

/** A rename survives a crash of the machine only when its folder is synced too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function writeFailure(error: unknown, path: string, env: IoEnv): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new VolleyError(
      'RESOURCE_EXHAUSTED',
      `no space left on ${env.node} while writing '${path}': nothing was left behind; free space or write elsewhere`,
      { path, node: env.node },
      { cause: error },
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new VolleyError(
      'ACCESS_DENIED',
      `${env.node} may not write '${path}' (${code})`,
      { path, node: env.node },
      { cause: error },
    );
  }
  if (code === 'ENOENT') {
    return new VolleyError(
      'FILE_NOT_FOUND',
      `the folder that the parts of '${path}' are written to is not, or no longer, on ${env.node}: it must be shared by all workers`,
      { path, node: env.node },
      { cause: error },
    );
  }
  return error;
}
