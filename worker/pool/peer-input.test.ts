import { randomBytes } from 'node:crypto';
import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobId } from '../../core/base/ids.js';
import { noChecksum } from '../../core/graph/partition.js';
import { beginScratch, endScratch } from '../../dataframe/kernels/scratch.js';
import { workInKernelMemory } from '../../dataframe/testing/kernel-memory.js';
import { InputLost, PeerInput } from './peer-input.js';

const MiB = 1024 * 1024;
/** More than Linux numbers processes. */
const noProcess = 2 ** 30;
const task = { job: 7 as JobId, index: 3 };
const memory = randomBytes(2 * MiB);
let folder = '';
let path = '';
let file = -1;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peer-input-'));
  path = join(folder, 'memory');
  writeFileSync(path, memory);
  file = openSync(path, 'r');
});

afterAll(async () => {
  closeSync(file);
  await rm(folder, { recursive: true });
});

/** An input that lies in a file as it would in the memory of a peer. */
function inputAt(address: number, byteLength: number): PeerInput {
  const header = { rows: 1, byteLength, checksum: noChecksum, meta: new Uint8Array(1) };
  return new PeerInput({ header, task, place: { pid: noProcess, file, address } });
}

test('bytes come to any place, by way of the lane or not', () => {
  // The second lane has no room for what is read at a time.
  for (const scratchBytes of [4 * MiB, 64 * 1024]) {
    const slabs = workInKernelMemory(scratchBytes, 64 * MiB);
    for (const length of [0, 1000, 64 * 1024, 512 * 1024, 512 * 1024 + 8, 1_300_001]) {
      for (const target of [slabs.subarray(5, 5 + length), new Uint8Array(length)]) {
        beginScratch();
        inputAt(100, 2 * MiB - 100).readInto(target, 17);
        endScratch();
        expect(Buffer.from(target).equals(memory.subarray(117, 117 + length))).toBe(true);
      }
    }
  }
  expect(Buffer.from(inputAt(4096, MiB).bytes).equals(memory.subarray(4096, 4096 + MiB))).toBe(true);
});

test('a peer that is gone amid a read is a lost input', () => {
  const slabs = workInKernelMemory(4 * MiB, 64 * MiB);
  const input = inputAt(0, 2 * MiB);
  truncateSync(path, MiB);
  expect(() => input.readInto(slabs.subarray(0, 2 * MiB), 0)).toThrow(InputLost);
  try {
    input.readInto(new Uint8Array(1000), MiB);
    expect.unreachable();
  } catch (error) {
    expect((error as InputLost).task).toEqual(task);
  }
});
