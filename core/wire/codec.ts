import { Buffer } from 'node:buffer';
import type { FromWorker, FromWorker__Output } from '../../proto/generated/volley/v1/FromWorker.js';
import type { ToWorker, ToWorker__Output } from '../../proto/generated/volley/v1/ToWorker.js';
import { assertNever } from '../base/assert.js';
import { isVolleyError } from '../base/errors.js';
import type { JobId, WorkerId } from '../base/ids.js';
import { limits } from '../base/limits.js';
import { readClientBody, readNewsBody, writeClientBody, writeNewsBody } from './codec-client.js';
import { readFailure, writeFailure } from './codec-failure.js';
import {
  bytesOf,
  check,
  finite,
  malformed,
  oneOf,
  present,
  readRefs,
  readU32,
  writeRefs,
} from './codec-fields.js';
import { readTemplate } from './codec-layers.js';
import { readHello, readPeers, readRef, readRefused, writeHello, writePeers } from './codec-nodes.js';
import { readAssign, readAttempts, readFinished, writeAssign, writeFinished } from './codec-tasks.js';
import type {
  ClientToHead,
  FailureReason,
  FaultSeen,
  HeadToClient,
  HeadToWorker,
  WorkerToHead,
} from './messages.js';
import { type FrameType, schema } from './proto.js';

/**
 * One direction of the control plane as bytes. `decode` throws VolleyError DECODE, and nothing else, on bytes
 * that are not what they claim; what it returns shares no memory with the frame.
 */
export interface Codec<M> {
  encode(batch: readonly M[]): Buffer;
  decode(frame: Uint8Array): M[];
}

export const workerToHead: Codec<WorkerToHead> = codec(
  () => schema().workerFrame,
  writeFromWorker,
  readFromWorker,
);
export const headToWorker: Codec<HeadToWorker> = codec(
  () => schema().workerOrders,
  writeToWorker,
  readToWorker,
);
export const clientToHead: Codec<ClientToHead> = codec(
  () => schema().clientFrame,
  writeClientBody,
  readClientBody,
);
export const headToClient: Codec<HeadToClient> = codec(
  () => schema().clientNews,
  writeNewsBody,
  readNewsBody,
);

function codec<M, In, Out>(
  type: () => FrameType<{ messages: In[] }, { messages: Out[] }>,
  write: (message: M) => In,
  read: (body: Out) => M,
): Codec<M> {
  return {
    encode: batch => type().encode({ messages: batch.map(write) }),
    decode(frame) {
      try {
        checkMessageCount(frame);
        return type()
          .decode(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength))
          .messages.map(read);
      } catch (error) {
        if (isVolleyError(error, 'DECODE')) throw error;
        throw malformed(error instanceof Error ? error.message : String(error));
      }
    },
  };
}

/**
 * An empty message takes two bytes on the wire and about a hundred in memory, so their number is checked before
 * anything is built. Senders flush at controlFlushMessages.
 */
function checkMessageCount(frame: Uint8Array): void {
  let at = 0;
  for (let count = 1; at < frame.byteLength; count++) {
    check(
      count <= limits.controlFlushMessages,
      `more than ${limits.controlFlushMessages} messages in one frame`,
    );
    check(frame[at++] === 0x0a, 'a frame holds something that is no message');
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      check(shift < 35 && at < frame.byteLength, 'a length is cut off');
      const byte = frame[at++]!;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    at += length;
    check(at <= frame.byteLength, 'a message is cut off');
  }
}

function writeFromWorker(message: WorkerToHead): FromWorker {
  switch (message.kind) {
    case 'worker-hello':
      return { hello: writeHello(message) };
    case 'heartbeat': {
      const { storedBytes, spilledBytes, rssBytes, queued, running, paused } = message;
      return { heartbeat: { storedBytes, spilledBytes, rssBytes, queued, running, paused } };
    }
    case 'tasks-finished':
      return { finished: writeFinished(message) };
    case 'task-failed':
      return {
        failed: {
          task: message.task,
          attempt: message.attempt,
          reason: message.reason,
          failure: writeFailure(message.failure),
          lostInputs: writeRefs(message.lostInputs),
        },
      };
    case 'tasks-returned':
      return { returned: writeAttempts(message) };
    case 'replicas-changed':
      return { replicas: { added: writeRefs(message.added), dropped: writeRefs(message.dropped) } };
    case 'fault-seen':
      return {
        fault: {
          fault: message.fault,
          task: message.task,
          ...(message.peer === null ? {} : { peer: message.peer }),
          detail: message.detail,
        },
      };
    case 'worker-bye':
      return { bye: message.reason };
    default:
      return assertNever(message);
  }
}

