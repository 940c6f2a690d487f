import { kernelMemory } from '../../core/base/kernel-memory.js';
import { compileText } from '../codegen/wasm/kernel.js';
import type { Column, Values } from '../column/column.js';
import { dealOver } from './deal-wasm.js';
import type { Lent } from './lent.js';

/** Where the slices of one column lie in memory that holds other things as well. */
export interface DealTarget {
  readonly column: Pick<Column, 'physical' | 'values'>;
  readonly values: Values;
  /** By slice: the position of its first value, in values (pairs of words for 64-bit integers). */
  readonly starts: Int32Array;
}

type Deal = (P: readonly unknown[], slice: Uint16Array, at: Int32Array, from: number, rows: number) => void;

/** Columns written by one loop: each is as many more places that memory is written to at a time as there are slices. */
const columnsPerLoop = 8;
/** Fewer are dealt before a kernel is called. */
const fewRows = 2048;

/**
 * Copies row i of every column behind the rows of slice[i] that came before it. The next places of a slice lie together:
 * one cache line for all its columns.
 */
export function dealInto(targets: readonly DealTarget[], slice: Uint16Array, rows: number, lent: Lent): void {
  const home = rows < fewRows ? null : kernelMemory();
  for (let from = 0; from < targets.length; from += columnsPerLoop) {
    const some = targets.slice(from, from + columnsPerLoop);
    if (home !== null && dealOver(home, some, slice, rows, lent)) continue;
    const named = some.map((_, c) => `const v${c}=P[${2 * c}],s${c}=P[${2 * c + 1}];`);
    const moves = some.map(({ column: { physical } }, c) => {
      const copy =
        physical === 'i64' ? `v${c}[2*k]=s${c}[2*i];v${c}[2*k+1|0]=s${c}[2*i+1];` : `v${c}[k]=s${c}[i];`;
      return `{const k=at[s+${c}];at[s+${c}]=k+1|0;${copy}}`;
    });
    const kinds = some.map(({ column }) => column.physical).join();
    compileText<Deal>(
      ['P', 'slice', 'at', 'from', 'rows'],
      `/* deal ${kinds} */${named.join('')}for(let i=from;i<rows;i++){const s=Math.imul(slice[i],${some.length});${moves.join('')}}`,
      rows,
    )(
      some.flatMap(({ column, values }) => [values, column.values]),
      slice,
      placesOf(some),
      0,
      rows,
    );
  }
}

/** The first place of column c in slice s at [s * columns + c]. */
function placesOf(targets: readonly DealTarget[]): Int32Array {
  const slices = targets[0]!.starts.length;
  const at = new Int32Array(slices * targets.length);
  targets.forEach(({ starts }, c) => {
    for (let s = 0; s < slices; s++) at[s * targets.length + c] = starts[s]!;
  });
  return at;
}
