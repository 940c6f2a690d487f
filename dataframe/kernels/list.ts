import { VolleyError } from '../../core/base/errors.js';
import { isValid, packValidity } from '../column/bitmap.js';
import { type ColumnBuilder, createBuilder } from '../column/builder.js';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { entryTexts } from '../column/dictionary.js';
import { denseColumn, nullColumn } from '../column/layout.js';
import { isFloat } from '../expr/operands.js';
import { concatColumns, widen } from './concat.js';
import { comparableColumn } from './distinct-text.js';
import { GroupTable } from './group.js';
import type { Lent } from './lent.js';
import { takeOptional } from './take.js';

/** A list column of these items: row i holds items [offsets[i], offsets[i + 1]). */
export function listColumn(items: Column, offsets: Int32Array, flags: Uint8Array | null = null): Column {
  const length = offsets.length - 1;
  const packed = flags === null ? { validity: null, nullCount: 0 } : packValidity(flags, length);
  const type = DataType.List(items.type);
  return { type, physical: 'list', length, ...packed, values: offsets, dictionary: null, items };
}

/** The row of each item. */
export function itemRows(list: Column): Int32Array {
  const offsets = list.values as Int32Array;
  const out = new Int32Array(list.items!.length);
  const { length } = list;
  let q = 0;
  // Lists are short: a loop beats fill().
  for (let i = 0; i < length; i++) for (const end = offsets[i + 1]!; q < end; q++) out[q] = i;
  return out;
}

/** The group of each item, from that of its list; with `lent` in memory that is lent. */
export function itemGroups(list: Column, group: Int32Array, lent?: Lent): Int32Array {
  const offsets = list.values as Int32Array;
  const items = list.items!.length;
  const out = lent?.ints(items, false) ?? new Int32Array(items);
  const { length } = list;
  let q = 0;
  for (let i = 0; i < length; i++) {
    const g = group[i]!;
    for (const end = offsets[i + 1]!; q < end; q++) out[q] = g;
  }
  return out;
}

function withNullsOf(list: Column, column: Column): Column {
  return { ...column, nullCount: list.nullCount, validity: list.validity };
}

/** Items of each list. */
export function listLengths(list: Column): Column {
  const offsets = list.values as Int32Array;
  const values = new Int32Array(list.length);
  for (let i = 0; i < list.length; i++) values[i] = offsets[i + 1]! - offsets[i]!;
  return withNullsOf(list, denseColumn(DataType.Int32, 'i32', list.length, values));
}

/** The item at `index` of each list, from the end when negative. */
export function listGet(list: Column, index: number): Column {
  const offsets = list.values as Int32Array;
  const at = new Int32Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const item = index < 0 ? offsets[i + 1]! + index : offsets[i]! + index;
    at[i] = item >= offsets[i]! && item < offsets[i + 1]! ? item : -1;
  }
  return takeOptional(list.items!, at, list.length);
}

/** True where a list holds the row's value (of the items' type); null where the list or the value is null. */
export function listContains(list: Column, value: Column): Column {
  const { length } = list;
  const items = list.items!;
  const both = concatColumns([value, items], length + items.length);
  const ids = new GroupTable([items.type]).assign([comparableColumn(both)], length + items.length);
  const offsets = list.values as Int32Array;
  const values = new Uint8Array(length);
  const flags = new Uint8Array(length);
  const typeless = value.type.kind === 'null';
  for (let i = 0; i < length; i++) {
    if (typeless || !isValid(list.validity, i) || !isValid(value.validity, i)) continue;
    flags[i] = 1;
    for (let q = offsets[i]!; q < offsets[i + 1]!; q++) {
      if (ids[length + q] === ids[i]) values[i] = 1;
    }
  }
  return { ...denseColumn(DataType.Bool, 'bool', length, values), ...packValidity(flags, length) };
}

/** The sum of each list: exact for integers, rounded once for floats. */
export function listSums(list: Column): Column {
  const items = list.items!;
  const offsets = list.values as Int32Array;
  const float = isFloat(items.type);
  const builder = createBuilder(float ? DataType.Float64 : DataType.Int64, list.length);
  for (let i = 0; i < list.length; i++) {
    if (!isValid(list.validity, i)) builder.appendNull();
    else if (items.type.kind === 'null') builder.appendNumber(0);
    else if (float) builder.appendNumber(sumOfFloats(items, offsets[i]!, offsets[i + 1]!));
    else appendSum(builder, items, offsets[i]!, offsets[i + 1]!);
  }
  return builder.finish();
}

/** Null items hold 0. Knuth's TwoSum; what is not finite is the plain sum. */
function sumOfFloats({ values }: Column, from: number, to: number): number {
  let high = 0;
  let low = 0;
  for (let q = from; q < to; q++) {
    const x = values[q]!;
    const t = high + x;
    const z = t - high;
    low += high - (t - z) + (x - z);
    high = t;
  }
  return Number.isFinite(high) ? high + low : high;
}

function appendSum(builder: ColumnBuilder, items: Column, from: number, to: number): void {
  let sum = 0;
  let exact = items.physical !== 'i64';
  for (let q = from; q < to && exact; q++) {
    sum += items.values[q]!;
    exact = Number.isSafeInteger(sum);
  }
  if (exact) {
    builder.appendNumber(sum);
    return;
  }
  const words = widen(items).values as Int32Array;
  const unsigned = items.type.kind === 'uint64';
  let total = 0n;
  for (let q = from; q < to; q++) {
    const high = unsigned ? words[2 * q + 1]! >>> 0 : words[2 * q + 1]!;
    total += (BigInt(high) << 32n) + BigInt(words[2 * q]! >>> 0);
  }
  if (BigInt.asIntN(64, total) !== total) {
    throw new VolleyError(
      'INTEGER_OVERFLOW',
      `the sum of a list is ${total}, beyond Int64: explode the list and cast its values to Float64 first`,
      { value: String(total) },
    );
  }
  builder.appendInt64(Number(BigInt.asIntN(32, total)), Number(BigInt.asIntN(32, total >> 32n)));
}

/** The texts of each list joined. */
export function listJoin(list: Column, separator: string): Column {
  const items = list.items!;
  const offsets = list.values as Int32Array;
  const texts = items.dictionary === null ? [] : entryTexts(items.dictionary);
  const builder = createBuilder(DataType.Utf8, list.length);
  for (let i = 0; i < list.length; i++) {
    if (!isValid(list.validity, i)) {
      builder.appendNull();
      continue;
    }
    const parts: string[] = [];
    for (let q = offsets[i]!; q < offsets[i + 1]!; q++) {
      if (items.dictionary !== null && isValid(items.validity, q)) parts.push(texts[items.values[q]!]!);
    }
    builder.appendString(parts.join(separator));
  }
  return builder.finish();
}

/** Lists of nothing. */
export function emptyLists(item: DataType, length: number): Column {
  return listColumn(nullColumn(item, 0), new Int32Array(length + 1));
}
