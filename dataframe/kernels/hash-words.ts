/** What words of keys are multiplied by where they are hashed: the same in every form of the loop. */
export const hashFactors = {
  /** The upper half of a 64-bit integer; all bits of it are the sign of one that fits 32 bits. */
  high: 0x61c88647,
  word: 0x9e3779b1,
  last: [0x85ebca6b, 0xc2b2ae35],
} as const;
