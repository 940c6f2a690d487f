import type { StringTable } from '../../column/string-table.js';

/** Bytes of a text that is known by its words alone. */
const most = 12;

/** Which bits of words 0, 1 and 2 belong to a text of so many bytes. */
const masks = [0, 1, 2].map(word =>
  Int32Array.from({ length: most + 1 }, (_, size) => {
    const bytes = Math.min(4, Math.max(0, size - 4 * word));
    return bytes === 4 ? -1 : 2 ** (8 * bytes) - 1;
  }),
);
const [mask0, mask1, mask2] = masks as [Int32Array, Int32Array, Int32Array];

/**
 * Codes of a StringTable, found by one access to memory where the texts are short: they lie in the slots themselves.
 * Texts hold no NUL, so that shorter ones, filled up with zeros, are not taken for longer ones.
 */
export class ShortTexts {
  readonly #table: StringTable;
  /** Code + 1 (0: free) and three words. */
  #slots: Int32Array = new Int32Array(4 * 64);
  #count = 0;
  #bytes: Uint8Array | null = null;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(table: StringTable) {
    this.#table = table;
  }

  /** The code of bytes[from, to), which is not empty. */
  intern(bytes: Uint8Array, from: number, to: number): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const size = to - from;
    const view = this.#view;
    if (size > most || from + most > view.byteLength) return this.#table.intern(bytes, from, to);
    const w0 = view.getInt32(from, true) & mask0[size]!;
    const w1 = view.getInt32(from + 4, true) & mask1[size]!;
    const w2 = view.getInt32(from + 8, true) & mask2[size]!;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = (hashOf(w0, w1, w2) << 2) & mask;
    for (;;) {
      const code = slots[at]!;
      if (code === 0) break;
      if (slots[at + 1] === w0 && slots[at + 2] === w1 && slots[at + 3] === w2) return code - 1;
      at = (at + 4) & mask;
    }
    const code = this.#table.intern(bytes, from, to);
    slots[at] = code + 1;
    slots[at + 1] = w0;
    slots[at + 2] = w1;
    slots[at + 3] = w2;
    if (++this.#count * 8 > slots.length) this.#grow();
    return code;
  }

  /** Keeps the slots at most half full. */
  #grow(): void {
    const old = this.#slots;
    const slots = new Int32Array(old.length * 4);
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
    this.#slots = slots;
  }
}

function hashOf(w0: number, w1: number, w2: number): number {
  let hash = Math.imul(w0, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ w1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13) ^ w2, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
