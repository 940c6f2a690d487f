import type { Column } from '../../column/column.js';
import { takeColumn } from '../../kernels/take.js';
import type { Located } from './locate.js';
import { bufferOf, type DecodeContext, type Nulls, nulls0 } from './nulls.js';
import { ascendingOffsets } from './text.js';

/** Lists and maps. */
export function lists(located: Located, nulls: Nulls, items: Column, context: DecodeContext): Column {
  const { field, length } = located;
  if (field.layout.kind !== 'list') throw new RangeError('no lists');
  const offsets = ascendingOffsets(located, bufferOf(located, 1, context), field.layout.large, items.length);
  return listColumn(located, nulls, offsets, items, length);
}

/** Lists of one size. */
export function fixedLists(located: Located, nulls: Nulls, items: Column): Column {
  const { field, length } = located;
  if (field.layout.kind !== 'fixedList') throw new RangeError('no lists');
  const { size } = field.layout;
  const offsets = Int32Array.from({ length: length + 1 }, (_, i) => i * size);
  return listColumn(located, nulls, offsets, items, length);
}

/** Files may have items that no list holds, and items of lists that are null: columns have neither. */
function listColumn(
  { field: { type } }: Located,
  nulls: Nulls,
  offsets: Int32Array,
  items: Column,
  length: number,
): Column {
  const rest = { type, physical: 'list', length, ...nulls0(nulls), dictionary: null } as const;
  const { flags } = nulls;
  let dense = offsets[0] === 0 && offsets[length] === items.length;
  if (flags !== null) {
    for (let i = 0; i < length && dense; i++) dense = flags[i] === 1 || offsets[i + 1] === offsets[i];
  }
  if (dense) return { ...rest, values: offsets, items };
  const values = new Int32Array(length + 1);
  for (let i = 0; i < length; i++) {
    const there = flags === null || flags[i] === 1;
    values[i + 1] = values[i]! + (there ? offsets[i + 1]! - offsets[i]! : 0);
  }
  const at = new Int32Array(values[length]!);
  for (let i = 0; i < length; i++) {
    const from = offsets[i]! - values[i]!;
    for (let k = values[i]!; k < values[i + 1]!; k++) at[k] = from + k;
  }
  return { ...rest, values, items: takeColumn(items, at, at.length) };
}
