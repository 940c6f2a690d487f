import { Client, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { isVolleyError, VolleyError } from '../base/errors.js';
import { formatTask, type TaskRef } from '../base/ids.js';
import { limits } from '../base/limits.js';
import type { PartitionHeader } from '../graph/partition.js';
import { abortError } from './bulk-check.js';
import { decodeHeader, encodeFetch, encodePut } from './bulk-frames.js';
import { dataMessageBytes, dataPaths } from './bulk-grpc-server.js';
import { Receiver, StallWatch } from './bulk-receiver.js';
import { sendBytes } from './bulk-sender.js';
import { callMetadata, channelCredentials, channelOptions, fromStatus } from './grpc-channel.js';
import type { PeerSecurity } from './transport.js';

const asIs = (bytes: Buffer): Buffer => bytes;

interface Channel {
  readonly client: Client;
  users: number;
}

/** Pulls and puts over gRPC: one channel a peer, reused, the least recently used one closed over limits.dataPeers. */
export class GrpcBulkClient {
  private readonly security: PeerSecurity;
  /** In the order of last use. */
  private readonly channels = new Map<string, Channel>();
  private closed = false;

  constructor(security: PeerSecurity) {
    this.security = security;
  }

  async fetch(
    peer: string,
    task: TaskRef,
    slice: number,
    accept: (header: PartitionHeader) => Promise<Uint8Array> | Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<PartitionHeader> {
    if (signal?.aborted) throw abortError(signal);
    return this.using(peer, client => {
      const request = encodeFetch({ task, slice });
      const call = client.makeServerStreamRequest(
        dataPaths.fetch,
        asIs,
        asIs,
        request,
        callMetadata(this.security),
      );
      const what = `${formatTask(task.job, task.index)} slice ${slice}`;
      return pull(call, what, accept, signal, error => this.explain(error, peer));
    });
  }

  async put(peer: string, task: TaskRef, header: PartitionHeader, bytes: Uint8Array): Promise<void> {
    await this.using(
      peer,
      client =>
        new Promise<void>((resolve, reject) => {
          const call = client.makeClientStreamRequest(
            dataPaths.put,
            asIs,
            asIs,
            callMetadata(this.security),
            (error: ServiceError | null) => {
              // Ends sendBytes when the server answered before everything was sent.
              call.emit('answered');
              if (error) reject(this.explain(error, peer));
              else resolve();
            },
          );
          call.on('error', () => undefined);
          call.write(encodePut({ task, header }));
          void sendBytes(call, 'answered', bytes, limits.lendStallMs).then(whole => {
            if (whole) call.end();
            else call.cancel();
          });
        }),
    );
  }

  close(): void {
    this.closed = true;
    for (const channel of this.channels.values()) channel.client.close();
    this.channels.clear();
  }

  private async using<T>(peer: string, work: (client: Client) => Promise<T>): Promise<T> {
    if (this.closed) throw new VolleyError('SESSION_CLOSED', 'the data plane of this session is closed');
    const channel = this.channel(peer);
    channel.users++;
    try {
      return await work(channel.client);
    } catch (error) {
      // A channel that failed waits before it dials again; the next pull should not.
      if (isVolleyError(error, 'UNREACHABLE') && this.channels.get(peer) === channel)
        this.channels.delete(peer);
      throw error;
    } finally {
      channel.users--;
      if (channel.users === 0 && this.channels.get(peer) !== channel) channel.client.close();
    }
  }

  private channel(peer: string): Channel {
    let channel = this.channels.get(peer);
    if (channel) {
      this.channels.delete(peer);
    } else {
      this.makeRoom();
      const options = {
        ...channelOptions(dataMessageBytes, 'client'),
        'grpc-node.flow_control_window': limits.fetchWindowBytes,
      };
      channel = { client: new Client(peer, channelCredentials(this.security), options), users: 0 };
    }
    this.channels.set(peer, channel);
    return channel;
  }

  /** Channels in use stay; they are bounded by the transfers in flight. */
  private makeRoom(): void {
    if (this.channels.size < limits.dataPeers) return;
    for (const [peer, channel] of this.channels) {
      if (channel.users > 0) continue;
      this.channels.delete(peer);
      channel.client.close();
      return;
    }
  }

  private explain(error: ServiceError, peer: string): VolleyError {
    return fromStatus(error, peer, this.security.tls !== null);
  }
}

/** Receives one slice. Rejects only after `accept` has settled, so that its memory has one owner at any time. */
function pull(
  call: ClientReadableStream<Buffer>,
  what: string,
  accept: (header: PartitionHeader) => Promise<Uint8Array> | Uint8Array,
  signal: AbortSignal | undefined,
  explain: (error: ServiceError) => VolleyError,
): Promise<PartitionHeader> {
  return new Promise((resolve, reject) => {
    let receiver: Receiver | null = null;
    let accepting = false;
    let failure: unknown;
    let over = false;
    const watch = new StallWatch(limits.transferStallMs, () =>
      fail(new VolleyError('UNREACHABLE', `${call.getPeer()} stopped sending ${what}`, { what })),
    );
    const abort = () => fail(abortError(signal!));
    signal?.addEventListener('abort', abort, { once: true });

    function settle(): void {
      over = true;
      watch.stop();
      signal?.removeEventListener('abort', abort);
    }
    function fail(error: unknown): void {
      if (over) return;
      failure = error;
      settle();
      call.cancel();
      if (!accepting) reject(error);
    }
    async function begin(frame: Buffer): Promise<void> {
      const header = decodeHeader(frame, what);
      accepting = true;
      call.pause();
      watch.pause();
      try {
        const target = await accept(header);
        receiver = new Receiver(header, target, what);
      } finally {
        accepting = false;
      }
      if (over) return reject(failure);
      watch.resume();
      call.resume();
    }
    call.on('data', (frame: Buffer) => {
      if (over) return;
      watch.moved();
      try {
        if (receiver) receiver.push(frame);
        else begin(frame).catch(error => (over ? reject(failure) : fail(error)));
      } catch (error) {
        fail(error);
      }
    });
    call.on('end', () => {
      if (over) return;
      try {
        if (!receiver) return; // The status that follows says why there was nothing.
        const header = receiver.finish();
        settle();
        resolve(header);
      } catch (error) {
        fail(error);
      }
    });
    call.on('error', (error: ServiceError) => fail(explain(error)));
    call.on('status', () => {
      if (!over && !receiver && !accepting) {
        fail(new VolleyError('UNREACHABLE', `${call.getPeer()} ended without sending ${what}`, { what }));
      }
    });
  });
}
