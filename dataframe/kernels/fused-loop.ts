import { compile } from '../codegen/compile.js';
import { compileRows } from '../codegen/wasm/kernel.js';
import { Binder } from './fused-text.js';
import type { KeyTier } from './key-tiers.js';

/** A loop over the rows of a batch. Gives the row it came to. */
export type Loop = (
  P: readonly unknown[],
  S: Int32Array,
  st: Float64Array,
  tt: Float64Array,
  last: Int32Array,
  from: number,
  rows: number,
  limit: number,
  entry: number,
  born: number,
  ids: Int32Array | null,
  si: Int32Array,
) => number;

const loopParameters = ['P', 'S', 'st', 'tt', 'last', 'from', 'rows', 'limit', 'entry', 'born', 'ids', 'si'];
export const noState = new Int32Array(1);
const none = new Float64Array(0);

export function compileLoop(text: string): Loop {
  return compile<Loop>(loopParameters, text);
}

/** The loop that does `row` of about so many rows. `enough`: groups after which it stops; -1: none. */
export function rowLoop(row: string, binder: Binder, enough: number, rows: number): Loop {
  const stop = enough < 0 ? '' : `&&n<${binder.bind(enough)}`;
  const tags = binder.text();
  const body = () => `${tags}let n=S[0],i=from;\nfor(;i<rows${stop};i++)${row}\nS[0]=n;return i;`;
  return compileRows<Loop>(`${stop} ${tags} ${row}`, loopParameters, body, rows);
}

/** Finds the first groups of a tier that has admitted their keys: all of them, in their order. */
export function numberGroups(tier: KeyTier, groups: number): void {
  const places = new Int32Array(groups);
  for (let at = 0; at < groups; tier.grow()) {
    const { state, capacity } = tier;
    const binder = new Binder();
    const key = tier.text(binder);
    const loop = compileLoop(
      `${binder.text()}let n=S[0];for(let i=from;i<rows;i++){${key}ids[i]=g;}S[0]=n;return rows;`,
    );
    at = loop(binder.values, state, none, none, noState, at, groups, capacity, 0, 0, places, noState);
  }
}
