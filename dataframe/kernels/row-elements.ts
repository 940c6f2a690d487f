import { elementOf } from '../codegen/wasm/elements.js';
import type { ValueRange, Values } from '../column/column.js';
import type { Lent } from './lent.js';
import { fewBytes } from './scratch.js';

/** An integer of each row: values[i], or values[codes[i]] where there are codes. */
export interface RowElements {
  readonly values: Values;
  readonly codes: Uint16Array | null;
  /** None is beyond; null: nothing is known. */
  readonly bounds: ValueRange | null;
}

/** Those that lie in the values of each row. */
export function plainElements(values: Values): RowElements {
  return { values, codes: null, bounds: boundsOf(values) };
}

/** Those that are looked up. Null: some entry is no integer of 32 bits. */
export function lookedUpElements(codes: Uint16Array, table: Values): RowElements | null {
  const values = new Int32Array(table.length);
  let [min, max] = [0, 0];
  for (let k = 0; k < values.length; k++) {
    const value = table[k]!;
    values[k] = value;
    if (values[k] !== value) return null;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { values, codes, bounds: { min, max } };
}

/** Bounds of elements of one or two bytes; null: of others. */
function boundsOf(values: Values): ValueRange | null {
  switch (elementOf(values)) {
    case 'u8':
      return { min: 0, max: 255 };
    case 'i8':
      return { min: -128, max: 127 };
    case 'u16':
      return { min: 0, max: 65_535 };
    case 'i16':
      return { min: -32_768, max: 32_767 };
    default:
      return null;
  }
}

/** Integers where kernels may read them, whatever they hold. */
function tableOf(length: number, lent: Lent): Int32Array {
  return lent.ints(Math.max(length, fewBytes / 4), false).subarray(0, length);
}

/** The table that codes lead to, each entry times `factor`, where kernels may read it; values that have no codes as they are. */
export function multiplied(elements: RowElements, factor: number, lent: Lent): RowElements {
  if (elements.codes === null) return elements;
  const { length } = elements.values;
  const values = tableOf(length, lent);
  for (let k = 0; k < length; k++) values[k] = Math.imul(elements.values[k]!, factor);
  return { ...elements, values };
}

/**
 * The same as words of 64 bits, low half first: each entry `shift` bits higher, with these bits below it.
 * Values that have no codes stay as they are.
 */
export function asWords(elements: RowElements, shift: number, below: number, lent: Lent): RowElements {
  if (elements.codes === null) return elements;
  const { length } = elements.values;
  const values = tableOf(2 * length, lent);
  for (let k = 0; k < length; k++) {
    // Exact: 31 bits times a power of two.
    const shifted = elements.values[k]! * 2 ** shift;
    const high = Math.floor(shifted / 2 ** 32);
    values[2 * k] = (shifted - high * 2 ** 32) | below;
    values[2 * k + 1] = high;
  }
  return { ...elements, values };
}

/** Arrays that are read. */
export function arraysOf({ values, codes }: RowElements): Values[] {
  return codes === null ? [values] : [codes, values];
}

/** What kernels are told of them: the address of row `row`, and that of the table. */
export function elementArguments({ values, codes }: RowElements, row: number): [number, number] {
  const rows = codes ?? values;
  return [rows.byteOffset + row * rows.BYTES_PER_ELEMENT, values.byteOffset];
}
