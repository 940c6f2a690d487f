import { VolleyError } from '../../core/base/errors.js';
import type { WasmMemory } from '../../core/base/kernel-memory.js';
import { callRows } from '../codegen/wasm/kernel.js';
import type { ValueRange, Values } from '../column/column.js';
import { narrowest } from '../column/narrow.js';
import { CellCode, type CellTerm, formOf } from './cells-wasm.js';
import { addsToSums } from './float-sums-wasm.js';
import { type FusedSpec, isSum, type Layout, sumKind } from './fused-layout.js';
import type { GroupNumbers } from './fused-state.js';
import type { FusedInput, RowBits } from './fused-text.js';
import { type Lent, lending } from './lent.js';
import { lookedUp } from './looked-up.js';
import { arraysOf, asWords, lookedUpElements, plainElements, type RowElements } from './row-elements.js';
import { fewBytes, fill } from './scratch.js';
import { vectorMemoryOf } from './vector-memory.js';
import {
  addsToWords,
  bitsBelow,
  countsInTable,
  fieldBits,
  takeFromWords,
  type WordForm,
  wordsOf,
} from './words-wasm.js';

/** Bytes of words that stay in a core's inner caches, and what their addresses may spread over. */
const mostBytes = 2 ** 17;
const mostSpread = 2 ** 20;
/** Rows from which on it is worth a call. */
const fewRows = 2048;
/** Rows, and rows a cell, between two times that words are taken: that reads and writes all of them. */
const leastRows = 8192;
const rowsPerCell = 16;

/** Elements that tell the cell of a row: their sum, each times its stride, is `first` for cell 0. */
export interface Cells {
  readonly terms: readonly CellTerm[];
  readonly first: number;
}

/** What a batch adds to its groups. */
export interface Added {
  readonly inputs: readonly FusedInput[];
  readonly rowBits: RowBits;
}

/** What is summed up of each row, and the slots that it belongs to. */
interface Field {
  /** Null: 1. */
  readonly elements: RowElements | null;
  readonly slots: number[];
  /** No value is further from 0. */
  readonly most: number;
}

/** A float sum, and where it is. */
interface Real {
  readonly values: Values;
  readonly slot: number;
}

/** What kernels that are no text do of a batch. */
interface Work {
  readonly memory: WasmMemory;
  readonly form: WordForm;
  readonly fields: readonly Field[];
  readonly cells: Cells;
  /** Where the words of rows lie. */
  readonly words: CellCode;
  /** Where their numbers lie. */
  readonly sums: CellCode;
  /** What the fields but the first are read from. */
  readonly inputs: readonly RowElements[];
}

/**
 * Sums and counts of few groups, without text. Small integers and counts: several in one integer of 64 bits, to which a row adds once. Before a
 * field could overflow all are added to the floats of the state, so nothing else sees them.
 */
export class WordSums {
  readonly #lent: Lent;
  #words: Float64Array = new Float64Array(0);
  #touched: Uint8Array = new Uint8Array(0);

  constructor(lent: Lent) {
    this.#lent = lent;
  }

  /**
   * Adds rows `from` .. `rows`-1 to what of the state it can. `fold`: is told which places have rows, by byte, before floats are added.
   * @returns slots that are done
   */
  add(
    specs: readonly FusedSpec[],
    state: GroupNumbers,
    added: Added,
    cells: Cells,
    from: number,
    rows: number,
    fold: (touched: Uint8Array) => void,
  ): ReadonlySet<number> {
    const fields = fieldsOf(specs, state, added);
    const reals = realsOf(specs, state, added);
    const done = new Set([
      ...fields.flatMap(({ slots }) => slots),
      ...reals.flatMap(({ slot }) => [slot, slot + 1]),
    ]);
    if (rows - from < fewRows || !isWorth(state, fields, done)) return noSlots;
    // Tables are made for the batch.
    return lending(tables => {
      const work = this.#workFor(state, fields, reals, cells, tables);
      if (work === null) return noSlots;
      this.#addWords(work, state, from, rows);
      if (reals.length > 0) this.#addFloats(work, reals, state, from, rows, fold);
      return done;
    });
  }

