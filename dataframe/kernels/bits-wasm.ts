import type { WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  functionFor,
  functionOver,
  giveBack,
  int,
  load32,
  loadAs,
  localsOf,
  ltU,
  popcount,
  shl,
  statements,
  storeAs,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import {
  andVectors,
  equal8,
  loadVector,
  shuffled,
  signs8,
  splat16,
  storeVector,
  vectorOf,
} from '../codegen/wasm/vector-code.js';
import { countValid } from '../column/bitmap.js';
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

/** Packs bytes of 0 or 1 into a bitmap. @returns how many are 1 */
export function packBits(bytes: Uint8Array, out: Uint8Array, rows: number): number {
  const memory = vectorMemoryOf(bytes, out);
  const done = memory === null ? 0 : rows - (rows % stepRows);
  let count = 0;
  if (memory !== null) {
    const pack = functionFor(memory, 'pack bits', () => makePack(memory));
    count = pack(bytes.byteOffset, out.byteOffset, done)!;
  }
  out.fill(0, done >> 3);
  for (let i = done; i < rows; i++) {
    out[i >> 3]! |= bytes[i]! << (i & 7);
    count += bytes[i]!;
  }
  return count;
}

/** pack(bytes, out, rows) */
function makePack(memory: WasmMemory) {
  const { get, set } = localsOf(['bytes', 'out', 'rows', 'end', 'bits', 'count']);
  const ones = vectorOf(new Array<number>(stepRows).fill(1));
  const body = statements(
    set('end', add(get('bytes'), get('rows'))),
    whileTrue(
      ltU(get('bytes'), get('end')),
      statements(
        set('bits', signs8(equal8(loadVector(get('bytes')), ones))),
        set('count', add(get('count'), popcount(get('bits')))),
        storeAs(1, get('out'), get('bits'), 0),
        set('bytes', add(get('bytes'), int(stepRows))),
        set('out', add(get('out'), int(2))),
      ),
    ),
    giveBack(get('count')),
  );
  return functionOver(memory, 3, 3, body);
}

/** As countValid. */
export function countBits(bits: Uint8Array, rows: number): number {
  const memory = vectorMemoryOf(bits);
  if (memory === null) return countValid(bits, rows);
  const words = rows >> 5;
  const count = functionFor(memory, 'count bits', () => makeCount(memory));
  return count(bits.byteOffset, words)! + countValid(bits.subarray(4 * words), rows & 31);
}

/** count(bits, words) */
function makeCount(memory: WasmMemory) {
  const { get, set } = localsOf(['bits', 'words', 'end', 'count']);
  const body = statements(
    set('end', add(get('bits'), shl(get('words'), int(2)))),
    whileTrue(
      ltU(get('bits'), get('end')),
      statements(
        set('count', add(get('count'), popcount(load32(get('bits'))))),
        set('bits', add(get('bits'), int(4))),
      ),
    ),
    giveBack(get('count')),
  );
  return functionOver(memory, 2, 2, body);
}
