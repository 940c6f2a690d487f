import { type KernelMemory, kernelMemory } from '../../../core/base/kernel-memory.js';
import {
  add,
  and,
  type Code,
  functionFor,
  functionOver,
  geU,
  giveBack,
  gtU,
  int,
  load8,
  load32,
  loadAs,
  localsOf,
  ltU,
  mul,
  not,
  or,
  select,
  shl,
  shrU,
  statements,
  store32,
  storeAs,
  sub,
  when,
  whileTrue,
} from '../../codegen/wasm/assemble.js';
import {
  add32,
  anyTrue,
  isMoreS32,
  orVectors,
  splat32,
  storeVector,
} from '../../codegen/wasm/vector-code.js';
import { hasVectors } from '../../codegen/wasm/vectors.js';
import type { Values } from '../../column/column.js';
import { inQuads } from './hybrid-vectors.js';
import { runHeader } from './run-header.js';

/** Codes of more bits are not looked at here. */
export const chosenBits = 12;
/** A row number and the code of its row, which lie side by side until all are chosen. */
export const pairBytes = 8;
/** Fields of a step by vectors, and of a group. */
const stepFields = 32;
const groupFields = 8;
/** Of the workspace: codes of a step, then what passes, then the entries. */
const passesAt = 4 * stepFields;
const tableAt = passesAt + 2 ** chosenBits;

const parameters = [
  ...['p', 'end', 'row', 'count', 'pairs', 'work', 'passes', 'entries', 'most'],
  ...['rows', 'values', 'table'],
] as const;
const variables = ['head', 'shift', 'run', 'left', 'bit', 'c', 'next', 'at', 'seen'] as const;
const vectors = ['fields', 'limit', 'base', 'wrong'] as const;
const locals = localsOf<string>([...parameters, ...variables, ...vectors]);
const { get, set } = locals;
const step = (name: string, by: Code) => set(name, add(get(name), by));
const times = (counter: string, body: Code) =>
  whileTrue(get(counter), statements(body, set(counter, sub(get(counter), int(1)))));
/** Damage, and more rows than may be. */
const failed = -1;
const fails = (condition: Code) => when(condition, giveBack(int(failed)));

/** Puts row `row` + i down, with where it stands whether the code in `c` passes; the next one over it if it does not. */
const note = (i: number) =>
  statements(
    store32(get('at'), i === 0 ? get('row') : add(get('row'), int(i))),
    store32(get('at'), get('c'), 4),
    step('at', load8(get('c'))),
  );

/** The row of code `c`, which is to be checked. */
const noteOne = statements(
  // Below 0 as long as each code is less than `entries`: neither has 31 bits.
  set('seen', and(get('seen'), sub(get('c'), get('entries')))),
  step('c', get('passes')),
  note(0),
  step('row', int(1)),
);

function byVectors(width: number): Code {
  const codes = inQuads(get('p'), width, (quad, q) =>
    statements(
      set('fields', quad),
      set('wrong', orVectors(get('wrong'), isMoreS32(get('fields'), get('limit')))),
      storeVector(get('work'), add32(get('fields'), get('base')), 16 * q),
    ),
  );
  const rows = Array.from({ length: stepFields }, (_, i) =>
    statements(set('c', load32(get('work'), 4 * i)), note(i)),
  );
  const groups = stepFields / groupFields;
  return whileTrue(
    geU(get('run'), int(groups)),
    statements(
      ...codes,
      ...rows,
      step('row', int(stepFields)),
      step('p', int(groups * width)),
      set('run', sub(get('run'), int(groups))),
    ),
  );
}

/** Groups of eight fields, then fields of one more where fewer are wanted: a run may claim padding that is not there. */
function packed(width: number): Code {
  const word = load32(add(get('p'), shrU(get('bit'), int(3))));
  const field = set('c', and(shrU(word, and(get('bit'), int(7))), int(2 ** width - 1)));
  const groups = shrU(get('count'), int(3));
  const bytes = add(mul(get('run'), int(width)), shrU(add(mul(get('left'), int(width)), int(7)), int(3)));
  return statements(
    set('left', select(gtU(get('run'), groups), and(get('count'), int(groupFields - 1)), int(0))),
    set('run', select(gtU(get('run'), groups), groups, get('run'))),
    fails(gtU(bytes, sub(get('end'), get('p')))),
    set('count', sub(get('count'), add(shl(get('run'), int(3)), get('left')))),
    byVectors(width),
    set('left', add(get('left'), shl(get('run'), int(3)))),
    set('bit', int(0)),
    times('left', statements(field, noteOne, step('bit', int(width)))),
    step('p', mul(get('run'), int(width))),
  );
}

