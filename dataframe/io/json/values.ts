import { compile } from '../../codegen/compile.js';
import type { ColumnBuilder } from '../../column/builder.js';
import type { DataType } from '../../column/datatype.js';
import { parseDecimal } from '../../column/decimal.js';
import type { DecimalBuilder } from '../../column/decimal-builder.js';
import { anyFloat, shortFloat, shortInteger, wideInteger } from '../csv/numbers.js';
import { isoDate, isoTime, toTicks } from '../csv/times.js';
import type { RecordBlock } from './block.js';
import { Kind, unescapeText } from './lexer.js';

/** Converts the values of one column, or of one place inside a nested one, into its builder. */
export abstract class ValueWriter {
  readonly builder: ColumnBuilder;
  readonly #walk: Walk;

  constructor(builder: ColumnBuilder) {
    this.builder = builder;
    this.#walk = walkOf(builder.type.kind);
  }

  /** Whether bytes[from, to), a value of this kind, suits the type. */
  abstract accepts(bytes: Uint8Array, from: number, to: number, kind: number): boolean;

  /** Appends it. @returns false, and appends nothing of use, where it does not suit the type */
  abstract append(bytes: Uint8Array, from: number, to: number, kind: number): boolean;

  /** Appends the values of all records without a problem. @returns the first record whose value does not suit, or -1 */
  appendAll(bytes: Uint8Array, block: RecordBlock, slot: number): number {
    return this.#walk(this, bytes, block, slot);
  }
}

type Walk = (writer: ValueWriter, bytes: Uint8Array, block: RecordBlock, slot: number) => number;

/** One function per kind of type: a loop is fast when it meets one kind of writer. */
function walkOf(kind: DataType['kind']): Walk {
  return compile<Walk>(
    ['writer', 'bytes', 'block', 'slot'],
    `/* values ${kind} */const{places:{starts,ends,kinds,stride},problems,count,bad}=block;
for(let r=0,i=slot*stride;r<count;r++,i++){
  if(bad>0&&problems[r]!==null)continue;
  if(!writer.append(bytes,starts[i],ends[i],kinds[i]))return r;
}
return -1;`,
  );
}

/** Text; values of other kinds as they stand in the file. */
export class TextWriter extends ValueWriter {
  #scratch = new Uint8Array(256);

  accepts(): boolean {
    return true;
  }

