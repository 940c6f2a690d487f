import { limits } from '../../../core/base/limits.js';
import type { Dictionary } from '../../column/column.js';
import { copyInto } from '../../column/copy-bytes.js';
import { entryBytes } from '../../column/decimal-entries.js';
import { DistinctTexts, notedRows } from '../../column/distinct-texts.js';
import { Lent } from '../../kernels/lent.js';
import { kernelBytes, requireBytes, viewOf } from './bytes.js';
import {
  type CodedEntries,
  decodeCodes,
  decodeEntries,
  isCoded,
  isFew,
  joinStreams,
  paddedTable,
  pickCodes,
  requireCode,
} from './codes.js';
import { decimalEntry } from './decimals.js';
import { unpackDeltas } from './delta.js';
import { LazyEntries } from './lazy-entries.js';
import type { Encoding } from './metadata.js';
import { TextList } from './text-list.js';
import type { ValueSink } from './values.js';

export interface TextOptions {
  /** Nobody looks at the text: entries may repeat. */
  readonly movesOnly: boolean;
  /** Only some rows are wanted: of a file's dictionary, too, only what they refer to is interned. */
  readonly picks: boolean;
  /** Bytes of all values, as far as the file tells. */
  readonly expectedBytes: number;
  readonly lent: Lent;
  /** Bytes of every value; null: each has its length in front. */
  readonly fixedBytes: number | null;
  /** 'uuid': values are the 16 bytes of one, and shown as its text. 'decimal': they become entries (decimals.ts). */
  readonly form: 'uuid' | 'decimal' | null;
}

/**
 * Text and binary values as codes into one dictionary for all pages and row groups of a batch. Entries are distinct,
 * unless text is only moved: then values of plain pages are copied as they come, a dictionary of its own each.
 */
export class TextSink implements ValueSink {
  readonly values: Int32Array;
  readonly width = 1;
  readonly #options: TextOptions;
  #table = new DistinctTexts();
  /** Until the last page of the chunk. */
  #lent = new Lent();
  /** Of the column, once it was asked for: nothing is decoded any more. */
  #dictionary: Dictionary | null = null;
  /** What the table began with. */
  #known: Dictionary | null = null;
  /** Takes the place of the table once values are copied as they come. */
  #list: TextList | null = null;
  /** Code of each entry of the file's dictionary; null: there is none. */
  #map: Int32Array | null = null;
  /** The file's dictionary until a page needs all of its entries. */
  #lazy: LazyEntries | null = null;
  #count = 0;
  #identity = true;
  #decoded = 0;

  constructor(values: Int32Array, options: TextOptions) {
    this.values = values;
    this.#options = options;
  }

  startWith(texts: Dictionary): void {
    this.#table.internAll(texts);
    this.#known = texts;
  }

  begin(lent: Lent): void {
    this.#lent = lent;
    this.#map = null;
    this.#lazy = null;
  }

