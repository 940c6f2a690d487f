import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { readRange } from '../paths.js';
import { encodeFile, partName } from '../sink.js';
import type { IoEnv, PendingUpload, SinkReceipt, SinkSpec } from '../source.js';
import { bucketAndKey, requireAllowedKey, type S3Access, s3Access, s3Failure } from './client.js';

/**
 * One task's share of a sink on S3. Files are uploaded in parts, and an upload is no object before it is completed: a
 * single file by the task that wrote it, the files of a folder by the commit, one right after another. What a task that
 * fails has uploaded is thrown away.
 * @throws SINK_EXISTS, ACCESS_DENIED, UNREACHABLE, UNSUPPORTED
 */
export async function writeS3(
  spec: SinkSpec,
  schema: Schema,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  env: IoEnv,
): Promise<SinkReceipt> {
  const target = spec.path.replace(/\/+$/, '');
  const { bucket, key } = bucketAndKey(target);
  requireAllowedKey(bucket, key, env);
  const place: Place = { ...(await s3Access(env)), bucket, key, target, env };
  try {
    switch (spec.role) {
      case 'file': {
        if (!spec.overwrite && env.attempt <= 1) await refuseObject(place);
        const { rows, bytes, upload } = await uploadFile(place, key, spec, schema, batches);
        await complete(place, upload);
        return { rows, bytes, files: [target] };
      }
      case 'prepare':
        break; // There are no folders.
      case 'part': {
        const name = partName(env.position, spec);
        const { rows, bytes, upload } = await uploadFile(place, `${key}/${name}`, spec, schema, batches);
        return { rows, bytes, files: [`${target}/${name}`], uploads: [upload] };
      }
      case 'commit':
        await commitFolder(place, spec);
        break;
      case 'discard':
        await discard(place);
        break;
    }
    return { rows: 0, files: [], bytes: 0 };
  } catch (error) {
    const local = typeof (error as NodeJS.ErrnoException).syscall === 'string';
    throw local ? error : s3Failure(error, target, env);
  }
}

interface Place extends S3Access {
  readonly bucket: string;
  readonly key: string;
  /** The URL, without a slash at its end. */
  readonly target: string;
  readonly env: IoEnv;
}

/** Encoded into a file of the node first: what is sent may have to be sent again. */
async function uploadFile(
  place: Place,
  key: string,
  spec: SinkSpec,
  schema: Schema,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
): Promise<{ rows: number; bytes: number; upload: PendingUpload }> {
  const folder = await mkdtemp(join(tmpdir(), 'volley-upload-'));
  try {
    const handle = await open(join(folder, 'file'), 'w+');
    try {
      const { rows, bytes } = await encodeFile(handle, spec, schema, batches);
      return { rows, bytes, upload: await upload(place, key, handle, bytes) };
    } finally {
      await handle.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function upload(
  { sdk, client, bucket }: Place,
  key: string,
  handle: Parameters<typeof readRange>[0],
  bytes: number,
): Promise<PendingUpload> {
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand({ Bucket: bucket, Key: key }));
  const id = UploadId!;
  try {
    const tags: string[] = [];
    for (let at = 0; at < bytes; at += limits.s3PartBytes) {
      const body = await readRange(handle, at, Math.min(limits.s3PartBytes, bytes - at));
      const part = { Bucket: bucket, Key: key, UploadId: id, PartNumber: tags.length + 1, Body: body };
      tags.push((await client.send(new sdk.UploadPartCommand(part))).ETag!);
    }
    return { key, id, tags };
  } catch (error) {
    await abort({ sdk, client, bucket }, key, id);
    throw error;
  }
}

async function abort(
  { sdk, client, bucket }: Omit<Place, 'key' | 'target' | 'env'>,
  key: string,
  id: string,
) {
  const command = new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: id });
  await client.send(command).catch(() => {});
}

/** Makes an upload an object. One that an earlier attempt has completed already is one. */
async function complete(place: Place, { key, id, tags }: PendingUpload): Promise<void> {
  const { sdk, client, bucket, env } = place;
  const Parts = tags.map((ETag, i) => ({ ETag, PartNumber: i + 1 }));
  const command = new sdk.CompleteMultipartUploadCommand({
    Bucket: bucket,
    Key: key,
    UploadId: id,
    MultipartUpload: { Parts },
  });
  try {
    await client.send(command);
  } catch (error) {
    const gone = (error as Error).name === 'NoSuchUpload';
    if (!(gone && env.attempt > 1 && (await keysBelow(place, key)).includes(key))) throw error;
  }
}

async function refuseObject(place: Place): Promise<void> {
  if ((await keysBelow(place, place.key)).includes(place.key)) throw exists(place);
}

async function commitFolder(place: Place, { overwrite, uploads = [] }: SinkSpec): Promise<void> {
  const { sdk, client, bucket, key, env } = place;
  const before = await keysBelow(place, `${key}/`);
  if (!overwrite && env.attempt <= 1 && before.length > 0) {
    await Promise.all(uploads.map(each => abort(place, each.key, each.id)));
    throw exists(place);
  }
  for (const each of uploads) await complete(place, each);
  const written = new Set(uploads.map(each => each.key));
  for (const old of overwrite ? before.filter(name => !written.has(name)) : []) {
    await client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: old }));
  }
}

/** Uploads of parts that succeeded when others failed. Stores that cannot list them have rules that expire them. */
async function discard(place: Place): Promise<void> {
  const { sdk, client, bucket, key } = place;
  const list = new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `${key}/part-` });
  const found = await client.send(list).catch(() => null);
  for (const { Key, UploadId } of found?.Uploads ?? []) await abort(place, Key!, UploadId!);
}

/** Keys that begin so, in order. */
async function keysBelow({ sdk, client, bucket }: Place, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const list = new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token });
    const page = await client.send(list);
    keys.push(...(page.Contents ?? []).map(({ Key }) => Key!));
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined && keys.length < limits.globEntries);
  return keys;
}

function exists({ target, env }: Place): VolleyError {
  return new VolleyError(
    'SINK_EXISTS',
    `'${target}' exists: write to another key, remove it, or pass { overwrite: true }`,
    { path: target, node: env.node },
  );
}
