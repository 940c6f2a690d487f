import { kernelMemory, type WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  type Code,
  functionFor,
  functionOver,
  giveBack,
  int,
  load8,
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
  chooseBits,
  equal32,
  loadVector,
  mixed,
  mul32,
  shrU32,
  signs32,
  splat32,
  storeVector,
  sub32,
  vectorOf32,
  vectorsOf,
} from '../codegen/wasm/vector-code.js';
import { hasVectors } from '../codegen/wasm/vectors.js';
import type { Column, Values } from '../column/column.js';

/** Rows of one step: a byte of a bitmap. */
const stepRows = 8;

/** A column as digits: (value − base) · factor, or size · factor where it is null, is added to a word of each row. */
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
 * Writes the sums of the terms of each row, one or two words. Modulo 2^32, as JavaScript's Math.imul and |0 have them.
 * @returns rows that were done, the first ones: none where something does not lie in the lane's memory
 */
export function combineDigits(
  terms: readonly DigitTerm[],
  words: 1 | 2,
  out: Int32Array,
  rows: number,
): number {
  const memory = memoryOf(
    out,
    ...terms.flatMap(({ column: { values, validity } }) => (validity === null ? [values] : [values, validity])),
  );
  if (memory === null || !terms.every(({ column }) => column.values instanceof Int32Array)) return 0;
  const shapes = terms.map(({ column, word }) => ({ nullable: column.validity !== null, word }));
  const key = `digits ${words} ${shapes.map(({ nullable, word }) => `${word}${nullable ? 'n' : ''}`).join()}`;
  const done = rows - (rows % stepRows);
  functionFor(memory, key, () => makeCombine(memory, shapes, words))(
    out.byteOffset,
    done,
    ...terms.flatMap(({ column, base, size, factor }) => [
      column.values.byteOffset,
      column.validity?.byteOffset ?? 0,
      base,
      size,
      factor,
    ]),
  );
  return done;
}

/**
 * Writes base + digit of each row, 0 where the digit is `none`.
 * @returns rows that were done, the first ones
 */
export function takeDigits(from: DigitPlace, none: number, base: number, out: Values, rows: number): number {
  const memory = out instanceof Int32Array ? memoryOf(out, from.pairs) : null;
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
  const memory = memoryOf(out, from.pairs);
  if (memory === null) return null;
  const done = rows - (rows % stepRows);
  const find = functionFor(memory, 'digits there', () => makeThere(memory));
  const nulls = find(addressOf(from), done, out.byteOffset, from.shift, from.mask, none)!;
  return { done, valid: done - nulls };
}

/** Of this thread's lane, where all arrays lie in it and the processor has vectors; else null. */
function memoryOf(...arrays: readonly ArrayBufferView[]): WasmMemory | null {
  const home = kernelMemory();
  if (home === null || !hasVectors() || arrays.some(({ buffer }) => buffer !== home.buffer)) return null;
  return home.memory;
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

/** combine(out, rows, ...(values, bits, base, size, factor of each term)) */
function makeCombine(
  memory: WasmMemory,
  shapes: readonly { readonly nullable: boolean; readonly word: 0 | 1 }[],
  words: 1 | 2,
) {
  const inputs = shapes.flatMap((_, k) => ['values', 'bits', 'base', 'size', 'factor'].map(name => name + k));
  const names = ['out', 'rows', ...inputs, 'end'];
  const { get, set } = localsOf(names);
  const constants = shapes.flatMap((_, k) => ['base', 'none', 'factor'].map(name => name + k));
  const vectors = vectorsOf(['word0', 'word1', 'bits', ...constants], names.length);
  const digit = (k: number, half: 0 | 1): Code => {
    const value = sub32(loadVector(get(`values${k}`), 16 * half), vectors.get(`base${k}`));
    return mul32(value, vectors.get(`factor${k}`));
  };
  const half = (at: 0 | 1): Code => {
    const code: Code[] = [];
    const begun = [false, false];
    shapes.forEach(({ nullable, word }, k) => {
      let term = digit(k, at);
      if (nullable) {
        const own = at === 0 ? lowBits : highBits;
        code.push(vectors.set('bits', andVectors(splat32(load8(get(`bits${k}`))), own)));
        term = chooseBits(term, vectors.get(`none${k}`), equal32(vectors.get('bits'), own));
      }
      const name = `word${word}` as const;
      code.push(vectors.set(name, begun[word] ? add32(vectors.get(name), term) : term));
      begun[word] = true;
    });
    for (const word of [0, 1] as const)
      if (!begun[word]) code.push(vectors.set(`word${word}`, vectorOf32([0, 0, 0, 0])));
    const [first, second] = [vectors.get('word0'), vectors.get('word1')];
    if (words === 1) code.push(storeVector(get('out'), first, 16 * at));
    else
      code.push(
        storeVector(get('out'), mixed(first, second, firstPairs), 32 * at),
        storeVector(get('out'), mixed(first, second, lastPairs), 32 * at + 16),
      );
    return code.flat();
  };
  const body = statements(
    ...shapes.flatMap((_, k) => [
      vectors.set(`base${k}`, splat32(get(`base${k}`))),
      vectors.set(`factor${k}`, splat32(get(`factor${k}`))),
      vectors.set(`none${k}`, splat32(mul(get(`size${k}`), get(`factor${k}`)))),
    ]),
    set('end', add(get('out'), mul(get('rows'), int(4 * words)))),
    whileTrue(
      ltU(get('out'), get('end')),
      statements(
        half(0),
        half(1),
        set('out', add(get('out'), int(4 * words * stepRows))),
        ...shapes.flatMap((_, k) => [
          set(`values${k}`, add(get(`values${k}`), int(4 * stepRows))),
          set(`bits${k}`, add(get(`bits${k}`), int(1))),
        ]),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, names.length - 1, 1, body, 3 + constants.length);
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
