/** Short texts as three words of 32 bits: what tables of texts are made of. */

/** Bytes of a text that is known by its words alone. */
export const wordsBytes = 12;

/** Which bits of words 0, 1 and 2 belong to a text of so many bytes. */
export const [mask0, mask1, mask2] = [0, 1, 2].map(word =>
  Int32Array.from({ length: wordsBytes + 1 }, (_, size) => {
    const bytes = Math.min(4, Math.max(0, size - 4 * word));
    return bytes === 4 ? -1 : 2 ** (8 * bytes) - 1;
  }),
) as [Int32Array, Int32Array, Int32Array];

export function rehashSlots(old: Int32Array, slots: Int32Array): void {
  const mask = slots.length - 1;
  for (let from = 0; from < old.length; from += 4) {
    if (old[from] === 0) continue;
    let at = (hashOf(old[from + 1]!, old[from + 2]!, old[from + 3]!) << 2) & mask;
    while (slots[at] !== 0) at = (at + 4) & mask;
    slots[at] = old[from]!;
    slots[at + 1] = old[from + 1]!;
    slots[at + 2] = old[from + 2]!;
    slots[at + 3] = old[from + 3]!;
  }
}

/** Whether its words tell it. */
export function isShort(bytes: Uint8Array, from: number, to: number): boolean {
  return to > from && to - from <= wordsBytes && bytes[to - 1] !== 0 && startsWithText(bytes, from, to);
}

/** Four zeros in front would be taken for a code. */
function startsWithText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let k = from; k < Math.min(to, from + 4); k++) if (bytes[k] !== 0) return true;
  return false;
}

export function hashOf(w0: number, w1: number, w2: number): number {
  let hash = Math.imul(w0, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ w1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ w2, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Bytes of the text in these words: no byte of it is 0. */
export function sizeOf(w0: number, w1: number, w2: number): number {
  if (w2 !== 0) return 8 + bytesOf(w2);
  return w1 !== 0 ? 4 + bytesOf(w1) : bytesOf(w0);
}

const bytesOf = (word: number) => 4 - (Math.clz32(word) >> 3);
