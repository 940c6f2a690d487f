import type { IncomingHttpHeaders } from 'node:http';
import {
  constants,
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { status } from '@grpc/grpc-js';
import { isVolleyError } from '../base/errors.js';
import { formatTask } from '../base/ids.js';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';
import type { BulkSink, BulkStore } from './bulk.js';
import { corrupt } from './bulk-check.js';
import { decodeFetch, decodePut, encodeHeader } from './bulk-frames.js';
import { dataPaths, encodeDetails, MessageReader, message, messageSink, noteRead } from './bulk-grpc-wire.js';
import { Receiver, StallWatch } from './bulk-receiver.js';
import { sendBytes } from './bulk-sender.js';
import { serverTls } from './grpc-channel.js';
import { cannotListen, joinAddress, refusal, refusalLog } from './security.js';
import type { ServerSecurity } from './transport.js';

export interface BoundServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves partitions over gRPC. Bytes pass through as they are: no codec, no object a row, no copy. */
export async function serveGrpc(
  store: BulkStore,
  host: string,
  port: number,
  security: ServerSecurity,
  log: Log,
): Promise<BoundServer> {
  const report = refusalLog(log);
  const server = makeServer(security);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', session => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => undefined);
    session.setLocalWindowSize(limits.fetchWindowBytes);
    // Peers whose machine is gone say no farewell; those that come back dial again.
    session.setTimeout(limits.idleChannelMs, () => session.close());
  });
  server.on('stream', (stream, headers) => {
    const call = new Call(stream);
    const reason = refusal(headers.authorization, security);
    if (!isGrpc(headers)) return call.refuseHttp();
    if (reason !== null) {
      report(peerOf(stream), reason);
      return call.finish(status.UNAUTHENTICATED, reason);
    }
    if (headers[':path'] === dataPaths.fetch) new Lending(store, call);
    else if (headers[':path'] === dataPaths.put) new TakingIn(store, call);
    else call.finish(status.UNIMPLEMENTED, `no method ${headers[':path']}`);
  });
  const bound = await listening(server, host, port);
  server.on('error', () => undefined);
  return {
    port: bound,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}

function makeServer(security: ServerSecurity): Http2Server {
  const tls = serverTls(security);
  const options = {
    settings: {
      maxConcurrentStreams: limits.streamsPerConnection,
      initialWindowSize: limits.fetchWindowBytes,
    },
    maxSessionMemory: limits.dataSessionMb,
  };
  if (tls === null) return createServer(options);
  const { ca, cert, key } = tls;
  const mutual = ca === null ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  return createSecureServer({ ...options, cert, key, ...mutual });
}

function listening(server: Http2Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(cannotListen(host, port, error)));
    server.listen(port, host.replace(/^\[|\]$/g, ''), () => resolve((server.address() as AddressInfo).port));
  });
}

function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('application/grpc') ?? false;
}

function peerOf(stream: ServerHttp2Stream): string {
  const { remoteAddress, remotePort } = stream.session?.socket ?? {};
  return remoteAddress ? joinAddress(remoteAddress, remotePort ?? 0) : 'unknown';
}

/** The answering side of one call. Ends once, with a status; what is said after that is nobody's. */
class Call {
  readonly stream: ServerHttp2Stream;
  private over = false;

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream;
    stream.on('error', () => undefined);
  }

  /** False when the peer has left, or the status is said. */
  get open(): boolean {
    return !this.over && !this.stream.closed && !this.stream.destroyed;
  }

  /** Says that there is an answer, and begins it. */
  send(body: Uint8Array): void {
    if (!this.open) return;
    if (!this.stream.headersSent) this.stream.respond(responseHeaders, { waitForTrailers: true });
    this.stream.write(message(body));
  }

  finish(code: status, details = ''): void {
    if (!this.open) return;
    this.over = true;
    const { stream } = this;
    const said = { 'grpc-status': String(code), 'grpc-message': encodeDetails(details) };
    stream.resume(); // What the peer has sent meanwhile is passed over; it ends the stream when it hears the status.
    if (stream.headersSent) {
      stream.once('wantTrailers', () => stream.sendTrailers(said));
      stream.end();
    } else {
      stream.respond({ ...responseHeaders, ...said }, { endStream: true });
    }
  }

  fail(error: unknown): void {
    const { code, details } = statusFor(error);
    this.finish(code, details);
  }

  /** For a peer that does not take what it asked for: a status would wait behind it. */
  cutOff(): void {
    this.over = true;
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  /** For peers that speak HTTP but not gRPC. */
  refuseHttp(): void {
    this.over = true;
    this.stream.respond({ ':status': 415 }, { endStream: true });
  }
}

