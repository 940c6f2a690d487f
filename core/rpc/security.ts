import { createHash, timingSafeEqual } from 'node:crypto';
import { type Clock, monotonicClock } from '../base/clock.js';
import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';
import type { ServerSecurity } from './transport.js';

/** Bytes of the shortest token that may guard a port others can reach. */
export const minTokenBytes = 32;

/**
 * Beyond loopback a port runs anybody's code unless peers must show a token or a certificate: such a bind is refused.
 * `what` names the port in the message.
 */
export function checkBind(host: string, security: ServerSecurity, what: string): void {
  if (isLoopback(host)) return;
  const wayOut =
    'give --token-file FILE (a secret of at least 32 bytes, the same on every node) or ' +
    '--tls-ca, --tls-cert and --tls-key (mutual TLS), or bind to 127.0.0.1 with --host';
  const { token, tls } = security;
  if (token !== null) {
    const bytes = Buffer.byteLength(token);
    if (bytes >= minTokenBytes) return;
    throw new VolleyError(
      'INSECURE_BIND',
      `the token has ${bytes} bytes, and ${what} would listen on ${host}: ${wayOut}`,
      { host, tokenBytes: bytes },
    );
  }
  if (tls?.ca && tls.cert && tls.key) return;
  throw new VolleyError(
    'INSECURE_BIND',
    `${what} would listen on ${host || 'all addresses'} without a token or mutual TLS: ${wayOut}`,
    { host },
  );
}

/** Names count as remote unless they are `localhost`: what they resolve to may change. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost' || bare === '::1') return true;
  return /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(bare);
}

/** `host:port`, `[v6]:port`, with or without a scheme of ours in front. */
export function splitAddress(address: string): { host: string; port: number } {
  const bare = address.replace(/^(grpc|grpcs|volley):\/\//, '').replace(/\/$/, '');
  const match = /^(\[[^\]]*\]|[^:[\]]*):(\d{1,5})$/.exec(bare);
  const port = Number(match?.[2] ?? Number.NaN);
  if (!match || !(port <= 65_535)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `'${address}' is no address: write HOST:PORT or grpc://HOST:PORT`,
      {
        address,
      },
    );
  }
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port };
}

/** Back to text that gRPC and people read. */
export function joinAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Why a port cannot be served. */
export function cannotListen(host: string, port: number, error: Error): VolleyError {
  const story = `cannot listen on ${joinAddress(host, port)}: ${error.message}; choose another --port, or 0 for any`;
  return new VolleyError('UNREACHABLE', story, { host, port }, { cause: error });
}

/** Constant time in both length and content: digests are compared. */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * Null when a peer that shows `shown` (the authorization metadata) may enter, else why not.
 * The message never repeats what was shown.
 */
export function refusal(shown: string | undefined, security: ServerSecurity): string | null {
  if (security.token === null) return null;
  if (shown === undefined || shown === '') {
    return 'this cluster needs a token: pass --token-file FILE, VOLLEY_TOKEN_FILE or connect(address, { token })';
  }
  return sameSecret(shown, `Bearer ${security.token}`)
    ? null
    : 'the token is not the one of this cluster: compare --token-file on both sides';
}

/** Reports refused peers, at most one line in limits.authLogEveryMs: a scan must not fill the disk. */
export function refusalLog(log: Log, clock: Clock = monotonicClock): (peer: string, reason: string) => void {
  let nextMs = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return (peer, reason) => {
    const nowMs = clock.nowMs();
    if (nowMs < nextMs) {
      unsaid++;
      return;
    }
    log.warn('refused a peer', { peer, reason, unsaid });
    nextMs = nowMs + limits.authLogEveryMs;
    unsaid = 0;
  };
}
