import type { Column } from '../column/column.js';
import { entryParts } from '../column/decimal-entries.js';
import { narrowest } from '../column/narrow.js';
import { spreadBits } from './bits-wasm.js';
import { type FusedSpec, isSum, type Layout, nullInt, sumKind } from './fused-layout.js';
import type { Lent } from './lent.js';
import { lookedUp } from './looked-up.js';
import { fewBytes } from './scratch.js';
import { vectorMemoryOf } from './vector-memory.js';

/**
 * Values that generated code refers to: bound, not written into the text, so that equal signatures give equal text. The
 * tag (physical forms) goes into the text: functions over different typed arrays must not share type feedback.
 */
export class Binder {
  readonly values: unknown[] = [];
  #tags = '';

  bind(value: unknown, tag?: string): string {
    if (tag !== undefined) this.#tags += ` ${this.values.length}:${tag}`;
    return `p${this.values.push(value) - 1}`;
  }

  /** Declarations of everything bound. */
  text(): string {
    return `/*${this.#tags} */${this.values.map((_, k) => `const p${k}=P[${k}];`).join('')}`;
  }
}

/** What the values of a column are bound as, and the text of that of row i. */
export function rowValue(column: Column, binder: Binder): { values: string; row: string } {
  const looked = lookedUp(column);
  if (looked !== null) {
    const values = binder.bind(looked.table, column.physical);
    return { values, row: `${values}[${binder.bind(looked.codes, 'u16')}[i]]` };
  }
  const read = narrowest(column);
  const values = binder.bind(read.values, read.physical);
  return { values, row: `${values}[i]` };
}

/** Text of a slot of the current group. */
export type SlotText = (slot: number) => string;

/** What an aggregate reads of one batch. */
export interface FusedInput {
  readonly column: Column | null;
  readonly filter: Column | null;
}

/** Knuth's TwoSum: high + low is the exact sum of what was added, up to the rounding of low. */
function addText(x: string, high: string, low: string, more = ''): string {
  return `{const x=${x},s=${high},t=s+x,z=t-s;${low}+=(s-(t-z))+(x-z)${more};${high}=t;}`;
}

/** Where the last entry that group `g` was folded for is another: adds what its sums hold to their totals, which lie at `f` of tt. */
export function foldText(layout: Layout, at: SlotText): string {
  const begin = Array.from({ length: layout.totalWidth }, (_, slot) => `tt[f+${slot}]=0;`).join('');
  const folds = layout.total.map((total, k) => {
    if (total < 0) return '';
    const high = at(layout.value[k]!);
    const low = at(layout.value[k]! + 1);
    return `${addText(high, `tt[f+${total}]`, `tt[f+${total + 1}]`, `+${low}`)}${high}=0;${low}=0;`;
  });
  return `if(last[g]!==entry){if(last[g]===0){${begin}}${folds.join('')}last[g]=entry;}`;
}

/** Rows from which on bits are spread to bytes beforehand. */
const fewRows = 2048;

/** Text of the bits of a batch's rows. */
export class RowBits {
  readonly #rows: number;
  readonly #lent: Lent;
  readonly #spread = new Map<Uint8Array, Uint8Array | null>();

  constructor(rows: number, lent: Lent) {
    this.#rows = rows;
    this.#lent = lent;
  }

  /** Of row i: 1 or 0. */
  text(bits: Uint8Array, binder: Binder): string {
    const bytes = this.bytes(bits);
    return bytes === null ? `(${binder.bind(bits)}[i>>3]>>(i&7)&1)` : `${binder.bind(bytes)}[i]`;
  }

  /** Of each row: 1 or 0. Null where they cannot be spread by vectors. */
  bytes(bits: Uint8Array): Uint8Array | null {
    const known = this.#spread.get(bits);
    if (known !== undefined) return known;
    const rows = this.#rows;
    let bytes: Uint8Array | null = null;
    if (rows >= fewRows && vectorMemoryOf(bits) !== null) {
      bytes = this.#lent.bytes(Math.max(rows, fewBytes)).subarray(0, rows);
      for (let i = spreadBits(bits, bytes, rows, false); i < rows; i++)
        bytes[i] = (bits[i >> 3]! >> (i & 7)) & 1;
    }
    this.#spread.set(bits, bytes);
    return bytes;
  }
}

