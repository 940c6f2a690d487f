import type { KernelMemory, WasmFunction, WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  functionFor,
  functionOver,
  giveBack,
  gtU,
  int,
  localsOf,
  ltU,
  select,
  statements,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import {
  add32,
  equal8,
  loadVector,
  narrowU16,
  pairsU8,
  pairsU16,
  splat8,
  storeVector,
  sub8,
  vectorOf32,
  vectorsOf,
} from '../codegen/wasm/vector-code.js';

/** Of more slices a number in memory for each is as quick. */
export const fewSlices = 16;
/** Slices of one pass: so many vectors, and what they are made of, are registers of a processor. */
const passSlices = 8;
/** Rows of one step: a vector of bytes. */
export const countedRows = 16;
/** A byte counts no further. */
const mostSteps = 255;
const vectorBytes = 16;
/** 32-bit words of the lane's memory that countFew needs, all 0. */
export const countWords = (fewSlices * vectorBytes) / 4;

/**
 * How many of the rows there are of each of a few slices: a vector compares sixteen with a slice. Nothing is counted in memory, where a number
 * that was just written has to be read again. `rows`: a multiple of countedRows.
 */
export function countFew(
  { memory }: KernelMemory,
  slice: Uint16Array,
  rows: number,
  counts: Int32Array,
  words: Int32Array,
): void {
  const count = functionFor(memory, 'count few', () => makeCounter(memory));
  for (let from = 0; from < counts.length; from += passSlices)
    count(slice.byteOffset, rows, words.byteOffset + from * vectorBytes, from);
  for (let s = 0; s < counts.length; s++)
    counts[s] = words[4 * s]! + words[4 * s + 1]! + words[4 * s + 2]! + words[4 * s + 3]!;
}

/** count(slices, rows, sums, from): adds the rows of slice `from` and each of the next to the four words of its sum. */
function makeCounter(memory: WasmMemory): WasmFunction {
  const names = ['slice', 'rows', 'sums', 'from', 'end', 'stop'] as const;
  const { get, set } = localsOf(names);
  const found = Array.from({ length: passSlices }, (_, s) => `found${s}`);
  const vectors = vectorsOf(['none', 'one', 'first', 'ids', ...found], names.length);
  const ids = vectors.get('ids');
  const stepBytes = 2 * countedRows;
  const body = statements(
    vectors.set('none', vectorOf32([0, 0, 0, 0])),
    vectors.set('one', splat8(int(1))),
    vectors.set('first', splat8(get('from'))),
    set('end', add(get('slice'), add(get('rows'), get('rows')))),
    whileTrue(
      ltU(get('slice'), get('end')),
      statements(
        set('stop', add(get('slice'), int(mostSteps * stepBytes))),
        set('stop', select(gtU(get('stop'), get('end')), get('end'), get('stop'))),
        ...found.map(name => vectors.set(name, vectors.get('none'))),
        whileTrue(
          ltU(get('slice'), get('stop')),
          statements(
            vectors.set(
              'ids',
              sub8(narrowU16(loadVector(get('slice')), loadVector(get('slice'), 16)), vectors.get('first')),
            ),
            // What is equal is −1.
            ...found.map((name, s) =>
              statements(
                vectors.set(name, sub8(vectors.get(name), equal8(ids, vectors.get('none')))),
                s === passSlices - 1 ? [] : vectors.set('ids', sub8(ids, vectors.get('one'))),
              ),
            ),
            set('slice', add(get('slice'), int(stepBytes))),
          ),
        ),
        ...found.map((name, s) => {
          const sum = loadVector(get('sums'), s * vectorBytes);
          return storeVector(get('sums'), add32(sum, pairsU16(pairsU8(vectors.get(name)))), s * vectorBytes);
        }),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, 4, 2, body, 4 + passSlices);
}
