import { add, type Code, int, load32, mul, shl } from '../codegen/wasm/assemble.js';
import { elementOf, loadOf, shiftOf } from '../codegen/wasm/elements.js';
import { unsigned } from '../codegen/wasm/module.js';
import type { Element } from '../codegen/wasm/names.js';
import type { Lent } from './lent.js';
import { elementArguments, multiplied, type RowElements } from './row-elements.js';

/** Part of the number of a row's cell: an element times `stride`. */
export interface CellTerm {
  readonly elements: RowElements;
  readonly stride: number;
}

/** What code that reads elements depends on. */
export interface ElementForm {
  /** What lies there for each row. */
  readonly element: Element;
  /** It leads to an entry of a table. */
  readonly coded: boolean;
}

interface KeyForm extends ElementForm {
  /** Its stride is 1. */
  readonly plain: boolean;
}

interface Locals {
  get(name: string): Code;
  set(name: string, value: Code): Code;
}

export function formOf({ values, codes }: RowElements): ElementForm {
  return { element: elementOf(codes ?? values)!, coded: codes !== null };
}

/** Row j's entry of the array at address `row`. */
export function loadRow({ element }: ElementForm, row: Code, j: number): Code {
  return [row, loadOf[element], 0, unsigned(j << shiftOf[element])];
}

/** Code that goes on by so many rows. */
export function stepRows({ element }: ElementForm, name: string, rows: number, { get, set }: Locals): Code {
  return set(name, add(get(name), int(rows << shiftOf[element])));
}

/** Where the cells of rows lie, `bytes` for each, as code reads it. */
export class CellCode {
  readonly forms: readonly KeyForm[];
  readonly #terms: readonly CellTerm[];
  readonly #bytes: number;

  constructor(terms: readonly CellTerm[], bytes: number, lent: Lent) {
    this.#bytes = bytes;
    this.#terms = terms.map(({ elements, stride }) => ({
      elements: multiplied(elements, bytes * stride, lent),
      stride,
    }));
    this.forms = terms.map(({ elements, stride }) => ({ ...formOf(elements), plain: stride === 1 }));
  }

  /** What kernels read. */
  get elements(): RowElements[] {
    return this.#terms.map(({ elements }) => elements);
  }

  /** Parameters of the code. */
  get names(): string[] {
    return this.forms.flatMap((_, k) => [`key${k}`, `table${k}`, `stride${k}`]);
  }

  /** Their values, of rows from `from` on. */
  arguments(from: number): number[] {
    return this.#terms.flatMap(({ elements, stride }) => [...elementArguments(elements, from), stride]);
  }

  /** How far the cell of row j of a turn is behind cell 0. */
  place(j: number, get: (name: string) => Code): Code {
    const looked: Code[] = [];
    const digits: Code[] = [];
    this.forms.forEach((form, k) => {
      const entry = loadRow(form, get(`key${k}`), j);
      if (form.coded) looked.push(load32(add(get(`table${k}`), shl(entry, int(2)))));
      else digits.push(form.plain ? entry : mul(entry, get(`stride${k}`)));
    });
    if (digits.length > 0) looked.push(mul(digits.reduce(add), int(this.#bytes)));
    return looked.reduce(add);
  }

  step(rows: number, locals: Locals): Code[] {
    return this.forms.map((form, k) => stepRows(form, `key${k}`, rows, locals));
  }
}