/** Text that is true for rows of a batch that count; empty: all do. */
function conditionText({ column, filter }: FusedInput, binder: Binder, rowBits: RowBits): string {
  const tests: string[] = [];
  const valid = (bits: Uint8Array) => tests.push(`${rowBits.text(bits, binder)}===1`);
  if (column !== null && column.validity !== null) valid(column.validity);
  if (filter !== null) {
    tests.push(`${binder.bind(filter.values, filter.physical)}[i]!==0`);
    if (filter.validity !== null) valid(filter.validity);
  }
  return tests.join('&&');
}

/** Which aggregates, [from, to), of which layout a text is about. */
export interface TextOf {
  readonly specs: readonly FusedSpec[];
  readonly layout: Layout;
  readonly from: number;
  readonly to: number;
  readonly at: SlotText;
  readonly binder: Binder;
  readonly rowBits: RowBits;
}

/** Numbers of a group that a loop updates. */
export type Plane = (slot: number) => boolean;

/** Text that adds row i to its group, or to the numbers of a plane. */
export function rowsText(
  { specs, layout, from, to, at, binder, rowBits }: TextOf,
  inputs: readonly FusedInput[],
  plane: Plane | null,
): string {
  let text = '';
  const there = (slot: number) => plane === null || plane(slot);
  for (let k = from; k < to; k++) {
    const spec = specs[k]!;
    const input = inputs[k]!;
    const condition = conditionText(input, binder, rowBits);
    const body = there(layout.value[k]!) ? valueText(spec, input, { layout, at, binder, rowBits }, k) : '';
    // A null holds 0, which changes no sum (code 0 may be any decimal), or is moved out of the way: a branch that few rows take is
    // mispredicted for all of them.
    const zero = isSum(spec) && input.filter === null && input.column?.physical !== 'code';
    const always = condition === '' || zero || isMoved(spec, input);
    if (body !== '') text += always ? `${body}\n` : `if(${condition}){${body}}\n`;
    const slot = layout.count[k]!;
    if (slot < 0 || layout.count.indexOf(slot) !== k || !there(slot)) continue;
    // Beside the sum, to which it is a neighbour.
    if (condition === '') text += `${at(slot)}++;`;
    else if (input.filter !== null) text += `if(${condition})${at(slot)}++;`;
    else text += `${at(slot)}+=${rowBits.text(input.column!.validity!, binder)};`;
  }
  return text;
}

/** Nulls of an extreme of small integers become an infinity that is none. */
function isMoved(spec: FusedSpec, { column, filter }: FusedInput): boolean {
  if (isSum(spec) || filter !== null || column === null || column.validity === null) return false;
  return sumKind(spec.type) === 'small';
}

const [nullBelow, nullAbove] = (['max', 'min'] as const).map(op => Int32Array.of(nullInt(op), 0)) as [
  Int32Array,
  Int32Array,
];
const farBelow = Float64Array.of(Number.POSITIVE_INFINITY, 0);
const farAbove = Float64Array.of(Number.NEGATIVE_INFINITY, 0);

function valueText(
  spec: FusedSpec,
  input: FusedInput,
  { layout, at, binder, rowBits }: Pick<TextOf, 'layout' | 'at' | 'binder' | 'rowBits'>,
  k: number,
): string {
  const slot = layout.value[k]!;
  if (slot < 0) return '';
  const { column } = input;
  const { values, row } = rowValue(column!, binder);
  if (isSum(spec)) {
    if (layout.parts[k] === 1) return `${at(slot)}+=${row};`;
    if (column!.physical === 'code') return hugeText(column!, row, slot, at, binder);
    if (layout.parts[k] === 4) return `${addText(row, at(slot), at(slot + 1))}${tidyText(slot, at)}`;
    if (column!.physical !== 'i64') return addText(row, at(slot), at(slot + 1));
    // A 64-bit integer is added as its two halves: each is exact.
    const sign = spec.type.kind === 'uint64' ? '>>>0' : '';
    const high = addText(`(${values}[2*i+1]${sign})*4294967296`, at(slot), at(slot + 1));
    return `${high}${addText(`${values}[2*i]>>>0`, at(slot), at(slot + 1))}`;
  }
  let value = row;
  if (isMoved(spec, input)) {
    const valid = rowBits.text(column!.validity!, binder);
    // Null slots hold 0.
    if (slot >= layout.width)
      value = `(${value}+${binder.bind(spec.op === 'max' ? nullBelow : nullAbove)}[${valid}]|0)`;
    else value += `-${binder.bind(spec.op === 'max' ? farBelow : farAbove)}[${valid}]`;
  }
  return extremeText(spec, value, column!.physical, at(slot));
}

