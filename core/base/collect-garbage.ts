import { v8, vm } from './on-demand.js';

let collect: (() => void) | null = null;
let due = false;

/**
 * Asks for one full collection of this thread's heap, later in this turn. V8 does not see how large a dropped arena is, so
 * nothing else would make it let go of one. Needed where a large arena made way for another, which is rare.
 */
export function collectGarbage(): void {
  if (due) return;
  due = true;
  setImmediate(() => {
    due = false;
    collect ??= exposeCollector();
    collect();
  });
}

function exposeCollector(): () => void {
  v8().setFlagsFromString('--expose-gc');
  return vm().runInNewContext('gc') as () => void;
}
