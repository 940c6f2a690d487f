import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { testSeed } from '../testing/random-batch.js';
import { appendBits, bitmapBytes, countValid, isValid, packValidity } from './bitmap.js';

const seed = testSeed();

// Goal: eight flags at a time, wherever they lie, are the bits that one at a time gives.
test('flags become bits, and runs of bits follow one another', () => {
  const random = seededRng(seed);
  for (let round = 0; round < 300; round++) {
    const lengths = Array.from({ length: 1 + Math.floor(random() * 5) }, () => Math.floor(random() * 70));
    const share = [0, 0.5, 1][round % 3]!;
    const runs = lengths.map(rows => {
      const flags = new Uint8Array(rows + 8).subarray(Math.floor(random() * 8)).subarray(0, rows);
      for (let i = 0; i < rows; i++) flags[i] = random() < share ? 1 : 0;
      return flags;
    });
    const all = runs.flatMap(flags => [...flags]);
    const out = new Uint8Array(bitmapBytes(all.length));
    let from = 0;
    for (const flags of runs) {
      const { validity, nullCount } = packValidity(flags, flags.length);
      const read = Array.from(flags, (_, i) => (isValid(validity, i) ? 1 : 0));
      expect(read, `seed ${seed}, round ${round}`).toEqual([...flags]);
      expect(nullCount).toBe(flags.length - flags.reduce((sum, flag) => sum + flag, 0));
      // What is behind the last bit must not matter.
      const dirty = validity?.slice() ?? null;
      if (dirty !== null && (flags.length & 7) !== 0) dirty[dirty.length - 1]! |= 255 << (flags.length & 7);
      appendBits(out, from, dirty, flags.length);
      from += flags.length;
    }
    expect(
      all.map((_, i) => (isValid(out, i) ? 1 : 0)),
      `seed ${seed}, round ${round}`,
    ).toEqual(all);
    expect(countValid(out, all.length)).toBe(all.reduce((sum, flag) => sum + flag, 0));
  }
});
