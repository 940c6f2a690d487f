import type { Code } from '../codegen/wasm/assemble.js';
import { addF64, load64, loadLane, storeLane, subF64 } from '../codegen/wasm/vector-code.js';

/** Addresses of the numbers of one group, or of two, in a lane each. Null: the second lane is not used. */
export interface Pair {
  readonly one: Code;
  readonly other: Code | null;
}

/**
 * Numbers are read and written each by itself: where rows of a group follow one another, a number must not wait for its neighbour, and what
 * was written in two parts is read slowly in one.
 */
export function loadPair({ one, other }: Pair, offset: number): Code {
  const first = load64(one, offset);
  return other === null ? first : loadLane(3, other, first, offset, 1);
}

export function storePair({ one, other }: Pair, value: Code, offset: number): Code[] {
  const first = storeLane(3, one, value, offset, 0);
  return other === null ? [first] : [first, storeLane(3, other, value, offset, 1)];
}

/** Vectors that addToDoubles works in. */
export const doubleVectors = ['high', 'sum', 'more'] as const;

interface Vectors {
  readonly get: (name: (typeof doubleVectors)[number]) => Code;
  readonly set: (name: (typeof doubleVectors)[number], value: Code) => Code;
}

/** Adds `x`, and `rest` to the low numbers, to sums of two numbers: the bits of addText. */
export function addToDoubles(
  { get, set }: Vectors,
  pair: Pair,
  offset: number,
  x: Code,
  rest: Code | null,
): Code[] {
  const [high, sum, more] = doubleVectors.map(get) as [Code, Code, Code];
  const error = addF64(subF64(high, subF64(sum, more)), subF64(x, more));
  return [
    set('high', loadPair(pair, offset)),
    set('sum', addF64(high, x)),
    set('more', subF64(sum, high)),
    ...storePair(pair, sum, offset),
    set('more', rest === null ? error : addF64(error, rest)),
    set('more', addF64(loadPair(pair, offset + 8), more)),
    ...storePair(pair, more, offset + 8),
  ];
}
