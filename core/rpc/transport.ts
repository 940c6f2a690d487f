import type { ErrorCode } from '../base/errors.js';
import type { ClientToHead, HeadToClient, HeadToWorker, WorkerToHead } from '../wire/messages.js';

/**
 * The control plane. Two implementations pass one contract test: gRPC (one bidirectional stream per node and per
 * client, batches as frames) and in-memory (embedded mode, tests, the simulator).
 */
export interface Transport {
  /** Starts listening. `address` is `host:port`; port 0 picks one. */
  listen(address: string, accept: Acceptor, security: ServerSecurity): Promise<Listening>;
  /** Opens a stream as a worker. Rejects with UNREACHABLE or UNAUTHENTICATED. */
  joinAsWorker(address: string, security: PeerSecurity): Promise<Link<HeadToWorker, WorkerToHead>>;
  /** Opens a stream as a client. */
  attachAsClient(address: string, security: PeerSecurity): Promise<Link<HeadToClient, ClientToHead>>;
}

export interface Acceptor {
  /** A peer's stream is open and authenticated; nothing has been received yet. */
  worker(link: Link<WorkerToHead, HeadToWorker>): void;
  client(link: Link<ClientToHead, HeadToClient>): void;
}

export interface Listening {
  /** `host:port` as bound. */
  readonly address: string;
  close(): Promise<void>;
}

/** One end of a stream. Messages arrive in the order they were sent, each once, or the link closes. */
export interface Link<In, Out> {
  /** For logs: the peer's address. */
  readonly peer: string;
  /** Queues a message; a frame leaves at the end of the event-loop turn or when it is large enough. After close: ignored.
   *  Over limits.controlBacklogBytes the link closes with RESOURCE_EXHAUSTED: a slow consumer. */
  send(message: Out): void;
  /** Sends what is queued now. */
  flush(): void;
  /** One call a received frame. Set exactly once, before the first turn ends; what came earlier is kept for it. */
  onBatch(handler: (batch: readonly In[]) => void): void;
  /** Called once, when the stream has ended on either side. `clean`: the peer closed it on purpose. */
  onClose(handler: (reason: CloseReason) => void): void;
  /** Flushes, then ends the stream. */
  close(): void;
}

export interface CloseReason {
  readonly clean: boolean;
  readonly message: string;
  /** Why, when it was not clean: UNREACHABLE, RESOURCE_EXHAUSTED, DECODE, SERIALIZATION. */
  readonly code?: ErrorCode;
}

export interface ServerSecurity {
  /** Required of every peer when set: at least 32 bytes. */
  readonly token: string | null;
  readonly tls: TlsFiles | null;
}

export interface PeerSecurity {
  readonly token: string | null;
  readonly tls: TlsFiles | null;
}

/** PEM text. With `ca`, peers must show a certificate of that authority (mutual TLS). */
export interface TlsFiles {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}
