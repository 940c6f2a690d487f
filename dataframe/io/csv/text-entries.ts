import type { Dictionary, Values } from '../../column/column.js';
import { DistinctTexts } from '../../column/distinct-texts.js';
import type { Lent } from '../../kernels/lent.js';
import type { Dialect } from './dialect.js';
import { dropEscapes, FieldKind } from './fields.js';

/** Texts of a column: distinct ones, or, once told that they hardly repeat, one a row as they come. */
export class TextEntries {
  /** null: one a row. */
  distinct: DistinctTexts | null = new DistinctTexts();
  /** Of one a row: entry e is bytes[offsets[e], offsets[e + 1]); row r is entry r + shift. */
  offsets: Int32Array = new Int32Array(0);
  bytes: Uint8Array = new Uint8Array(0);
  shift = 0;
  readonly #dialect: Dialect;
  #lent: Lent | null;
  #scratch: Uint8Array = new Uint8Array(256);

  constructor(dialect: Dialect, lent: Lent) {
    this.#dialect = dialect;
    this.#lent = lent;
  }

  /** The text of a row. */
  add(window: Uint8Array, from: number, to: number, kind: number, row: number): void {
    if (kind === FieldKind.Escaped) {
      if (this.#scratch.length < to - from) this.#scratch = new Uint8Array((to - from) * 2);
      this.#add(this.#scratch, 0, dropEscapes(window, from, to, this.#dialect, this.#scratch), row);
    } else this.#add(window, from, to, row);
  }

  #add(window: Uint8Array, from: number, to: number, row: number): void {
    if (this.distinct !== null) {
      this.distinct.note(window, from, to, row);
      return;
    }
    const entry = row + this.shift;
    const at = this.offsets[entry]!;
    this.bytes.set(window.subarray(from, to), at);
    this.offsets[entry + 1] = at + to - from;
  }

  addNull(row: number): void {
    if (this.distinct !== null) this.distinct.noteNull(row);
    else this.offsets[row + this.shift + 1] = this.offsets[row + this.shift]!;
  }

  /** Codes of the rows below `to` that were added since the last time; null rows are told by their flags. */
  resolve(codes: Values, flags: Uint8Array, from: number, to: number): void {
    if (this.distinct !== null) this.distinct.resolve(codes, to);
    else for (let row = from; row < to; row++) codes[row] = flags[row] === 1 ? row + this.shift : 0;
  }

  /** Rows from `row` on are entries of their own. */
  asTheyCome(row: number): void {
    const { length, offsets, bytes } = this.distinct!.toDictionary();
    this.distinct!.close();
    this.distinct = null;
    this.shift = length - row;
    this.offsets = offsets;
    this.bytes = bytes;
  }

  /** Room for entries of the rows below `rows`, and for so many more bytes of text after those of `row`. */
  reserve(row: number, rows: number, size: number): boolean {
    if (this.distinct !== null) return false;
    const { offsets, bytes } = this;
    const entries = rows + this.shift + 1;
    if (entries > offsets.length) {
      this.offsets = (this.#lent?.values('i32', entries, false) as Int32Array) ?? new Int32Array(entries);
      this.offsets.set(offsets);
      if (offsets.length === 0) this.offsets[0] = 0;
    }
    const need = this.offsets[row + this.shift]! + size;
    if (need > bytes.length) {
      const more = Math.max(need, Math.min(2 * bytes.length, bytes.length + mostGrowth));
      this.bytes = this.#lent?.bytes(more) ?? new Uint8Array(more);
      this.bytes.set(bytes);
    }
    return offsets !== this.offsets || bytes !== this.bytes;
  }

  /** Entries of the first `rows` rows; there are none then. */
  finish(rows: number): Dictionary {
    const { distinct, shift } = this;
    this.#lent = null;
    if (distinct !== null) {
      this.distinct = new DistinctTexts();
      const dictionary = distinct.toDictionary();
      distinct.close();
      return dictionary;
    }
    const length = rows + shift;
    const offsets = this.offsets.subarray(0, length + 1);
    const bytes = this.bytes.subarray(0, offsets[length]);
    this.shift = 0;
    this.offsets = new Int32Array(0);
    this.bytes = new Uint8Array(0);
    return { length, offsets, bytes, repeats: true };
  }
}

const mostGrowth = 64 * 1024 * 1024;
