import { limits } from '../../core/base/limits.js';

/**
 * What runs plans, which is most of the dataframe's code: loaded when a session starts or a frame first asks for an
 * answer, so that a program which only imports the verbs does not wait for it.
 */
type Engine = typeof import('./actions.js');

let engine: Engine | null = null;
let asked = 0;
let waited = false;

export async function loadEngine(): Promise<Engine> {
  asked++;
  engine ??= await import('./actions.js');
  return engine;
}

/**
 * Loads what puts answers into Arrow's form, once, if no answer is asked for in the next limits.arrowIdleMs: apache-arrow is
 * 150 files, and loading them takes as much of the processors as all else of a first collect(). Should it fail, that will say so.
 */
export function loadArrowOnceIdle(): void {
  if (waited) return;
  waited = true;
  const before = asked;
  setTimeout(async () => {
    if (asked === before) await (await loadEngine()).loadArrow().catch(() => {});
  }, limits.arrowIdleMs).unref();
}
