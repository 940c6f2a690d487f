import { VolleyError } from '../base/errors.js';
import { type Log, silentLog } from '../base/log.js';
import { MemoryLink } from './memory-link.js';
import { defaultLinkLimits, type LinkLimits } from './outbox.js';
import { refusal, refusalLog } from './security.js';
import type { Acceptor, Listening, PeerSecurity, ServerSecurity, Transport } from './transport.js';

export interface MemoryTransportOptions {
  readonly log?: Log;
  /** Lowered by tests. */
  readonly limits?: Partial<LinkLimits>;
}

interface Listener {
  readonly accept: Acceptor;
  readonly security: ServerSecurity;
  readonly bounds: LinkLimits;
  readonly refused: (peer: string, reason: string) => void;
  readonly links: Set<{ readonly ended: Promise<void>; close(): void }>;
}

/** Heads of this process by name: what a port is to a machine. Entries leave when their head closes. */
const listeners = new Map<string, Listener>();
let nextPeer = 1;
let nextName = 1;

/**
 * The control plane within one process, at addresses `memory:NAME` (`memory:0` picks a name). Messages are handed
 * over as they are, in batches, never within the sender's call.
 */
export function createMemoryTransport(options: MemoryTransportOptions = {}): Transport {
  const bounds: LinkLimits = { ...defaultLinkLimits, ...options.limits };
  return {
    async listen(address, accept, security) {
      return listen(address, {
        accept,
        security,
        bounds,
        refused: refusalLog(options.log ?? silentLog),
        links: new Set(),
      });
    },
    async joinAsWorker(address, security) {
      return open(address, security, bounds, (listener, link) => listener.accept.worker(link));
    },
    async attachAsClient(address, security) {
      return open(address, security, bounds, (listener, link) => listener.accept.client(link));
    },
  };
}

function listen(address: string, listener: Listener): Listening {
  const wanted = nameOf(address);
  const name = wanted === '0' ? `head-${nextName++}` : wanted;
  if (listeners.has(name)) {
    throw new VolleyError(
      'UNREACHABLE',
      `memory:${name} is taken: choose another name, or memory:0 for any`,
      {
        address,
      },
    );
  }
  listeners.set(name, listener);
  return {
    address: `memory:${name}`,
    async close() {
      if (listeners.get(name) === listener) listeners.delete(name);
      const closing = [...listener.links];
      for (const link of closing) link.close();
      await Promise.all(closing.map(link => link.ended));
    },
  };
}

async function open<In, Out>(
  address: string,
  security: PeerSecurity,
  bounds: LinkLimits,
  accept: (listener: Listener, link: MemoryLink<Out, In>) => void,
): Promise<MemoryLink<In, Out>> {
  const name = nameOf(address);
  const listener = listeners.get(name);
  if (!listener) {
    throw new VolleyError(
      'UNREACHABLE',
      `memory:${name} is unreachable: nothing of this process listens there`,
      {
        address,
      },
    );
  }
  const peer = `memory:${name}/${nextPeer++}`;
  const shown = security.token === null ? undefined : `Bearer ${security.token}`;
  const reason = refusal(shown, listener.security);
  if (reason !== null) {
    listener.refused(peer, reason);
    throw new VolleyError('UNAUTHENTICATED', `memory:${name}: ${reason}`, { address });
  }
  const near = new MemoryLink<In, Out>(`memory:${name}`, bounds);
  const far = new MemoryLink<Out, In>(peer, listener.bounds);
  near.connect(far);
  far.connect(near);
  listener.links.add(far);
  void far.ended.then(() => listener.links.delete(far));
  accept(listener, far);
  return near;
}

function nameOf(address: string): string {
  const name = /^memory:([\w.-]+)$/.exec(address)?.[1];
  if (name !== undefined) return name;
  throw new VolleyError('INVALID_ARGUMENT', `'${address}' is no in-process address: write memory:NAME`, {
    address,
  });
}
