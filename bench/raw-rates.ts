import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { checksumOf } from '../core/base/checksum.js';
import type { JobId, TaskRef } from '../core/base/ids.js';
import { allocateNodeMemory } from '../core/base/kernel-memory.js';
import { packageRoot } from '../core/base/version.js';
import { noChecksum } from '../core/graph/partition.js';
import type { BulkStore } from '../core/rpc/bulk.js';
import { createNodeBulk } from '../core/rpc/bulk-node.js';
import type { DataAddress } from '../core/wire/messages.js';

const chunkBytes = 2 * 2 ** 20;
const chunks = 512;
const slabBytes = 32 * 2 ** 20;
const slabs = 32;
const open = { token: null, tls: null };
const task: TaskRef = { job: 1 as JobId, index: 0 };
const same = (bytes: Buffer) => bytes;
const service = {
  pull: {
    path: '/raw/pull',
    requestStream: false,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
} as const;
const options = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
  'grpc-node.flow_control_window': 16 * 2 ** 20,
};

/** grpc-js alone between two processes of this machine: one stream, nothing done with the bytes. */
export interface RawGrpc {
  /** Bytes per second of a gibibyte. */
  pull(): Promise<number>;
  close(): void;
}

/** Its first pull is done: what both processes compile is not in any that is asked for. */
export async function startRawGrpc(): Promise<RawGrpc> {
  const started: ChildProcess[] = [];
  const start = async (...args: readonly string[]) => {
    const child = forkSelf(args);
    started.push(child);
    return { child, said: await nextMessage(child) };
  };
  const close = () => {
    for (const child of started) child.kill();
  };
  try {
    const { said: port } = await start('raw-grpc');
    const { child: client } = await start('raw-grpc-client', String(port));
    const pull = async () => {
      client.send('pull');
      return (await nextMessage(client)) as number;
    };
    await pull();
    return { pull, close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Bytes per second of Volley's own data plane between two processes, by the way it chooses, checksums included. Each slab
 * comes into memory of its own, as what is collected does: on a virtual machine touching new memory takes longer than
 * the way (into the same memory again and again it is 2.7 times as fast).
 */
export function rawBulkRate(): Promise<number> {
  return withServer<DataAddress>('raw-bulk', async address => {
    const client = createNodeBulk().client(open);
    const pull = async () => {
      const start = performance.now();
      for (let i = 0; i < slabs; i++) await client.fetch(address, task, 0, () => new Uint8Array(slabBytes));
      return ((slabs * slabBytes) / (performance.now() - start)) * 1_000;
    };
    await pull();
    const rates: number[] = [];
    for (let i = 0; i < 3; i++) rates.push(await pull());
    client.close();
    return Math.max(...rates);
  });
}

/** Runs `work` beside a process of this program, given the first message it sends. */
async function withServer<M>(command: string, work: (message: M) => Promise<number>): Promise<number> {
  const server = forkSelf([command]);
  try {
    return await work((await nextMessage(server)) as M);
  } finally {
    server.kill();
  }
}

function forkSelf(args: readonly string[]): ChildProcess {
  return fork(join(packageRoot, 'dist', 'bench', 'main.js'), args);
}

/** Rejects when the process ends before it says something. */
function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`a process of the raw rates ended: ${child.spawnargs.at(-1)}`));
    child.once('exit', ended);
    child.once('message', said => {
      child.off('exit', ended);
      resolve(said);
    });
  });
}

function pullAll(client: grpc.Client): Promise<number> {
  const start = performance.now();
  const call = client.makeServerStreamRequest('/raw/pull', same, same, Buffer.alloc(0));
  let bytes = 0;
  return new Promise((resolve, reject) => {
    call.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
    });
    call.on('error', reject);
    call.on('end', () => resolve((bytes / (performance.now() - start)) * 1_000));
  });
}

/** The other process: `main.js raw-grpc`. Ends with its parent. */
export async function serveRawGrpc(): Promise<void> {
  const server = new grpc.Server(options);
  const chunk = Buffer.alloc(chunkBytes, 7);
  server.addService(service, {
    async pull(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      for (let i = 0; i < chunks; i++) {
        if (!call.write(chunk)) await new Promise(resolve => call.once('drain', resolve));
      }
      call.end();
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  process.on('disconnect', () => process.exit());
  process.send?.(port);
}

/** Who pulls: `main.js raw-grpc-client PORT`. Apart from who measures, whom all these bytes would have collect garbage. */
export function pullRawGrpc(port: string): void {
  const Client = grpc.makeGenericClientConstructor(service, 'raw');
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
  process.on('message', () => {
    pullAll(client).then(
      rate => process.send!(rate),
      error => {
        throw error;
      },
    );
  });
  process.on('disconnect', () => process.exit());
  process.send!('ready');
}

/** The other process: `main.js raw-bulk`. */
export async function serveRawBulk(): Promise<void> {
  const memory = allocateNodeMemory(slabBytes, 1, 0);
  const bytes = new Uint8Array(memory?.memory.buffer ?? new SharedArrayBuffer(slabBytes), 0, slabBytes).fill(
    7,
  );
  const header = { rows: 1, byteLength: slabBytes, checksum: checksumOf(bytes), meta: new Uint8Array(1) };
  const lease = { header, bytes, release: () => undefined };
  const store: BulkStore = {
    lend: async () => lease,
    lendInPlace: () => ({ ...lease, header: { ...header, checksum: noChecksum } }),
    lendHere: async () => lease,
    reserve: async () => null,
  };
  const server = await createNodeBulk().serve(store, {
    host: '127.0.0.1',
    port: 0,
    security: open,
    socket: true,
    memory,
  });
  process.on('disconnect', () => process.exit());
  process.send?.(server.address);
}