const failureReasons: readonly FailureReason[] = [
  'application',
  'timeout',
  'thread-lost',
  'input-lost',
  'cancelled',
];
const faults: readonly FaultSeen['fault'][] = ['partition-corrupt', 'peer-unreachable', 'memory-pressure'];

function readFromWorker(wire: FromWorker__Output): WorkerToHead {
  switch (wire.body) {
    case 'hello':
      return readHello(wire.hello!);
    case 'heartbeat': {
      const { storedBytes, spilledBytes, rssBytes, queued, running, paused } = wire.heartbeat!;
      finite(storedBytes + spilledBytes + rssBytes, 'heartbeat');
      return { kind: 'heartbeat', storedBytes, spilledBytes, rssBytes, queued, running, paused };
    }
    case 'finished':
      return readFinished(wire.finished!);
    case 'failed': {
      const { task, attempt, reason, failure, lostInputs } = wire.failed!;
      return {
        kind: 'task-failed',
        task: readRef(task, 'failed.task'),
        attempt,
        reason: oneOf(reason, failureReasons, 'failed.reason'),
        failure: readFailure(present(failure, 'failed.failure')),
        lostInputs: readRefs(lostInputs, 'failed.lostInputs'),
      };
    }
    case 'returned':
      return { kind: 'tasks-returned', ...readAttempts(wire.returned!, 'returned') };
    case 'replicas': {
      const { added, dropped } = wire.replicas!;
      return {
        kind: 'replicas-changed',
        added: readRefs(added, 'replicas.added'),
        dropped: readRefs(dropped, 'replicas.dropped'),
      };
    }
    case 'fault': {
      const { fault, task, peer, detail } = wire.fault!;
      return {
        kind: 'fault-seen',
        fault: oneOf(fault, faults, 'fault'),
        task: task && readRef(task, 'fault.task'),
        peer: peer === undefined ? null : (peer as WorkerId),
        detail,
      };
    }
    case 'bye':
      return { kind: 'worker-bye', reason: wire.bye! };
    default:
      throw malformed('a worker message of unknown kind');
  }
}

function writeToWorker(message: HeadToWorker): ToWorker {
  switch (message.kind) {
    case 'worker-welcome': {
      const { worker, cluster, heartbeatMs, leaseMs, natsUrl } = message;
      return { welcome: { worker, cluster, heartbeatMs, leaseMs, natsUrl } };
    }
    case 'refused':
      return { refused: { code: message.code, message: message.message } };
    case 'peers':
      return { peers: writePeers(message) };
    case 'template':
      return { template: message.spec };
    case 'assign-tasks':
      return { assign: writeAssign(message) };
    case 'cancel-tasks':
      return { cancel: writeAttempts(message) };
    case 'retract-tasks':
      return { retract: writeAttempts(message) };
    case 'free-results':
      return { free: { job: message.job, indicesU32: bytesOf(message.indices) } };
    case 'drop-job':
      return { dropJob: message.job };
    case 'shutdown':
      return { shutdown: message.reason };
    default:
      return assertNever(message);
  }
}

function readToWorker(wire: ToWorker__Output): HeadToWorker {
  switch (wire.body) {
    case 'welcome': {
      const { worker, cluster, heartbeatMs, leaseMs, natsUrl } = wire.welcome!;
      finite(heartbeatMs + leaseMs, 'welcome');
      return { kind: 'worker-welcome', worker: worker as WorkerId, cluster, heartbeatMs, leaseMs, natsUrl };
    }
    case 'refused':
      return readRefused(wire.refused!);
    case 'peers':
      return readPeers(wire.peers!);
    case 'template':
      return { kind: 'template', spec: readTemplate(wire.template!) };
    case 'assign':
      return readAssign(wire.assign!);
    case 'cancel':
      return { kind: 'cancel-tasks', ...readAttempts(wire.cancel!, 'cancel') };
    case 'retract':
      return { kind: 'retract-tasks', ...readAttempts(wire.retract!, 'retract') };
    case 'free': {
      const { job, indicesU32 } = wire.free!;
      return { kind: 'free-results', job: job as JobId, indices: readU32(indicesU32, 'free.indices') };
    }
    case 'dropJob':
      return { kind: 'drop-job', job: wire.dropJob! as JobId };
    case 'shutdown':
      return { kind: 'shutdown', reason: wire.shutdown! };
    default:
      throw malformed('an order of unknown kind');
  }
}

function writeAttempts(message: { job: JobId; indices: Uint32Array; attempts: Uint32Array }): {
  job: number;
  indicesU32: Uint8Array;
  attemptsU32: Uint8Array;
} {
  return {
    job: message.job,
    indicesU32: bytesOf(message.indices),
    attemptsU32: bytesOf(message.attempts),
  };
}
