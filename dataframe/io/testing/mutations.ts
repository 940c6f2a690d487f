import fc from 'fast-check';
import { expect } from 'vitest';
import { newSeed } from './oracle.js';

/** What is done to the bytes of a file. Places are shares of its length. */
export type Mutation =
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly value: number }
  | { readonly kind: 'move'; readonly at: number; readonly from: number; readonly length: number };

/** Evenly: fast-check prefers numbers near the ends of a range. */
const share = fc.nat().map(n => (Math.imul(n, 0x9e3779b1) >>> 0) / 2 ** 32);

/** `special`: bytes that mean something in the format, written as often as all others. */
export function mutationWith(special: readonly number[]): fc.Arbitrary<Mutation> {
  const any = fc.nat(255);
  const value = special.length === 0 ? any : fc.oneof(any, fc.constantFrom(...special));
  const length = fc.integer({ min: 1, max: 40 });
  return fc.oneof(
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: share }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: share, bit: fc.nat(7) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('set' as const), at: share, value }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('move' as const), at: share, from: share, length }),
    },
  );
}

export const mutation = mutationWith([]);

/** The first byte that a mutation touches. */
export function placeOf(bytes: Buffer, how: Mutation): number {
  return Math.floor(how.at * bytes.length);
}

/** The file with the mutation; a copy. */
export function mutated(bytes: Buffer, how: Mutation): Buffer {
  const place = placeOf(bytes, how);
  if (how.kind === 'cut') return Buffer.from(bytes.subarray(0, place));
  const out = Buffer.from(bytes);
  if (how.kind === 'flip') out[place]! ^= 1 << how.bit;
  else if (how.kind === 'set') out[place] = how.value;
  else {
    const from = Math.floor(how.from * bytes.length);
    bytes.copy(out, place, from, from + how.length);
  }
  return out;
}

/**
 * Damages samples at random, as many times as `runs`, and fails where what comes of it is not one of `fine`.
 * @returns how often each came of it
 */
export async function damage<S extends { readonly name: string }>(
  samples: readonly S[],
  runs: number,
  how: fc.Arbitrary<Mutation>,
  outcome: (sample: S, how: Mutation) => Promise<string>,
  fine: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const seed = newSeed();
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.nat(samples.length - 1), how, async (n, mutation) => {
      const sample = samples[n]!;
      const result = await outcome(sample, mutation);
      seen.set(result, (seen.get(result) ?? 0) + 1);
      expect(fine, `${sample.name} ${JSON.stringify(mutation)}: ${result}`).toContain(result);
    }),
    { seed, numRuns: runs, endOnFailure: true },
  );
  console.log(`seed ${seed}:`, seen);
  return seen;
}
