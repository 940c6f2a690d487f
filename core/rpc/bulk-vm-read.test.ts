import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { allocateNodeMemory } from '../base/kernel-memory.js';
import { addressOf } from './bulk-address.js';
import { copyFromProcess } from './bulk-vm-read.js';

const MiB = 1024 * 1024;

// No other system has the call.
if (process.platform === 'linux') {
  test('bytes of a process are copied into shared memory; where there are none, nothing is, and the next copy works', () => {
    const memory = allocateNodeMemory(64 * MiB, 1, MiB)!;
    const bytes = new Uint8Array(memory.memory.buffer);
    const written = randomBytes(MiB);
    bytes.set(written, 1000);
    const address = addressOf(memory)! + 1000;
    const copy = () => {
      const target = bytes.subarray(8 * MiB + 5, 9 * MiB + 5).fill(0);
      expect(copyFromProcess(process.pid, address, target)).toBe(MiB);
      expect(written.equals(target)).toBe(true);
    };
    copy();
    const noProcess = 2 ** 30;
    expect(copyFromProcess(noProcess, address, new Uint8Array(MiB))).toBe(0);
    expect(copyFromProcess(process.pid, 4096, new Uint8Array(MiB))).toBe(0);
    copy();
  });
}
