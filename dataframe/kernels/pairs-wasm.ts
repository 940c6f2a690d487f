import type { WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  type Code,
  functionFor,
  functionOver,
  giveBack,
  int,
  loadWhole,
  localsOf,
  ltU,
  mul,
  statements,
  storeAs,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import type { Values } from '../column/column.js';
import { vectorMemoryOf } from './vector-memory.js';

/** Rows of one step. */
const stepRows = 4;

/**
 * Writes 64-bit integers that lie as floats, of up to 53 bits, as pairs of words.
 * @returns rows that were done, the first ones: none where something does not lie in the lane's memory
 */
export function pairsOfFloats(values: Float64Array, out: Values, rows: number): number {
  const memory = vectorMemoryOf(values, out);
  if (memory === null) return 0;
  const done = rows - (rows % stepRows);
  const write = functionFor(memory, 'pairs of floats', () => makeWriter(memory));
  write(out.byteOffset, values.byteOffset, done);
  return done;
}

/** write(out, values, rows) */
function makeWriter(memory: WasmMemory) {
  const { get, set } = localsOf(['out', 'values', 'rows', 'end']);
  const one = (k: number): Code => storeAs(3, get('out'), loadWhole(get('values'), 8 * k), 8 * k);
  const body = statements(
    set('end', add(get('out'), mul(get('rows'), int(8)))),
    whileTrue(
      ltU(get('out'), get('end')),
      statements(
        ...Array.from({ length: stepRows }, (_, k) => one(k)),
        set('out', add(get('out'), int(8 * stepRows))),
        set('values', add(get('values'), int(8 * stepRows))),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, 3, 1, body);
}
