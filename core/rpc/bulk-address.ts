import { randomBytes } from 'node:crypto';
import { closeSync, openSync, read, readFileSync, readSync } from 'node:fs';
import { type NodeMemory, pageBytes } from '../base/kernel-memory.js';
import { limits } from '../base/limits.js';
import type { SlicePlace } from '../graph/partition.js';
import { asBuffer } from './bulk-receiver.js';
import { copyFromProcess } from './bulk-vm-read.js';

/**
 * Memory of processes as Linux shows it in /proc/PID/mem: whoever could attach a debugger to a process may read there. A
 * read copies from one process's memory into the other's. No other system has it, and where a process may not look into its
 * siblings (Yama's ptrace_scope, another user, another container) opening fails or shows something else.
 */

/** Bytes of a random number that cannot be guessed, nor be there by chance. */
export const proofBytes = 32;
/** Proofs lie in lines of their own, as many as the page has. */
const proofStride = 64;

const addresses = new WeakMap<SharedArrayBuffer, number | null>();

/** Where this process's memory begins in its address space, found by a mark in it; null: the system does not show it. */
export function addressOf({ memory: { buffer }, proofAt }: NodeMemory): number | null {
  const known = addresses.get(buffer);
  if (known !== undefined) return known;
  const mark = randomBytes(proofBytes);
  asBuffer(new Uint8Array(buffer, proofAt, proofBytes)).set(mark);
  const found = findRegion(buffer.byteLength, proofAt, mark);
  addresses.set(buffer, found);
  return found;
}

function findRegion(byteLength: number, markAt: number, mark: Buffer): number | null {
  let own: number | null = null;
  try {
    own = openSync('/proc/self/mem', 'r');
    for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
      const region = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (region === null) continue;
      const from = Number.parseInt(region[1]!, 16);
      if (Number.parseInt(region[2]!, 16) - from >= byteLength && holds(own, from + markAt, mark))
        return from;
    }
  } catch {
    // No such files, or not for us.
  } finally {
    if (own !== null) closeSync(own);
  }
  return null;
}

/** Shows that a process has this memory: proofs go round on its last page. */
export class ProofPage {
  private readonly memory: NodeMemory;
  private next = 1; // The first line holds the mark.

  constructor(memory: NodeMemory) {
    this.memory = memory;
  }

  /** Writes what a peer made up; gives its place in the memory. */
  write(proof: Uint8Array): number {
    const at = this.memory.proofAt + this.next * proofStride;
    this.next = (this.next + 1) % (pageBytes / proofStride) || 1;
    new Uint8Array(this.memory.memory.buffer, at, proofBytes).set(proof);
    return at;
  }
}

/** Throws where this process may not read the other's memory. */
export function openMemory(pid: number): number {
  return openSync(`/proc/${pid}/mem`, 'r');
}

/** Whether these bytes lie at that address. */
export function holds(file: number, address: number, bytes: Uint8Array): boolean {
  const found = Buffer.alloc(bytes.byteLength);
  try {
    return readSync(file, found, 0, found.byteLength, address) === bytes.byteLength && found.equals(bytes);
  } catch {
    return false;
  }
}

const probe = Buffer.alloc(1);
/** From so many bytes on a copy is worth a call outside of Node. */
const manyBytes = 16_384;

/** Fills `target` with what lies `offset` bytes behind the place. Throws when the memory is not, or no longer, there. */
export function readMemoryNow({ file, pid, address }: SlicePlace, offset: number, target: Uint8Array): void {
  const buffer = asBuffer(target);
  let at = 0;
  if (buffer.byteLength >= manyBytes) at = copyFromProcess(pid, address + offset, buffer);
  // A number of a process may be another's by now. The file is not: while it shows something, the process that it was opened for lives.
  if (at > 0 && readSync(file, probe, 0, 1, address + offset) !== 1) at = 0;
  while (at < buffer.byteLength) {
    const count = readSync(file, buffer, at, buffer.byteLength - at, address + offset + at);
    if (count === 0) throw new Error('the memory of a process that has ended');
    at += count;
  }
}

/** Fills `target`; `stopped` is asked between pieces, and throws. Rejects when the memory is not, or no longer, there. */
export async function readMemory(
  { file, address }: SlicePlace,
  target: Uint8Array,
  stopped: () => void,
): Promise<void> {
  const buffer = asBuffer(target);
  for (let at = 0; at < buffer.byteLength; ) {
    const wanted = Math.min(limits.peerReadBytes, buffer.byteLength - at);
    const count = await new Promise<number>((resolve, reject) => {
      read(file, buffer, at, wanted, address + at, (error, bytes) =>
        error ? reject(error) : resolve(bytes),
      );
    });
    if (count === 0) throw new Error('the memory of a process that has ended');
    at += count;
    stopped();
  }
}
