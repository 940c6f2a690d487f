import type { S3Client } from '@aws-sdk/client-s3';
import { type ErrorCode, VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import { optionalPackage } from '../optional.js';
import type { IoEnv, SourceAccess } from '../source.js';
import { requireAllowedUrl } from '../urls.js';

export type S3Module = typeof import('@aws-sdk/client-s3');

export interface S3Access {
  readonly sdk: S3Module;
  readonly client: S3Client;
}

/** One client, with its connections, for all that a thread does for one scan. */
const clients = new WeakMap<SourceAccess, Promise<S3Access>>();

/** @throws UNSUPPORTED when the package is missing */
export function s3Access(env: IoEnv): Promise<S3Access> {
  const access = env.access ?? { urls: {} };
  let known = clients.get(access);
  if (known === undefined) {
    known = connect(access);
    clients.set(access, known);
  }
  return known;
}

/** Options first, then the SDK's own sources: AWS_* variables, profiles, the machine's role. */
async function connect({ s3 = {} }: SourceAccess): Promise<S3Access> {
  const sdk = await optionalPackage(() => import('@aws-sdk/client-s3'), 's3://', '@aws-sdk/client-s3');
  const { env } = process;
  const endpoint = s3.endpoint ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  const keys = s3.accessKeyId !== undefined && s3.secretAccessKey !== undefined;
  const client = new sdk.S3Client({
    region: s3.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
    ...(endpoint !== undefined && { endpoint }),
    forcePathStyle: s3.pathStyle ?? endpoint !== undefined,
    ...(keys && {
      credentials: {
        accessKeyId: s3.accessKeyId!,
        secretAccessKey: s3.secretAccessKey!,
        ...(s3.sessionToken !== undefined && { sessionToken: s3.sessionToken }),
      },
    }),
    maxAttempts: limits.httpAttempts,
    requestHandler: { connectionTimeout: limits.httpSilenceMs, requestTimeout: limits.httpSilenceMs },
  });
  return { sdk, client };
}

/** `s3://bucket/key`: the key is what stands there, nothing in it is encoded. */
export function bucketAndKey(url: string): { bucket: string; key: string } {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})(?:\/(.*))?$/is.exec(url);
  if (match === null)
    throw new VolleyError('INVALID_ARGUMENT', `'${url}' is no S3 URL: write s3://bucket/key`);
  return { bucket: match[1]!, key: match[2] ?? '' };
}

export function requireAllowedKey(bucket: string, key: string, env: IoEnv): void {
  requireAllowedUrl({ protocol: 's3:', host: bucket, path: `/${key}` }, env);
}

/** Any error of the SDK as the user's: its name and status, never its text, which may quote what was sent. */
export function s3Failure(error: unknown, url: string, env: IoEnv): Error {
  if (error instanceof VolleyError) return error;
  const { name = 'Error', $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  const credentials = /Credential/.test(name);
  const code: ErrorCode =
    status === 404
      ? 'FILE_NOT_FOUND'
      : status === 401 || status === 403 || credentials
        ? 'ACCESS_DENIED'
        : status === 412
          ? 'BAD_DATA'
          : 'UNREACHABLE';
  const wayOut =
    code === 'ACCESS_DENIED'
      ? ': give s3: { accessKeyId, secretAccessKey }, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY there'
      : code === 'BAD_DATA'
        ? ': the object changed'
        : '';
  const said = [status, name, (error as { code?: string }).code].filter(part => part !== undefined).join(' ');
  return new VolleyError(code, `${url}, asked for by ${env.node}: ${said}${wayOut}`, {
    path: url,
    node: env.node,
  });
}