  #addFloats(
    { memory, cells, sums }: Work,
    reals: readonly Real[],
    state: GroupNumbers,
    from: number,
    rows: number,
    fold: (touched: Uint8Array) => void,
  ): void {
    fold(this.#touched.subarray(0, state.places));
    const { width } = state.layout;
    const begin = state.numbers.byteOffset - 8 * width * cells.first;
    const slots = reals.map(({ slot }) => slot);
    const add = addsToSums(memory, { width, slots }, sums);
    inPieces(from, rows, (row, length) => {
      const inputs = reals.map(({ values }) => addressOf(values, row));
      add(begin, row, length, inputs);
    });
  }

  /** Null: there is too much, or something lies elsewhere. */
  #workFor(
    state: GroupNumbers,
    fields: readonly Field[],
    reals: readonly Real[],
    cells: Cells,
    tables: Lent,
  ): Work | null {
    const { places, numbers } = state;
    const perWord = perWordOf(fields, Math.max(leastRows, rowsPerCell * places));
    const spread = spreadOf(cells, places);
    if (perWord === 0 || spread === null) return null;
    const elements = fields.map(({ elements }) => (elements === null ? null : formOf(elements)));
    const form: WordForm = { perWord, elements };
    const wordBytes = 8 * wordsOf(form);
    const bytes = (spread.max - spread.min + 1) * wordBytes;
    if (places * wordBytes > mostBytes || bytes > mostSpread) return null;
    if (this.#words.byteLength < bytes) {
      this.#words = this.#lent.numbers(Math.max(bytes, fewBytes) / 8, false);
    }
    if (this.#touched.length < places) this.#touched = this.#lent.bytes(Math.max(places, fewBytes));
    const words = new CellCode(cells.terms, wordBytes, tables);
    const inputs = fields.slice(1).map(({ elements }, k) => {
      const below = k === 0 && countsInTable(form) ? 1 : 0;
      return asWords(elements!, bitsBelow(form, k + 1), below, tables);
    });
    const sums = new CellCode(reals.length === 0 ? [] : cells.terms, 8 * state.layout.width, tables);
    const read = [...words.elements, ...sums.elements, ...inputs].flatMap(arraysOf);
    const floats = reals.map(({ values }) => values);
    const memory = vectorMemoryOf(this.#words, this.#touched, numbers, ...read, ...floats);
    return memory === null ? null : { memory, form, fields, cells, words, sums, inputs };
  }

  #addWords(work: Work, state: GroupNumbers, from: number, rows: number): void {
    const { memory, form, fields, cells } = work;
    const { places, numbers, layout } = state;
    const { first } = cells;
    const add = addsToWords(memory, form, work.words, work.inputs);
    const size = wordsOf(form);
    // Places lie behind what the least elements would lead to.
    const least = spreadOf(cells, places)!.min;
    const held = this.#words.subarray((first - least) * size, (first - least + places) * size);
    fill(held, 0);
    this.#touched.fill(0, 0, places);
    const slots = fields.map(field => field.slots);
    const room = roomOf(fields, form.perWord);
    for (let next = from; next < rows; ) {
      const count = Math.min(rows - next, room);
      inPieces(next, next + count, (begin, length) => {
        add(held.byteOffset - 8 * size * first, begin, length);
      });
      const seen = takeFromWords(
        memory,
        form,
        slots,
        held.byteOffset,
        places,
        numbers,
        layout.width,
        this.#touched,
      );
      // Where a key leads is not checked row by row.
      if (seen !== count) throw new VolleyError('CORRUPT_PARTITION', 'a key is beyond its bounds');
      next += count;
    }
  }
}

/** Between calls V8 puts better code in place. */
function inPieces(from: number, rows: number, work: (from: number, rows: number) => void): void {
  for (let next = from; next < rows; next += callRows) work(next, Math.min(callRows, rows - next));
}

function addressOf({ byteOffset, BYTES_PER_ELEMENT }: Values, row: number): number {
  return byteOffset + row * BYTES_PER_ELEMENT;
}

