import { add, type Code, int, mul } from '../codegen/wasm/assemble.js';
import {
  type ElementForm,
  elementArguments,
  elementAt,
  formOf,
  type RowElements,
  rowShift,
} from './row-elements.js';

/** Part of the number of a row's cell: an element times `stride`. */
export interface CellTerm {
  readonly elements: RowElements;
  readonly stride: number;
}

/** What code that reads a term depends on. */
export interface KeyForm extends ElementForm {
  /** Its stride is 1. */
  readonly plain: boolean;
}

export function keyForms(cells: readonly CellTerm[]): KeyForm[] {
  return cells.map(({ elements, stride }) => ({ ...formOf(elements), plain: stride === 1 }));
}

/** The cell of row j of a turn, from what keyNames lists. */
export function cellOf(keys: readonly KeyForm[], j: number, get: (name: string) => Code): Code {
  const digits = keys.map((key, k): Code => {
    const digit = elementAt(key, get(`key${k}`), get(`table${k}`), j);
    return key.plain ? digit : mul(digit, get(`stride${k}`));
  });
  return digits.reduce((sum, digit) => add(sum, digit));
}

/** Code that goes on by so many rows. */
export function stepKeys(
  keys: readonly KeyForm[],
  rows: number,
  { get, set }: { get(name: string): Code; set(name: string, value: Code): Code },
): Code[] {
  return keys.map((key, k) => set(`key${k}`, add(get(`key${k}`), int(rows << rowShift(key)))));
}

/** What keyNames lists, of rows from `from` on. */
export function keyArguments(cells: readonly CellTerm[], from: number): number[] {
  return cells.flatMap(({ elements, stride }) => [...elementArguments(elements, from), stride]);
}

/** Parameters that cellOf reads. */
export function keyNames(keys: readonly KeyForm[]): string[] {
  return keys.flatMap((_, k) => [`key${k}`, `table${k}`, `stride${k}`]);
}
