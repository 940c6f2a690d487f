import { add, type Code, int, shl } from '../codegen/wasm/assemble.js';
import { elementOf, loadOf, shiftOf } from '../codegen/wasm/elements.js';
import { unsigned } from '../codegen/wasm/module.js';
import type { Element } from '../codegen/wasm/names.js';
import { loadElementWide } from '../codegen/wasm/wide-code.js';
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

/** What code that reads them depends on. */
export interface ElementForm {
  readonly element: Element;
  readonly coded: boolean;
}

export function formOf({ values, codes }: RowElements): ElementForm {
  return { element: elementOf(values)!, coded: codes !== null };
}

/** One that lies in the values of each row. */
export function plainElements(values: Values): RowElements {
  return { values, codes: null, bounds: boundsOf(values) };
}

/** One that is looked up, in a copy of the table that lies where kernels may read it. Null: some entry is no integer of 32 bits. */
export function lookedUpElements(codes: Uint16Array, table: Values, lent: Lent): RowElements | null {
  const { length } = table;
  const values = lent.ints(Math.max(length, fewBytes / 4), false).subarray(0, length);
  let [min, max] = [0, 0];
  for (let k = 0; k < length; k++) {
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

/** Arrays that are read. */
export function arraysOf({ values, codes }: RowElements): Values[] {
  return codes === null ? [values] : [codes, values];
}

/** How far a number of rows is shifted to be a distance of addresses. */
export function rowShift({ element, coded }: ElementForm): number {
  return coded ? shiftOf.u16 : shiftOf[element];
}

/** The two addresses that the code below takes: of row `row`, and of what its codes lead to. */
export function elementArguments({ values, codes }: RowElements, row: number): [number, number] {
  const rows = codes ?? values;
  return [rows.byteOffset + row * rows.BYTES_PER_ELEMENT, values.byteOffset];
}

/** The element of row j behind the one at address `row`, as a number of 32 bits. */
export function elementAt(form: ElementForm, row: Code, table: Code, j: number): Code {
  const { address, offset } = placeOf(form, row, table, j);
  return [address, loadOf[form.element], 0, unsigned(offset)];
}

/** The same as a number of 64 bits. */
export function wideElementAt(form: ElementForm, row: Code, table: Code, j: number): Code {
  const { address, offset } = placeOf(form, row, table, j);
  return loadElementWide(form.element, address, offset);
}

function placeOf({ element, coded }: ElementForm, row: Code, table: Code, j: number) {
  if (!coded) return { address: row, offset: j << shiftOf[element] };
  const code: Code = [row, loadOf.u16, 0, unsigned(j << shiftOf.u16)];
  const index = shiftOf[element] === 0 ? code : shl(code, int(shiftOf[element]));
  return { address: add(table, index), offset: 0 };
}
