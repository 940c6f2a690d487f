import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type SecureClientSessionOptions,
} from 'node:http2';
import { status } from '@grpc/grpc-js';
import { isVolleyError, VolleyError } from '../base/errors.js';
import { formatTask, type TaskRef } from '../base/ids.js';
import { limits } from '../base/limits.js';
import type { PartitionHeader } from '../graph/partition.js';
import { abortError } from './bulk-check.js';
import { decodeHeader, encodeFetch, encodePut } from './bulk-frames.js';
import { DataSplitter } from './bulk-grpc-splitter.js';
import { dataPaths, decodeDetails, MessageReader, message, messageSink, noteRead } from './bulk-grpc-wire.js';
import { Receiver, StallWatch } from './bulk-receiver.js';
import { sendBytes } from './bulk-sender.js';
import { fromStatus, readingPem } from './grpc-channel.js';
import type { PeerSecurity } from './transport.js';

type Accept = (header: PartitionHeader) => Promise<Uint8Array> | Uint8Array;

interface Channel {
  readonly session: ClientHttp2Session;
  /** Takes out what is fetched; null: the session itself reads it. */
  readonly splitter: DataSplitter | null;
  users: number;
  /** The peer has said something: it took this connection. */
  heard: boolean;
}

/** What a connection is for: what is fetched is taken out of it, which only a session that sends little may have. */
type Use = 'fetch' | 'put';

/** Pulls and puts over gRPC: one connection a peer and use, reused, the least recently used one closed over limits.dataPeers. */
export class GrpcBulkClient {
  private readonly security: PeerSecurity;
  /** By use and peer, in the order of last use. */
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
    return this.using(peer, 'fetch', channel => {
      const call = new Call(channel, dataPaths.fetch, this.security, peer);
      call.stream.end(message(encodeFetch({ task, slice })));
      const what = `${formatTask(task.job, task.index)} slice ${slice}`;
      return new Pull(call, what, accept, signal).done;
    });
  }

  async put(peer: string, task: TaskRef, header: PartitionHeader, bytes: Uint8Array): Promise<void> {
    await this.using(peer, 'put', async channel => {
      const call = new Call(channel, dataPaths.put, this.security, peer);
      const { stream } = call;
      stream.resume(); // The answer is a status.
      stream.write(message(encodePut({ task, header })));
      void sendBytes(messageSink(stream), 'close', bytes, limits.lendStallMs).then(whole => {
        if (whole) stream.end();
        else call.cancel();
      });
      const failure = await call.ended;
      if (failure !== null) throw failure;
    });
  }

  close(): void {
    this.closed = true;
    for (const { session } of this.channels.values()) session.destroy();
    this.channels.clear();
  }

  private async using<T>(peer: string, use: Use, work: (channel: Channel) => Promise<T>): Promise<T> {
    if (this.closed) throw new VolleyError('SESSION_CLOSED', 'the data plane of this session is closed');
    const key = `${use} ${peer}`;
    const channel = this.channel(key, peer, use);
    const { session, splitter } = channel;
    if (channel.users++ === 0) {
      session.ref();
      splitter?.hold(true);
    }
    try {
      return await work(channel);
    } catch (error) {
      // What broke once is not waited for again: the next pull dials.
      if (isVolleyError(error, 'UNREACHABLE') && this.channels.get(key) === channel)
        this.channels.delete(key);
      throw error;
    } finally {
      if (--channel.users === 0) {
        if (this.channels.get(key) !== channel) session.close();
        else if (!session.destroyed) {
          session.unref();
          splitter?.hold(false);
        }
      }
    }
  }

  private channel(key: string, peer: string, use: Use): Channel {
    let channel = this.channels.get(key);
    if (channel) this.channels.delete(key);
    else this.makeRoom();
    if (!channel || channel.session.closed || channel.session.destroyed) {
      channel = this.dial(peer, use);
    }
    this.channels.set(key, channel);
    return channel;
  }

  private dial(peer: string, use: Use): Channel {
    const { tls } = this.security;
    const splitter = tls === null && use === 'fetch' ? new DataSplitter(peer) : null;
    const options: SecureClientSessionOptions = {
      settings: { enablePush: false, initialWindowSize: limits.fetchWindowBytes },
      maxSessionMemory: limits.dataSessionMb,
    };
    const session =
      tls === null
        ? connect(`http://${peer}`, splitter ? { ...options, createConnection: () => splitter } : options)
        : readingPem(() =>
            connect(`https://${peer}`, {
              ...options,
              ca: tls.ca ?? undefined,
              cert: tls.cert ?? undefined,
              key: tls.key ?? undefined,
            }),
          );
    session.on('error', () => undefined); // Its streams say it.
    session.once('connect', () => session.setLocalWindowSize(limits.fetchWindowBytes));
    const channel: Channel = { session, splitter, users: 0, heard: false };
    session.once('remoteSettings', () => {
      channel.heard = true;
    });
    return channel;
  }

  /** Connections in use stay; they are bounded by the transfers in flight. */
  private makeRoom(): void {
    if (this.channels.size < limits.dataPeers) return;
    for (const [key, channel] of this.channels) {
      if (channel.users > 0) continue;
      this.channels.delete(key);
      channel.session.close();
      return;
    }
  }
}

