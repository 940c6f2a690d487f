import { v8, vm } from './on-demand.js';

let collect: Collect | null = null;
let due = false;
let youngDue = false;

type Collect = (options?: { readonly type: 'minor' }) => void;

/**
 * Asks for one full collection of this thread's heap, later in this turn. V8 does not see how large a dropped arena is, so
 * nothing else would make it let go of one. Needed where a large arena made way for another, which is rare.
 */
export function collectGarbage(): void {
  if (due) return;
  due = true;
  setImmediate(() => {
    due = false;
    collectGarbageNow();
  });
}

/** The same at once: some milliseconds, before memory is asked for. */
export function collectGarbageNow(): void {
  collect ??= exposeCollector();
  collect();
}

/**
 * Asks for one collection, later in this turn, of what this thread has made last and may have dropped. Where that is buffers
 * outside of V8's heap, V8 would else let them pile up until their number makes it collect the whole heap.
 */
export function collectYoung(): void {
  if (youngDue) return;
  youngDue = true;
  setImmediate(() => {
    youngDue = false;
    collect ??= exposeCollector();
    collect({ type: 'minor' });
  });
}

function exposeCollector(): Collect {
  v8().setFlagsFromString('--expose-gc');
  return vm().runInNewContext('gc') as Collect;
}
