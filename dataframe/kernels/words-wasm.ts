import type { WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  and,
  type Code,
  functionFor,
  functionOver,
  giveBack,
  int,
  localsOf,
  ltU,
  mul,
  not,
  shl,
  statements,
  storeAs,
  when,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import { shiftOf } from '../codegen/wasm/elements.js';
import { Op, unsigned } from '../codegen/wasm/module.js';
import {
  addWide,
  isZeroWide,
  loadElementWide,
  loadWide,
  narrowed,
  shlWide,
  shrWideS,
  storeWide,
  subWide,
  wide,
  wideAsFloat,
} from '../codegen/wasm/wide-code.js';
import { type CellCode, type ElementForm, loadRow, stepRows } from './cells-wasm.js';
import { elementArguments, type RowElements } from './row-elements.js';

/** Rows of one turn of the loop. */
const turnRows = 8;

/** How fields lie in the words of a cell: `perWord` in each, as long as there are some. */
export interface WordForm {
  readonly perWord: 1 | 2 | 3;
  /** By field: the form of the values that it sums up; null, of the first one: it counts rows. */
  readonly elements: readonly (ElementForm | null)[];
}

/** Bits of a field, by how many of them lie in a word. */
export const fieldBits = [0, 64, 32, 21] as const;

export function wordsOf({ perWord, elements }: WordForm): number {
  return Math.ceil(elements.length / perWord);
}

/** Bits of a word that lie below a field. */
export function bitsBelow({ perWord }: WordForm, field: number): number {
  return (field % perWord) * fieldBits[perWord];
}

/** Whether the 1 of the first field is among the bits below the second one, in its table, and need not be added. */
export function countsInTable({ perWord, elements }: WordForm): boolean {
  return perWord > 1 && elements[1]?.coded === true;
}

/**
 * A function that adds rows to the words of their cells, those of cell 0 at address `words`.
 * @param inputs of each field but the first; tables as their words
 */
export function addsToWords(
  memory: WasmMemory,
  form: WordForm,
  cells: CellCode,
  inputs: readonly RowElements[],
): (words: number, from: number, rows: number) => void {
  const key = `add to words ${JSON.stringify([form, cells.forms])}`;
  const run = functionFor(memory, key, () => makeAdd(memory, form, cells));
  return (words, from, rows) => {
    const fields = inputs.flatMap(each => elementArguments(each, from));
    run(words, rows, ...cells.arguments(from), ...fields);
  };
}

/** add(words, rows, ...(rows, table, stride) of each key, ...(rows, table) of each field) */
function makeAdd(memory: WasmMemory, form: WordForm, cells: CellCode) {
  const values = form.elements.slice(1).map((element, k) => ({ element: element!, name: `value${k + 1}` }));
  const names = ['words', 'rows', ...cells.names, ...values.flatMap(({ name }) => [name, `${name}Table`])];
  const locals = localsOf([...names, 'at', 'end']);
  const { get, set } = locals;
  const row = (j: number): Code => [
    set('at', add(get('words'), cells.place(j, get))),
    ...Array.from({ length: wordsOf(form) }, (_, w) =>
      storeWide(get('at'), addWide(addendOf(form, w, j, get), loadWide(get('at'), 8 * w)), 8 * w),
    ),
  ];
  const step = (rows: number): Code[] => [
    ...cells.step(rows, locals),
    ...values.map(({ element, name }) => stepRows(element, name, rows, locals)),
  ];
  const size = int(shiftOf[cells.forms[0]!.element]);
  const until = (rows: Code) => set('end', add(get('key0'), shl(rows, size)));
  const turn = Array.from({ length: turnRows }, (_, j) => row(j));
  const body = statements(
    until(and(get('rows'), int(-turnRows))),
    whileTrue(ltU(get('key0'), get('end')), statements(...turn, ...step(turnRows))),
    until(and(get('rows'), int(turnRows - 1))),
    whileTrue(ltU(get('key0'), get('end')), statements(row(0), ...step(1))),
    giveBack(int(0)),
  );
  return functionOver(memory, names.length, 2, body);
}

/** What row j of a turn adds to a word. */
function addendOf(form: WordForm, w: number, j: number, get: (name: string) => Code): Code {
  const { perWord, elements } = form;
  const fields = Array.from({ length: perWord }, (_, k) => w * perWord + k).filter(f => f < elements.length);
  return fields
    .flatMap((f): Code[] => {
      if (f === 0) return countsInTable(form) ? [] : [wide(1)];
      const element = elements[f]!;
      const [rows, table] = [get(`value${f}`), get(`value${f}Table`)];
      if (element.coded) return [loadWide(add(table, shl(loadRow(element, rows, j), int(3))))];
      const value = loadElementWide(element.element, rows, j << shiftOf[element.element]);
      const below = bitsBelow(form, f);
      return [below === 0 ? value : shlWide(value, wide(below))];
    })
    .reduce((sum, one) => addWide(one, sum));
}

/**
 * Adds the fields of cells to floats, `floats` of them a cell, where the cell had rows, and makes them 0.
 * @param slots by field, where it belongs among the floats of its cell
 * @param touched becomes 1 of cells that had rows
 * @returns rows that all cells had
 */
export function takeFromWords(
  memory: WasmMemory,
  form: WordForm,
  slots: readonly (readonly number[])[],
  words: number,
  cells: number,
  state: Float64Array,
  floats: number,
  touched: Uint8Array,
): number {
  const key = `take from words ${JSON.stringify([form, slots, floats])}`;
  const run = functionFor(memory, key, () => makeTake(memory, form, slots, floats));
  return run(words, cells, state.byteOffset, touched.byteOffset)!;
}

/** take(words, cells, state, touched) */
function makeTake(memory: WasmMemory, form: WordForm, slots: readonly (readonly number[])[], floats: number) {
  const names = ['words', 'cells', 'state', 'touched', 'end', 'rows'] as const;
  const { get, set } = localsOf(names);
  // Behind the integers.
  const [word, field] = [names.length, names.length + 1];
  const getWide = (local: number): Code => [Op.localGet, local];
  const setWide = (local: number, value: Code): Code => [value, Op.localSet, local];
  const bits = fieldBits[form.perWord];
  const bytes = 8 * wordsOf(form);
  const takeField = (f: number): Code => {
    const last = f % form.perWord === form.perWord - 1 || f === form.elements.length - 1;
    const low = shrWideS(shlWide(getWide(word), wide(64 - bits)), wide(64 - bits));
    return [
      setWide(field, last ? getWide(word) : low),
      ...(last ? [] : [setWide(word, shrWideS(subWide(getWide(word), getWide(field)), wide(bits)))]),
      ...(f === 0 ? [set('rows', add(get('rows'), narrowed(getWide(field))))] : []),
      ...slots[f]!.map(slot => addFloat(get('state'), 8 * slot, wideAsFloat(getWide(field)))),
    ];
  };
  const takeWord = (w: number): Code => {
    const fields = form.elements.flatMap((_, f) =>
      Math.floor(f / form.perWord) === w ? [takeField(f)] : [],
    );
    return [setWide(word, loadWide(get('words'), 8 * w)), storeWide(get('words'), wide(0), 8 * w), ...fields];
  };
  const take = Array.from({ length: wordsOf(form) }, (_, w) => takeWord(w));
  const body = statements(
    set('end', add(get('words'), mul(get('cells'), int(bytes)))),
    whileTrue(
      ltU(get('words'), get('end')),
      statements(
        when(
          not(isZeroWide(loadWide(get('words')))),
          statements(...take, storeAs(0, get('touched'), int(1), 0)),
        ),
        set('words', add(get('words'), int(bytes))),
        set('touched', add(get('touched'), int(1))),
        set('state', add(get('state'), int(8 * floats))),
      ),
    ),
    giveBack(get('rows')),
  );
  return functionOver(memory, 4, 2, body, 0, 2);
}

function addFloat(address: Code, offset: number, value: Code): Code {
  const sum: Code = [address, Op.f64Load, 0, unsigned(offset), value, Op.f64Add];
  return [address, sum, Op.f64Store, 0, unsigned(offset)];
}
