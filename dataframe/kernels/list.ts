import { isValid, packValidity } from '../column/bitmap.js';
import { createBuilder } from '../column/builder.js';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { entryTexts } from '../column/dictionary.js';
import { denseColumn, nullColumn } from '../column/layout.js';
import { SumAccumulator } from './aggregate-sum.js';
import { rowMask } from './accumulator.js';
import { concatColumns } from './concat.js';
import { GroupTable } from './group.js';
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
  for (let i = 0; i < list.length; i++) out.fill(i, offsets[i], offsets[i + 1]);
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
  const ids = new GroupTable([items.type]).assign([both], length + items.length);
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

/** The sum of each list. */
export function listSums(list: Column): Column {
  const items = list.items!;
  if (items.type.kind === 'null') return withNullsOf(list, zeroes(list.length));
  const integer = items.type.kind !== 'float32' && items.type.kind !== 'float64';
  const sums = new SumAccumulator({ mean: false, integer, name: 'list' });
  sums.resize(list.length);
  sums.update(items, itemRows(list), items.length, rowMask(items, null, items.length));
  return withNullsOf(list, sums.result());
}

function zeroes(length: number): Column {
  return denseColumn(DataType.Int64, 'f64', length, new Float64Array(length));
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
