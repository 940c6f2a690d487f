import {
  Server,
  type ServerReadableStream,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { isVolleyError } from '../base/errors.js';
import { formatTask } from '../base/ids.js';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';
import type { BulkSink, BulkStore } from './bulk.js';
import { corrupt } from './bulk-check.js';
import { decodeFetch, decodePut, encodeHeader } from './bulk-frames.js';
import { Receiver, StallWatch } from './bulk-receiver.js';
import { sendBytes } from './bulk-sender.js';
import { serverOptions } from './grpc-channel.js';
import { bind, shutDown } from './grpc-server.js';
import { refusal, refusalLog } from './security.js';
import type { ServerSecurity } from './transport.js';

/** Largest message of the data plane: a chunk, or a header with its layout. */
export const dataMessageBytes = Math.max(limits.chunkBytes, limits.partitionMetaBytes) + 1024;

export const dataPaths = { fetch: '/volley.v1.Data/Fetch', put: '/volley.v1.Data/Put' } as const;

const asIs = (bytes: Buffer): Buffer => bytes;
const raw = {
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
};
const dataService = {
  Fetch: { path: dataPaths.fetch, requestStream: false, responseStream: true, ...raw },
  Put: { path: dataPaths.put, requestStream: true, responseStream: false, ...raw },
} as const;

type FetchCall = ServerWritableStream<Buffer, Buffer>;
type PutCall = ServerReadableStream<Buffer, Buffer>;

export interface BoundServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves partitions over gRPC. Bytes pass through as they are: no codec, no object a row. */
export async function serveGrpc(
  store: BulkStore,
  host: string,
  port: number,
  security: ServerSecurity,
  log: Log,
): Promise<BoundServer> {
  const report = refusalLog(log);
  const server = new Server(serverOptions(dataMessageBytes));
  const active = new Set<FetchCall | PutCall>();

  /** `gone` ends a transfer from either side: the peer vanished, or this server closes. */
  function track(call: FetchCall | PutCall): void {
    active.add(call);
    call.once('cancelled', () => call.emit('gone'));
    call.once('gone', () => active.delete(call));
  }

  /** Null when the peer may enter. */
  function refused(call: FetchCall | PutCall): { code: status; details: string } | null {
    const reason = refusal(call.metadata.get('authorization')[0]?.toString(), security);
    if (reason === null) return null;
    report(call.getPeer(), reason);
    return { code: status.UNAUTHENTICATED, details: reason };
  }

  server.addService(dataService, {
    Fetch: (call: FetchCall) => {
      call.on('error', () => undefined);
      const no = refused(call);
      if (no) call.emit('error', no);
      else {
        track(call);
        void lend(store, call).finally(() => active.delete(call));
      }
    },
    Put: (call: PutCall, done: sendUnaryData<Buffer>) => {
      const no = refused(call);
      if (no) done(no);
      else {
        track(call);
        takeIn(store, call, (error, answer) => {
          active.delete(call);
          done(error, answer);
        });
      }
    },
  });
  const bound = await bind(server, host, port, security);
  return {
    port: bound,
    close() {
      for (const call of active) call.emit('gone');
      return shutDown(server, limits.linkCloseMs);
    },
  };
}

/** Streams one slice. The lease ends with the call, however that ends. */
async function lend(store: BulkStore, call: FetchCall): Promise<void> {
  try {
    let gone = false;
    call.once('gone', () => {
      gone = true;
    });
    const { task, slice } = decodeFetch(call.request);
    const what = `${formatTask(task.job, task.index)} slice ${slice}`;
    const lease = await store.lend(task, slice);
    if (lease === null)
      return void call.emit('error', { code: status.NOT_FOUND, details: `${what} is not here` });
    try {
      const { header, bytes } = lease;
      if (bytes.byteLength !== header.byteLength) {
        throw corrupt(what, `${bytes.byteLength} bytes where its header says ${header.byteLength}`);
      }
      if (!gone) call.write(encodeHeader(header));
      const whole = !gone && (await sendBytes(call, 'gone', bytes, limits.lendStallMs));
      if (whole) call.end();
      else call.emit('error', { code: status.ABORTED, details: `${what} was not taken` });
    } finally {
      lease.release();
    }
  } catch (error) {
    call.emit('error', statusFor(error));
  }
}

/** Receives one partition into memory of the store. */
function takeIn(store: BulkStore, call: PutCall, done: sendUnaryData<Buffer>): void {
  let receiver: Receiver | null = null;
  let sink: BulkSink | null = null;
  let reserving = false;
  let over = false;
  const watch = new StallWatch(limits.lendStallMs, () => fail(new Error('the sender stalled')));

  function fail(error: unknown): void {
    if (over) return;
    over = true;
    watch.stop();
    sink?.abort();
    done(statusFor(error));
  }
  async function reserve(frame: Buffer): Promise<void> {
    reserving = true;
    call.pause();
    watch.pause();
    const { task, header } = decodePut(frame);
    const what = formatTask(task.job, task.index);
    const reserved = await store.reserve(task, header);
    if (over) return reserved?.abort();
    if (reserved === null) {
      over = true;
      watch.stop();
      return done({ code: status.RESOURCE_EXHAUSTED, details: `no room for ${what}` });
    }
    sink = reserved;
    receiver = new Receiver(header, sink.bytes, what);
    watch.resume();
    call.resume();
  }
  call.on('data', (frame: Buffer) => {
    if (over) return;
    watch.moved();
    try {
      if (receiver) receiver.push(frame);
      else if (reserving) throw corrupt('request', 'bytes before room was made for them');
      else reserve(frame).catch(fail);
    } catch (error) {
      fail(error);
    }
  });
  call.on('end', () => {
    if (over) return;
    try {
      if (!receiver) throw corrupt('request', 'it ended before its header');
      receiver.finish();
    } catch (error) {
      return fail(error);
    }
    over = true;
    watch.stop();
    sink?.commit();
    done(null, Buffer.alloc(0));
  });
  call.once('gone', () => fail(new Error('the transfer was cut off')));
  call.on('error', fail);
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
