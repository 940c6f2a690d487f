import type { WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  type Code,
  functionFor,
  functionOver,
  giveBack,
  int,
  localsOf,
  ltU,
  mul,
  or,
  popcount,
  shl,
  statements,
  storeAs,
  whileTrue,
  xor,
} from '../codegen/wasm/assemble.js';
import {
  add32,
  andNotVectors,
  andVectors,
  equal32,
  loadSplat8,
  loadVector,
  mixed,
  mul32,
  narrowU32,
  shrU32,
  signs32,
  splat32,
  storeVector,
  vectorOf32,
  vectorsOf,
} from '../codegen/wasm/vector-code.js';
import type { Column, Values } from '../column/column.js';
import { vectorMemoryOf } from './vector-memory.js';

/** Rows of one step: a byte of a bitmap. */
const stepRows = 8;

/** A column as digits: (value − base) · factor, or size · factor where it is null, is added to a word of each row. Null slots hold 0. */
export interface DigitTerm {
  readonly column: Column;
  readonly base: number;
  readonly size: number;
  /** Modulo 2^32. */
  readonly factor: number;
  readonly word: 0 | 1;
}

/** Where a digit lies in pairs of words: bits `shift` to `shift` + the length of `mask`. */
export interface DigitPlace {
  readonly pairs: Int32Array;
  readonly word: 0 | 1;
  readonly shift: number;
  readonly mask: number;
}

/**
 * Writes the sums of the terms of each row: into one number, which is below 2^16 where those have 16 bits, or into pairs of words.
 * Modulo 2^32, as JavaScript's Math.imul and |0 have them.
 * @returns rows that were done, the first ones: none where something does not lie in the lane's memory
 */
export function combineDigits(
  terms: readonly DigitTerm[],
  out: Int32Array | Uint16Array,
  pairs: boolean,
  rows: number,
): number {
  const arrays = terms.flatMap(({ column: { values, validity } }) => [values, validity ?? values]);
  const memory = vectorMemoryOf(out, ...arrays);
  if (memory === null || !terms.every(({ column }) => column.values instanceof Int32Array)) return 0;
  const shapes = terms.map(({ column, factor, word }) => ({
    nullable: column.validity !== null,
    plain: factor === 1,
    word,
  }));
  const form = pairs ? 'pairs' : out instanceof Uint16Array ? 'halves' : 'words';
  const done = rows - (rows % stepRows);
  const combine = functionFor(memory, `digits ${form} ${JSON.stringify(shapes)}`, () =>
    makeCombine(memory, shapes, form),
  );
  const begin = (word: 0 | 1) =>
    terms.reduce((sum, term) => (term.word === word ? sum - Math.imul(term.base, term.factor) : sum), 0);
  return combine(
    ...[out.byteOffset, done, begin(0), begin(1)],
    ...terms.flatMap(({ column: { values, validity }, base, size, factor }) => [
      values.byteOffset,
      validity?.byteOffset ?? 0,
      factor,
      Math.imul(base + size, factor),
    ]),
  )!;
}

/**
 * Writes base + digit of each row, 0 where the digit is `none`.
 * @returns rows that were done, the first ones
 */
export function takeDigits(from: DigitPlace, none: number, base: number, out: Values, rows: number): number {
  const memory = out instanceof Int32Array ? vectorMemoryOf(out, from.pairs) : null;
  if (memory === null) return 0;
  const done = rows - (rows % stepRows);
  const take = functionFor(memory, 'take digits', () => makeTake(memory));
  take(addressOf(from), done, out.byteOffset, from.shift, from.mask, none, base);
  return done;
}

/**
 * Writes the bitmap of rows whose digit is not `none`.
 * @returns null where something does not lie in the lane's memory. Else rows that were done, the first ones, and how many of them are valid
 */
export function digitsThere(
  from: DigitPlace,
  none: number,
  out: Uint8Array,
  rows: number,
): { readonly done: number; readonly valid: number } | null {
  const memory = vectorMemoryOf(out, from.pairs);
  if (memory === null) return null;
  const done = rows - (rows % stepRows);
  const find = functionFor(memory, 'digits there', () => makeThere(memory));
  const nulls = find(addressOf(from), done, out.byteOffset, from.shift, from.mask, none)!;
  return { done, valid: done - nulls };
}

function addressOf({ pairs, word }: DigitPlace): number {
  return pairs.byteOffset + 4 * word;
}

/** Bytes of the first words of two pairs in each of two vectors. */
const firstWords = [0, 8, 16, 24].flatMap(pair => [0, 1, 2, 3].map(byte => pair + byte));
/** Bytes of the first, or last, two lanes of two vectors by turns: two pairs. */
const [firstPairs, lastPairs] = [0, 8].map(from =>
  [0, 16, 4, 20].flatMap(lane => [0, 1, 2, 3].map(byte => from + lane + byte)),
) as [number[], number[]];
/** Bits of a byte, four rows each. */
const [lowBits, highBits] = [vectorOf32([1, 2, 4, 8]), vectorOf32([16, 32, 64, 128])] as const;

/** What a term needs to be computed. */
interface Shape {
  readonly nullable: boolean;
  /** Its factor is 1. */
  readonly plain: boolean;
  readonly word: 0 | 1;
}

const rowBytes = { pairs: 8, words: 4, halves: 2 } as const;

