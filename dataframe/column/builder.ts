import { VolleyError } from '../../core/base/errors.js';
import { packValidity } from './bitmap.js';
import type { Column, Physical, Values } from './column.js';
import { type DataType, formatType } from './datatype.js';
import { DecimalBuilder } from './decimal-builder.js';
import { allocateValues, elementsPerValue, isWide, physicalOf } from './layout.js';
import { ListBuilder, StructBuilder } from './nested-builder.js';
import { StringTable } from './string-table.js';

/**
 * Builds one column value by value. Values must suit the type (a number for numeric, date, timestamp and duration
 * columns, in the column's unit; of decimals the unscaled integer); ranges of narrow integers are checked by the caller.
 */
export interface ColumnBuilder {
  readonly type: DataType;
  readonly length: number;
  appendNull(): void;
  appendNumber(value: number): void;
  appendBool(value: boolean): void;
  appendString(value: string): void;
  /** UTF-8 (or binary) bytes[from, to), copied. */
  appendBytes(bytes: Uint8Array, from: number, to: number): void;
  /** A 64-bit integer as its low and high word. */
  appendInt64(low: number, high: number): void;
  /** The column; the builder starts anew, empty. */
  finish(): Column;
}

const two32 = 4294967296;

/** A builder for columns of `type`; `capacity` is a hint in rows. */
export function createBuilder(type: DataType, capacity = 1024): ColumnBuilder {
  if (type.kind === 'decimal') return new DecimalBuilder(type);
  if (type.kind === 'struct') return new StructBuilder(type, capacity);
  return type.kind === 'list' ? new ListBuilder(type.item, capacity) : new Builder(type, capacity);
}

class Builder implements ColumnBuilder {
  readonly type: DataType;
  #physical: Physical;
  #values: Values;
  /** 1 = valid, by row; null until the first null. */
  #flags: Uint8Array | null = null;
  #capacity: number;
  #length = 0;
  #table: StringTable | null;
  readonly #wide: boolean;
  readonly #unsigned: boolean;

  constructor(type: DataType, capacity: number) {
    this.type = type;
    this.#physical = physicalOf(type);
    this.#capacity = Math.max(16, capacity);
    this.#values = allocateValues(this.#physical, this.#capacity);
    this.#table = this.#physical === 'code' ? new StringTable() : null;
    this.#wide = isWide(type);
    this.#unsigned = type.kind === 'uint64';
  }

  get length(): number {
    return this.#length;
  }

  appendNull(): void {
    const row = this.#next();
    if (this.#flags === null) this.#flags = new Uint8Array(this.#capacity).fill(1, 0, row);
    this.#flags[row] = 0;
  }

  appendNumber(value: number): void {
    if (this.#wide) {
      if (this.#physical === 'i64' || !Number.isSafeInteger(value)) {
        this.#appendWords(value);
        return;
      }
      value += 0; // −0 is not an integer of its own.
    }
    const row = this.#next();
    this.#values[row] = value;
    if (this.#flags !== null) this.#flags[row] = 1;
  }

  appendBool(value: boolean): void {
    const row = this.#next();
    this.#values[row] = value ? 1 : 0;
    if (this.#flags !== null) this.#flags[row] = 1;
  }

  appendString(value: string): void {
    const code = this.#strings().internString(value);
    const row = this.#next();
    this.#values[row] = code;
    if (this.#flags !== null) this.#flags[row] = 1;
  }

  appendBytes(bytes: Uint8Array, from: number, to: number): void {
    const code = this.#strings().intern(bytes, from, to);
    const row = this.#next();
    this.#values[row] = code;
    if (this.#flags !== null) this.#flags[row] = 1;
  }

  appendInt64(low: number, high: number): void {
    if (this.#physical !== 'i64') {
      const value = (this.#unsigned ? high >>> 0 : high) * two32 + (low >>> 0);
      if (!this.#wide || Number.isSafeInteger(value)) {
        this.appendNumber(value);
        return;
      }
      this.#widen();
    }
    const row = this.#next();
    this.#values[2 * row] = low;
    this.#values[2 * row + 1] = high;
    if (this.#flags !== null) this.#flags[row] = 1;
  }

  finish(): Column {
    const length = this.#length;
    const packed = this.#flags === null ? null : packValidity(this.#flags, length);
    const physical = this.#physical;
    const elements = length * elementsPerValue(physical);
    const values =
      this.#values.length === elements ? this.#values : (this.#values.slice(0, elements) as Values);
    const column: Column = {
      type: this.type,
      physical,
      length,
      nullCount: packed?.nullCount ?? 0,
      validity: packed?.validity ?? null,
      values,
      dictionary: this.#table === null ? null : this.#table.toDictionary(),
    };
    this.#physical = physicalOf(this.type);
    this.#values = allocateValues(this.#physical, this.#capacity);
    this.#flags = null;
    this.#length = 0;
    if (this.#table !== null) this.#table = new StringTable();
    return column;
  }

  #strings(): StringTable {
    if (this.#table === null) throw wrongType(this.type, 'text');
    return this.#table;
  }

  /** The next row, its value still 0. */
  #next(): number {
    const row = this.#length++;
    if (row === this.#capacity) this.#grow();
    return row;
  }

  #grow(): void {
    this.#capacity *= 2;
    const values = allocateValues(this.#physical, this.#capacity);
    values.set(this.#values as never);
    this.#values = values;
    if (this.#flags !== null) {
      const flags = new Uint8Array(this.#capacity);
      flags.set(this.#flags);
      this.#flags = flags;
    }
  }

  /** From safe integers as f64 to pairs of words. */
  #widen(): void {
    const values = allocateValues('i64', this.#capacity);
    for (let i = 0; i < this.#length; i++) {
      const v = this.#values[i]!;
      values[2 * i] = v | 0;
      values[2 * i + 1] = Math.floor(v / two32);
    }
    this.#values = values;
    this.#physical = 'i64';
  }

  #appendWords(value: number): void {
    const low = this.#unsigned ? 0 : -(2 ** 63);
    const high = this.#unsigned ? 2 ** 64 : 2 ** 63;
    if (!Number.isInteger(value) || value < low || value >= high) throw wrongType(this.type, String(value));
    if (this.#physical !== 'i64') this.#widen();
    this.appendInt64(value | 0, Math.floor(value / two32) | 0);
  }
}

function wrongType(type: DataType, value: string): VolleyError {
  return new VolleyError('TYPE_MISMATCH', `${value} does not fit a column of type ${formatType(type)}`, {
    type: formatType(type),
    value,
  });
}