const responseHeaders = { ':status': 200, 'content-type': 'application/grpc' };

/** Streams one slice. The lease ends with the call, however that ends. */
class Lending {
  private readonly store: BulkStore;
  private readonly call: Call;

  constructor(store: BulkStore, call: Call) {
    this.store = store;
    this.call = call;
    const reader = new MessageReader(
      request => {
        call.stream.removeListener('data', read);
        call.stream.resume();
        this.lend(request).catch(error => call.fail(error));
      },
      () => undefined,
    );
    const read = (bytes: Buffer): void => {
      try {
        reader.push(bytes);
      } catch (error) {
        call.fail(error);
      }
    };
    call.stream.on('data', read);
  }

  private async lend(request: Buffer): Promise<void> {
    const { call } = this;
    const { task, slice } = decodeFetch(request);
    const what = `${formatTask(task.job, task.index)} slice ${slice}`;
    const lease = await this.store.lend(task, slice);
    if (lease === null) return call.finish(status.NOT_FOUND, `${what} is not here`);
    try {
      const { header, bytes } = lease;
      if (bytes.byteLength !== header.byteLength) {
        throw corrupt(what, `${bytes.byteLength} bytes where its header says ${header.byteLength}`);
      }
      if (!call.open) return;
      call.send(encodeHeader(header));
      const whole = await sendBytes(messageSink(call.stream), 'close', bytes, limits.lendStallMs);
      if (whole) call.finish(status.OK);
      else call.cutOff();
    } finally {
      lease.release();
    }
  }
}

/** Receives one partition into memory of the store. */
class TakingIn {
  private readonly store: BulkStore;
  private readonly call: Call;
  private readonly watch: StallWatch;
  private readonly reader: MessageReader;
  private receiver: Receiver | null = null;
  private sink: BulkSink | null = null;
  private over = false;

  constructor(store: BulkStore, call: Call) {
    this.store = store;
    this.call = call;
    this.watch = new StallWatch(limits.lendStallMs, () => this.fail(new Error('the sender stalled')));
    this.reader = new MessageReader(
      request => void this.reserve(request).catch(error => this.fail(error)),
      bytes => this.receiver!.push(bytes),
    );
    call.stream.on('data', (bytes: Buffer) => this.read(bytes));
    call.stream.on('end', () => this.finish());
    call.stream.on('close', () => this.fail(new Error('the transfer was cut off')));
  }

  private read(bytes: Buffer): void {
    if (this.over) return;
    this.watch.moved();
    noteRead(bytes);
    try {
      this.reader.push(bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  private async reserve(request: Buffer): Promise<void> {
    const { stream } = this.call;
    const { task, header } = decodePut(request);
    const what = formatTask(task.job, task.index);
    stream.pause();
    this.watch.pause();
    const sink = await this.store.reserve(task, header);
    if (this.over) return sink?.abort();
    if (sink === null) {
      this.end();
      return this.call.finish(status.RESOURCE_EXHAUSTED, `no room for ${what}`);
    }
    this.sink = sink;
    this.receiver = new Receiver(header, sink.bytes, what);
    this.watch.resume();
    this.reader.resume();
    stream.resume();
  }

  private finish(): void {
    if (this.over) return;
    try {
      if (!this.receiver) throw corrupt('request', 'it ended before its header');
      this.receiver.finish();
      this.end();
      this.sink!.commit();
      this.call.send(Buffer.alloc(0));
      this.call.finish(status.OK);
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    if (this.over) return;
    this.end();
    this.sink?.abort();
    this.call.fail(error);
  }

  private end(): void {
    this.over = true;
    this.watch.stop();
  }
}

/** Details cross the wire only for errors Volley wrote itself. */
function statusFor(error: unknown): { code: status; details: string } {
  if (isVolleyError(error, 'CORRUPT_PARTITION')) return { code: status.DATA_LOSS, details: error.message };
  if (isVolleyError(error, 'NOT_FOUND')) return { code: status.NOT_FOUND, details: error.message };
  if (isVolleyError(error, 'RESOURCE_EXHAUSTED') || isVolleyError(error, 'OUT_OF_MEMORY')) {
    return { code: status.RESOURCE_EXHAUSTED, details: error.message };
  }
  return { code: status.INTERNAL, details: error instanceof Error ? error.message : 'internal error' };
}
