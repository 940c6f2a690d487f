import type { Readable } from 'node:stream';
import { VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import { globMatcher, isGlob } from '../glob.js';
import { Passing, withRetries } from '../http/request.js';
import type { IoEnv, SourceHandle } from '../source.js';
import { bucketAndKey, requireAllowedKey, type S3Access, s3Access, s3Failure } from './client.js';

/**
 * The objects a path stands for, sorted: those that match a glob; the path itself when it ends like a file; else those
 * below it, without names that begin with a dot or an underscore.
 */
export async function listS3(url: string, extensions: readonly string[], env: IoEnv): Promise<string[]> {
  const { bucket, key } = bucketAndKey(url);
  const hasExtension = (name: string) => extensions.some(extension => name.toLowerCase().endsWith(extension));
  if (!isGlob(key) && hasExtension(key)) return [url];
  const folder = key === '' || key.endsWith('/') ? key : `${key}/`;
  const prefix = isGlob(key) ? key.slice(0, key.search(/[*?[{]/)) : folder;
  const matches = isGlob(key) ? globMatcher(key) : null;
  const visible = (name: string) => !/(?:^|\/)[._]/.test(name.slice(prefix.length)) && hasExtension(name);
  const found: string[] = [];
  for await (const name of keysBelow(bucket, prefix, url, env)) {
    if (matches === null ? visible(name) : matches(name)) found.push(`s3://${bucket}/${name}`);
  }
  // What has no extension and nothing below it may be one object.
  return found.length === 0 && matches === null && key !== '' && !key.endsWith('/') ? [url] : found.sort();
}

async function* keysBelow(bucket: string, prefix: string, url: string, env: IoEnv): AsyncGenerator<string> {
  requireAllowedKey(bucket, prefix, env);
  const { sdk, client } = await s3Access(env);
  let token: string | undefined;
  let seen = 0;
  do {
    const page = await client
      .send(new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }))
      .catch(error => {
        throw s3Failure(error, url, env);
      });
    for (const { Key } of page.Contents ?? []) if (Key !== undefined && !Key.endsWith('/')) yield Key;
    seen += page.Contents?.length ?? 0;
    if (seen > limits.globEntries) {
      throw new VolleyError(
        'RESOURCE_EXHAUSTED',
        `'${url}' visits more than ${limits.globEntries} objects: name a narrower prefix`,
      );
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** @throws FILE_NOT_FOUND, ACCESS_DENIED, UNREACHABLE, UNSUPPORTED (no package) */
export async function openS3(url: string, env: IoEnv): Promise<{ handle: SourceHandle; size: number }> {
  const { bucket, key } = bucketAndKey(url);
  requireAllowedKey(bucket, key, env);
  const access = await s3Access(env);
  const head = await access.client
    .send(new access.sdk.HeadObjectCommand({ Bucket: bucket, Key: key }))
    .catch(error => {
      throw s3Failure(error, url, env);
    });
  const size = head.ContentLength ?? 0;
  return { handle: new S3Object(access, url, size, head.ETag, env), size };
}

class S3Object implements SourceHandle {
  readonly #access: S3Access;
  readonly #url: string;
  readonly #size: number;
  readonly #tag: string | undefined;
  readonly #env: IoEnv;

  constructor(access: S3Access, url: string, size: number, tag: string | undefined, env: IoEnv) {
    this.#access = access;
    this.#url = url;
    this.#size = size;
    this.#tag = tag;
    this.#env = env;
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }> {
    const wanted = Math.max(0, Math.min(length, this.#size - position));
    let filled = 0;
    while (filled < wanted) {
      // The SDK repeats requests, but not bodies that break off.
      await withRetries(async () => {
        const body = await this.#body(position + filled, position + wanted - 1);
        try {
          for await (const piece of body) {
            filled += (piece as Buffer).copy(buffer, offset + filled, 0, wanted - filled);
          }
        } catch (error) {
          throw new Passing(s3Failure(error, this.#url, this.#env) as VolleyError);
        } finally {
          body.destroy();
        }
      });
    }
    return { bytesRead: filled };
  }

  async #body(start: number, end: number): Promise<Readable> {
    const { bucket, key } = bucketAndKey(this.#url);
    const { sdk, client } = this.#access;
    const command = new sdk.GetObjectCommand({
      Bucket: bucket,
      Key: key,
      Range: `bytes=${start}-${end}`,
      IfMatch: this.#tag,
    });
    try {
      return (await client.send(command)).Body as Readable;
    } catch (error) {
      throw s3Failure(error, this.#url, this.#env);
    }
  }

  async close(): Promise<void> {}
}
