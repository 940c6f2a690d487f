import { join } from 'node:path';
import protoLoader, { type MessageTypeDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import type { ClientFrame, ClientFrame__Output } from '../../proto/generated/volley/v1/ClientFrame.js';
import type { ClientNews, ClientNews__Output } from '../../proto/generated/volley/v1/ClientNews.js';
import type { WorkerFrame, WorkerFrame__Output } from '../../proto/generated/volley/v1/WorkerFrame.js';
import type { WorkerOrders, WorkerOrders__Output } from '../../proto/generated/volley/v1/WorkerOrders.js';
import { assert } from '../base/assert.js';
import { packageRoot } from '../base/version.js';

/** One frame type of proto/volley.proto as bytes. Both functions throw what protobufjs throws. */
export interface FrameType<In, Out> {
  encode(frame: In): Buffer;
  decode(bytes: Buffer): Out;
}

export interface Schema {
  readonly workerFrame: FrameType<WorkerFrame, WorkerFrame__Output>;
  readonly workerOrders: FrameType<WorkerOrders, WorkerOrders__Output>;
  readonly clientFrame: FrameType<ClientFrame, ClientFrame__Output>;
  readonly clientNews: FrameType<ClientNews, ClientNews__Output>;
}

/** Paths of the service's methods, as gRPC writes them. */
export const controlPaths = { join: '/volley.v1.Control/Join', attach: '/volley.v1.Control/Attach' } as const;

let loaded: Schema | undefined;

/**
 * The compiled schema. protobufjs turns a schema into code, so the file is always ours: the one beside
 * package.json. Loaded at first use; the options must equal those of `npm run proto`.
 */
export function schema(): Schema {
  loaded ??= load();
  return loaded;
}

function load(): Schema {
  const definition = protoLoader.loadSync(join(packageRoot, 'proto/volley.proto'), {
    longs: Number,
    enums: String,
    defaults: true,
    arrays: true,
    oneofs: true,
  });
  const control = definition['volley.v1.Control'] as ServiceDefinition | undefined;
  const joined = control?.Join;
  const attached = control?.Attach;
  assert(joined?.path === controlPaths.join && attached?.path === controlPaths.attach, 'proto paths moved');
  return {
    workerFrame: frameType(joined.requestSerialize, joined.requestDeserialize),
    workerOrders: frameType(joined.responseSerialize, joined.responseDeserialize),
    clientFrame: frameType(attached.requestSerialize, attached.requestDeserialize),
    clientNews: frameType(attached.responseSerialize, attached.responseDeserialize),
  };
}

function frameType<In, Out>(
  encode: MessageTypeDefinition<object, object>['serialize'],
  decode: MessageTypeDefinition<object, object>['deserialize'],
): FrameType<In, Out> {
  return { encode: frame => encode(frame as object), decode: bytes => decode(bytes) as Out };
}
