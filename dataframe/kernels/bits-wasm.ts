import type { WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  functionFor,
  functionOver,
  giveBack,
  int,
  loadAs,
  localsOf,
  ltU,
  statements,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import {
  andVectors,
  equal8,
  loadVector,
  shuffled,
  splat16,
  storeVector,
  vectorOf,
} from '../codegen/wasm/vector-code.js';
import { vectorMemoryOf } from './vector-memory.js';

/** Rows of one step: two bytes of a bitmap. */
const stepRows = 16;

/**
 * Writes bits as bytes of 0 or 1; `more`: makes bytes 0 whose bits are 0.
 * @returns rows that were done, the first ones: none where something does not lie in the lane's memory
 */
export function spreadBits(bits: Uint8Array, out: Uint8Array, rows: number, more: boolean): number {
  const memory = vectorMemoryOf(bits, out);
  if (memory === null) return 0;
  const done = rows - (rows % stepRows);
  const spread = functionFor(memory, `spread bits ${more}`, () => makeSpread(memory, more));
  spread(bits.byteOffset, out.byteOffset, done);
  return done;
}

/** spread(bits, out, rows) */
function makeSpread(memory: WasmMemory, more: boolean) {
  const { get, set } = localsOf(['bits', 'out', 'rows', 'end']);
  const bytes = Array.from({ length: stepRows }, (_, row) => row >> 3);
  const own = vectorOf(bytes.map((_, row) => 1 << (row & 7)));
  const both = shuffled(splat16(loadAs(1, get('bits'))), bytes);
  const before = more ? loadVector(get('out')) : vectorOf(bytes.map(() => 1));
  const body = statements(
    set('end', add(get('out'), get('rows'))),
    whileTrue(
      ltU(get('out'), get('end')),
      statements(
        storeVector(get('out'), andVectors(equal8(andVectors(both, own), own), before)),
        set('bits', add(get('bits'), int(2))),
        set('out', add(get('out'), int(stepRows))),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, 3, 1, body);
}
