import { expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import type { Physical, Values } from '../../column/column.js';
import { allocateValues } from '../../column/layout.js';
import { Lent } from '../../kernels/lent.js';
import { workInKernelMemory } from '../../testing/kernel-memory.js';
import { countInstances } from '../../testing/wasm-instances.js';
import { runs } from '../testing/hybrid-runs.js';
import { newSeed } from '../testing/oracle.js';
import { decodeHybrid, decodeThrough } from './hybrid.js';

workInKernelMemory(16 * 1024 * 1024);

/** What it gives, or that it fails: for values on the heap, which JavaScript unpacks, and for lent ones. */
function bothWays(physical: Physical, rows: number, work: (out: Values) => unknown): [unknown, unknown] {
  const lent = new Lent();
  const outcome = (out: Values) => {
    try {
      const result = work(out);
      return result === false ? 'beyond' : [...out];
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      return 'too short';
    }
  };
  const pair: [unknown, unknown] = [
    outcome(allocateValues(physical, rows)),
    outcome(lent.values(physical, Math.max(rows, 20_000)).subarray(0, rows)),
  ];
  lent.giveBack();
  return pair;
}

// Goal: pages unpacked by WebAssembly are those that JavaScript unpacks, whole, cut and with codes beyond the table.
test('runs of every width unpack the same by WebAssembly', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  const made = countInstances();
  for (let width = 1; width <= 26; width++) {
    const rows = 300 + Math.floor(random() * 1500);
    const packed = runs(random, width, rows + 5, 2 ** width);
    const bytes = random() < 0.5 ? packed : packed.subarray(0, Math.floor(packed.length * random()));
    for (const [physical, most] of [['i32', 32] as const, ['u8', 8] as const]) {
      if (width > most) continue;
      const [here, there] = bothWays(physical, rows, out =>
        decodeHybrid(bytes, 0, bytes.length, width, out as Int32Array | Uint8Array, 5, rows - 5),
      );
      expect(there, `seed ${seed}, ${width} bits, ${physical}`).toEqual(here);
    }
  }
  for (let round = 0; round < 240; round++) {
    const width = 1 + Math.floor(random() * 12);
    // A page may have narrower codes than its dictionary asks for.
    const tableBits = width + (random() < 0.3 ? 1 : 0);
    const entries = random() < 0.05 ? 0 : 1 + Math.floor(random() * 2 ** tableBits);
    const rows = 300 + Math.floor(random() * 1500);
    const physical = (['f64', 'i32', 'code', 'u8', 'i16', 'f32'] as const)[round % 6]!;
    const table = allocateValues(physical, 2 ** tableBits);
    const below = random() < 0.5 ? 256 : 30_000;
    for (let k = 0; k < table.length; k++)
      table[k] = k < entries ? Math.floor(random() * below) : physical === 'code' ? -1 : 0;
    const codes = random() < 0.8 && entries > 0 ? Math.min(entries, 2 ** width) : 2 ** width;
    const packed = runs(random, width, rows, codes);
    const bytes = random() < 0.8 ? packed : packed.subarray(0, Math.floor(packed.length * random()));
    const [here, there] = bothWays(physical, rows, out =>
      decodeThrough(bytes, 0, bytes.length, width, table, entries, physical, out, 0, rows),
    );
    expect(there, `seed ${seed}, round ${round}`).toEqual(here);
  }
  expect(made.made).toBeGreaterThan(40);
  made.stop();
});
