import { Metadata, Server, type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { ErrorCode } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type Codec, clientToHead, headToClient, headToWorker, workerToHead } from '../wire/codec.js';
import { controlPaths } from '../wire/proto.js';
import { serverCredentials, serverOptions } from './grpc-channel.js';
import { GrpcLink } from './grpc-link.js';
import type { LinkLimits } from './outbox.js';
import { cannotListen, checkBind, joinAddress, refusal, refusalLog, splitAddress } from './security.js';
import type { Acceptor, Link, Listening, ServerSecurity } from './transport.js';

interface Closable {
  close(): void;
}

type Call = ServerDuplexStream<Buffer, Buffer>;

/** Serves the control plane on `address`. */
export async function listen(
  address: string,
  accept: Acceptor,
  security: ServerSecurity,
  bounds: LinkLimits,
  log: Log,
): Promise<Listening> {
  const { host, port } = splitAddress(address);
  checkBind(host, security, 'the head');
  const links = new Set<Closable>();
  const report = refusalLog(log);
  const server = new Server(serverOptions(bounds.messageBytes));

  function open<In, Out>(
    call: Call,
    reading: Codec<In>,
    writing: Codec<Out>,
    accepted: (link: Link<In, Out>) => void,
  ): void {
    const reason = refusal(call.metadata.get('authorization')[0]?.toString(), security);
    if (reason !== null) {
      report(call.getPeer(), reason);
      refuse(call, status.UNAUTHENTICATED, reason);
      return;
    }
    const link = serverLink(call, bounds, reading, writing, () => links.delete(link));
    links.add(link);
    // Tells the peer that it is in, before anything is said.
    call.sendMetadata(new Metadata());
    accepted(link);
  }

  server.addService(controlService, {
    Join: (call: Call) => open(call, workerToHead, headToWorker, link => accept.worker(link)),
    Attach: (call: Call) => open(call, clientToHead, headToClient, link => accept.client(link)),
  });
  const bound = await bind(server, host, port, security);
  return {
    address: joinAddress(host, bound),
    close() {
      for (const link of links) link.close();
      return shutDown(server, bounds.closeMs);
    },
  };
}

const asIs = (bytes: Buffer): Buffer => bytes;

function method(path: string) {
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  } as const;
}

const controlService = { Join: method(controlPaths.join), Attach: method(controlPaths.attach) };

function serverLink<In, Out>(
  call: Call,
  bounds: LinkLimits,
  reading: Codec<In>,
  writing: Codec<Out>,
  free: () => void,
): GrpcLink<In, Out> {
  const end = {
    abort: (code: ErrorCode, message: string) => refuse(call, statusOf[code] ?? status.ABORTED, message),
    free,
  };
  const link = new GrpcLink<In, Out>(call, end, { peer: call.getPeer(), bounds, reading, writing });
  call.on('end', () => link.peerEnded());
  call.on('cancelled', () => link.broke('UNREACHABLE', `the stream of ${link.peer} broke`));
  // grpc-js turns this event into the status it sends; what is sent was decided by abort().
  call.on('error', () => undefined);
  return link;
}

const statusOf: Partial<Record<ErrorCode, status>> = {
  RESOURCE_EXHAUSTED: status.RESOURCE_EXHAUSTED,
  DECODE: status.INVALID_ARGUMENT,
  SERIALIZATION: status.INTERNAL,
};

/** Ends a call with a status. */
function refuse(call: Call, code: status, details: string): void {
  call.emit('error', { code, details });
}

function bind(server: Server, host: string, port: number, security: ServerSecurity): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(joinAddress(host, port), serverCredentials(security), (error, bound) => {
      if (error) reject(cannotListen(host, port, error));
      else resolve(bound);
    });
  });
}

/**
 * Waits for the calls of a server to end, but not for ever. Whoever calls this must have ended them: with channelz
 * off, grpc-js 1.14 knows no sessions to destroy in forceShutdown.
 */
function shutDown(server: Server, waitMs: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, waitMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