  dictionaryPage(page: Uint8Array, count: number): void {
    // A lying count must not allocate: each entry takes at least its length prefix.
    requireBytes(page, 0, count * (this.#options.fixedBytes ?? 4));
    this.#count = count;
    if (this.#options.picks) {
      // A copy: the next page is unpacked to the same place.
      const kept = this.#lent.bytes(page.length);
      copyInto(kept, 0, page);
      this.#lazy = new LazyEntries(kept, count, this.#options.fixedBytes);
      this.#map = null;
    } else this.#internAll(page);
  }

  #internAll(page: Uint8Array): void {
    const count = this.#count;
    const map = new Int32Array(count);
    this.#take(page, 0, map, 0, count);
    this.#map = paddedTable(map, count, -1);
    this.#identity = map.every((code, i) => code === i);
    this.#lazy = null;
  }

  bytesAsStored(): number {
    return 0;
  }

  stored(): void {}

  dataPage(page: Uint8Array, from: number, encoding: Encoding, at: number, count: number): void {
    // Nothing but nulls: writers may leave out the values altogether.
    if (count === 0) {
      return;
    }
    if (encoding === 'PLAIN') {
      const { movesOnly, lent, expectedBytes } = this.#options;
      if (movesOnly) {
        this.#list ??= new TextList(this.#table.toDictionary(), lent, this.values.length, expectedBytes);
      }
      this.#take(page, from, this.values, at, count);
    } else if (isCoded(encoding)) {
      this.#coded(page, from, at, count);
    } else if (encoding === 'DELTA_LENGTH_BYTE_ARRAY' || encoding === 'DELTA_BYTE_ARRAY') {
      this.#deltas(page, from, encoding === 'DELTA_BYTE_ARRAY', at, count);
    } else if (encoding === 'BYTE_STREAM_SPLIT' && this.#options.fixedBytes !== null) {
      const size = this.#options.fixedBytes;
      requireBytes(page, from, count * size);
      this.#fixed(joinStreams(page, from, count, size), 0, size, this.values, at, count);
    } else {
      throw new RangeError(`encoding ${encoding} of BYTE_ARRAY is not supported`);
    }
  }

  dictionary(): Dictionary {
    if (this.#dictionary === null) {
      const known = this.#known?.length === this.#table.length ? this.#known : null;
      this.#dictionary = this.#list?.toDictionary() ?? known ?? this.#table.toDictionary();
      this.#table.close();
    }
    return this.#dictionary;
  }

  range(): undefined {
    return undefined;
  }

  #coded(page: Uint8Array, from: number, at: number, count: number): void {
    if (this.#lazy !== null) this.#internAll(this.#lazy.page);
    const map = this.#map;
    if (map === null) {
      throw new RangeError('a page of dictionary codes comes before its dictionary');
    }
    const values = this.values;
    if (decodeEntries(page, from, map, this.#count, 'code', values, at, count)) return;
    decodeCodes(page, from, values, at, count);
    const end = at + count;
    let largest = 0;
    if (this.#identity) {
      for (let i = at; i < end; i++) {
        const code = values[i]! >>> 0;
        if (code > largest) largest = code;
      }
    } else {
      for (let i = at; i < end; i++) {
        const code = values[i]! >>> 0;
        if (code > largest) largest = code;
        values[i] = map[code]!;
      }
    }
    requireCode(largest, this.#count);
  }

  /**
   * Lengths first, then all bytes. With `prefixed`, each text shares a prefix with the one before, so a small file
   * can stand for any amount of text: it is built in one buffer and counted.
   */
  #deltas(page: Uint8Array, from: number, prefixed: boolean, at: number, count: number): void {
    const prefixes = new Int32Array(count);
    const lengths = new Int32Array(count);
    let p = prefixed ? unpackDeltas(page, from, count, prefixes, 1) : from;
    p = unpackDeltas(page, p, count, lengths, 1);
    let text = new Uint8Array(256);
    let before = 0;
    for (let i = 0; i < count; i++) {
      const prefix = prefixes[i]!;
      const length = lengths[i]!;
      requireBytes(page, p, length);
      this.#decoded += prefix + length;
      if (prefix < 0 || prefix > before || this.#decoded > limits.parquetDecodedBytes) {
        throw new RangeError(`its text is damaged or exceeds ${limits.parquetDecodedBytes} decoded bytes`);
      }
      before = prefix + length;
      if (before > text.length) {
        const grown = new Uint8Array(before * 2);
        grown.set(text.subarray(0, prefix));
        text = grown;
      }
      text.set(page.subarray(p, p + length), prefix);
      p += length;
      this.values[at + i] = this.#intern(text, 0, before);
    }
  }

  pick(
    page: Uint8Array,
    from: number,
    encoding: Encoding,
    at: number,
    count: number,
    picked: Int32Array,
  ): boolean {
    if (encoding === 'PLAIN') this.#pickPlain(page, from, at, picked);
    else if (isCoded(encoding) && this.#lazy !== null && isFew(picked, count)) {
      const codes = pickCodes(page, from, at, count, picked, this.#count);
      for (let k = 0; k < picked.length; k++) {
        this.values[picked[k]!] = this.#lazy.code(codes[k]!, (from, to) =>
          this.#intern(this.#lazy!.page, from, to),
        );
      }
    } else return false;
    return true;
  }

  entriesOf(encoding: Encoding): CodedEntries | null {
    const values = this.#map;
    return isCoded(encoding) && values !== null ? { values, count: this.#count } : null;
  }

  /** Values that are not picked are stepped over. */
  #pickPlain(page: Uint8Array, from: number, at: number, picked: Int32Array): void {
    const view = viewOf(page);
    const { fixedBytes } = this.#options;
    let p = from;
    let row = at;
    for (const wanted of picked) {
      if (fixedBytes !== null) p = from + (wanted - at) * fixedBytes;
      else {
        p = stepOver(view, p, wanted - row);
        requireBytes(page, p, 4);
      }
      const length = fixedBytes ?? view.getInt32(p, true);
      const start = fixedBytes === null ? p + 4 : p;
      requireBytes(page, start, length);
      this.values[wanted] = this.#intern(page, start, start + length);
      p = start + length;
      row = wanted + 1;
    }
  }

  #intern(bytes: Uint8Array, from: number, to: number): number {
    const target = this.#list ?? this.#table;
    const { form } = this.#options;
    if (form === null) return target.intern(bytes, from, to);
    if (form === 'decimal') return target.intern(decimalEntry(bytes, from, to), 0, entryBytes);
    if (to - from !== 16) throw new RangeError(`a UUID of ${to - from} bytes`);
    return target.intern(uuidText(bytes, from), 0, uuidLength);
  }

  #fixed(page: Uint8Array, from: number, size: number, out: Int32Array, at: number, count: number): void {
    requireBytes(page, from, count * size);
    for (let i = 0; i < count; i++) out[at + i] = this.#intern(page, from + i * size, from + (i + 1) * size);
  }

  /** Length and bytes, one value after another. */
  #take(page: Uint8Array, from: number, out: Int32Array, at: number, count: number): void {
    const { fixedBytes } = this.#options;
    if (fixedBytes !== null) {
      this.#fixed(page, from, fixedBytes, out, at, count);
      return;
    }
    let p = from;
    if (this.#options.form !== null) {
      const view = viewOf(page);
      for (let row = at; row < at + count; row++) {
        requireBytes(page, p, 4);
        const length = view.getInt32(p, true);
        p += 4;
        requireBytes(page, p, length);
        out[row] = this.#intern(page, p, p + length);
        p += length;
      }
      return;
    }
    if (this.#list !== null) {
      this.#list.appendPlain(page, from, out, at, count);
      return;
    }
    this.#note(kernelBytes(page, this.#lent), from, out, at, count);
  }

