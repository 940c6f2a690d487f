import { VolleyError } from '../../core/base/errors.js';
import { kernelMemory } from '../../core/base/kernel-memory.js';
import { fewBytes, giveInts, takeInts } from '../kernels/scratch.js';
import type { Dictionary, Values } from './column.js';
import { copyInto } from './copy-bytes.js';
import { distinctEntries, StringTable } from './string-table.js';
import { blockRows, TextBlocks } from './text-blocks.js';
import { hashOf, isShort, mask0, mask1, mask2, rehashSlots, sizeOf, wordsBytes } from './text-words.js';

/** Rows that are noted before they are looked up. */
export const notedRows = blockRows;
/** A block of fewer rows is done before WebAssembly has what it needs. */
const fewRows = 64;
/** What is shorter is not lent. */
const leastInts = fewBytes / 4;

const noWords = new Int32Array(0);

/** Offsets are Int32. */
const maxBytes = 2 ** 31 - 1;

/**
 * Codes of texts, equal ones for equal texts, in order of first appearance. Short texts lie in the slots of the table
 * themselves: one access to memory finds them. And rows are noted first and looked up later, some thousand at a time:
 * the processor then waits for many of these accesses at once. Zeros fill up the words: what ends in NUL is not short.
 */
export class DistinctTexts {
  /** Code + 1 (0: free) and three words. */
  #slots: Int32Array = new Int32Array(4 * 64);
  #count = 0;
  #offsets: Int32Array = new Int32Array(64);
  #bytes: Uint8Array = new Uint8Array(1024);
  #target: DataView = new DataView(this.#bytes.buffer);
  /** The empty text, texts of more bytes, and their codes. */
  #long: StringTable | null = null;
  readonly #longCodes: number[] = [];
  /** Three words for each row that is noted; the first is 0 where the second is the code. */
  #words: Int32Array = noWords;
  #base = 0;
  readonly #one = new Int32Array(1);
  /** There was no room for it where WebAssembly works. */
  #crowded = false;
  #window: Uint8Array | null = null;
  #view: DataView = new DataView(new ArrayBuffer(0));

  get length(): number {
    return this.#count;
  }

