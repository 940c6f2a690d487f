import { add, type Code, mul } from '../codegen/wasm/assemble.js';
import { elementOf, loadOf, shiftOf } from '../codegen/wasm/elements.js';
import type { Element } from '../codegen/wasm/names.js';
import type { Values } from '../column/column.js';

/** Part of the number of a row's cell: an element times `stride`. */
export interface CellTerm {
  readonly values: Values;
  readonly stride: number;
}

/** What code that reads a term depends on. */
export interface KeyForm {
  readonly element: Element;
  /** Its stride is 1. */
  readonly plain: boolean;
}

export function keyForms(cells: readonly CellTerm[]): KeyForm[] {
  return cells.map(({ values, stride }) => ({ element: elementOf(values)!, plain: stride === 1 }));
}

/** The cell of row j of a turn, from `key0`, `key1` and so on, the addresses of the first row's elements, and `stride0` and so on. */
export function cellOf(keys: readonly KeyForm[], j: number, get: (name: string) => Code): Code {
  const digits = keys.map(({ element, plain }, k): Code => {
    const digit: Code = [get(`key${k}`), loadOf[element], 0, j << shiftOf[element]];
    return plain ? digit : mul(digit, get(`stride${k}`));
  });
  return digits.reduce((sum, digit) => add(sum, digit));
}

/** The addresses of row `from`'s elements, and the strides, in the order of keyNames. */
export function keyArguments(cells: readonly CellTerm[], from: number): number[] {
  const addresses = cells.map(({ values }) => values.byteOffset + from * values.BYTES_PER_ELEMENT);
  return [...addresses, ...cells.map(({ stride }) => stride)];
}

/** Parameters that cellOf reads. */
export function keyNames(keys: readonly KeyForm[]): string[] {
  return [...keys.map((_, k) => `key${k}`), ...keys.map((_, k) => `stride${k}`)];
}
