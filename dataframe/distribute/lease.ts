import { collectGarbage } from '../../core/base/collect-garbage.js';
import { limits } from '../../core/base/limits.js';
import type { LeasedPartition } from '../../core/graph/partition.js';

/** Gives memory back when nothing refers to it any more. */
const returned = new FinalizationRegistry<() => void>(release => release());
/** Bytes leased since the last collection, and since the last one that came between two answers. */
let sinceCollection = 0;
let sinceAnswer = 0;

/**
 * The bytes of a lease, for as long as anything refers to them: a table, one of its columns, a slice of one. What
 * keeps shared memory alive in JavaScript is the buffer object that views are made of; the bytes come over one of their
 * own, whose collection ends the lease. They are not to be written to.
 */
export function keepBytes(lease: LeasedPartition): Uint8Array {
  const { bytes } = lease;
  if (!(bytes.buffer instanceof SharedArrayBuffer)) {
    lease.release(); // Heap memory: the collector's business alone.
    return bytes;
  }
  // A clone of shared memory is another object over the same memory.
  const own = structuredClone(bytes.buffer);
  returned.register(own, lease.release);
  sinceCollection += bytes.byteLength;
  sinceAnswer += bytes.byteLength;
  if (sinceCollection > limits.leasedBytes) {
    sinceCollection = 0;
    collectGarbage();
  }
  return new Uint8Array(own, bytes.byteOffset, bytes.byteLength);
}

/**
 * What earlier answers left behind comes back, if it is much, before another one needs memory. Not before the stages that
 * were submitted in this turn are with the threads, which would wait for the collection.
 */
export function collectLeftBehind(): void {
  // A collection amid the last answer has found that answer in use.
  if (sinceAnswer <= limits.leasedBeforeBytes) return;
  sinceCollection = sinceAnswer = 0;
  let turns = turnsToThreads;
  const next = () => (--turns === 0 ? collectGarbage() : setImmediate(next));
  setImmediate(next);
}

/** One through the client's stream, one through the head, one through the worker's stream; and this one. */
const turnsToThreads = 4;
