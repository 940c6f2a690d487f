import { limits } from '../../core/base/limits.js';
import { jsonOf } from '../physical/fragment-body.js';
import type { MemoryTable } from '../plan/memory-table.js';
import type { Plan } from '../plan/plan.js';
import { type Verb, verbInputs } from '../plan/verb.js';

/**
 * Optimized plans by the only table they read, which never changes, and the text of the verbs over it; least recently
 * used first. A question that is asked again is not planned again, which is half of what it costs before a thread has it.
 */
const plans = new WeakMap<MemoryTable, Map<string, Plan>>();

/** Where the plan of a verb is remembered. */
export interface PlanPlace {
  readonly table: MemoryTable;
  readonly text: string;
}

/** Null for verbs over files, which may change, over several tables, of pivots, which look at rows, and long ones. */
export function placeOf(verb: Verb): PlanPlace | null {
  const chain: unknown[] = [];
  let at = verb;
  for (let inputs = verbInputs(at); inputs.length === 1; inputs = verbInputs(at)) {
    if (at.kind === 'pivot') return null;
    chain.push({ ...at, input: null });
    at = inputs[0]!;
  }
  if (at.kind !== 'memory') return null;
  const text = jsonOf(chain);
  return text === null || text.length > limits.knownPlanChars ? null : { table: at.table, text };
}

export function knownPlan({ table, text }: PlanPlace): Plan | null {
  const known = plans.get(table);
  const plan = known?.get(text);
  if (known === undefined || plan === undefined) return null;
  known.delete(text);
  known.set(text, plan);
  return plan;
}

export function rememberPlan({ table, text }: PlanPlace, plan: Plan): void {
  let known = plans.get(table);
  if (known === undefined) plans.set(table, (known = new Map()));
  known.set(text, plan);
  if (known.size > limits.knownPlans) known.delete(known.keys().next().value!);
}