/** Adds a decimal of a dictionary: its entries are taken apart into exact numbers once. */
function hugeText(column: Column, row: string, slot: number, at: SlotText, binder: Binder): string {
  const { above, middle, below } = entryParts(column.dictionary!);
  const add = (table: string, s: number) => addText(`${table}[${row}]`, at(s), at(s + 1));
  return `${add(binder.bind(above), slot + 2)}${add(binder.bind(middle), slot)}${add(binder.bind(below), slot)}${tidyText(slot, at)}`;
}

/** Moves what the low number of a sum holds beyond the last place of the high one there: both stay exact. */
function tidyText(slot: number, at: SlotText): string {
  const high = at(slot);
  const low = at(slot + 1);
  return `{const h=${high},l=${low},s=h+l,z=s-h;${high}=s;${low}=(h-(s-z))+(l-z);}`;
}

/**
 * As WebAssembly this takes no branch, which random values would take half of the time: 3.5 instead of 5.5 ns a row for a
 * least and a greatest. NaN is above every number, and what a minimum of floats starts with.
 */
function extremeText(spec: FusedSpec, value: string, physical: string, best: string): string {
  const max = spec.op === 'max';
  const read = `const x=${value},y=${best}`;
  // What has no value yet may be NaN.
  if (physical !== 'f64' && physical !== 'f32') return `{${read};${best}=x${max ? '<' : '>'}y?y:x;}`;
  const better = `x${max ? '>' : '<'}y?x:y`;
  return max ? `{${read};${best}=${better};if(x!==x)${best}=x;}` : `{${read},z=${better};${best}=y===y?z:x;}`;
}

/** Text that adds state row i to its group. `inputs[k]` are the state columns of aggregate k. */
export function mergeText(
  { specs, layout, from, to, at, binder, rowBits }: TextOf,
  inputs: readonly (readonly Column[])[],
): string {
  const read = (column: Column) => `${binder.bind(column.values, column.physical)}[i]`;
  let text = '';
  for (let k = from; k < to; k++) {
    const spec = specs[k]!;
    const columns = inputs[k]!;
    const [first, second] = columns as [Column, Column];
    const count = layout.count[k]!;
    if (spec.op === 'count' || spec.op === 'len') text += `${at(count)}+=${read(first)};`;
    else if (isSum(spec)) {
      const slot = layout.value[k]!;
      if (spec.op === 'mean') text += `${at(count)}+=${read(columns.at(-1)!)};`;
      if (sumKind(spec.type) === 'small')
        text += valueText(spec, { column: first, filter: null }, { layout, at, binder, rowBits }, k);
      else text += addText(read(first), at(slot), at(slot + 1), `+${read(second)}`);
      if (sumKind(spec.type) === 'huge') {
        text += tidyText(slot, at);
        text += addText(read(columns[2]!), at(slot + 2), at(slot + 3), `+${read(columns[3]!)}`);
      }
    } else {
      const input = { column: first, filter: null };
      const body = valueText(spec, input, { layout, at, binder, rowBits }, k);
      const condition = conditionText(input, binder, rowBits);
      const counted = count < 0 ? '' : `${at(count)}++;`;
      text += `${condition === '' ? '' : `if(${condition})`}{${body}${counted}}`;
    }
    text += '\n';
  }
  return text;
}
