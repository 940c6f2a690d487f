import { VolleyError } from '../core/base/errors.js';
import { keepCode } from '../core/base/keep-code.js';
import { openClient } from '../core/client/client.js';
import type { Attachment } from './embedded.js';
import type { EmbeddedOptions, RemoteOptions } from './options.js';
import { embeddedNode, parseAddress, peerSecurity } from './options.js';
import { Session } from './session.js';

/**
 * Opens a session. Without an address: on the cluster VOLLEY_HEAD names, else embedded in this process, one thread a
 * core. Options without an address always mean embedded.
 * Rejects with UNREACHABLE, UNAUTHENTICATED or VERSION_MISMATCH.
 */
export async function connect(address: string, options?: RemoteOptions): Promise<Session>;
export async function connect(options?: EmbeddedOptions): Promise<Session>;
export async function connect(
  target?: string | EmbeddedOptions,
  options: RemoteOptions = {},
): Promise<Session> {
  if (typeof target === 'string') return new Session(await attach(target, options));
  const head = process.env.VOLLEY_HEAD;
  if (target === undefined && head !== undefined && head !== '')
    return new Session(await attach(head, options));
  if (target !== undefined && (typeof target !== 'object' || target === null)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      'connect() takes an address such as grpc://host:7460, or options',
    );
  }
  return new Session(await embed(target ?? {}));
}

/** Threads first: they load while the rest of this does. */
async function embed(options: EmbeddedOptions): Promise<Attachment> {
  const node = embeddedNode(options);
  const { Threads } = await import('../worker/pool/threads.js');
  const threads = new Threads(node);
  try {
    const { startEmbedded } = await import('./embedded.js');
    const attachment = await startEmbedded(options, node, threads);
    keepCode();
    return attachment;
  } catch (error) {
    await threads.end();
    throw error;
  }
}

async function attach(address: string, options: RemoteOptions): Promise<Attachment> {
  const target = parseAddress(address);
  const security = peerSecurity(options);
  const [{ createGrpcTransport }, { createNodeBulk }] = await Promise.all([
    import('../core/rpc/grpc.js'),
    import('../core/rpc/bulk-node.js'),
  ]);
  const link = await createGrpcTransport().attachAsClient(target, security);
  const client = await openClient(
    link,
    createNodeBulk().client(security),
    options.name ?? `client-${process.pid}`,
  );
  keepCode();
  // A cluster session holds Node open until it is closed, whatever the program waits for.
  client.hold();
  return {
    client,
    address: `grpc://${target}`,
    async close() {
      client.unhold();
      await client.close();
    },
  };
}
