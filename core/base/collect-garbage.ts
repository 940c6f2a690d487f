import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

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
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
