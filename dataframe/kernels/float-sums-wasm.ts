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
  ne,
  shl,
  statements,
  when,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import { load64, loadVector, vectorsOf } from '../codegen/wasm/vector-code.js';
import type { CellCode } from './cells-wasm.js';
import { addToDoubles, doubleVectors } from './row-pairs-wasm.js';

/** Rows of one turn of the loop. */
const turnRows = 4;

/** Sums of two numbers, as addText has them. */
export interface FloatSums {
  /** Numbers of a cell. */
  readonly width: number;
  /** By sum: the slot of its high number, before that of the low one. */
  readonly slots: readonly number[];
}

/**
 * A function that adds rows to float sums of their cells, two rows at a time unless they are of the same cell: bits are those of one after the other.
 * Which cells there are is not checked. `state`: address of cell 0. `inputs`: addresses of the first row's floats.
 */
export function addsToSums(
  memory: WasmMemory,
  sums: FloatSums,
  cells: CellCode,
): (state: number, from: number, rows: number, inputs: readonly number[]) => void {
  const key = `add to sums ${JSON.stringify([sums, cells.forms])}`;
  const run = functionFor(memory, key, () => makeAdd(memory, sums, cells));
  return (state, from, rows, inputs) => {
    run(state, rows, ...cells.arguments(from), ...inputs);
  };
}

/** add(state, rows, ...(rows, table, stride) of each key, ...values) */
function makeAdd(memory: WasmMemory, { slots }: FloatSums, cells: CellCode) {
  const values = slots.map((_, k) => `value${k}`);
  const inputs = ['state', 'rows', ...cells.names, ...values];
  const names = [...inputs, 'one', 'other', 'end'];
  const locals = localsOf(names);
  const { get, set } = locals;
  const v = vectorsOf([...doubleVectors, 'x'], names.length);
  const place = (j: number) => add(get('state'), cells.place(j, get));
  const addRow = (j: number): Code[] =>
    slots.flatMap((slot, k) => [
      v.set('x', load64(get(`value${k}`), 8 * j)),
      ...addToDoubles(v, { one: get('one'), other: null }, 8 * slot, v.get('x'), null),
    ]);
  const addTwo = (j: number): Code[] =>
    slots.flatMap((slot, k) => [
      v.set('x', loadVector(get(`value${k}`), 8 * j)),
      ...addToDoubles(v, { one: get('one'), other: get('other') }, 8 * slot, v.get('x'), null),
    ]);
  const pair = (j: number): Code[] => [
    set('one', place(j)),
    set('other', place(j + 1)),
    when(ne(get('one'), get('other')), addTwo(j), [...addRow(j), ...addRow(j + 1)]),
  ];
  const step = (rows: number): Code[] => [
    ...cells.step(rows, locals),
    ...values.map(name => set(name, add(get(name), int(8 * rows)))),
  ];
  const until = (rows: Code) => set('end', add(get('value0'), shl(rows, int(3))));
  const body = statements(
    until(and(get('rows'), int(-turnRows))),
    whileTrue(ltU(get('value0'), get('end')), statements(...pair(0), ...pair(2), ...step(turnRows))),
    until(and(get('rows'), int(turnRows - 1))),
    whileTrue(ltU(get('value0'), get('end')), statements(set('one', place(0)), ...addRow(0), ...step(1))),
    giveBack(int(0)),
  );
  return functionOver(memory, inputs.length, 3, body, 4);
}
