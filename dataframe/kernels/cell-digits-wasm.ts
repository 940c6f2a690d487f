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
  shl,
  statements,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import { elementOf, shiftOf } from '../codegen/wasm/elements.js';
import type { Element } from '../codegen/wasm/names.js';
import {
  add16,
  andNotVectors,
  andVectors,
  equal16,
  loadBytes16,
  loadSplat8,
  loadVector,
  mul16,
  narrowU16,
  splat16,
  storeVector,
  vectorOf,
  vectorsOf,
} from '../codegen/wasm/vector-code.js';
import type { Values } from '../column/column.js';
import { vectorMemoryOf } from './vector-memory.js';

/** Rows of one step, and of a vector. */
const stepRows = 16;
const vectorRows = 8;

/** (value − base) · factor, or size · factor where a bit of `validity` is 0: values there are 0. Values have one or two bytes. */
export interface CellDigit {
  readonly values: Values;
  readonly validity: Uint8Array | null;
  readonly base: number;
  readonly size: number;
  readonly factor: number;
}

/**
 * Writes the sums of digits of each row, which are below what an element of `out` holds.
 * @returns rows that were done, the first ones: none where something does not lie in the lane's memory
 */
export function combineCells(
  digits: readonly CellDigit[],
  out: Uint8Array | Uint16Array,
  rows: number,
): number {
  const arrays = digits.flatMap(({ values, validity }) => [values, validity ?? values]);
  const memory = vectorMemoryOf(out, ...arrays);
  if (memory === null) return 0;
  const shapes = digits.map(
    ({ values, validity, factor }): Shape => ({
      element: elementOf(values)!,
      nullable: validity !== null,
      plain: factor === 1,
    }),
  );
  const bytes = out instanceof Uint8Array;
  const key = `cells ${bytes} ${JSON.stringify(shapes)}`;
  const combine = functionFor(memory, key, () => makeCombine(memory, shapes, bytes));
  const begin = digits.reduce((sum, { base, factor }) => sum - base * factor, 0);
  const done = rows - (rows % stepRows);
  combine(
    ...[out.byteOffset, done, begin],
    ...digits.flatMap(({ values, validity, base, size, factor }) => [
      values.byteOffset,
      validity?.byteOffset ?? 0,
      factor,
      (base + size) * factor,
    ]),
  );
  return done;
}

interface Shape {
  readonly element: Element;
  readonly nullable: boolean;
  /** Its factor is 1. */
  readonly plain: boolean;
}

/** A bit each, in eight lanes. */
const bits = vectorOf(
  Array.from({ length: 2 * vectorRows }, (_, byte) => (byte % 2 === 0 ? 1 << (byte >> 1) : 0)),
);

/** combine(out, rows, begin, ...(values, bits, factor, what is added for null) of each digit): all of it modulo 2^16. */
function makeCombine(memory: WasmMemory, shapes: readonly Shape[], bytes: boolean) {
  const inputs = shapes.flatMap((_, k) => ['values', 'bits', 'factor', 'none'].map(name => name + k));
  const names = ['out', 'rows', 'begin', ...inputs, 'end'];
  const { get, set } = localsOf(names);
  const constants = ['begin', ...shapes.flatMap((_, k) => [`factor${k}`, `none${k}`])];
  const v = vectorsOf(['first', 'second', 'bits', ...constants], names.length);
  const addDigit = (
    sum: 'first' | 'second',
    half: number,
    { element, nullable, plain }: Shape,
    k: number,
  ): Code => {
    const size = shiftOf[element];
    const offset = (half * vectorRows) << size;
    const values = get(`values${k}`);
    const value = size === 0 ? loadBytes16(values, element === 'i8', offset) : loadVector(values, offset);
    const term = plain ? value : mul16(value, v.get(`factor${k}`));
    const all = v.set(sum, add16(v.get(sum), term));
    if (!nullable) return all;
    // Bytes of other bits are in the upper halves of lanes.
    const own = v.set('bits', andVectors(loadSplat8(get(`bits${k}`), half), bits));
    const none = andNotVectors(v.get(`none${k}`), equal16(v.get('bits'), bits));
    return [...all, ...own, ...v.set(sum, add16(v.get(sum), none))];
  };
  const sumOf = (sum: 'first' | 'second', half: number): Code[] => [
    v.set(sum, v.get('begin')),
    ...shapes.map((shape, k) => addDigit(sum, half, shape, k)),
  ];
  const store = bytes
    ? [storeVector(get('out'), narrowU16(v.get('first'), v.get('second')))]
    : [storeVector(get('out'), v.get('first')), storeVector(get('out'), v.get('second'), 2 * vectorRows)];
  const outBytes = stepRows << (bytes ? 0 : 1);
  const body = statements(
    ...constants.map(name => v.set(name, splat16(get(name)))),
    set('end', add(get('out'), shl(get('rows'), int(bytes ? 0 : 1)))),
    whileTrue(
      ltU(get('out'), get('end')),
      statements(
        ...sumOf('first', 0),
        ...sumOf('second', 1),
        ...store,
        set('out', add(get('out'), int(outBytes))),
        ...shapes.flatMap(({ element }, k) => [
          set(`values${k}`, add(get(`values${k}`), int(stepRows << shiftOf[element]))),
          set(`bits${k}`, add(get(`bits${k}`), int(stepRows / 8))),
        ]),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, names.length - 1, 1, body, 3 + constants.length);
}
