import type { WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  and,
  type Code,
  functionFor,
  functionOver,
  geU,
  giveBack,
  int,
  load8,
  load32,
  loadAs,
  localsOf,
  ltU,
  mul,
  ne,
  not,
  or,
  shl,
  statements,
  unreachable,
  when,
  whileTrue,
  xor,
} from '../codegen/wasm/assemble.js';
import { callRows, checked } from '../codegen/wasm/kernel.js';
import {
  addF64,
  chosen,
  equalF64,
  floatVector,
  load64,
  loadVector,
  mulF64,
  subF64,
  vectorsOf,
} from '../codegen/wasm/vector-code.js';
import { addToDoubles, doubleVectors, loadPair, type Pair, storePair } from './row-pairs-wasm.js';
import { vectorMemoryOf } from './vector-memory.js';

/** Bytes of a group: count, pivot, sum of differences (high, low), sum of their squares (high, low). */
const groupBytes = 48;

/**
 * Adds floats to moments about the pivots of their groups, two at a time unless they are of the same one: bits are those of one after
 * the other. `mask`: bytes of 1 for values that count.
 * @returns false where something does not lie in the lane's memory: nothing is done
 */
export function addMoments(
  values: Float64Array,
  group: Int32Array,
  mask: Uint8Array | null,
  sums: Float64Array,
  rows: number,
): boolean {
  const memory = vectorMemoryOf(values, group, sums, mask ?? values);
  if (memory === null) return false;
  const run = functionFor(memory, `moments ${mask !== null}`, () => makeAdd(memory, mask !== null));
  const end = sums.byteOffset + sums.byteLength;
  for (let row = 0; row < rows; row += callRows) {
    const masks = mask === null ? 0 : mask.byteOffset + row;
    const length = Math.min(callRows, rows - row);
    const inputs = [group.byteOffset + 4 * row, values.byteOffset + 8 * row, masks];
    checked(run, [sums.byteOffset, end, length, ...inputs]);
  }
  return true;
}

const vectorNames = [...doubleVectors, 'x', 'd', 'e', 'q', 'f', 'a', 'b'] as const;

/** Adds x to the moments of a pair: differenceText, splitText, productText and addText of aggregate-moments. */
function addPair(
  { get, set }: ReturnType<typeof vectorsOf<(typeof vectorNames)[number]>>,
  pair: Pair,
): Code[] {
  const [x, d, e, q, f, a, b] = (['x', 'd', 'e', 'q', 'f', 'a', 'b'] as const).map(get) as Seven;
  const [count, pivot] = [get('high'), get('more')];
  return [
    set('high', loadPair(pair, 0)),
    // The first value is the pivot.
    set('more', chosen(equalF64(count, floatVector(0)), x, loadPair(pair, 8))),
    ...storePair(pair, pivot, 8),
    set('high', addF64(count, floatVector(1))),
    ...storePair(pair, count, 0),
    set('d', subF64(x, pivot)),
    set('f', subF64(d, x)),
    set('e', subF64(subF64(x, subF64(d, f)), addF64(pivot, f))),
    set('q', mulF64(floatVector(134_217_729), d)),
    set('a', subF64(q, subF64(q, d))),
    set('b', subF64(d, a)),
    set('q', mulF64(d, d)),
    set('f', mulF64(a, b)),
    set('f', addF64(subF64(mulF64(a, a), q), addF64(f, f))),
    set('f', addF64(f, mulF64(b, b))),
    set('f', addF64(f, mulF64(addF64(d, d), e))),
    ...addToDoubles({ get, set }, pair, 16, d, e),
    ...addToDoubles({ get, set }, pair, 32, q, f),
  ];
}

type Seven = [Code, Code, Code, Code, Code, Code, Code];

/** add(sums, past, rows, group, values, mask) */
function makeAdd(memory: WasmMemory, masked: boolean) {
  const names = ['sums', 'past', 'rows', 'group', 'values', 'mask', 'one', 'other', 'end'] as const;
  const { get, set } = localsOf(names);
  const v = vectorsOf(vectorNames, names.length);
  const place = (row: number) => add(get('sums'), mul(load32(get('group'), 4 * row), int(groupBytes)));
  const isBeyond = (name: 'one' | 'other') => geU(get(name), get('past'));
  /** The row alone, in both lanes. */
  const addOne = (row: number): Code => {
    const all = [
      set('one', place(row)),
      when(isBeyond('one'), unreachable),
      v.set('x', load64(get('values'), 8 * row)),
      ...addPair(v, { one: get('one'), other: null }),
    ];
    return masked ? when(load8(get('mask'), row), all) : all;
  };
  const step = (rows: number): Code[] => [
    set('group', add(get('group'), int(4 * rows))),
    set('values', add(get('values'), int(8 * rows))),
    set('mask', add(get('mask'), int(rows))),
  ];
  const apart = ne(get('one'), get('other'));
  const both = masked ? and(apart, not(xor(loadAs(1, get('mask')), int(0x0101)))) : apart;
  const two = [
    set('one', place(0)),
    set('other', place(1)),
    when(or(isBeyond('one'), isBeyond('other')), unreachable),
    when(
      both,
      [v.set('x', loadVector(get('values'))), ...addPair(v, { one: get('one'), other: get('other') })],
      [addOne(0), addOne(1)],
    ),
  ];
  const until = (rows: Code) => set('end', add(get('values'), shl(rows, int(3))));
  const body = statements(
    until(and(get('rows'), int(-2))),
    whileTrue(ltU(get('values'), get('end')), statements(...two, ...step(2))),
    until(and(get('rows'), int(1))),
    whileTrue(ltU(get('values'), get('end')), statements(addOne(0), ...step(1))),
    giveBack(int(0)),
  );
  return functionOver(memory, 6, 3, body, vectorNames.length);
}