/** combine(out, rows, begin0, begin1, ...(values, bits, factor, what is added for null) of each term) */
function makeCombine(memory: WasmMemory, shapes: readonly Shape[], form: keyof typeof rowBytes) {
  const inputs = shapes.flatMap((_, k) => ['values', 'bits', 'factor', 'none'].map(name => name + k));
  const names = ['out', 'rows', 'begin0', 'begin1', ...inputs, 'end'];
  const { get, set } = localsOf(names);
  const constants = ['begin0', 'begin1', ...shapes.flatMap((_, k) => [`factor${k}`, `none${k}`])];
  const sums = ['low0', 'low1', 'high0', 'high1'];
  const vectors = vectorsOf([...sums, 'bits', ...constants], names.length);
  const bytes = rowBytes[form];
  /** Of eight rows, into the four sums. */
  const add8 = ({ nullable, plain, word }: Shape, k: number): Code[] => {
    const halves = (['low', 'high'] as const).map((half, h): Code => {
      const sum = half + word;
      const value = loadVector(get(`values${k}`), 16 * h);
      const term = plain ? value : mul32(value, vectors.get(`factor${k}`));
      const all = vectors.set(sum, add32(vectors.get(sum), term));
      if (!nullable) return all;
      const own = h === 0 ? lowBits : highBits;
      const there = equal32(andVectors(vectors.get('bits'), own), own);
      const none = andNotVectors(vectors.get(`none${k}`), there);
      return [...all, ...vectors.set(sum, add32(vectors.get(sum), none))];
    });
    return nullable ? [vectors.set('bits', loadSplat8(get(`bits${k}`))), ...halves] : halves;
  };
  const store = {
    words: () => [
      storeVector(get('out'), vectors.get('low0')),
      storeVector(get('out'), vectors.get('high0'), 16),
    ],
    halves: () => [storeVector(get('out'), narrowU32(vectors.get('low0'), vectors.get('high0')))],
    pairs: () =>
      ['low', 'high'].flatMap((half, h) =>
        [firstPairs, lastPairs].map((lanes, k) =>
          storeVector(
            get('out'),
            mixed(vectors.get(`${half}0`), vectors.get(`${half}1`), lanes),
            32 * h + 16 * k,
          ),
        ),
      ),
  }[form];
  const body = statements(
    ...constants.map(name => vectors.set(name, splat32(get(name)))),
    set('end', add(get('out'), mul(get('rows'), int(bytes)))),
    whileTrue(
      ltU(get('out'), get('end')),
      statements(
        ...sums.map(name => vectors.set(name, vectors.get(`begin${name.at(-1)}`))),
        ...shapes.flatMap(add8),
        ...store(),
        set('out', add(get('out'), int(bytes * stepRows))),
        ...shapes.flatMap((_, k) => [
          set(`values${k}`, add(get(`values${k}`), int(4 * stepRows))),
          set(`bits${k}`, add(get(`bits${k}`), int(1))),
        ]),
      ),
    ),
    giveBack(get('rows')),
  );
  return functionOver(memory, names.length - 1, 1, body, sums.length + 1 + constants.length);
}

/** take(from, rows, out, shift, mask, none, base) */
function makeTake(memory: WasmMemory) {
  const names = ['from', 'rows', 'out', 'shift', 'mask', 'none', 'base', 'end'] as const;
  const { get, set } = localsOf(names);
  const vectors = vectorsOf(['digit', 'mask', 'none', 'base'], names.length);
  const four = (half: number) => [
    vectors.set('digit', digitsAt(get('from'), 32 * half, get('shift'), vectors.get('mask'))),
    storeVector(
      get('out'),
      andNotVectors(
        add32(vectors.get('digit'), vectors.get('base')),
        equal32(vectors.get('digit'), vectors.get('none')),
      ),
      16 * half,
    ),
  ];
  const body = statements(
    ...(['mask', 'none', 'base'] as const).map(name => vectors.set(name, splat32(get(name)))),
    set('end', add(get('out'), mul(get('rows'), int(4)))),
    whileTrue(
      ltU(get('out'), get('end')),
      statements(
        ...four(0),
        ...four(1),
        set('from', add(get('from'), int(8 * stepRows))),
        set('out', add(get('out'), int(4 * stepRows))),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, 7, 1, body, 4);
}

/** there(from, rows, out, shift, mask, none): gives how many are not. */
function makeThere(memory: WasmMemory) {
  const names = ['from', 'rows', 'out', 'shift', 'mask', 'none', 'end', 'nulls', 'byte'] as const;
  const { get, set } = localsOf(names);
  const vectors = vectorsOf(['mask', 'none'], names.length);
  const four = (half: number) =>
    signs32(
      equal32(digitsAt(get('from'), 32 * half, get('shift'), vectors.get('mask')), vectors.get('none')),
    );
  const body = statements(
    ...(['mask', 'none'] as const).map(name => vectors.set(name, splat32(get(name)))),
    set('end', add(get('from'), mul(get('rows'), int(8)))),
    whileTrue(
      ltU(get('from'), get('end')),
      statements(
        set('byte', or(four(0), shl(four(1), int(4)))),
        set('nulls', add(get('nulls'), popcount(get('byte')))),
        storeAs(0, get('out'), xor(get('byte'), int(255)), 0),
        set('from', add(get('from'), int(8 * stepRows))),
        set('out', add(get('out'), int(1))),
      ),
    ),
    giveBack(get('nulls')),
  );
  return functionOver(memory, 6, 3, body, 2);
}

/** Of four pairs, `offset` bytes behind the address of the first one's word. */
function digitsAt(from: Code, offset: number, shift: Code, mask: Code): Code {
  const words = mixed(loadVector(from, offset), loadVector(from, offset + 16), firstWords);
  return andVectors(shrU32(words, shift), mask);
}
