import { type Log, silentLog } from '../base/log.js';
import { defaultLinkLimits, type LinkLimits } from './outbox.js';
import type { Transport } from './transport.js';

export interface GrpcTransportOptions {
  /** Where refused peers are reported, rate-limited. */
  readonly log?: Log;
  /** Lowered by tests. */
  readonly limits?: Partial<LinkLimits>;
}

/** Loads what a worker needs to join, for those who have to wait for something else anyway. */
export async function preloadGrpc(): Promise<void> {
  const [{ schema }] = await Promise.all([import('../wire/proto.js'), import('./grpc-client.js')]);
  schema();
}

/**
 * The control plane over gRPC: one channel and one bidirectional stream per link. grpc-js and the schema are loaded
 * at the first call, so importing this costs nothing.
 */
export function createGrpcTransport(options: GrpcTransportOptions = {}): Transport {
  const log = options.log ?? silentLog;
  const bounds: LinkLimits = { ...defaultLinkLimits, ...options.limits };
  return {
    async listen(address, accept, security) {
      const { listen } = await import('./grpc-server.js');
      return listen(address, accept, security, bounds, log);
    },
    async joinAsWorker(address, security) {
      const { openWorkerLink } = await import('./grpc-client.js');
      return openWorkerLink(address, security, bounds);
    },
    async attachAsClient(address, security) {
      const { openClientLink } = await import('./grpc-client.js');
      return openClientLink(address, security, bounds);
    },
  };
}
