import { v8 } from './on-demand.js';

let kept = false;

/**
 * Has V8 keep the compiled code of functions for as long as this process lives, in all of its threads. Else every full
 * collection brings functions that have not run since the last ones nearer to being forgotten: a program that made its tables
 * first, or that asks a question a minute, would compile planner, scheduler and kernels again with each question (10 to 15
 * milliseconds; decision 0042). It costs the memory of that code, a few megabytes. To be called when all is loaded that is waited
 * for: V8 takes no code from its caches, where Node's own modules come from, that was made with other flags.
 */
export function keepCode(): void {
  if (kept) return;
  kept = true;
  v8().setFlagsFromString('--no-flush-bytecode');
}
