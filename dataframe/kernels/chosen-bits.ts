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
  popcount,
  statements,
  storeAs,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import { compileText } from '../codegen/wasm/kernel.js';
import {
  andVectors,
  equal8,
  loadVector,
  orVectors,
  shuffled,
  signs8,
  splat8,
  splat16,
  storeVector,
  vectorOf,
  vectorsOf,
} from '../codegen/wasm/vector-code.js';
import { bitmapBytes, type Validity } from '../column/bitmap.js';
import type { Chosen } from './gather-validity.js';
import { type Lent, lending } from './lent.js';
import { fewBytes, fill } from './scratch.js';
import { vectorMemoryOf } from './vector-memory.js';

/** Columns of one call: a bit of a byte each. */
export const mostColumns = 8;
/** Rows of one step: two bytes of a bitmap. */
const stepRows = 16;

type Choose = (src: Uint8Array, at: Int32Array, out: Uint8Array, from: number, rows: number) => void;

/**
 * The bitmaps of up to mostColumns columns whose rows are chosen alike, in lent memory: the bits of a row become one byte, bytes
 * are chosen as values are, and the bits of sixteen rows are taken out of them at once.
 * @param columns pieces of each, `length` rows in all
 * @returns null where something does not lie in the lane's memory
 */
export function chooseBits(
  columns: readonly (readonly Chosen[])[],
  length: number,
  lent: Lent,
): Validity[] | null {
  const chosen = paddedBytes(lent, length);
  const bitmaps = columns.flatMap(pieces => pieces.flatMap(({ column }) => column.validity ?? []));
  const memory = vectorMemoryOf(chosen, ...bitmaps);
  if (memory === null) return null;
  let from = 0;
  columns[0]!.forEach(({ at, gaps, rows, column }, p) => {
    const bits = columns.map(pieces => pieces[p]!.column.validity);
    const out = chosen.subarray(from);
    from += rows;
    if (at === null) {
      joinBits(memory, bits, out, rows);
      return;
    }
    lending(own => {
      const all = paddedBytes(own, column.length);
      joinBits(memory, bits, all, column.length);
      const byte = gaps ? 'k<0?0:src[k]' : 'src[k]';
      const text = `/* choose bits */for(let i=from;i<rows;i++){const k=at[i];out[i]=${byte};}`;
      compileText<Choose>(['src', 'at', 'out', 'from', 'rows'], text, rows)(all, at, out, 0, rows);
    });
  });
  chosen.fill(0, length, length + stepRows);
  return columns.map((_, c) => splitBits(memory, chosen, 1 << c, length, lent));
}

/** Of the lane's memory, and a step longer. */
function paddedBytes(lent: Lent, rows: number): Uint8Array {
  return lent.bytes(Math.max(fewBytes, rows + stepRows));
}

/** Bit c of byte i is bit i of bitmap c; without a bitmap it is 1. Bytes up to a step beyond `rows` hold anything. */
function joinBits(
  memory: WasmMemory,
  bitmaps: readonly (Uint8Array | null)[],
  out: Uint8Array,
  rows: number,
): void {
  const ones = bitmaps.reduce((bits, bitmap, c) => (bitmap === null ? bits | (1 << c) : bits), 0);
  const join = functionFor(memory, 'join bits', () => makeJoin(memory));
  let kept = 0;
  bitmaps.forEach((bitmap, c) => {
    if (bitmap === null) return;
    join(bitmap.byteOffset, out.byteOffset, rows, 1 << c, kept, ones);
    kept = 255;
  });
  if (kept === 0) fill(out.subarray(0, rows), 255);
}

/** join(bits, out, rows, bit, kept, ones): out = out & kept | ones | (bits of rows that are 1 ? bit : 0), of bytes. */
function makeJoin(memory: WasmMemory) {
  const { get, set } = localsOf(['bits', 'out', 'rows', 'bit', 'kept', 'ones', 'end']);
  const vectors = vectorsOf(['bit', 'kept', 'ones'], 7);
  const bytes = Array.from({ length: stepRows }, (_, row) => row >> 3);
  const own = vectorOf(bytes.map((_, row) => 1 << (row & 7)));
  const both = shuffled(splat16(loadAs(1, get('bits'))), bytes);
  const found = andVectors(equal8(andVectors(both, own), own), vectors.get('bit'));
  const before = orVectors(andVectors(loadVector(get('out')), vectors.get('kept')), vectors.get('ones'));
  const body = statements(
    vectors.set('bit', splat8(get('bit'))),
    vectors.set('kept', splat8(get('kept'))),
    vectors.set('ones', splat8(get('ones'))),
    set('end', add(get('out'), get('rows'))),
    whileTrue(
      ltU(get('out'), get('end')),
      statements(
        storeVector(get('out'), orVectors(before, found)),
        set('bits', add(get('bits'), int(2))),
        set('out', add(get('out'), int(stepRows))),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, 6, 1, body, 3);
}

/** The bitmap of these bits of the bytes, which are 0 up to a step beyond `rows`. */
function splitBits(memory: WasmMemory, bytes: Uint8Array, bit: number, rows: number, lent: Lent): Validity {
  const out = paddedBytes(lent, bitmapBytes(rows)).subarray(0, bitmapBytes(rows));
  const split = functionFor(memory, 'split bits', () => makeSplit(memory));
  const valid = split(bytes.byteOffset, out.byteOffset, rows, bit)!;
  return valid === rows ? { validity: null, nullCount: 0 } : { validity: out, nullCount: rows - valid };
}

/** split(bytes, out, rows, bit) gives how many there are. */
function makeSplit(memory: WasmMemory) {
  const { get, set } = localsOf(['bytes', 'out', 'rows', 'bit', 'end', 'bits', 'count']);
  const vectors = vectorsOf(['bit'], 7);
  const found = equal8(andVectors(loadVector(get('bytes')), vectors.get('bit')), vectors.get('bit'));
  const body = statements(
    vectors.set('bit', splat8(get('bit'))),
    set('end', add(get('bytes'), get('rows'))),
    whileTrue(
      ltU(get('bytes'), get('end')),
      statements(
        set('bits', signs8(found)),
        set('count', add(get('count'), popcount(get('bits')))),
        storeAs(1, get('out'), get('bits'), 0),
        set('bytes', add(get('bytes'), int(stepRows))),
        set('out', add(get('out'), int(2))),
      ),
    ),
    giveBack(get('count')),
  );
  return functionOver(memory, 4, 3, body, 1);
}
