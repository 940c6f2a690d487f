import { VolleyError } from '../../core/base/errors.js';
import { packValidity, type Validity } from './bitmap.js';
import type { ColumnBuilder } from './builder.js';
import type { Column, Dictionary } from './column.js';
import { formatType } from './datatype.js';
import type { DecimalType, Unscaled } from './decimal.js';
import { entryBytes, writeBigEntry, writeEntry, writeNumberEntry } from './decimal-entries.js';
import { isHuge } from './layout.js';

/**
 * How readers fill decimal columns. Unscaled integers one by one: createBuilder(type) gives a DecimalBuilder, with
 * appendNumber (safe), appendInt64, appendWords (128 bits) and appendUnscaled. A column of them at once: decimalColumn
 * from words, or, where every value is a safe integer, denseColumn(type, 'f64', length, values). None of these checks
 * the precision: what comes from outside is checked by who brings it.
 */
export class DecimalBuilder implements ColumnBuilder {
  readonly type: DecimalType;
  #values: Unscaled[] = [];
  #flags: number[] = [];

  constructor(type: DecimalType) {
    this.type = type;
  }

  get length(): number {
    return this.#values.length;
  }

  appendNull(): void {
    this.#values.push(0);
    this.#flags.push(0);
  }

  /** An unscaled safe integer. */
  appendNumber(value: number): void {
    if (!Number.isSafeInteger(value)) throw this.#wrong(String(value));
    this.appendUnscaled(value + 0);
  }

  /** An unscaled integer of at most 128 bits. */
  appendUnscaled(value: Unscaled): void {
    this.#values.push(value);
    this.#flags.push(1);
  }

  appendInt64(low: number, high: number): void {
    const value = high * 4294967296 + (low >>> 0);
    if (Number.isSafeInteger(value)) this.appendUnscaled(value);
    else this.appendUnscaled((BigInt(high) << 32n) | BigInt(low >>> 0));
  }

  /** A 128-bit integer as four words, the least significant first. */
  appendWords(w0: number, w1: number, w2: number, w3: number): void {
    const sign = w1 >> 31;
    if (w2 === sign && w3 === sign) this.appendInt64(w0, w1);
    else {
      const low = (BigInt(w1 >>> 0) << 32n) | BigInt(w0 >>> 0);
      this.appendUnscaled((((BigInt(w3) << 32n) | BigInt(w2 >>> 0)) << 64n) | low);
    }
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

  finish(): Column {
    const packed = packValidity(Uint8Array.from(this.#flags), this.#values.length);
    const column = columnOfUnscaled(this.type, this.#values, packed);
    this.#values = [];
    this.#flags = [];
    return column;
  }

  #wrong(value: string): VolleyError {
    return new VolleyError(
      'TYPE_MISMATCH',
      `${value} does not fit a column of type ${formatType(this.type)}`,
      { type: formatType(this.type), value },
    );
  }
}

const isSafe = (value: Unscaled) => Number.isSafeInteger(Number(value));

/** A column of unscaled integers; those of null rows must be 0. */
export function columnOfUnscaled(type: DecimalType, values: readonly Unscaled[], validity: Validity): Column {
  const { length } = values;
  const common = { type, length, ...validity };
  if (values.every(isSafe)) {
    return { ...common, physical: 'f64', values: Float64Array.from(values, Number), dictionary: null };
  }
  if (!isHuge(type)) {
    const words = new BigInt64Array(length);
    for (let i = 0; i < length; i++) words[i] = BigInt(values[i]!);
    return { ...common, physical: 'i64', values: new Int32Array(words.buffer), dictionary: null };
  }
  return coded(common, (row, bytes, at) => writeBigEntry(bytes, at, BigInt(values[row]!)));
}

/**
 * A column of 128-bit integers: four words a row, the least significant first, whatever null rows hold. (hi, lo) words
 * of safe integers become floats without a BigInt.
 */
export function decimalColumn(type: DecimalType, words: Int32Array, flags: Uint8Array | null): Column {
  const length = words.length / 4;
  const validity = flags === null ? { validity: null, nullCount: 0 } : packValidity(flags, length);
  const common = { type, length, ...validity };
  const values = new Float64Array(length);
  let safe = true;
  for (let i = 0; i < length && safe; i++) {
    if (flags !== null && flags[i] === 0) continue;
    const high = words[4 * i + 1]!;
    const sign = high >> 31;
    const value = high * 4294967296 + (words[4 * i]! >>> 0);
    values[i] = value;
    safe = words[4 * i + 2] === sign && words[4 * i + 3] === sign && Number.isSafeInteger(value);
  }
  if (safe) return { ...common, physical: 'f64', values, dictionary: null };
  if (isHuge(type)) {
    return coded(common, (row, bytes, at) => {
      const w = 4 * row;
      writeEntry(bytes, at, words[w]!, words[w + 1]!, words[w + 2]!, words[w + 3]!);
    });
  }
  const pairs = new Int32Array(2 * length);
  for (let i = 0; i < length; i++) {
    if (flags !== null && flags[i] === 0) continue;
    pairs[2 * i] = words[4 * i]!;
    pairs[2 * i + 1] = words[4 * i + 1]!;
  }
  return { ...common, physical: 'i64', values: pairs, dictionary: null };
}

/** A column of huge decimals as codes, whatever its values are: forms that are put together must be one. */
export function codedDecimal(column: Column): Column {
  if (column.physical === 'code') return column;
  const { values } = column;
  return coded(column, (row, bytes, at) => writeNumberEntry(bytes, at, values[row]!));
}

/**
 * Every row gets an entry of its own: whoever compares codes sees to it that equal ones are one. Null rows hold code 0,
 * whose entry is a number too when it is itself of a null row.
 */
function coded(
  { type, length, validity, nullCount }: Pick<Column, 'type' | 'length' | 'validity' | 'nullCount'>,
  write: (row: number, bytes: Uint8Array, at: number) => void,
): Column {
  const codes = new Int32Array(length);
  const bytes = new Uint8Array(length * entryBytes);
  const offsets = new Int32Array(length + 1);
  if (length > 0) writeNumberEntry(bytes, 0, 0);
  for (let i = 0; i < length; i++) {
    offsets[i + 1] = (i + 1) * entryBytes;
    if (validity !== null && ((validity[i >> 3]! >> (i & 7)) & 1) === 0) continue;
    write(i, bytes, i * entryBytes);
    codes[i] = i;
  }
  const dictionary: Dictionary = { length, offsets, bytes, repeats: true };
  return { type, length, validity, nullCount, physical: 'code', values: codes, dictionary };
}