  append(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    if (kind === Kind.Plain) this.builder.appendBytes(bytes, from, to);
    else if (kind === Kind.Null) this.builder.appendNull();
    else if (kind !== Kind.Escaped) this.builder.appendBytes(bytes, from, to);
    else {
      if (this.#scratch.length < to - from) this.#scratch = new Uint8Array((to - from) * 2);
      this.builder.appendBytes(this.#scratch, 0, unescapeText(bytes, from, to, this.#scratch));
    }
    return true;
  }
}

/** Numbers, dates and times by what `parse` makes of their bytes. undefined: no value of the type. */
type Parse = (bytes: Uint8Array, from: number, to: number, kind: number) => number | bigint | undefined;

export class NumberWriter extends ValueWriter {
  readonly #parse: Parse;

  constructor(builder: ColumnBuilder, parse: Parse) {
    super(builder);
    this.#parse = parse;
  }

  accepts(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    return kind === Kind.Null || this.#parse(bytes, from, to, kind) !== undefined;
  }

  append(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    if (kind === Kind.Null) {
      this.builder.appendNull();
      return true;
    }
    const value = this.#parse(bytes, from, to, kind);
    if (value === undefined) return false;
    if (typeof value === 'number') this.builder.appendNumber(value);
    else this.builder.appendInt64(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    return true;
  }
}

/** 64-bit integers: most are short, and then there is nothing but digits. */
export class IntegerWriter extends NumberWriter {
  readonly #low: number;
  readonly #high: number;

  constructor(builder: ColumnBuilder, type: IntegerType) {
    const { low, high, parse } = integers(type.kind);
    super(builder, parse);
    this.#low = low;
    this.#high = high;
  }

  override append(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    const value = kind === Kind.Integer ? shortInteger(bytes, from, to) : Number.NaN;
    // Also false for NaN.
    if (!(value >= this.#low && value <= this.#high)) return super.append(bytes, from, to, kind);
    this.builder.appendNumber(value);
    return true;
  }
}

/** Floats: most have few digits. */
export class FloatWriter extends NumberWriter {
  constructor(builder: ColumnBuilder) {
    super(builder, float);
  }

  override append(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    const value = kind === Kind.Integer || kind === Kind.Float ? floatOf(bytes, from, to) : Number.NaN;
    if (Number.isNaN(value)) return super.append(bytes, from, to, kind);
    this.builder.appendNumber(value);
    return true;
  }
}

/** A number whose grammar was checked. */
function floatOf(bytes: Uint8Array, from: number, to: number): number {
  const short = shortFloat(bytes, from, to);
  return Number.isNaN(short) ? Number(latin1(bytes, from, to)) : short;
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return (bytes as Buffer).toString('latin1', from, to);
}

const isNumber = (kind: number) => kind === Kind.Integer || kind === Kind.Float;
const isText = (kind: number) => kind === Kind.Plain;

/** Numbers as such, and in quotes: that is how some writers keep all digits. */
const float: Parse = (bytes, from, to, kind) => {
  if (isNumber(kind)) return floatOf(bytes, from, to);
  return isText(kind) ? (anyFloat(bytes, from, to) ?? undefined) : undefined;
};

export type IntegerType = Extract<DataType, { kind: `int${string}` | `uint${string}` }>;

function integers(kind: string): { low: number; high: number; parse: Parse } {
  const unsigned = kind.startsWith('u');
  const bits = Number(kind.replace(/\D+/, ''));
  const high = 2 ** (unsigned ? bits : bits - 1) - 1;
  const low = unsigned ? 0 : -(2 ** (bits - 1));
  const parse: Parse = (bytes, from, to, form) => {
    if (!isNumber(form) && !isText(form)) return undefined;
    const short = shortInteger(bytes, from, to);
    if (short >= low && short <= high) return short;
    const wide = wideInteger(bytes, from, to, unsigned);
    if (wide === null) {
      // 1.0 and 1e3 are integers too.
      const value = form === Kind.Float ? floatOf(bytes, from, to) : Number.NaN;
      return Number.isSafeInteger(value) && value >= low && value <= high ? value + 0 : undefined;
    }
    const value = Number(wide);
    if (bits < 64) return value >= low && value <= high ? value : undefined;
    return Number.isSafeInteger(value) ? value : wide;
  };
  return { low, high, parse };
}

export const bool: Parse = (_bytes, _from, _to, kind) =>
  kind === Kind.True ? 1 : kind === Kind.False ? 0 : undefined;

export const date: Parse = (bytes, from, to, kind) => {
  const days = isText(kind) ? isoDate(bytes, from, to) : Number.NaN;
  return Number.isNaN(days) ? undefined : days;
};

export function timestamp({ unit, timeZone }: Extract<DataType, { kind: 'timestamp' }>): Parse {
  return (bytes, from, to, kind) => {
    const time = isText(kind) ? isoTime(bytes, from, to) : null;
    // An offset has no meaning where wall times are declared; without one, a time zone's times count as UTC.
    return time === null || (time.zoned && timeZone === null) ? undefined : toTicks(time, unit);
  };
}

/** Decimals, exactly: digits beyond the scale are an error. */
export class DecimalWriter extends ValueWriter {
  override readonly builder: DecimalBuilder;

  constructor(builder: DecimalBuilder) {
    super(builder);
    this.builder = builder;
  }

  #parse(bytes: Uint8Array, from: number, to: number, kind: number): bigint | null {
    if (!isNumber(kind) && !isText(kind)) return null;
    return to - from > 1000 ? null : parseDecimal(latin1(bytes, from, to), this.builder.type, true);
  }

  accepts(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    return kind === Kind.Null || this.#parse(bytes, from, to, kind) !== null;
  }

  append(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
    if (kind === Kind.Null) {
      this.builder.appendNull();
      return true;
    }
    const value = this.#parse(bytes, from, to, kind);
    if (value === null) return false;
    const small = Number(value);
    this.builder.appendUnscaled(Number.isSafeInteger(small) ? small : value);
    return true;
  }
}

/** A column of nothing. */
export class NullWriter extends ValueWriter {
  accepts(_bytes: Uint8Array, _from: number, _to: number, kind: number): boolean {
    return kind === Kind.Null;
  }

  append(_bytes: Uint8Array, _from: number, _to: number, kind: number): boolean {
    if (kind === Kind.Null) this.builder.appendNull();
    return kind === Kind.Null;
  }
}
