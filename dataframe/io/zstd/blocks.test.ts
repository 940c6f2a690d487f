import { beforeAll, expect, test } from 'vitest';
import { type Rng, seededRng } from '../../../core/base/rng.js';
import { newSeed } from '../testing/oracle.js';
import { type ZstdLibrary, zstdLibrary } from '../testing/zstd-library.js';
import { unpackFrames } from './unpack.js';

let through: ZstdLibrary;
beforeAll(async () => {
  through = await zstdLibrary();
});

const whole = (random: Rng, bound: number) => Math.floor(random() * bound);

/** Codes of a block's sequences, one for each field, so that their states take no bits. */
interface Codes {
  readonly literals: number;
  readonly distance: number;
  readonly match: number;
}

/** Bits that are added to what these codes stand for (RFC 8878, 3.1.1.3.2.1.1). */
const literalBits = (code: number) =>
  code < 16 ? 0 : [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10][code - 16]!;
const matchBits = (code: number) => (code < 32 ? 0 : [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9][code - 32]!);

function head(kind: number, size: number, last: boolean): Uint8Array {
  const bits = (size << 3) | (kind << 1) | (last ? 1 : 0);
  return Uint8Array.of(bits, bits >> 8, bits >> 16);
}

/** `count` sequences of random values, and mostly as many literals as they want and some more. `again`: the tables are those of the block before. */
function packedBlock(random: Rng, { literals, distance, match }: Codes, count: number, again: boolean) {
  const bits: number[] = [];
  const put = (value: number, length: number) => {
    for (let i = 0; i < length; i++) bits.push((value >> i) & 1);
  };
  let sum = whole(random, 40);
  let base = 0;
  for (let code = 0; code < literals; code++) base += 2 ** literalBits(code);
  // Sometimes bits that are left.
  if (random() < 0.02) put(whole(random, 2 ** 20), 1 + whole(random, 20));
  // The last bits are read first.
  for (let i = 0; i < count; i++) {
    const more = whole(random, 2 ** literalBits(literals));
    sum += base + more;
    put(more, literalBits(literals));
    put(whole(random, 2 ** matchBits(match)), matchBits(match));
    put(whole(random, 2 ** distance), distance);
  }
  // Sometimes there are too few.
  if (random() < 0.02) sum = Math.max(0, sum - 41);
  put(1, 1);
  const stream = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => {
    stream[i >> 3]! |= bit << (i & 7);
  });
  // Not packed, with a size of 20 bits.
  const literalHead = Uint8Array.of((sum << 4) | 12, sum >> 4, sum >> 12);
  const symbols = Uint8Array.from({ length: sum }, () => random() * 256);
  const counts =
    count < 128
      ? [count]
      : count < 0x7f00
        ? [(count >> 8) + 128, count]
        : [255, count - 0x7f00, (count - 0x7f00) >> 8];
  const modes = again ? [0b11_11_11_00] : [0b01_01_01_00, literals, distance, match];
  return Buffer.concat([literalHead, symbols, Uint8Array.from([...counts, ...modes]), stream]);
}

/** A frame whose window is 8 MiB, and which does not tell how long it is. */
const magic = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3);

/** Counts around those of a batch, few with long lengths, and any. */
function someCount(random: Rng): number {
  const few = random() < 0.5;
  return few ? 1 + whole(random, 6) : 1024 * (1 + whole(random, 2)) - 3 + whole(random, 6);
}

/** Of sequences that are within a block together, and mostly reach back to what is there. */
function someCodes(random: Rng, count: number, there: number): Codes {
  const few = count < 10;
  const far = Math.max(2, Math.floor(Math.log2(there + 1)));
  return {
    literals: whole(random, few ? 30 : 18),
    distance:
      random() < 0.4
        ? whole(random, 2)
        : far - 1 + whole(random, random() < 0.3 ? 4 : 1) - whole(random, far - 1),
    match: whole(random, few ? 46 : 34),
  };
}

// Goal: blocks of all kinds one after another: tables that are taken over, the last distances of one block in the next one, with blocks between that have none;
// more sequences than are read at once, by one, or fewer. What the library refuses is refused.
test('blocks made by hand', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  let [same, refused, taken] = [0, 0, 0];
  for (let round = 0; round < 400; round++) {
    const parts: Uint8Array[] = [magic];
    let codes: Codes | null = null;
    let [isOdd, tookOver] = [false, false];
    let there = 0;
    const blocks = 1 + whole(random, 6);
    for (let block = 0; block < blocks; block++) {
      const last = block === blocks - 1;
      const kind = there === 0 ? 0 : [0, 1, 2, 2, 2, 2][whole(random, 6)]!;
      const size = 1 + whole(random, 5000);
      if (kind === 0)
        parts.push(
          head(0, size, last),
          Uint8Array.from({ length: size }, () => random() * 4),
        );
      if (kind === 1) parts.push(head(1, size, last), Uint8Array.of(random() * 256));
      if (kind === 2) {
        const again: boolean = codes !== null && random() < 0.5;
        const isLong: boolean = again && (codes!.literals > 17 || codes!.match > 33);
        const count: number = isLong ? 1 + whole(random, 6) : someCount(random);
        codes = again ? codes : someCodes(random, count, there);
        tookOver ||= again;
        isOdd ||= codes!.literals === 0 && codes!.distance === 1;
        const bytes = packedBlock(random, codes!, count, again);
        parts.push(head(2, bytes.length, last), bytes);
      }
      there += size;
    }
    const frame = Buffer.concat(parts);
    const size = 6 * 131_072;
    const expected = through('_decompress', frame, size);
    const story = `seed ${seed}, round ${round}`;
    let out: Uint8Array | null = null;
    try {
      out = unpackFrames(frame, size, size, null);
    } catch (error) {
      expect(error, story).toBeInstanceOf(RangeError);
    }
    // The last distance less 1 may be 0, of which the library makes 1.
    if (!isOdd || out !== null) expect(out === null, story).toBe(expected === null);
    if (out === null || expected === null) refused++;
    else {
      expect(Buffer.compare(out, expected), story).toBe(0);
      same++;
      if (tookOver) taken++;
    }
  }
  expect(Math.min(same, taken)).toBeGreaterThan(40);
  expect(refused).toBeGreaterThan(10);
});
