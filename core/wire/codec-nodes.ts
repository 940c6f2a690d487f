import type {
  DataAddress__Output,
  DataAddress as WireAddress,
} from '../../proto/generated/volley/v1/DataAddress.js';
import type {
  EngineDeath__Output,
  EngineDeath as WireDeath,
} from '../../proto/generated/volley/v1/EngineDeath.js';
import type { PeerTable__Output, PeerTable as WirePeers } from '../../proto/generated/volley/v1/PeerTable.js';
import type { Refused__Output } from '../../proto/generated/volley/v1/Refused.js';
import type { TaskRef__Output } from '../../proto/generated/volley/v1/TaskRef.js';
import type { Versions__Output } from '../../proto/generated/volley/v1/Versions.js';
import type {
  WorkerHello as WireHello,
  WorkerHello__Output,
} from '../../proto/generated/volley/v1/WorkerHello.js';
import type { JobId, TaskRef, WorkerId } from '../base/ids.js';
import { bytesOf, check, checkLength, finite, oneOf, present, readBag, readU32 } from './codec-fields.js';
import type { DataAddress, EngineDeath, PeerTable, Refused, Versions, WorkerHello } from './messages.js';

/** Who the nodes are: hellos, addresses, the table of peers. */

export function readVersions(wire: Versions__Output | null): Versions {
  const { volley, protocol, node } = present(wire, 'versions');
  return { volley, protocol, node };
}

export function readRef(wire: TaskRef__Output | null | undefined, what: string): TaskRef {
  const { job, index } = present(wire, what);
  return { job: job as JobId, index };
}

const refusals: readonly Refused['code'][] = [
  'VERSION_MISMATCH',
  'UNAUTHENTICATED',
  'PROTOCOL',
  'RESOURCE_EXHAUSTED',
];

export function readRefused(wire: Refused__Output): Refused {
  return { kind: 'refused', code: oneOf(wire.code, refusals, 'refused.code'), message: wire.message };
}

export function writeHello(hello: WorkerHello): WireHello {
  return {
    versions: hello.versions,
    name: hello.name,
    threads: hello.threads,
    memoryBytes: hello.memoryBytes,
    labels: hello.labels,
    resources: hello.resources,
    address: writeAddress(hello.address),
    supervisorPid: hello.supervisorPid,
    enginePid: hello.enginePid,
    death: hello.death && writeDeath(hello.death),
  };
}

export function readHello(wire: WorkerHello__Output): WorkerHello {
  return {
    kind: 'worker-hello',
    versions: readVersions(wire.versions),
    name: wire.name,
    threads: wire.threads,
    memoryBytes: finite(wire.memoryBytes, 'hello.memoryBytes'),
    labels: readBag(wire.labels, 'hello.labels'),
    resources: readBag(wire.resources, 'hello.resources'),
    address: readAddress(wire.address, 'hello.address'),
    supervisorPid: wire.supervisorPid,
    enginePid: wire.enginePid,
    death: wire.death && readDeath(wire.death),
  };
}

export function writePeers(table: PeerTable): WirePeers {
  return {
    workers: table.workers.map(peer => ({
      worker: peer.worker,
      name: peer.name,
      threads: peer.threads,
      memoryBytes: peer.memoryBytes,
      labels: peer.labels,
      address: writeAddress(peer.address),
      supervisorPid: peer.supervisorPid,
      enginePid: peer.enginePid,
    })),
  };
}

export function readPeers(wire: PeerTable__Output): PeerTable {
  return {
    kind: 'peers',
    workers: wire.workers.map(peer => ({
      worker: peer.worker as WorkerId,
      name: peer.name,
      threads: peer.threads,
      memoryBytes: finite(peer.memoryBytes, 'peer.memoryBytes'),
      labels: readBag(peer.labels, 'peer.labels'),
      address: readAddress(peer.address, 'peer.address'),
      supervisorPid: peer.supervisorPid,
      enginePid: peer.enginePid,
    })),
  };
}

function writeAddress(address: DataAddress): WireAddress {
  return { grpc: address.grpc, socket: address.socket, bootId: address.bootId, uid: address.uid };
}

function readAddress(wire: DataAddress__Output | null, what: string): DataAddress {
  const { grpc, socket, bootId, uid } = present(wire, what);
  check(Number.isInteger(uid), `${what}.uid is ${uid}`);
  return { grpc, socket, bootId, uid };
}

function writeDeath(death: EngineDeath): WireDeath {
  return {
    ...(death.exitCode === null ? {} : { exitCode: death.exitCode }),
    ...(death.signal === null ? {} : { signal: death.signal }),
    rssBytes: death.rssBytes,
    runningJobsU32: bytesOf(Uint32Array.from(death.running, task => task.job)),
    runningIndicesU32: bytesOf(Uint32Array.from(death.running, task => task.index)),
    runningAttemptsU32: bytesOf(Uint32Array.from(death.running, task => task.attempt)),
    worker: death.worker,
    pid: death.pid,
  };
}

function readDeath(wire: EngineDeath__Output): EngineDeath {
  const jobs = readU32(wire.runningJobsU32, 'death.running');
  const indices = readU32(wire.runningIndicesU32, 'death.running');
  const attempts = readU32(wire.runningAttemptsU32, 'death.running');
  checkLength(indices, jobs.length, 'death.running');
  checkLength(attempts, jobs.length, 'death.running');
  return {
    exitCode: wire.exitCode ?? null,
    signal: wire.signal ?? null,
    rssBytes: finite(wire.rssBytes, 'death.rssBytes'),
    running: Array.from(jobs, (job, i) => ({
      job: job as JobId,
      index: indices[i]!,
      attempt: attempts[i]!,
    })),
    worker: wire.worker as WorkerId,
    pid: wire.pid,
  };
}
