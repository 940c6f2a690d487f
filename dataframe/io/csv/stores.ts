import { packValidity, type Validity } from '../../column/bitmap.js';
import type { Column, Physical, Values } from '../../column/column.js';
import type { Field } from '../../column/datatype.js';
import { columnOfUnscaled } from '../../column/decimal-builder.js';
import { allocateValues, physicalOf } from '../../column/layout.js';
import type { Lent } from '../../kernels/lent.js';
import { type ValueParser, valueParser } from './convert.js';
import type { Dialect } from './dialect.js';
import { FieldKind, FieldReader, Problem } from './fields.js';
import { isNullField } from './infer.js';
import { TextEntries } from './text-entries.js';

/**
 * The values of one column, by row. The generated loop writes what is usual straight into the arrays; everything else
 * comes through here. A row counts once the reader says so: until then it may be written again.
 */
export abstract class ColumnStore {
  readonly field: Field;
  /** Position in the file's records. */
  readonly column: number;
  values: Values;
  /** 1 = valid, by row. */
  flags: Uint8Array = new Uint8Array(0);
  protected readonly dialect: Dialect;
  readonly #reader: FieldReader;
  #lent: Lent | null;
  /** There may be nulls. */
  #nulls = false;

  constructor(field: Field, column: number, dialect: Dialect, lent: Lent) {
    this.field = field;
    this.column = column;
    this.dialect = dialect;
    this.#reader = new FieldReader(dialect);
    this.#lent = lent;
    this.values = allocateValues(physicalOf(field.type), 0);
  }

  /**
   * Room for `rows` rows, and so many more bytes of text from `row` on; what is there stays. @returns whether arrays are
   * others now
   */
  reserve(_row: number, rows: number, _size: number): boolean {
    const { values, flags } = this;
    if (rows <= flags.length) return false;
    const physical = physicalOf(this.field.type);
    // Only the first batch: memory that is lent is not given back before the task ends, however long its file is.
    this.values = this.#lent?.values(physical, rows, false) ?? allocateValues(physical, rows);
    this.values.set(values as never);
    this.flags = this.#lent?.bytes(rows) ?? new Uint8Array(rows);
    this.flags.set(flags);
    this.flags.fill(1, flags.length);
    return true;
  }

  /**
   * Reads the field at `from` of window[0, length) into `row`. @returns where the next one begins, or -1: the record is
   * malformed, no value, or not all there
   */
  read(window: Uint8Array, from: number, length: number, row: number, terminator: number): number {
    const reader = this.#reader;
    reader.read(window, from, length);
    const { next } = reader;
    if (next >= length || window[next] !== terminator || reader.problem !== Problem.None) return -1;
    return this.set(window, reader.start, reader.end, reader.kind, row) ? next + 1 : -1;
  }

  setNull(row: number): void {
    this.#nulls = true;
    this.flags[row] = 0;
    this.values[row] = 0;
  }

  /** @returns false when the text is no value of the type */
  abstract set(window: Uint8Array, from: number, to: number, kind: number, row: number): boolean;

  /** Rows [from, to) count. */
  settle(_from: number, _to: number): void {}

  /** The row was not one. */
  clear(row: number): void {
    this.flags[row] = 1;
  }

  /** The first `rows` rows as a column; the store is empty then. */
  finish(rows: number): Column {
    const column = this.columnOf(
      rows,
      this.#nulls ? packValidity(this.flags, rows) : { validity: null, nullCount: 0 },
    );
    this.#lent = null;
    this.#nulls = false;
    this.values = allocateValues(physicalOf(this.field.type), 0);
    this.flags = new Uint8Array(0);
    return column;
  }

  protected abstract columnOf(rows: number, validity: Validity): Column;
}

/** Everything but text. */
export class ValueStore extends ColumnStore {
  readonly #parse: ValueParser;
  /** Values that no float64 holds, by row. */
  readonly #wide = new Map<number, bigint>();

  constructor(field: Field, column: number, dialect: Dialect, lent: Lent) {
    super(field, column, dialect, lent);
    this.#parse = valueParser(field);
  }

  set(window: Uint8Array, from: number, to: number, kind: number, row: number): boolean {
    // An empty text in quotes is no value of any other type either.
    if (isNullField(window, from, to, FieldKind.Plain, this.dialect)) {
      this.setNull(row);
      return true;
    }
    const value = kind === FieldKind.Escaped ? undefined : this.#parse(window, from, to);
    if (value === undefined) return false;
    this.flags[row] = 1;
    if (typeof value === 'number') this.values[row] = value;
    else {
      this.#wide.set(row, value);
      this.values[row] = 0;
    }
    return true;
  }

  override clear(row: number): void {
    super.clear(row);
    this.#wide.delete(row);
  }

  protected columnOf(rows: number, validity: Validity): Column {
    const { type } = this.field;
    const wide = this.#wide;
    const values = this.values.subarray(0, rows) as Values;
    if (wide.size === 0) {
      return { type, physical: physicalOf(type), length: rows, ...validity, values, dictionary: null };
    }
    const all = Array.from({ length: rows }, (_, row) => wide.get(row) ?? values[row]!);
    wide.clear();
    if (type.kind === 'decimal') return columnOfUnscaled(type, all, validity);
    const words = BigInt64Array.from(all, value => BigInt(value));
    const physical: Physical = 'i64';
    return {
      type,
      physical,
      length: rows,
      ...validity,
      values: new Int32Array(words.buffer),
      dictionary: null,
    };
  }
}

/** Text: codes. */
export class TextStore extends ColumnStore {
  readonly entries: TextEntries;

  constructor(field: Field, column: number, dialect: Dialect, lent: Lent) {
    super(field, column, dialect, lent);
    this.entries = new TextEntries(dialect, lent);
  }

  override reserve(row: number, rows: number, size: number): boolean {
    const more = super.reserve(row, rows, size);
    return this.entries.reserve(row, rows, size) || more;
  }

  set(window: Uint8Array, from: number, to: number, kind: number, row: number): boolean {
    if (isNullField(window, from, to, kind, this.dialect)) this.setNull(row);
    else {
      this.entries.add(window, from, to, kind, row);
      this.flags[row] = 1;
    }
    return true;
  }

  override setNull(row: number): void {
    super.setNull(row);
    this.entries.addNull(row);
  }

  override settle(from: number, to: number): void {
    this.entries.resolve(this.values, this.flags, from, to);
  }

  protected columnOf(rows: number, validity: Validity): Column {
    const values = this.values.subarray(0, rows) as Values;
    const dictionary = this.entries.finish(rows);
    return { type: this.field.type, physical: 'code', length: rows, ...validity, values, dictionary };
  }
}

export function createStore(field: Field, column: number, dialect: Dialect, lent: Lent): ColumnStore {
  const Store = field.type.kind === 'utf8' ? TextStore : ValueStore;
  return new Store(field, column, dialect, lent);
}