  /** Notes bytes[from, to) for a row: none below those looked up, and less than notedRows above them. */
  note(bytes: Uint8Array, from: number, to: number, row: number): void {
    if (bytes !== this.#window) {
      this.#window = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const size = to - from;
    const view = this.#view;
    if (size > wordsBytes || size === 0 || from + wordsBytes > view.byteLength || bytes[to - 1] === 0) {
      this.#noteSlowly(bytes, from, to, row);
      return;
    }
    if (this.#words.length === 0) this.#words = new Int32Array(3 * notedRows);
    const at = 3 * (row - this.#base);
    const first = view.getInt32(from, true) & mask0[size]!;
    if (first === 0) {
      this.#noteSlowly(bytes, from, to, row);
      return;
    }
    this.#words[at] = first;
    this.#words[at + 1] = view.getInt32(from + 4, true) & mask1[size]!;
    this.#words[at + 2] = view.getInt32(from + 8, true) & mask2[size]!;
  }

  /** Code 0, whatever that is. */
  noteNull(row: number): void {
    this.#noteCode(0, row);
  }

  #noteCode(code: number, row: number): void {
    if (this.#words.length === 0) this.#words = new Int32Array(3 * notedRows);
    const at = 3 * (row - this.#base);
    this.#words[at] = 0;
    this.#words[at + 1] = code;
  }

  #noteSlowly(bytes: Uint8Array, from: number, to: number, row: number): void {
    if (isShort(bytes, from, to)) {
      const padded = new Uint8Array(wordsBytes);
      padded.set(bytes.subarray(from, to));
      this.note(padded, 0, to - from, row);
      return;
    }
    this.#noteCode(this.#longCode(bytes, from, to), row);
  }

  /** Of a text that is not known by its words. */
  #longCode(bytes: Uint8Array, from: number, to: number): number {
    this.#long ??= new StringTable();
    const known = this.#long.intern(bytes, from, to);
    if (known === this.#longCodes.length) {
      this.#reserve(to - from);
      this.#bytes.set(bytes.subarray(from, to), this.#offsets[this.#count]);
      this.#longCodes.push(this.#append(to - from));
    }
    return this.#longCodes[known]!;
  }

  /** Rows are noted from here on; none is noted and not looked up. */
  startAt(row: number): void {
    this.#base = row;
  }

  /** The code of bytes[from, to). No row is noted and not looked up. */
  intern(bytes: Uint8Array, from: number, to: number): number {
    this.#base = 0;
    this.note(bytes, from, to, 0);
    this.resolve(this.#one, 1);
    return this.#one[0]!;
  }

  /** The codes of the rows below `to` that have none yet. */
  resolve(codes: Values, to: number): void {
    const words = this.#words;
    let slots = this.#slots;
    let mask = slots.length - 1;
    for (let row = this.#base, i = 0; row < to; row++, i += 3) {
      const w0 = words[i]!;
      const w1 = words[i + 1]!;
      const w2 = words[i + 2]!;
      if (w0 === 0) {
        codes[row] = w1;
        continue;
      }
      let at = (hashOf(w0, w1, w2) << 2) & mask;
      for (;;) {
        const code = slots[at]!;
        if (code === 0) {
          codes[row] = this.#add(w0, w1, w2, at);
          slots = this.#slots;
          mask = slots.length - 1;
          break;
        }
        if (slots[at + 1] === w0 && slots[at + 2] === w1 && slots[at + 3] === w2) {
          codes[row] = code - 1;
          break;
        }
        at = (at + 4) & mask;
      }
    }
    this.#base = to;
  }

  /**
   * Codes of values of a PLAIN page, from its byte p on, for rows [row, end): notedRows at most. None is noted and not
   * looked up. @returns the byte behind them, or -1: it cannot, and nothing was done
   */
  takePlain(page: Uint8Array, p: number, codes: Values, row: number, end: number): number {
    const blocks = this.#blocks(end - row);
    if (blocks === null || !blocks.holds(page)) return -1;
    const rows = end - row;
    const { words } = blocks;
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    blocks.begin();
    for (let at = 0; ; ) {
      ({ row: at, p } = blocks.notePlain(page, p, at, rows));
      if (at === rows) break;
      let next = 0;
      do {
        const from = p + 4;
        const length = from > page.length ? -1 : view.getInt32(p, true);
        if (length < 0 || from + length > page.length)
          throw new RangeError(`a page of ${page.length} bytes ends before its values`);
        p = from + length;
        words[3 * at] = 0;
        words[3 * at + 1] = this.#longCode(page, from, p);
        at++;
        next = p + 4 > page.length ? 0 : view.getInt32(p, true);
      } while (at < rows && next > wordsBytes);
    }
    this.#resolveBlock(blocks, codes, row, 0, rows);
    return p;
  }

  /**
   * Codes of entries [from, to) of a dictionary, into `map`: truly in order of first appearance, long ones too. No row is
   * noted and not looked up.
   */
  internRange(dictionary: Dictionary, from: number, to: number, map: Int32Array): void {
    const { offsets, bytes } = dictionary;
    for (let first = from; first < to; first += notedRows) {
      const end = Math.min(to, first + notedRows);
      const blocks = this.#blocks(end - first);
      if (blocks?.copyEntries(dictionary, first, end - first)) {
        this.#takeEntries(blocks, dictionary, first, end - first, map);
        continue;
      }
      this.startAt(first);
      for (let i = first; i < end; i++) {
        if (!isShort(bytes, offsets[i]!, offsets[i + 1]!)) this.resolve(map, i);
        this.note(bytes, offsets[i]!, offsets[i + 1]!, i);
      }
      this.resolve(map, end);
    }
  }

  /** Codes of all entries of a dictionary. */
  internAll(dictionary: Dictionary): Int32Array {
    const map = new Int32Array(dictionary.length);
    this.internRange(dictionary, 0, dictionary.length, map);
    return map;
  }

  #takeEntries(
    blocks: TextBlocks,
    dictionary: Dictionary,
    first: number,
    rows: number,
    map: Int32Array,
  ): void {
    const { offsets, bytes } = dictionary;
    blocks.begin();
    for (let at = 0; at < rows; ) {
      const short = blocks.noteEntries(at, rows);
      if (short > at) this.#resolveBlock(blocks, map, first, at, short);
      for (at = short; at < rows; at++) {
        const [from, to] = [offsets[first + at]!, offsets[first + at + 1]!];
        if (isShort(bytes, from, to)) break;
        map[first + at] = this.#longCode(bytes, from, to);
      }
    }
  }

  /** Rows [from, to) of the block, of which the first is `row` of the codes. */
  #resolveBlock(blocks: TextBlocks, codes: Values, row: number, from: number, to: number): void {
    // Long texts may have taken the room.
    if (this.#blocks(Math.max(fewRows, to - from)) === null) {
      const words = this.#words;
      this.#words = blocks.words.subarray(3 * from);
      this.startAt(row + from);
      this.resolve(codes, row + to);
      this.#words = words;
      return;
    }
    const arrays = { slots: this.#slots, offsets: this.#offsets, bytes: this.#bytes };
    const found = blocks.resolve(from, to, arrays, this.#count);
    this.#count = found.count;
    codes.set(found.codes as never, row + from);
  }

  /** WebAssembly's loops, with room for so many rows in memory that they work in; null where there is none. */
  #blocks(rows: number): TextBlocks | null {
    const home = rows < fewRows || this.#crowded ? null : kernelMemory();
    if (home === null) return null;
    // Until it is known that there is room: asking for it block by block would cost more than it brings.
    this.#crowded = true;
    const blocks = TextBlocks.over(home);
    const count = this.#count + rows;
    let slots = this.#slots.length;
    while (slots < Math.max(leastInts, 8 * count)) slots *= 2;
    if (slots > this.#slots.length || !blocks.holds(this.#slots)) {
      const old = this.#slots;
      const more = takeInts(slots);
      if (!blocks.holds(more)) {
        giveInts(more);
        return null;
      }
      if (blocks.holds(old)) blocks.rehash(old, more);
      else rehashSlots(old, more);
      this.#slots = more;
      if (blocks.holds(old)) giveInts(old);
    }
    this.#offsets = this.#widened(blocks, this.#offsets, count + 2, this.#count + 1);
    const used = this.#offsets[this.#count]!;
    const { buffer, byteOffset, byteLength } = this.#bytes;
    if (!blocks.holds(this.#bytes) || used + wordsBytes * (rows + 1) > byteLength) {
      const old = blocks.holds(this.#bytes) ? new Int32Array(buffer, byteOffset, byteLength >> 2) : null;
      const ints = takeInts(Math.max(leastInts, byteLength >> 1, (used >> 2) + 3 * (rows + 2)), false);
      this.#setBytes(new Uint8Array(ints.buffer, ints.byteOffset, ints.byteLength), used);
      if (old !== null) giveInts(old);
    }
    this.#crowded = !(blocks.holds(this.#offsets) && blocks.holds(this.#bytes));
    return this.#crowded ? null : blocks;
  }

  #widened(blocks: TextBlocks, old: Int32Array, length: number, used: number): Int32Array {
    if (blocks.holds(old) && length <= old.length) return old;
    const more = takeInts(Math.max(leastInts, length, 2 * old.length), false);
    more.set(old.subarray(0, used));
    if (blocks.holds(old)) giveInts(old);
    return more;
  }

  #setBytes(bytes: Uint8Array, used: number): void {
    copyInto(bytes, 0, this.#bytes.subarray(0, used));
    this.#bytes = bytes;
    this.#target = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Nothing is asked of it any more: what it was lent is free again. */
  close(): void {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    const arrays = [this.#slots, this.#offsets, new Int32Array(buffer, byteOffset, byteLength >> 2)];
    for (const ints of arrays) this.#give(ints);
    this.#slots = this.#offsets = noWords;
    this.#bytes = new Uint8Array(0);
  }

  /** There will be about so many: the table need not grow step by step. */
  expect(entries: number): void {
    let size = this.#slots.length;
    while (size < entries * 8) size *= 2;
    if (size > this.#slots.length) this.#rehash(size);
  }

  /** The texts so far. */
  toDictionary(): Dictionary {
    const length = this.#count;
    const offsets = this.#offsets.slice(0, length + 1);
    return distinctEntries({ length, offsets, bytes: this.#bytes.slice(0, offsets[length]) });
  }

  #add(w0: number, w1: number, w2: number, at: number): number {
    this.#reserve(wordsBytes);
    const end = this.#offsets[this.#count]!;
    const target = this.#target;
    target.setInt32(end, w0, true);
    target.setInt32(end + 4, w1, true);
    target.setInt32(end + 8, w2, true);
    const code = this.#append(sizeOf(w0, w1, w2));
    const slots = this.#slots;
    slots[at] = code + 1;
    slots[at + 1] = w0;
    slots[at + 2] = w1;
    slots[at + 3] = w2;
    // At most half full.
    if (this.#count * 8 > slots.length) this.#rehash(slots.length * 4);
    return code;
  }

  #append(size: number): number {
    const code = this.#count++;
    this.#offsets[code + 1] = this.#offsets[code]! + size;
    return code;
  }

  /** Room for one more entry of so many bytes. */
  #reserve(size: number): void {
    const offsets = this.#offsets;
    if (this.#count + 2 > offsets.length) {
      this.#offsets = this.#take(offsets.length * 2);
      copyInto(this.#offsets, 0, offsets);
      this.#give(offsets);
    }
    const need = offsets[this.#count]! + size;
    if (need <= this.#bytes.length) return;
    if (need > maxBytes) {
      throw new VolleyError(
        'RESOURCE_EXHAUSTED',
        'one column of one partition holds more than 2 GiB of distinct text: use more, smaller partitions',
        { bytes: need },
      );
    }
    const old = this.#bytes;
    const more = this.#take(Math.ceil(Math.min(maxBytes, Math.max(need, old.length * 2)) / 4));
    this.#setBytes(new Uint8Array(more.buffer, more.byteOffset, more.byteLength), offsets[this.#count]!);
    this.#give(new Int32Array(old.buffer, old.byteOffset, old.byteLength >> 2));
  }

  #rehash(size: number): void {
    const old = this.#slots;
    this.#slots = this.#take(size, true);
    rehashSlots(old, this.#slots);
    this.#give(old);
  }

  /** Lent within tasks, where what is let go would be memory that waits for a collection. */
  #take(ints: number, zeroed = false): Int32Array {
    return kernelMemory() === null ? new Int32Array(ints) : takeInts(ints, zeroed);
  }

  #give(ints: Int32Array): void {
    if (kernelMemory() !== null) giveInts(ints);
  }
}
