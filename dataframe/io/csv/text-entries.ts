import type { Dictionary } from '../../column/column.js';
import { StringTable } from '../../column/string-table.js';
import type { Lent } from '../../kernels/lent.js';
import type { Dialect } from './dialect.js';
import { dropEscapes, FieldKind } from './fields.js';
import { ShortTexts } from './short-texts.js';

/** Texts of a column: distinct ones, or, once told that they hardly repeat, one a row as they come. */
export class TextEntries {
  /** Distinct ones; null: one a row. */
  table: StringTable | null = new StringTable();
  /** The way to the table. */
  texts = new ShortTexts(this.table!);
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

  /** @returns the code */
  add(window: Uint8Array, from: number, to: number, kind: number, row: number): number {
    if (kind === FieldKind.Escaped) {
      if (this.#scratch.length < to - from) this.#scratch = new Uint8Array((to - from) * 2);
      const length = dropEscapes(window, from, to, this.#dialect, this.#scratch);
      return this.#add(this.#scratch, 0, length, row);
    }
    return this.#add(window, from, to, row);
  }

  #add(window: Uint8Array, from: number, to: number, row: number): number {
    if (this.table !== null) return this.table.intern(window, from, to);
    const entry = row + this.shift;
    const at = this.offsets[entry]!;
    this.bytes.set(window.subarray(from, to), at);
    this.offsets[entry + 1] = at + to - from;
    return entry;
  }

  /** Rows from `row` on are entries of their own. */
  asTheyCome(row: number): void {
    const { length, offsets, bytes } = this.table!.toDictionary();
    this.table = null;
    this.shift = length - row;
    this.offsets = offsets;
    this.bytes = bytes;
  }

  /** Distinct ones. */
  get entries(): number {
    return this.table?.length ?? 0;
  }

  /** Room for entries of the rows below `rows`, and for so many more bytes of text after those of `row`. */
  reserve(row: number, rows: number, size: number): boolean {
    if (this.table !== null) return false;
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
    const { table, shift } = this;
    this.#lent = null;
    if (table !== null) {
      this.table = new StringTable();
      this.texts = new ShortTexts(this.table);
      return table.toDictionary();
    }
    const length = rows + shift;
    const offsets = this.offsets.subarray(0, length + 1);
    const dictionary = {
      length,
      offsets,
      bytes: this.bytes.subarray(0, offsets[length]),
      repeats: true as const,
    };
    this.shift = 0;
    this.offsets = new Int32Array(0);
    this.bytes = new Uint8Array(0);
    return dictionary;
  }
}

const mostGrowth = 64 * 1024 * 1024;
