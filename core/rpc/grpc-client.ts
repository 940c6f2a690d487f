import { Client, type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { VolleyError } from '../base/errors.js';
import { type Codec, clientToHead, headToClient, headToWorker, workerToHead } from '../wire/codec.js';
import type { ClientToHead, HeadToClient, HeadToWorker, WorkerToHead } from '../wire/messages.js';
import { controlPaths } from '../wire/proto.js';
import { callMetadata, channelCredentials, channelOptions, fromStatus } from './grpc-channel.js';
import { GrpcLink } from './grpc-link.js';
import type { LinkLimits } from './outbox.js';
import { joinAddress, splitAddress } from './security.js';
import type { Link, PeerSecurity } from './transport.js';

/** Opens a stream as a worker. */
export function openWorkerLink(
  address: string,
  security: PeerSecurity,
  bounds: LinkLimits,
): Promise<Link<HeadToWorker, WorkerToHead>> {
  return open(address, security, bounds, controlPaths.join, 'node', headToWorker, workerToHead);
}

/** Opens a stream as a client. */
export function openClientLink(
  address: string,
  security: PeerSecurity,
  bounds: LinkLimits,
): Promise<Link<HeadToClient, ClientToHead>> {
  return open(address, security, bounds, controlPaths.attach, 'client', headToClient, clientToHead);
}

const asIs = (bytes: Buffer): Buffer => bytes;

async function open<In, Out>(
  address: string,
  security: PeerSecurity,
  bounds: LinkLimits,
  path: string,
  keepalive: 'node' | 'client',
  reading: Codec<In>,
  writing: Codec<Out>,
): Promise<Link<In, Out>> {
  const { host, port } = splitAddress(address);
  const peer = joinAddress(host, port);
  const client = new Client(
    peer,
    channelCredentials(security),
    channelOptions(bounds.messageBytes, keepalive),
  );
  const call = client.makeBidiStreamRequest(path, asIs, asIs, callMetadata(security));
  try {
    await opened(call, peer, security, bounds.handshakeMs);
  } catch (error) {
    call.cancel();
    client.close();
    throw error;
  }
  const end = { abort: () => call.cancel(), free: () => client.close() };
  const link = new GrpcLink<In, Out>(call, end, { peer, bounds, reading, writing });
  call.on('end', () => link.peerEnded());
  call.on('error', (error: ServiceError) => {
    const seen = fromStatus(error, peer, security.tls !== null);
    link.broke(seen.code, seen.message);
  });
  return link;
}

/** The server sends its headers as soon as it has accepted the stream. */
function opened(
  call: ClientDuplexStream<Buffer, Buffer>,
  peer: string,
  security: PeerSecurity,
  handshakeMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new VolleyError('UNREACHABLE', `${peer} did not answer within ${handshakeMs} ms`, { address: peer }),
      );
    }, handshakeMs);
    call.on('error', (error: ServiceError) => {
      clearTimeout(timer);
      reject(fromStatus(error, peer, security.tls !== null));
    });
    call.once('metadata', () => {
      clearTimeout(timer);
      resolve();
    });
    call.once('status', ({ code }) => {
      clearTimeout(timer);
      if (code === status.OK)
        reject(fromStatus({ code: status.UNKNOWN, details: 'it is no Volley head' }, peer, false));
    });
  });
}
