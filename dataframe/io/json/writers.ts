import { VolleyError } from '../../../core/base/errors.js';
import { type ColumnBuilder, createBuilder } from '../../column/builder.js';
import { type DataType, formatType } from '../../column/datatype.js';
import type { DecimalBuilder } from '../../column/decimal-builder.js';
import type { ListBuilder, StructBuilder } from '../../column/nested-builder.js';
import { closeBracket, Kind, Lexer } from './lexer.js';
import { ObjectReader, type Places, placesFor } from './objects.js';
import {
  bool,
  DecimalWriter,
  date,
  FloatWriter,
  type IntegerType,
  IntegerWriter,
  NullWriter,
  NumberWriter,
  TextWriter,
  timestamp,
  ValueWriter,
  type ValueWriter as Writer,
} from './values.js';

/** `closed`: whether keys that a struct does not have are an error. @throws UNSUPPORTED */
export function createWriter(type: DataType, name: string, closed: boolean): Writer {
  return writerInto(createBuilder(type), name, closed);
}

function writerInto(builder: ColumnBuilder, name: string, closed: boolean): Writer {
  const { type } = builder;
  switch (type.kind) {
    case 'utf8':
      return new TextWriter(builder);
    case 'null':
      return new NullWriter(builder);
    case 'bool':
      return new NumberWriter(builder, bool);
    case 'float32':
    case 'float64':
      return new FloatWriter(builder);
    case 'date':
      return new NumberWriter(builder, date);
    case 'timestamp':
      return new NumberWriter(builder, timestamp(type));
    case 'decimal':
      return new DecimalWriter(builder as DecimalBuilder);
    case 'list':
      return new ListWriter(builder as ListBuilder, name, closed);
    case 'struct':
      return new StructWriter(
        builder as StructBuilder,
        type.fields.map(field => field.name),
        name,
        closed,
      );
    case 'binary':
      throw new VolleyError(
        'UNSUPPORTED',
        `json: column '${name}' is declared ${formatType(type)}, for which JSON has no form: declare Utf8`,
        { column: name, type: formatType(type) },
      );
    // How long something lasts is a number of units.
    case 'duration':
      return new IntegerWriter(builder, { kind: 'int64' });
    default:
      return new IntegerWriter(builder, type as IntegerType);
  }
}

/** Values inside of records were stepped over, and so checked, before: line feeds in them can only be white space. */
const lexer = new Lexer(false);

class ListWriter extends ValueWriter {
  readonly #items: Writer;
  readonly #builder: ListBuilder;

  constructor(builder: ListBuilder, name: string, closed: boolean) {
    super(builder);
    this.#builder = builder;
    this.#items = writerInto(builder.items, name, closed);
  }

  accepts(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    return kind === Kind.Null || (kind === Kind.Array && this.#each(bytes, from, to, false));
  }

  append(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    if (kind === Kind.Null) this.#builder.appendNull();
    else {
      if (kind !== Kind.Array || !this.#each(bytes, from, to, true)) return false;
      this.#builder.appendList();
    }
    return true;
  }

  #each(bytes: Uint8Array, from: number, to: number, append: boolean): boolean {
    const items = this.#items;
    let p = lexer.skipSpace(bytes, from + 1, to);
    if (bytes[p] === closeBracket) return true;
    while (p < to) {
      p = lexer.skipValue(bytes, p, to);
      const { from: start, to: end, kind } = lexer;
      if (!(append ? items.append(bytes, start, end, kind) : items.accepts(bytes, start, end, kind)))
        return false;
      // Over the comma, or the end.
      p = lexer.skipSpace(bytes, lexer.skipSpace(bytes, p, to) + 1, to);
    }
    return true;
  }
}

class StructWriter extends ValueWriter {
  readonly #builder: StructBuilder;
  readonly #fields: readonly Writer[];
  readonly #reader: ObjectReader;
  readonly #places: Places;

  constructor(builder: StructBuilder, names: readonly string[], name: string, closed: boolean) {
    super(builder);
    this.#builder = builder;
    this.#fields = builder.fields.map((field, f) => writerInto(field, `${name}.${names[f]}`, closed));
    this.#reader = new ObjectReader(
      names,
      names.map((_, f) => f),
      closed,
    );
    this.#places = placesFor(names.length, 1);
  }

  accepts(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    if (kind === Kind.Null) return true;
    if (kind !== Kind.Object || !this.#read(bytes, from, to)) return false;
    const { starts, ends, kinds } = this.#places;
    return this.#fields.every((field, f) => field.accepts(bytes, starts[f]!, ends[f]!, kinds[f]!));
  }

  append(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    if (kind === Kind.Null) {
      this.#builder.appendNull();
      return true;
    }
    if (kind !== Kind.Object || !this.#read(bytes, from, to)) return false;
    const { starts, ends, kinds } = this.#places;
    for (let f = 0; f < this.#fields.length; f++) {
      if (!this.#fields[f]!.append(bytes, starts[f]!, ends[f]!, kinds[f]!)) return false;
    }
    this.#builder.appendStruct();
    return true;
  }

  #read(bytes: Uint8Array, from: number, to: number): boolean {
    const { kinds } = this.#places;
    // Few enough that a call of fill would take longer.
    for (let f = 0; f < kinds.length; f++) kinds[f] = Kind.Null;
    return this.#reader.read(lexer, bytes, from, to, 0, this.#places) === to;
  }
}
