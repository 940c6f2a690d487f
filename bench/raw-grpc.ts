import { fork } from 'node:child_process';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { packageRoot } from '../core/base/version.js';

const chunkBytes = 2 * 2 ** 20;
const chunks = 512;
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

/** Bytes per second of grpc-js alone between two processes of this machine: one stream, nothing done with the bytes. */
export async function rawGrpcRate(): Promise<number> {
  const server = fork(join(packageRoot, 'dist', 'bench', 'main.js'), ['raw-grpc']);
  try {
    const port = await new Promise<number>((resolve, reject) => {
      server.once('message', message => resolve(Number(message)));
      server.once('exit', () => reject(new Error('the raw gRPC server ended at its start')));
    });
    const Client = grpc.makeGenericClientConstructor(service, 'raw');
    const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
    await pullAll(client);
    const rates: number[] = [];
    for (let i = 0; i < 3; i++) rates.push(await pullAll(client));
    client.close();
    return Math.max(...rates);
  } finally {
    server.kill();
  }
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
