import { VolleyError } from '../../../core/base/errors.js';
import { type ColumnBuilder, createBuilder } from '../../column/builder.js';
import { type Field, formatType } from '../../column/datatype.js';
import { blockRecords } from './constants.js';
import type { Dialect } from './dialect.js';
import { isNullField } from './infer.js';
import { anyFloat, boolean, shortFloat, shortInteger, wideInteger } from './numbers.js';
import { isoDate, isoTime, toTicks } from './times.js';
import { FieldKind, type RecordBlock, undouble } from './tokenize.js';

const isValue = 0;
const isNull = 1;
const isWide = 2;

/** Converts the fields of one column: first all of a block to scratch, so that bad records can be left out, then to the builder. */
export interface ColumnConverter {
  readonly field: Field;
  /** Looks at record `r`. @returns false when its text is no value of the type */
  parse(window: Uint8Array, block: RecordBlock, r: number): boolean;
  /** Appends record `r`, which was parsed last in its block. */
  append(window: Uint8Array, block: RecordBlock, r: number): void;
  readonly builder: ColumnBuilder;
}

/** @throws UNSUPPORTED for types CSV cannot hold */
export function createConverter(field: Field, column: number, dialect: Dialect): ColumnConverter {
  if (field.type.kind === 'utf8') {
    return new TextConverter(field, column, dialect);
  }
  return new ValueConverter(field, column, dialect, valueParser(field));
}

class TextConverter implements ColumnConverter {
  readonly field: Field;
  readonly builder: ColumnBuilder;
  #column: number;
  #dialect: Dialect;
  #scratch = new Uint8Array(256);

  constructor(field: Field, column: number, dialect: Dialect) {
    this.field = field;
    this.builder = createBuilder(field.type);
    this.#column = column;
    this.#dialect = dialect;
  }

  parse(): boolean {
    return true;
  }

  append(window: Uint8Array, block: RecordBlock, r: number): void {
    const i = r * block.fields + this.#column;
    const from = block.starts[i]!;
    const to = block.ends[i]!;
    const kind = block.kinds[i]!;
    if (isNullField(window, from, to, kind, this.#dialect)) {
      this.builder.appendNull();
    } else if (kind === FieldKind.Escaped) {
      if (this.#scratch.length < to - from) {
        this.#scratch = new Uint8Array((to - from) * 2);
      }
      const length = undouble(window, from, to, this.#dialect.quote, this.#scratch);
      this.builder.appendBytes(this.#scratch, 0, length);
    } else {
      this.builder.appendBytes(window, from, to);
    }
  }
}

/** undefined: no value of the type. */
type ValueParser = (window: Uint8Array, from: number, to: number) => number | bigint | undefined;

class ValueConverter implements ColumnConverter {
  readonly field: Field;
  readonly builder: ColumnBuilder;
  #column: number;
  #dialect: Dialect;
  #parser: ValueParser;
  #values = new Float64Array(blockRecords);
  #states = new Uint8Array(blockRecords);
  #wide = new Map<number, bigint>();

  constructor(field: Field, column: number, dialect: Dialect, parser: ValueParser) {
    this.field = field;
    this.builder = createBuilder(field.type);
    this.#column = column;
    this.#dialect = dialect;
    this.#parser = parser;
  }

  parse(window: Uint8Array, block: RecordBlock, r: number): boolean {
    const i = r * block.fields + this.#column;
    const from = block.starts[i]!;
    const to = block.ends[i]!;
    if (isNullField(window, from, to, FieldKind.Plain, this.#dialect)) {
      this.#states[r] = isNull;
      return true;
    }
    const value = this.#parser(window, from, to);
    if (typeof value === 'number') {
      this.#states[r] = isValue;
      this.#values[r] = value;
      return true;
    }
    if (value === undefined) {
      return false;
    }
    this.#states[r] = isWide;
    this.#wide.set(r, value);
    return true;
  }

  append(_window: Uint8Array, _block: RecordBlock, r: number): void {
    const state = this.#states[r]!;
    if (state === isValue) {
      this.builder.appendNumber(this.#values[r]!);
    } else if (state === isNull) {
      this.builder.appendNull();
    } else {
      const value = this.#wide.get(r)!;
      this.builder.appendInt64(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    }
  }
}

function valueParser(field: Field): ValueParser {
  const { type } = field;
  switch (type.kind) {
    case 'bool':
      return (window, from, to) => {
        const value = boolean(window, from, to);
        return value < 0 ? undefined : value;
      };
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'int64':
    case 'uint64':
      return integerParser(type.kind);
    case 'float32':
    case 'float64':
      return (window, from, to) => {
        const value = shortFloat(window, from, to);
        return Number.isNaN(value) ? (anyFloat(window, from, to) ?? undefined) : value;
      };
    case 'date':
      return (window, from, to) => {
        const value = isoDate(window, from, to);
        return Number.isNaN(value) ? undefined : value;
      };
    case 'timestamp': {
      const { unit, timeZone } = type;
      return (window, from, to) => {
        const time = isoTime(window, from, to);
        // An offset has no meaning where wall times are declared; without one, a time zone's times count as UTC.
        return time === null || (time.zoned && timeZone === null) ? undefined : toTicks(time, unit);
      };
    }
    default:
      throw new VolleyError(
        'UNSUPPORTED',
        `csv: column '${field.name}' is declared ${formatType(type)}, which is not read from text: ` +
          'declare Utf8, Bool, a number type, Date or Timestamp and cast',
        { column: field.name, type: formatType(type) },
      );
  }
}

function integerParser(kind: string): ValueParser {
  const unsigned = kind.startsWith('u');
  const bits = Number(kind.replace(/\D+/, ''));
  const high = 2 ** (unsigned ? bits : bits - 1) - 1;
  const low = unsigned ? 0 : -(2 ** (bits - 1));
  return (window, from, to) => {
    const value = shortInteger(window, from, to);
    if (!Number.isNaN(value)) {
      return value < low || value > high ? undefined : value;
    }
    const wide = wideInteger(window, from, to, unsigned);
    if (wide === null) {
      return undefined;
    }
    const number = Number(wide);
    if (bits < 64) {
      return number < low || number > high ? undefined : number;
    }
    return Number.isSafeInteger(number) ? number : wide;
  };
}