  /** Texts that somebody looks at: a code for each different one. */
  #note(page: Uint8Array, from: number, out: Int32Array, at: number, count: number): void {
    const table = this.#table;
    const view = viewOf(page);
    let p = from;
    for (let row = at; row < at + count; ) {
      const end = Math.min(at + count, row + notedRows);
      const next = table.takePlain(page, p, out, row, end);
      if (next >= 0) {
        p = next;
        row = end;
        continue;
      }
      table.startAt(row);
      for (; row < end; row++) {
        requireBytes(page, p, 4);
        const length = view.getInt32(p, true);
        p += 4;
        requireBytes(page, p, length);
        table.note(page, p, p + length, row);
        p += length;
      }
      table.resolve(out, end);
    }
  }
}

/** Where the value after `count` values from p on begins: a function that ends with its loop, which V8 makes good code of. */
function stepOver(view: DataView, p: number, count: number): number {
  const last = view.byteLength - 4;
  for (let k = 0; k < count; k++) {
    const length = p > last ? -1 : view.getInt32(p, true);
    if (length < 0) throw new RangeError(`a page of ${view.byteLength} bytes ends before its values`);
    p += 4 + length;
  }
  return p;
}

const uuidLength = 36;
const uuid = new Uint8Array(uuidLength).fill(45);
const hexDigits = Buffer.from('0123456789abcdef');

/** Overwritten by the next call. */
function uuidText(bytes: Uint8Array, from: number): Uint8Array {
  for (let i = 0, at = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) at++;
    uuid[at++] = hexDigits[bytes[from + i]! >> 4]!;
    uuid[at++] = hexDigits[bytes[from + i]! & 15]!;
  }
  return uuid;
}
