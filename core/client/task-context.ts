import { VolleyError } from '../base/errors.js';

/** What a running task may know about itself. */
export interface TaskContext {
  /** `job/index`, as explain and errors show it. */
  readonly task: string;
  readonly name: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Name of the worker. */
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Aborts when the task is cancelled or runs past its time limit. */
  readonly signal: AbortSignal;
}

/** On globalThis, because a bundled task module may carry a copy of this module. One thread runs one task at a time. */
const slot = Symbol.for('volley.task-context');
type Holder = { [slot]?: TaskContext | null };

/** The context of the task that is running in this thread. Outside of tasks: an error of code NOT_FOUND. */
export function taskContext(): TaskContext {
  const context = (globalThis as Holder)[slot];
  if (context === undefined || context === null) {
    throw new VolleyError('NOT_FOUND', 'taskContext() has an answer only while a task runs; here none does');
  }
  return context;
}

/** Called by the thread that runs tasks, before and after each. */
export function setTaskContext(context: TaskContext | null): void {
  (globalThis as Holder)[slot] = context;
}
