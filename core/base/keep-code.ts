import { v8 } from './on-demand.js';

let kept = false;

/**
 * How much of a function runs, in bytes of bytecode, before V8 looks at whether to optimise it: 15 times V8's own. Versions after that of Node 20
 * count calls instead, know no such flag, and are as fast as they are.
 */
const interruptBudget = 1_000_000;
const budgetVersion = 11;

/**
 * Has V8 keep the compiled code of functions for as long as this process lives, in all of its threads. Else every full
 * collection brings functions that have not run since the last ones nearer to being forgotten: a program that made its
 * tables first, or that asks a question a minute, would compile planner, scheduler and kernels again with each question (10 to 15
 * milliseconds; decision 0042). It costs the memory of that code, a few megabytes.
 *
 * Has it optimise only what runs very often, too. What is about rows is WebAssembly; what is around it runs some hundred times a
 * question, and optimising it in each of several threads took a fifth of the processor for the first dozen questions, from
 * threads that had rows to work on (decision 0046). A loop that somebody's own function runs is optimised after
 * milliseconds all the same.
 *
 * To be called when all is loaded that is waited for: V8 takes no code from its caches, where Node's own modules come from, that
 * was made with other flags.
 */
export function keepCode(): void {
  if (kept) return;
  kept = true;
  v8().setFlagsFromString('--no-flush-bytecode');
  if (Number.parseInt(process.versions.v8, 10) === budgetVersion)
    v8().setFlagsFromString(`--interrupt-budget=${interruptBudget}`);
}

/**
 * Has V8 make machine code of a function, not its best, when it is called first, instead of when it has run for a while. For processes that are
 * Volley's alone, heads and engines: they run all their code again and again, and the first dozen shuffles take 5 to 6 % less of the processor
 * (decision 0063). In a program that embeds Volley its own start would be slower, and so would first queries.
 */
export function compileAtOnce(): void {
  v8().setFlagsFromString('--always-sparkplug');
}
