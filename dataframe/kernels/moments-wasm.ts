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
  firstLanes,
  floatVector,
  loadSplat64,
  loadVector,
  mulF64,
  secondLanes,
  storeVector,
  subF64,
  vectorsOf,
} from '../codegen/wasm/vector-code.js';
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

/** add(sums, past, rows, group, values, mask) */
function makeAdd(memory: WasmMemory, masked: boolean) {
  const names = ['sums', 'past', 'rows', 'group', 'values', 'mask', 'one', 'other', 'end'] as const;
  const { get, set } = localsOf(names);
  const vectors = vectorsOf(['x', 'd', 'e', 'q', 'f', 'a', 'b', 'high', 'sum', 'more'], names.length);
  const v = vectors.get;
  const let_ = vectors.set;
  const pairAt = (one: 'one', other: 'one' | 'other', offset: number): Code[] => [
    let_('a', loadVector(get(one), offset)),
    let_('b', loadVector(get(other), offset)),
  ];
  const store = (one: 'one', other: 'one' | 'other', offset: number, first: Code, second: Code): Code[] => [
    storeVector(get(one), firstLanes(first, second), offset),
    storeVector(get(other), secondLanes(first, second), offset),
  ];
  /** As addText has it: `x` and `rest`. */
  const addDouble = (
    one: 'one',
    other: 'one' | 'other',
    offset: number,
    x: 'd' | 'q',
    rest: Code,
  ): Code[] => [
    ...pairAt(one, other, offset),
    let_('high', firstLanes(v('a'), v('b'))),
    let_('sum', addF64(v('high'), v(x))),
    let_('more', subF64(v('sum'), v('high'))),
    let_(
      'more',
      addF64(addF64(subF64(v('high'), subF64(v('sum'), v('more'))), subF64(v(x), v('more'))), rest),
    ),
    let_('more', addF64(secondLanes(v('a'), v('b')), v('more'))),
    ...store(one, other, offset, v('sum'), v('more')),
  ];
  const addPair = (one: 'one', other: 'one' | 'other'): Code[] => [
    ...pairAt(one, other, 0),
    // The count, and the pivot: the first value.
    let_('high', firstLanes(v('a'), v('b'))),
    let_('more', chosen(equalF64(v('high'), floatVector(0)), v('x'), secondLanes(v('a'), v('b')))),
    let_('high', addF64(v('high'), floatVector(1))),
    ...store(one, other, 0, v('high'), v('more')),
    // differenceText, splitText and productText.
    let_('d', subF64(v('x'), v('more'))),
    let_('f', subF64(v('d'), v('x'))),
    let_('e', subF64(subF64(v('x'), subF64(v('d'), v('f'))), addF64(v('more'), v('f')))),
    let_('q', mulF64(floatVector(134_217_729), v('d'))),
    let_('a', subF64(v('q'), subF64(v('q'), v('d')))),
    let_('b', subF64(v('d'), v('a'))),
    let_('q', mulF64(v('d'), v('d'))),
    let_('f', mulF64(v('a'), v('b'))),
    let_('f', addF64(subF64(mulF64(v('a'), v('a')), v('q')), addF64(v('f'), v('f')))),
    let_('f', addF64(v('f'), mulF64(v('b'), v('b')))),
    let_('f', addF64(v('f'), mulF64(addF64(v('d'), v('d')), v('e')))),
    ...addDouble(one, other, 16, 'd', v('e')),
    ...addDouble(one, other, 32, 'q', v('f')),
  ];
  const place = (row: number) => add(get('sums'), mul(load32(get('group'), 4 * row), int(groupBytes)));
  const isBeyond = (name: 'one' | 'other') => geU(get(name), get('past'));
  /** The row alone, in both lanes. */
  const addOne = (row: number): Code => {
    const all = [
      set('one', place(row)),
      when(isBeyond('one'), unreachable),
      let_('x', loadSplat64(get('values'), 8 * row)),
      ...addPair('one', 'one'),
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
    when(both, [let_('x', loadVector(get('values'))), ...addPair('one', 'other')], [addOne(0), addOne(1)]),
  ];
  const until = (rows: Code) => set('end', add(get('values'), shl(rows, int(3))));
  const body = statements(
    until(and(get('rows'), int(-2))),
    whileTrue(ltU(get('values'), get('end')), statements(...two, ...step(2))),
    until(and(get('rows'), int(1))),
    whileTrue(ltU(get('values'), get('end')), statements(addOne(0), ...step(1))),
    giveBack(int(0)),
  );
  return functionOver(memory, 6, 3, body, 10);
}
