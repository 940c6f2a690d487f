import { checkVersions, ownVersions } from '../../core/rpc/handshake.js';
import type { Refused, Versions, WorkerHello } from '../../core/wire/messages.js';

/** What is said to a peer that is turned away. */
export type Refusal = Omit<Refused, 'kind'>;

/** Null when a worker may join, else why not. The hello comes from the network: nothing about its shape is taken for granted. */
export function refuseWorker(message: unknown): Refusal | null {
  const hello = message as Partial<WorkerHello> | null;
  if (hello?.kind !== 'worker-hello') return outOfOrder('worker-hello', hello);
  const versions = refuseVersions(hello.versions, `worker ${String(hello.name)}`);
  if (versions !== null) return versions;
  const sound =
    typeof hello.name === 'string' &&
    isCount(hello.threads) &&
    hello.threads > 0 &&
    isCount(hello.memoryBytes) &&
    isRecordOf(hello.labels, 'string') &&
    isRecordOf(hello.resources, 'number') &&
    typeof hello.address?.grpc === 'string';
  return sound
    ? null
    : {
        code: 'PROTOCOL',
        message: 'the worker-hello lacks a name, threads, memory, labels, resources or address',
      };
}

/** Null when a client may attach, else why not. */
export function refuseClient(message: unknown): Refusal | null {
  const hello = message as { kind?: unknown; versions?: Versions; name?: unknown } | null;
  if (hello?.kind !== 'client-hello') return outOfOrder('client-hello', hello);
  const versions = refuseVersions(hello.versions, `client ${String(hello.name)}`);
  if (versions !== null) return versions;
  return typeof hello.name === 'string'
    ? null
    : { code: 'PROTOCOL', message: 'the client-hello lacks a name' };
}

function refuseVersions(theirs: Versions | undefined, who: string): Refusal | null {
  if (typeof theirs?.volley !== 'string' || typeof theirs.node !== 'string') {
    return { code: 'PROTOCOL', message: `${who} does not tell its versions` };
  }
  const message = checkVersions(ownVersions(), theirs, who);
  return message === null ? null : { code: 'VERSION_MISMATCH', message };
}

function outOfOrder(wanted: string, got: { kind?: unknown } | null | undefined): Refusal {
  return { code: 'PROTOCOL', message: `the first message must be ${wanted}, not ${String(got?.kind)}` };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isRecordOf(value: unknown, type: 'string' | 'number'): boolean {
  return (
    typeof value === 'object' && value !== null && Object.values(value).every(entry => typeof entry === type)
  );
}
