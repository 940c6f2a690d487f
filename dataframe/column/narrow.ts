import type { Column, Physical, Values } from './column.js';
import type { Schema } from './datatype.js';
import { physicalOf } from './layout.js';

/** Physical forms of one or two bytes, and the integers that they hold. */
const forms = [
  ['u8', 0, 2 ** 8 - 1],
  ['i8', -(2 ** 7), 2 ** 7 - 1],
  ['u16', 0, 2 ** 16 - 1],
  ['i16', -(2 ** 15), 2 ** 15 - 1],
] as const;

export type Narrow = (typeof forms)[number][0];

export function isNarrow(physical: Physical): physical is Narrow {
  return forms.some(([form]) => form === physical);
}

/**
 * The form of one or two bytes in which the values of a column that has four for each could be held: codes of few entries, integers
 * whose bounds it carries. Null: there is none.
 */
export function narrowForm({
  physical,
  dictionary,
  range,
}: Pick<Column, 'physical' | 'dictionary' | 'range'>): Narrow | null {
  const integers = physical === 'i32' || physical === 'u32';
  if (physical !== 'code' && (!integers || range === undefined)) return null;
  const [min, max] = integers ? [range!.min, range!.max] : [0, dictionary!.length - 1];
  return forms.find(([, least, most]) => least <= min && max <= most)?.[0] ?? null;
}

/** Bytes a row of the narrow forms of all columns, whatever their values are, at the most. */
export function mostNarrowBytes(schema: Schema): number {
  return 2 * schema.filter(({ type }) => ['i32', 'u32', 'code'].includes(physicalOf(type))).length;
}

/** By the values of a column, the same numbers in a narrow form. A column with other values has none. */
const copies = new WeakMap<Values, Values>();

export function keepNarrow(values: Values, narrow: Values): void {
  copies.set(values, narrow);
}

/**
 * What a loop over rows reads the values of a column from: the narrowest that there is, and its form. Where memory is slow a row costs
 * what its bytes cost.
 */
export function narrowest({ values, physical }: Column): { values: Values; physical: Physical } {
  const narrow = copies.get(values);
  if (narrow === undefined) return { values, physical };
  return { values: narrow, physical: formOf(narrow) };
}

function formOf(values: Values): Narrow {
  if (values instanceof Uint8Array) return 'u8';
  if (values instanceof Int8Array) return 'i8';
  return values instanceof Uint16Array ? 'u16' : 'i16';
}
