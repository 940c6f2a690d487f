import type { KernelMemory, WasmMemory } from '../../core/base/kernel-memory.js';
import type { Dictionary } from './column.js';
import { cursorAt, type TextLoops, textLoops } from './text-loops.js';
import { wordsBytes } from './text-words.js';

/** Rows of one block. */
export const blockRows = 4096;

/** Bytes of the entries of a block that are copied. */
const mostText = 1024 * 1024;

/** Where things lie in the thread's workspace: masks of the words by length, words and codes of the rows, a copy of text. */
const wordsAt = 512;
const codesAt = wordsAt + 12 * blockRows;
const copyAt = codesAt + 4 * blockRows;

/** Bytes of the words of a text that belong to it, by its length: 16 a length. */
const masks = new Uint8Array(16 * (wordsBytes + 1));
for (let length = 0; length <= wordsBytes; length++) masks.fill(255, 16 * length, 17 * length);

/** What a table of texts consists of, in the lane's memory. */
export interface TextArrays {
  readonly slots: Int32Array;
  readonly offsets: Int32Array;
  readonly bytes: Uint8Array;
}

/** The loops of DistinctTexts as WebAssembly, a block of rows at a time. */
export class TextBlocks {
  readonly #home: KernelMemory;
  readonly #loops: TextLoops;
  /** The words of the rows of a block, three each: a row that is not short has 0 and its code. */
  readonly words: Int32Array;
  readonly #codes: Int32Array;
  /** An address: those of the upper half are no Int32. */
  readonly #cursor: Uint32Array;
  /** Address of byte 0 of the dictionary whose entries were copied. */
  #text = 0;

  private constructor(home: KernelMemory) {
    const { buffer, workspace } = home;
    this.#home = home;
    this.#loops = loopsOver(home.memory);
    this.words = new Int32Array(buffer, workspace + wordsAt, 3 * blockRows);
    this.#codes = new Int32Array(buffer, workspace + codesAt, blockRows);
    this.#cursor = new Uint32Array(buffer, workspace + cursorAt, 1);
  }

  /** Made once for a lane's memory. */
  static over(home: KernelMemory): TextBlocks {
    let blocks = made.get(home);
    if (blocks === undefined) made.set(home, (blocks = new TextBlocks(home)));
    return blocks;
  }

  holds({ buffer }: ArrayBufferView): boolean {
    return buffer === this.#home.buffer;
  }

  /** A block begins: others may have used the workspace. */
  begin(): void {
    new Uint8Array(this.#home.buffer, this.#home.workspace, masks.length).set(masks);
  }

  /** Notes values of a PLAIN page, which lies in this memory, from byte p on: rows [row, rows) of the block. */
  notePlain(
    page: Uint8Array,
    p: number,
    row: number,
    rows: number,
  ): { readonly row: number; readonly p: number } {
    const { byteOffset, byteLength } = page;
    const { workspace } = this.#home;
    const words = workspace + wordsAt + 12 * row;
    const at = this.#loops.plain(byteOffset + p, byteOffset + byteLength, words, row, rows, workspace)!;
    return { row: at, p: this.#cursor[0]! - byteOffset };
  }

  /** Entries [first, first + rows) of a dictionary are those of the block; false when they are too long to be copied. */
  copyEntries({ offsets, bytes }: Dictionary, first: number, rows: number): boolean {
    const { buffer, workspace } = this.#home;
    const from = offsets[first]!;
    const size = offsets[first + rows]! - from;
    if (size > mostText) return false;
    const place = workspace + copyAt;
    new Int32Array(buffer, place, rows + 1).set(offsets.subarray(first, first + rows + 1));
    const text = place + 4 * (blockRows + 1);
    new Uint8Array(buffer, text, size).set(bytes.subarray(from, from + size));
    this.#text = text - from;
    return true;
  }

  /** Notes the entries that were copied, from that of `row` on. @returns the row that is not short, or `rows` */
  noteEntries(row: number, rows: number): number {
    const { workspace } = this.#home;
    const [offsets, words] = [workspace + copyAt + 4 * row, workspace + wordsAt + 12 * row];
    return this.#loops.entries(offsets, this.#text, words, row, rows, workspace)!;
  }

  /** Codes of rows [row, end) of the block, which last until the next one; and how many texts there are then. */
  resolve(row: number, end: number, { slots, offsets, bytes }: TextArrays, count: number) {
    const { workspace } = this.#home;
    const next = this.#loops.resolve(
      ...[workspace + wordsAt + 12 * row, workspace + codesAt + 4 * row, end - row],
      ...[slots.byteOffset, slots.byteLength - 1, offsets.byteOffset, bytes.byteOffset, count],
    )!;
    return { codes: this.#codes.subarray(row, end), count: next };
  }

  /** Puts all of `old` into `slots`, which are free and a power of two. */
  rehash(old: Int32Array, slots: Int32Array): void {
    this.#loops.rehash(old.byteOffset, 0, old.length >> 2, slots.byteOffset, slots.byteLength - 1, 0, 0, 0);
  }
}

const made = new WeakMap<KernelMemory, TextBlocks>();
const loops = new WeakMap<WasmMemory, TextLoops>();

function loopsOver(memory: WasmMemory): TextLoops {
  let known = loops.get(memory);
  if (known === undefined) loops.set(memory, (known = textLoops(memory)));
  return known;
}
