import { VolleyError } from '../base/errors.js';

/** Why a function cannot be shipped; `data.reason` of the error. */
export type RefusalReason =
  | 'captured'
  | 'keyword'
  | 'bound'
  | 'native'
  | 'class'
  | 'accessor'
  | 'generator'
  | 'relative-import'
  | 'renamed-helper'
  | 'not-a-function'
  | 'too-large'
  | 'module'
  | 'unreadable';

/** The error for a function that cannot travel. `why` continues "The task `f` cannot be shipped: ". */
export function refuse(
  fn: Function | string,
  reason: RefusalReason,
  why: string,
  data: Record<string, unknown> = {},
): VolleyError {
  const task = taskName(fn);
  return new VolleyError('FUNCTION_NOT_SHIPPABLE', `The task \`${task}\` cannot be shipped: ${why}.`, {
    names: [],
    ...data,
    task,
    reason,
  });
}

/** The error for captured names: the one users meet most. */
export function refuseCaptured(fn: Function, names: readonly string[]): VolleyError {
  const task = taskName(fn);
  const quoted = names.map(name => `\`${name}\``).join(', ');
  const [is, it] = names.length === 1 ? ['is', 'it is'] : ['are', 'they are'];
  return new VolleyError(
    'FUNCTION_NOT_SHIPPABLE',
    `${quoted} ${is} not defined inside the task \`${task}\`: ${it} captured from the surrounding scope. ` +
      `Pass ${names.length === 1 ? 'it' : 'them'} as an argument (functions cannot be arguments: declare them inside of the task), ` +
      'put a large value once with session.scatter() and pass the reference, ' +
      "or move the task with all it needs to a module of its own and submit importTask(import.meta.url, 'name')." +
      hintFor(names),
    { names: [...names], task, reason: 'captured' },
  );
}

function hintFor(names: readonly string[]): string {
  if (names.includes('require')) return " Instead of require() use: await import('…').";
  if (names.includes('arguments')) return ' Instead of arguments use rest parameters: (...args) => ….';
  if (names.some(name => /^cov_[0-9a-z]+$/.test(name)))
    return " Coverage counters are in the way: use the provider 'v8'.";
  return '';
}

export function taskName(fn: Function | string): string {
  if (typeof fn === 'function') return String(fn.name || 'anonymous');
  return /^class\s+([A-Za-z_$][\w$]*)/.exec(fn)?.[1] ?? 'anonymous';
}
