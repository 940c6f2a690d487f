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

type Accept = (header: PartitionHeader) => Promise<Uint8Array> | Uint8Array;

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
    accept: Accept,
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
      return new Pull(call, what, accept, signal, error => this.explain(error, peer)).done;
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
class Pull {
  readonly done: Promise<PartitionHeader>;
  private readonly call: ClientReadableStream<Buffer>;
  private readonly what: string;
  private readonly accept: Accept;
  private readonly signal: AbortSignal | undefined;
  private readonly watch: StallWatch;
  private receiver: Receiver | null = null;
  private accepting = false;
  private over = false;
  private failure: unknown;
  private resolve!: (header: PartitionHeader) => void;
  private reject!: (error: unknown) => void;

  constructor(
    call: ClientReadableStream<Buffer>,
    what: string,
    accept: Accept,
    signal: AbortSignal | undefined,
    explain: (error: ServiceError) => VolleyError,
  ) {
    this.call = call;
    this.what = what;
    this.accept = accept;
    this.signal = signal;
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.watch = new StallWatch(limits.transferStallMs, () => this.failUnreachable('stopped sending'));
    signal?.addEventListener('abort', this.abort, { once: true });
    call.on('data', (frame: Buffer) => this.onFrame(frame));
    call.on('end', () => this.onEnd());
    call.on('error', (error: ServiceError) => this.fail(explain(error)));
    call.on('status', () => {
      if (!this.receiver && !this.accepting) this.failUnreachable('ended without sending');
    });
  }

  private onFrame(frame: Buffer): void {
    if (this.over) return;
    this.watch.moved();
    try {
      if (this.receiver) this.receiver.push(frame);
      else this.begin(frame).catch(error => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }

  /** The header is in: waits for memory, without reading on. */
  private async begin(frame: Buffer): Promise<void> {
    const header = decodeHeader(frame, this.what);
    this.accepting = true;
    this.call.pause();
    this.watch.pause();
    try {
      this.receiver = new Receiver(header, await this.accept(header), this.what);
    } finally {
      this.accepting = false;
      if (this.over) this.reject(this.failure);
    }
    this.watch.resume();
    this.call.resume();
  }

  private onEnd(): void {
    // Without a receiver the status that follows says why there was nothing.
    if (this.over || !this.receiver) return;
    try {
      const header = this.receiver.finish();
      this.settle();
      this.resolve(header);
    } catch (error) {
      this.fail(error);
    }
  }

  private readonly abort = (): void => this.fail(abortError(this.signal!));

  private failUnreachable(how: string): void {
    const story = `${this.call.getPeer()} ${how} ${this.what}`;
    this.fail(new VolleyError('UNREACHABLE', story, { what: this.what }));
  }

  private fail(error: unknown): void {
    if (this.over) return;
    this.failure = error;
    this.settle();
    this.call.cancel();
    if (!this.accepting) this.reject(error);
  }

  private settle(): void {
    this.over = true;
    this.watch.stop();
    this.signal?.removeEventListener('abort', this.abort);
  }
}
