import { expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import { newSeed } from '../testing/oracle.js';
import { loadZstd, packZstd, unpackZstd } from './zstd.js';

// Goal: the first bytes of a page are those of all of it, however much of it was unpacked for them.
test('the first bytes of zstd data', async () => {
  await loadZstd();
  const seed = newSeed();
  const random = seededRng(seed);
  let parts = 0;
  for (let round = 0; round < 40; round++) {
    const size = Math.floor(random() * 1_500_000);
    const kind = round % 3;
    const number = () => Math.floor(random() * 1e5);
    const bytes =
      kind === 0
        ? Buffer.from(Array.from({ length: size / 8 }, () => `id${number()}`).join(''))
        : Buffer.alloc(size, kind === 1 ? 7 : Uint8Array.from({ length: 1000 }, () => random() * 256));
    // Blocks that hardly shrink behind some that do: estimates are wrong.
    if (kind === 2) for (let at = size >> 1; at < size; at++) bytes[at] = random() * 256;
    const packed = packZstd(bytes).slice();
    for (const enough of [1, Math.floor(bytes.length * random()), bytes.length]) {
      const out = unpackZstd(packed, bytes.length, enough);
      expect([enough, bytes.length], `seed ${seed}, round ${round}`).toContain(out.length);
      expect(Buffer.compare(out, bytes.subarray(0, out.length)), `seed ${seed}, round ${round}`).toBe(0);
      if (out.length < bytes.length) parts++;
    }
  }
  expect(parts).toBeGreaterThan(5);
});