/** Whether it pays although some slots may be left to text: keys are read once more for those. */
function isWorth({ layout }: GroupNumbers, fields: readonly Field[], done: ReadonlySet<number>): boolean {
  return done.size > 0 && (fields.length > 2 || hasAll(layout, done));
}

/** Whether no slot is left. */
export function hasAll({ value, count }: Layout, done: ReadonlySet<number>): boolean {
  return [...value, ...count].every(slot => slot < 0 || done.has(slot));
}

/** Float sums of rows that all count, or of nulls, which hold 0. Not of what is looked up: that would have to be written down. */
function realsOf(specs: readonly FusedSpec[], { layout }: GroupNumbers, { inputs }: Added): Real[] {
  return inputs.flatMap(({ column, filter }, k) => {
    if (filter !== null || !isSum(specs[k]!) || sumKind(specs[k]!.type) !== 'float') return [];
    if (column!.physical !== 'f64' || lookedUp(column!) !== null) return [];
    return [{ values: column!.values, slot: layout.value[k]! }];
  });
}

export const noSlots: ReadonlySet<number> = new Set();

/** Rows that all fields have room for. */
function roomOf(fields: readonly Field[], perWord: 1 | 2 | 3): number {
  const most = Math.max(...fields.map(field => field.most));
  return Math.min(2 ** 30, Math.floor((2 ** (fieldBits[perWord] - 1) - 1) / most));
}

/** As many as have room for so many rows; 0: they would be too few. */
function perWordOf(fields: readonly Field[], rows: number): 0 | 2 | 3 {
  const hasRoom = (perWord: 2 | 3) => roomOf(fields, perWord) >= rows;
  return fields.length > 2 && hasRoom(3) ? 3 : hasRoom(2) ? 2 : 0;
}

/** The first one counts rows. */
function fieldsOf(
  specs: readonly FusedSpec[],
  { layout }: GroupNumbers,
  { inputs, rowBits }: Added,
): Field[] {
  const isFloat = (slot: number) => slot >= 0 && slot < layout.width;
  const rows: Field = { elements: null, slots: [], most: 1 };
  const fields = [rows];
  const byArray = new Map<Values, Field | null>();
  const fieldFor = (array: Values, range: ValueRange | undefined, elements: () => RowElements | null) => {
    let field = byArray.get(array);
    if (field !== undefined) return field;
    const read = elements();
    const bounds = range ?? read?.bounds ?? null;
    field = null;
    if (read !== null && bounds !== null)
      fields.push((field = { elements: read, slots: [], most: Math.max(1, -bounds.min, bounds.max) }));
    byArray.set(array, field);
    return field;
  };
  inputs.forEach(({ column, filter }, k) => {
    if (filter !== null) return;
    const looked = column === null ? null : lookedUp(column);
    const kind = sumKind(specs[k]!.type);
    const whole = kind === 'small' || (kind === 'exact' && looked !== null);
    if (isSum(specs[k]!) && whole && layout.parts[k] === 1 && isFloat(layout.value[k]!)) {
      const values = looked === null ? narrowest(column!).values : looked.codes;
      const elements = () =>
        looked === null ? plainElements(values) : lookedUpElements(looked.codes, looked.table);
      fieldFor(values, column!.range, elements)?.slots.push(layout.value[k]!);
    }
    const count = layout.count[k]!;
    if (!isFloat(count) || layout.count.indexOf(count) !== k) return;
    if (column === null || column.validity === null) rows.slots.push(count);
    else {
      const flags = rowBits.bytes(column.validity);
      if (flags !== null) fieldFor(flags, { min: 0, max: 1 }, () => plainElements(flags))!.slots.push(count);
    }
  });
  return fields;
}

/** Between what sums of elements lie, whatever those are, and those of all cells; null: nothing is known. */
function spreadOf({ terms, first }: Cells, places: number): ValueRange | null {
  let [min, max] = [0, 0];
  for (const { elements, stride } of terms) {
    const { bounds } = elements;
    if (bounds === null) return null;
    min += stride * bounds.min;
    max += stride * bounds.max;
  }
  return { min: Math.min(min, first), max: Math.max(max, first + places - 1) };
}
