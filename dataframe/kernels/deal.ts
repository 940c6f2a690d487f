import { compile } from '../codegen/compile.js';
import type { Column, Values } from '../column/column.js';

/** Where the slices of one column lie in memory that holds other things as well. */
export interface DealTarget {
  readonly column: Column;
  readonly values: Values;
  /** By slice: the position of its first value, in values (pairs of words for 64-bit integers). */
  readonly starts: Int32Array;
}

type Deal = (P: readonly unknown[], slice: Uint16Array, at: Int32Array, rows: number) => void;

/** Columns written by one loop: each is as many more places that memory is written to at a time as there are slices. */
const columnsPerLoop = 8;

/** Copies row i of every column behind the rows of slice[i] that came before it. */
export function dealInto(targets: readonly DealTarget[], slice: Uint16Array, rows: number): void {
  const slices = targets[0]?.starts.length ?? 0;
  for (let from = 0; from < targets.length; from += columnsPerLoop) {
    const some = targets.slice(from, from + columnsPerLoop);
    const named = some.map((_, c) => `const v${c}=P[${3 * c}],s${c}=P[${3 * c + 1}],d${c}=P[${3 * c + 2}];`);
    const moves = some.map(({ column: { physical } }, c) =>
      physical === 'i64'
        ? `{const q=2*(k+d${c}[s]);v${c}[q]=s${c}[2*i];v${c}[q+1]=s${c}[2*i+1];}`
        : `v${c}[k+d${c}[s]]=s${c}[i];`,
    );
    const kinds = some.map(({ column }) => column.physical).join();
    compile<Deal>(
      ['P', 'slice', 'at', 'rows'],
      `/* deal ${kinds} */${named.join('')}for(let i=0;i<rows;i++){const s=slice[i],k=at[s]++;${moves.join('')}}`,
    )(
      some.flatMap(({ column, values, starts }) => [values, column.values, starts]),
      slice,
      new Int32Array(slices),
      rows,
    );
  }
}
