import { kernelMemory, type WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  and,
  type Code,
  functionFor,
  functionOver,
  giveBack,
  int,
  load8,
  localsOf,
  ltU,
  mul,
  popcount,
  shl,
  shrU,
  statements,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import { loadVector, storeVector, swizzled } from '../codegen/wasm/vector-code.js';
import { bitmapBytes, isValid, type Validity } from '../column/bitmap.js';
import type { Batch, Column, Values } from '../column/column.js';
import { bytesOfValues, elementsPerValue, isNested } from '../column/layout.js';
import { packBits, spreadBits } from './bits-wasm.js';
import type { Lent } from './lent.js';
import { fewBytes } from './scratch.js';
import { vectorMemoryOf } from './vector-memory.js';

const fewRows = 2048;
/** Bytes of a vector, which may be written behind the last value. */
const spare = 16;
/** Bytes of values that are moved; of one byte, the values of eight rows at a time. */
type Size = 1 | 4 | 8;
const sizes: ReadonlySet<number> = new Set<Size>([1, 4, 8]);

/**
 * The `kept` rows of a batch whose bits are 1, in order, by vectors and without their numbers; lent. Where most rows are kept that is
 * faster than gathering. Null where they cannot: nothing was done.
 */
export function compactBatch(batch: Batch, bits: Uint8Array, kept: number, lent: Lent): Batch | null {
  const { rows, columns } = batch;
  const home = kernelMemory();
  if (rows < fewRows || home === null || !columns.every(canMove)) return null;
  const memory = vectorMemoryOf(
    bits,
    ...columns.flatMap(({ values, validity }) => [values, validity ?? values]),
  );
  if (memory === null) return null;
  const compaction = new Compaction(memory, bits, rows, kept, lent);
  const moved = columns.map((column): Column => {
    const { type, physical, dictionary, range } = column;
    const values = compaction.values(column);
    const out = { type, physical, length: kept, ...compaction.validity(column), values, dictionary };
    return range === undefined ? out : { ...out, range };
  });
  return { schema: batch.schema, rows: kept, columns: moved };
}

function canMove({ type, physical }: Column): boolean {
  return !isNested(type) && sizes.has(bytesOfValues(physical, 1));
}

class Compaction {
  readonly #memory: WasmMemory;
  readonly #bits: Uint8Array;
  readonly #rows: number;
  readonly #kept: number;
  readonly #lent: Lent;
  readonly #tables = new Map<Size, Uint8Array>();

  constructor(memory: WasmMemory, bits: Uint8Array, rows: number, kept: number, lent: Lent) {
    this.#memory = memory;
    this.#bits = bits;
    this.#rows = rows;
    this.#kept = kept;
    this.#lent = lent;
  }

  values({ physical, values }: Column): Values {
    const size = bytesOfValues(physical, 1) as Size;
    const n = elementsPerValue(physical);
    const room = this.#kept + Math.ceil((spare + fewBytes) / size);
    const out = this.#lent.values(physical, room, false).subarray(0, this.#kept * n) as Values;
    this.#move(values, out, size, n);
    return out;
  }

  validity({ validity }: Column): Validity {
    if (validity === null) return { validity: null, nullCount: 0 };
    const [rows, kept] = [this.#rows, this.#kept];
    const flags = this.#lent.bytes(rows + fewBytes).subarray(0, rows);
    for (let i = spreadBits(validity, flags, rows, false); i < rows; i++)
      flags[i] = isValid(validity, i) ? 1 : 0;
    const moved = this.#lent.bytes(kept + spare + fewBytes).subarray(0, kept);
    this.#move(flags, moved, 1, 1);
    const out = this.#lent.bytes(bitmapBytes(kept) + fewBytes).subarray(0, bitmapBytes(kept));
    const valid = packBits(moved, out, kept);
    return valid === kept ? { validity: null, nullCount: 0 } : { validity: out, nullCount: kept - valid };
  }

  #move(from: Values, to: Values, size: Size, n: number): void {
    const memory = this.#memory;
    const whole = this.#rows >> 3;
    const move = functionFor(memory, `compact ${size}`, () => makeMove(memory, size));
    const { byteOffset } = this.#bits;
    const end = move(from.byteOffset, byteOffset, whole, to.byteOffset, this.#tableOf(size).byteOffset)!;
    let at = ((end >>> 0) - to.byteOffset) / from.BYTES_PER_ELEMENT;
    for (let i = 8 * whole; i < this.#rows; i++) {
      if (!isValid(this.#bits, i)) continue;
      for (let e = 0; e < n; e++) to[at++] = from[i * n + e]!;
    }
  }

  /** For each choice of lanes, the bytes that are taken, in a vector. */
  #tableOf(size: Size): Uint8Array {
    let table = this.#tables.get(size);
    if (table !== undefined) return table;
    const lanes = lanesOf(size);
    table = this.#lent.bytes(fewBytes).fill(0);
    for (let choice = 0; choice < 1 << lanes; choice++) {
      let at = 16 * choice;
      for (let lane = 0; lane < lanes; lane++)
        if (((choice >> lane) & 1) === 1) for (let b = 0; b < size; b++) table[at++] = lane * size + b;
    }
    this.#tables.set(size, table);
    return table;
  }
}

function lanesOf(size: Size): number {
  return Math.min(8, 16 / size);
}

/** move(from, bits, bytes of them, to, table): gives the address behind what was moved. */
function makeMove(memory: WasmMemory, size: Size) {
  const { get, set } = localsOf(['from', 'bits', 'bytes', 'to', 'table', 'end', 'byte', 'choice']);
  const lanes = lanesOf(size);
  const steps = Array.from({ length: 8 / lanes }, (_, step): Code => {
    const taken = loadVector(add(get('table'), shl(get('choice'), int(4))));
    return statements(
      set('choice', and(shrU(get('byte'), int(step * lanes)), int((1 << lanes) - 1))),
      storeVector(get('to'), swizzled(loadVector(get('from'), step * lanes * size), taken)),
      set('to', add(get('to'), mul(popcount(get('choice')), int(size)))),
    );
  });
  const body = statements(
    set('end', add(get('bits'), get('bytes'))),
    whileTrue(
      ltU(get('bits'), get('end')),
      statements(
        set('byte', load8(get('bits'))),
        ...steps,
        set('bits', add(get('bits'), int(1))),
        set('from', add(get('from'), int(8 * size))),
      ),
    ),
    giveBack(get('to')),
  );
  return functionOver(memory, 5, 3, body);
}
