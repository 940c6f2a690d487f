import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { VolleyError } from '../core/base/errors.js';
import { limits } from '../core/base/limits.js';
import type { PeerSecurity, TlsFiles } from '../core/rpc/transport.js';
import type { ThreadsOptions } from '../worker/pool/threads.js';

/** For an embedded session: this process is the cluster. */
export interface EmbeddedOptions {
  /** Default: one per core. */
  readonly threads?: number;
  /** Default: half of the machine's memory. */
  readonly memoryBytes?: number;
  /** Where partitions go when memory is short. Default: a folder in the system's temporary one. */
  readonly spillDir?: string;
  /** Labels tasks may ask for. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly resources?: Readonly<Record<string, number>>;
}

/** For a session on a cluster. */
export interface RemoteOptions {
  /** The cluster's token. Default: the contents of the file VOLLEY_TOKEN_FILE names. */
  readonly token?: string;
  /** PEM text. */
  readonly tls?: Partial<TlsFiles>;
  /** Shown by status. */
  readonly name?: string;
}

/** The one node of an embedded session. */
export function embeddedNode(options: EmbeddedOptions): ThreadsOptions {
  const threads = options.threads ?? availableParallelism();
  const memoryBytes = options.memoryBytes ?? Math.floor(totalmem() / 2);
  if (!Number.isInteger(threads) || threads < 1) {
    throw new VolleyError('INVALID_ARGUMENT', `threads must be a whole number of at least 1, not ${threads}`);
  }
  if (!(memoryBytes >= 64 * 2 ** 20)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `memoryBytes must be at least 64 MiB (67108864), not ${memoryBytes}`,
    );
  }
  const labels = { ...options.labels };
  const idleMs = limits.rehearsalIdleMs;
  return { threads, memoryBytes, name: 'this process', labels, allowPaths: null, idleMs };
}

/** `grpc://host:port` or `host:port` → `host:port`. */
export function parseAddress(address: string): string {
  const match = /^(?:grpc:\/\/)?(\[[0-9a-fA-F:]+\]|[^\s:/[\]]+):(\d{1,5})\/?$/.exec(address);
  if (match === null || Number(match[2]) > 65_535) {
    throw new VolleyError('INVALID_ARGUMENT', `not an address: ${address}; write grpc://host:port`, {
      address,
    });
  }
  return `${match[1]}:${match[2]}`;
}

export function peerSecurity(options: RemoteOptions): PeerSecurity {
  const file = process.env.VOLLEY_TOKEN_FILE;
  let token = options.token ?? null;
  if (token === null && file !== undefined && file !== '') {
    try {
      token = readFileSync(file, 'utf8').trim();
    } catch (cause) {
      throw new VolleyError(
        'FILE_NOT_FOUND',
        `VOLLEY_TOKEN_FILE names ${file}, which cannot be read`,
        { file },
        { cause },
      );
    }
  }
  const { tls } = options;
  return {
    token,
    tls: tls === undefined ? null : { ca: tls.ca ?? null, cert: tls.cert ?? null, key: tls.key ?? null },
  };
}
