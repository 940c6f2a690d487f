import fc from 'fast-check';

/** What is done to the bytes of a file. Places are shares of its length. */
export type Mutation =
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly value: number }
  | { readonly kind: 'move'; readonly at: number; readonly from: number; readonly length: number };

/** Evenly: fast-check prefers numbers near the ends of a range. */
const share = fc.nat().map(n => (Math.imul(n, 0x9e3779b1) >>> 0) / 2 ** 32);

export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: share }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: share, bit: fc.nat(7) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), at: share, value: fc.nat(255) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      at: share,
      from: share,
      length: fc.integer({ min: 1, max: 40 }),
    }),
  },
);

/** The file with the mutation; a copy. */
export function mutated(bytes: Buffer, how: Mutation): Buffer {
  const place = Math.floor(how.at * bytes.length);
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
