import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { wantHugePages } from './huge-pages.js';
import { allocateNodeMemory, type NodeMemory } from './kernel-memory.js';

const MiB = 1024 * 1024;

/** Regions of this process that are as long as the memory, and whether they are to have huge pages. */
function flagsOf({ memory }: NodeMemory): boolean[] {
  const regions = readFileSync('/proc/self/smaps', 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const size = `${memory.buffer.byteLength / 1024} kB`;
  return regions
    .filter(region => /^Size: +(.*)$/m.exec(region)?.[1] === size)
    .map(region => /^VmFlags:.* hg( |$)/m.test(region));
}

// No other system shows it.
if (process.platform === 'linux') {
  test('memory with room for much asks for huge pages where the system has them, and other memory does not', () => {
    const [large, small] = [allocateNodeMemory(900 * MiB, 1, MiB)!, allocateNodeMemory(64 * MiB, 1, MiB)!];
    expect(wantHugePages(small)).toBe(false);
    expect(flagsOf(small)).not.toContain(true);
    expect(flagsOf(large)).not.toContain(true);
    const given = wantHugePages(large);
    expect(flagsOf(large).includes(true)).toBe(given);
    const bytes = new Uint8Array(large.memory.buffer);
    bytes.fill(7, 5 * MiB, 9 * MiB);
    expect([bytes[5 * MiB - 1], bytes[5 * MiB], bytes[9 * MiB - 1], bytes[9 * MiB]]).toEqual([0, 7, 7, 0]);
  });
}
