import { XxHash64 } from '../xxhash64.js';

/** Of the format: which bit of each of a block's eight words a value sets. */
const salts = Int32Array.of(
  0x47b6137b,
  0x44974d91,
  0x8824ad5b,
  0xa2b7289d,
  0x705495c7,
  0x2df1424b,
  0x9efc4947,
  0x5c6bfb31,
);
export const blockBytes = 32;
/** What other writers have for the largest. */
const maxBytes = 128 * 1024 * 1024;
/** Of the values that are not there, so many are taken for ones that are. */
const falsePositives = 0.01;

/** A split block Bloom filter (Putze et al. 2007): a value belongs to a block, and has a bit in each of its eight words. */
export class BloomBlocks {
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #blocks: number;
  readonly #hash = new XxHash64();

  /** @param bytes At least a block, and whole ones. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    this.#words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, bytes.length / 4);
    this.#blocks = bytes.length / blockBytes;
  }

  /** An empty one for so many distinct values. */
  static forValues(count: number): BloomBlocks {
    const bits = (-8 * count) / Math.log(1 - falsePositives ** (1 / 8));
    let bytes = blockBytes;
    while (bytes * 8 < bits && bytes < maxBytes) bytes *= 2;
    return new BloomBlocks(new Uint8Array(bytes));
  }

  add(value: Uint8Array, from = 0, to = value.length): void {
    const block = this.#block(value, from, to);
    const { low } = this.#hash;
    const words = this.#words;
    for (let w = 0; w < 8; w++) words[block + w]! |= 1 << (Math.imul(low, salts[w]!) >>> 27);
  }

  /** False for a value that was not added. */
  mayHold(value: Uint8Array): boolean {
    const block = this.#block(value, 0, value.length);
    const { low } = this.#hash;
    for (let w = 0; w < 8; w++) {
      const bit = Math.imul(low, salts[w]!) >>> 27;
      if (((this.#words[block + w]! >>> bit) & 1) === 0) return false;
    }
    return true;
  }

  /** The first word of the block of a value: the upper half of its hash, scaled to their number. Exact in steps of 16 bits. */
  #block(value: Uint8Array, from: number, to: number): number {
    this.#hash.hash(value, from, to);
    const { high } = this.#hash;
    const lower = Math.floor(((high & 0xffff) * this.#blocks) / 65_536);
    return Math.floor(((high >>> 16) * this.#blocks + lower) / 65_536) * 8;
  }
}
