import { compile } from '../codegen/compile.js';

/** A loop over the rows of a batch. Gives the row it came to. */
export type Loop = (
  P: readonly unknown[],
  S: Int32Array,
  st: Float64Array,
  tt: Float64Array,
  from: number,
  rows: number,
  limit: number,
  entry: number,
  born: number,
  ids: Int32Array | null,
  si: Int32Array,
) => number;

export const loopParameters = ['P', 'S', 'st', 'tt', 'from', 'rows', 'limit', 'entry', 'born', 'ids', 'si'];
export const noState = new Int32Array(1);
export const none = new Float64Array(0);

export function compileLoop(text: string): Loop {
  return compile<Loop>(loopParameters, text);
}