/** The asking side of one call. */
class Call {
  readonly stream: ClientHttp2Stream;
  /** Null when the status was OK. Resolves when nothing more comes. */
  readonly ended: Promise<VolleyError | null>;
  private readonly splitter: DataSplitter | null;
  private code: status | null = null;
  private details = '';
  private error: Error | null = null;

  constructor(channel: Channel, path: string, { token, tls }: PeerSecurity, peer: string) {
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    this.stream = channel.session.request(
      {
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...authorization,
      },
      { endStream: false },
    );
    this.splitter = channel.splitter;
    const { stream } = this;
    stream.on('response', headers => this.note(headers));
    stream.on('trailers', headers => this.note(headers));
    stream.on('error', error => {
      this.error = error;
    });
    this.ended = new Promise(resolve => {
      stream.on('close', () => {
        if (this.code === status.OK) return resolve(null);
        const known = this.code !== null ? { code: this.code, details: this.details } : {};
        const message = this.error?.message ?? (channel.heard ? 'the stream broke' : 'it hung up');
        resolve(fromStatus({ message, ...known }, peer, tls !== null));
      });
    });
  }

  cancel(): void {
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  /** What the peer sends goes to `read`, in memory that is its for the length of the call. */
  readWith(read: (bytes: Buffer) => void): void {
    const { stream, splitter } = this;
    if (splitter === null) {
      stream.on('data', (bytes: Buffer) => {
        noteRead(bytes);
        read(bytes);
      });
      return;
    }
    stream.resume(); // What is left to it is its end.
    const begin = () => splitter.takeOut(stream.id!, read);
    if (stream.pending) stream.once('ready', begin);
    else begin();
    stream.once('close', () => splitter.forget(stream.id!));
  }

  /** So many bytes were read and are not held any more. */
  used(bytes: number): void {
    if (!this.stream.pending) this.splitter?.used(this.stream.id!, bytes);
  }

  /** For now nothing is read on; of what a splitter takes out, a window may still come. */
  pause(): void {
    if (this.splitter === null) this.stream.pause();
  }

  resume(): void {
    if (this.splitter === null) this.stream.resume();
  }

  private note(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    const code = headers['grpc-status'];
    if (code !== undefined) {
      this.code = Number(code);
      this.details = decodeDetails(String(headers['grpc-message'] ?? ''));
      // A status that comes early says that what is still to be sent will not be read.
      if (!this.stream.writableEnded) this.stream.close(constants.NGHTTP2_NO_ERROR);
    } else if (headers[':status'] !== undefined && headers[':status'] !== 200) {
      this.error = new Error(`an answer of HTTP, not of gRPC: status ${headers[':status']}`);
      this.cancel();
    }
  }
}

/** Receives one slice. Rejects only after `accept` has settled, so that its memory has one owner at any time. */
class Pull {
  readonly done: Promise<PartitionHeader>;
  private readonly call: Call;
  private readonly what: string;
  private readonly accept: Accept;
  private readonly signal: AbortSignal | undefined;
  private readonly watch: StallWatch;
  private readonly reader: MessageReader;
  private receiver: Receiver | null = null;
  private accepting = false;
  /** Bytes that wait for `accept`. */
  private unused = 0;
  /** The peer said that this is all. */
  private ended = false;
  private over = false;
  private failure: unknown;
  private resolve!: (header: PartitionHeader) => void;
  private reject!: (error: unknown) => void;

  constructor(call: Call, what: string, accept: Accept, signal: AbortSignal | undefined) {
    this.call = call;
    this.what = what;
    this.accept = accept;
    this.signal = signal;
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.watch = new StallWatch(limits.transferStallMs, () =>
      this.fail(unreachable(what, 'stopped sending')),
    );
    this.reader = new MessageReader(
      header => void this.begin(header).catch(error => this.fail(error)),
      bytes => this.receiver!.push(bytes),
    );
    signal?.addEventListener('abort', this.abort, { once: true });
    call.readWith(bytes => this.read(bytes));
    void call.ended.then(failure => this.finish(failure));
  }

  private read(bytes: Buffer): void {
    if (this.over) return;
    this.watch.moved();
    this.unused += bytes.byteLength;
    try {
      this.reader.push(bytes);
    } catch (error) {
      this.fail(error);
    }
    if (!this.accepting) this.tell();
  }

  private tell(): void {
    this.call.used(this.unused);
    this.unused = 0;
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
    if (this.over) return;
    this.watch.resume();
    this.reader.resume();
    this.tell();
    this.call.resume();
    if (this.ended) this.finish(null);
  }

  private finish(failure: VolleyError | null): void {
    if (this.over) return;
    if (failure === null && this.accepting) {
      this.ended = true; // All of it has come already, and waits for its memory.
      return;
    }
    try {
      if (failure !== null) throw failure;
      if (!this.receiver) throw unreachable(this.what, 'ended without sending');
      const header = this.receiver.finish();
      this.settle();
      this.resolve(header);
    } catch (error) {
      this.fail(error);
    }
  }

  private readonly abort = (): void => this.fail(abortError(this.signal!));

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

function unreachable(what: string, how: string): VolleyError {
  return new VolleyError('UNREACHABLE', `the peer ${how} ${what}`, { what });
}
