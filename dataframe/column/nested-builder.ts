import { VolleyError } from '../../core/base/errors.js';
import { packValidity } from './bitmap.js';
import { type ColumnBuilder, createBuilder } from './builder.js';
import type { Column } from './column.js';
import { type DataType, formatType } from './datatype.js';

/** Columns whose values are appended to other builders first. */
abstract class NestedBuilder implements ColumnBuilder {
  readonly type: DataType;
  /** 1 = valid, by row. */
  protected flags: number[] = [];

  constructor(type: DataType) {
    this.type = type;
  }

  get length(): number {
    return this.flags.length;
  }

  abstract appendNull(): void;
  abstract finish(): Column;

  appendNumber(value: number): void {
    throw this.#wrong(String(value));
  }

  appendBool(value: boolean): void {
    throw this.#wrong(String(value));
  }

  appendString(): void {
    throw this.#wrong('text');
  }

  appendBytes(): void {
    throw this.#wrong('text');
  }

  appendInt64(): void {
    throw this.#wrong('an integer');
  }

  /** What every column has of the rows so far; the builder starts anew. */
  protected takeRows() {
    const { length } = this;
    const rows = { type: this.type, length, ...packValidity(Uint8Array.from(this.flags), length) };
    this.flags = [];
    return rows;
  }

  #wrong(value: string): VolleyError {
    const type = formatType(this.type);
    return new VolleyError('TYPE_MISMATCH', `${value} does not fit a column of type ${type}`, {
      type,
      value,
    });
  }
}

/** Lists: the items of a row are appended to `items`, then `appendList` ends it. */
export class ListBuilder extends NestedBuilder {
  readonly items: ColumnBuilder;
  #ends: number[] = [];

  constructor(item: DataType, capacity: number) {
    super({ kind: 'list', item });
    this.items = createBuilder(item, capacity);
  }

  appendList(): void {
    this.#ends.push(this.items.length);
    this.flags.push(1);
  }

  appendNull(): void {
    this.#ends.push(this.items.length);
    this.flags.push(0);
  }

  finish(): Column {
    const values = new Int32Array(this.length + 1);
    values.set(this.#ends, 1);
    this.#ends = [];
    const items = this.items.finish();
    return { ...this.takeRows(), physical: 'list', values, dictionary: null, items };
  }
}

/** Structs: each field of a row is appended to its builder, then `appendStruct` ends it. */
export class StructBuilder extends NestedBuilder {
  readonly fields: readonly ColumnBuilder[];

  constructor(type: Extract<DataType, { kind: 'struct' }>, capacity: number) {
    super(type);
    this.fields = type.fields.map(field => createBuilder(field.type, capacity));
  }

  appendStruct(): void {
    this.flags.push(1);
  }

  appendNull(): void {
    for (const field of this.fields) field.appendNull();
    this.flags.push(0);
  }

  finish(): Column {
    const fields = this.fields.map(field => field.finish());
    return { ...this.takeRows(), physical: 'struct', values: new Uint8Array(0), dictionary: null, fields };
  }
}
