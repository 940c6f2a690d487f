import { compileLoop, noState } from './fused-loop.js';
import type { GroupNumbers } from './fused-state.js';
import { Binder, type SlotText } from './fused-text.js';

/**
 * One loop over rows without keys: the numbers of the only group are local variables. `fold`: what is done before the first row,
 * `body`: for each row.
 */
export function runWhole(
  { numbers, totals, lasts }: GroupNumbers,
  fold: (at: SlotText) => string,
  body: (at: SlotText, binder: Binder) => string,
  rows: number,
  entry: number,
): void {
  const used = new Set<number>();
  const binder = new Binder();
  const at = (slot: number) => {
    used.add(slot);
    return `r${slot}`;
  };
  const before = fold(at);
  const text = body(at, binder);
  const slots = [...used];
  const loads = slots.map(slot => `let r${slot}=st[${slot}];`).join('');
  const stores = slots.map(slot => `st[${slot}]=r${slot};`).join('');
  const loop = compileLoop(
    `${binder.text()}${loads}\nconst f=0,g=0;${before}for(let i=from;i<rows;i++){\n${text}\n}\n${stores}return rows;`,
  );
  loop(binder.values, noState, numbers, totals, lasts, 0, rows, 0, entry, 0, null, noState);
}