function repeated(width: number): Code {
  const bytes = (width + 7) >> 3;
  const value = Array.from({ length: bytes }, (_, k) => shl(load8(get('p'), k), int(8 * k))).reduce(or);
  return statements(
    fails(gtU(int(bytes), sub(get('end'), get('p')))),
    set('c', value),
    step('p', int(bytes)),
    fails(geU(get('c'), get('entries'))),
    step('c', get('passes')),
    set('run', select(gtU(get('run'), get('count')), get('count'), get('run'))),
    set('count', sub(get('count'), get('run'))),
    when(load8(get('c')), times('run', statements(note(0), step('row', int(1)))), step('row', get('run'))),
  );
}

/** The rows that were noted to `rows`, and the entries of their codes to `values`. */
function deal(sizeLog2: number): Code {
  const entry = shl(sub(load32(get('pairs'), 4), get('passes')), int(sizeLog2));
  return whileTrue(
    ltU(get('pairs'), get('at')),
    statements(
      store32(get('rows'), load32(get('pairs'))),
      storeAs(sizeLog2, get('values'), loadAs(sizeLog2, add(get('table'), entry)), 0),
      step('pairs', int(pairBytes)),
      step('rows', int(4)),
      step('values', int(1 << sizeLog2)),
    ),
  );
}

function bodyFor(width: number, sizeLog2: number): Code {
  return statements(
    set('seen', int(-1)),
    set('at', get('pairs')),
    set('limit', splat32(sub(get('entries'), int(1)))),
    set('base', splat32(get('passes'))),
    whileTrue(
      get('count'),
      statements(runHeader(locals, failed), when(and(get('head'), int(1)), packed(width), repeated(width))),
    ),
    fails(anyTrue(get('wrong'))),
    fails(not(shrU(get('seen'), int(31)))),
    set('run', shrU(sub(get('at'), get('pairs')), int(3))),
    fails(gtU(get('run'), get('most'))),
    deal(sizeLog2),
    giveBack(get('run')),
  );
}

function kernel({ memory }: KernelMemory, width: number, sizeLog2: number) {
  return functionFor(memory, `choose ${width} ${sizeLog2}`, () =>
    functionOver(memory, parameters.length, variables.length, bodyFor(width, sizeLog2), vectors.length),
  );
}

/** What is asked of a dictionary. */
export interface Entries {
  readonly values: Values;
  readonly count: number;
  /** Of each: pairBytes where its rows are wanted, else 0. */
  readonly passes: Uint8Array;
}

/** A run-length / bit-packed page of `count` codes, in bytes[from...], the first of which is of row `first`. */
export interface CodedPage {
  readonly bytes: Uint8Array;
  readonly from: number;
  /** Bits of a code. */
  readonly width: number;
  readonly first: number;
  readonly count: number;
}

/** Where what is chosen goes: rows to rows[at...], an entry of each to values[at...]. */
export interface ChosenPlace {
  readonly rows: Int32Array;
  readonly values: Values;
  readonly at: number;
  /** So many there may be. */
  readonly most: number;
}

/**
 * Chooses the rows of a page whose code passes. All codes are looked at. `pairs` has room for one more than there are codes. All but the
 * entries lie in the lane's memory.
 * @returns how many; null when it cannot, when they are too many, or the page is damaged
 */
export function chooseInWasm(
  { bytes, from, width, first, count }: CodedPage,
  { values: table, count: entries, passes }: Entries,
  pairs: Uint8Array,
  { rows, values, at, most }: ChosenPlace,
): number | null {
  const home = kernelMemory();
  if (home === null || width === 0 || width > chosenBits || !hasVectors()) return null;
  const { buffer, workspace } = home;
  if ([bytes, pairs, rows, values].some(place => place.buffer !== buffer)) return null;
  const size = table.BYTES_PER_ELEMENT;
  const there = new Uint8Array(buffer, workspace + passesAt, 2 ** width);
  there.fill(0);
  there.set(passes.subarray(0, 2 ** width));
  new Uint8Array(buffer, workspace + tableAt, entries * size).set(
    new Uint8Array(table.buffer, table.byteOffset, entries * size),
  );
  const found = kernel(home, width, Math.log2(size))(
    ...[bytes.byteOffset + from, bytes.byteOffset + bytes.length, first, count, pairs.byteOffset],
    ...[workspace, workspace + passesAt, entries, most],
    ...[rows.byteOffset + 4 * at, values.byteOffset + size * at, workspace + tableAt],
  )!;
  return found === failed ? null : found;
}
