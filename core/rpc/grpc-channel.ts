import { createSecureContext } from 'node:tls';
import {
  type ChannelCredentials,
  type ChannelOptions,
  credentials,
  Metadata,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { type ErrorCode, VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import type { PeerSecurity, ServerSecurity } from './transport.js';

/** What control and data plane set alike on gRPC: options, credentials, tokens, and the way back from a status. */

/** The scheduler owns retries; channelz leaks; a proxy between nodes is never wanted unasked. */
const common: ChannelOptions = {
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};

/** A channel of its own for every link: sharing a connection would let one stall another. */
export function channelOptions(messageBytes: number, keepalive: 'node' | 'client'): ChannelOptions {
  return {
    ...common,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': messageBytes,
    'grpc.max_send_message_length': messageBytes,
    // A client's own event loop may be busy for long: its answer timer must outlast that too.
    'grpc.keepalive_time_ms': keepalive === 'node' ? limits.workerKeepaliveMs : limits.clientKeepaliveMs,
    'grpc.keepalive_timeout_ms':
      keepalive === 'node' ? limits.workerKeepaliveTimeoutMs : limits.clientKeepaliveMs,
  };
}

export function serverOptions(messageBytes: number): ChannelOptions {
  return {
    ...common,
    'grpc.max_receive_message_length': messageBytes,
    'grpc.max_send_message_length': messageBytes,
    'grpc.max_concurrent_streams': limits.streamsPerConnection,
    'grpc.keepalive_time_ms': limits.clientKeepaliveMs,
    'grpc.keepalive_timeout_ms': limits.clientKeepaliveMs,
  };
}

/** What a server shows and asks for: with `ca`, peers need a certificate of that authority. Null: plain text. */
export function serverTls(security: ServerSecurity): { ca: string | null; cert: string; key: string } | null {
  const { tls } = security;
  if (tls === null) return null;
  const { ca, cert, key } = tls;
  if (!cert || !key) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      'TLS needs a certificate and its key: --tls-cert and --tls-key',
    );
  }
  // gRPC would report unreadable files as a port that cannot be bound.
  readingPem(() => createSecureContext({ cert, key, ...(ca === null ? {} : { ca }) }));
  return { ca, cert, key };
}

export function serverCredentials(security: ServerSecurity): ServerCredentials {
  const tls = serverTls(security);
  if (tls === null) return ServerCredentials.createInsecure();
  const { ca, cert, key } = tls;
  return readingPem(() => {
    const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
    return ServerCredentials.createSsl(pem(ca), [pair], ca !== null);
  });
}

export function channelCredentials(security: PeerSecurity): ChannelCredentials {
  const { tls } = security;
  if (tls === null) return credentials.createInsecure();
  return readingPem(() => credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert)));
}

function pem(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text);
}

export function readingPem<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `unreadable TLS files: ${(error as Error).message}`,
      {},
      {
        cause: error,
      },
    );
  }
}

export function callMetadata(security: PeerSecurity): Metadata {
  const metadata = new Metadata();
  if (security.token !== null) metadata.set('authorization', `Bearer ${security.token}`);
  return metadata;
}

const codes: Partial<Record<status, ErrorCode>> = {
  [status.UNAUTHENTICATED]: 'UNAUTHENTICATED',
  [status.PERMISSION_DENIED]: 'UNAUTHENTICATED',
  [status.RESOURCE_EXHAUSTED]: 'RESOURCE_EXHAUSTED',
  [status.NOT_FOUND]: 'NOT_FOUND',
  [status.DATA_LOSS]: 'CORRUPT_PARTITION',
  [status.INVALID_ARGUMENT]: 'PROTOCOL',
  [status.UNIMPLEMENTED]: 'PROTOCOL',
};

const certificateProblem = /certificate|self.signed|CERT_|altname|unable to verify|issuer|alert|tlsv1|ssl/i;

/** Under TLS 1.3 a server refuses a client's certificate after the handshake, by hanging up. */
const hungUp = /Failed to connect \(|ECONNRESET|EPIPE|it hung up/;

/**
 * A call's end as users see it. Everything that is not known better is UNREACHABLE: the peer may be gone.
 * `tls`: whether the channel was to be encrypted, so that handshake failures can be told from absent peers.
 */
export function fromStatus(error: Partial<ServiceError>, address: string, tls: boolean): VolleyError {
  const details = (error.details || error.message || 'the stream broke')
    .replace(/^No connection established\. Last error: /, '')
    .replace(/\.? *Resolution note: *$/, '')
    .trim();
  const data = { address, status: error.code === undefined ? undefined : status[error.code] };
  const code = codes[error.code ?? status.UNKNOWN] ?? 'UNREACHABLE';
  const fail = (as: ErrorCode, message: string) => new VolleyError(as, message, data, { cause: error });
  if (code !== 'UNREACHABLE') return fail(code, `${address}: ${details}`);
  if (tls && certificateProblem.test(details)) {
    return fail('UNAUTHENTICATED', `no TLS with ${address}: certificate problem: ${details}`);
  }
  if (tls && hungUp.test(details)) {
    return fail(
      'UNAUTHENTICATED',
      `${address} hung up during the TLS handshake: it does not accept this certificate ` +
        '(--tls-cert must be signed by the authority of its --tls-ca)',
    );
  }
  const hint = !tls && hungUp.test(details) ? '; it may expect TLS: --tls-ca, --tls-cert, --tls-key' : '';
  return fail('UNREACHABLE', `${address} is unreachable: ${details}${hint}`);
}
