import { limits } from '../../core/base/limits.js';
import type { ScanInspection, ScanSpec } from '../io/source.js';
import { jsonOf } from '../physical/fragment-body.js';
import type { MemoryTable } from '../plan/memory-table.js';
import type { Plan } from '../plan/plan.js';
import { type Verb, verbInputs } from '../plan/verb.js';

/** What a plan reads that never changes: a table, or files as an inspection found them. */
type Source = MemoryTable | ScanInspection;

/**
 * Optimized plans by the only source they read and the text of the verbs over it; least recently used first. A question
 * that is asked again is not planned again, which is half of what it costs before a thread has it.
 */
const plans = new WeakMap<Source, Map<string, Plan>>();

/** Where the plan of a verb is remembered. */
export interface PlanPlace {
  readonly source: Source;
  readonly text: string;
}

/**
 * Null for verbs over several sources, of pivots, which look at rows, and long ones. Files may change: a verb over them
 * has a place once they were `inspected`.
 */
export function placeOf(
  verb: Verb,
  inspected: ReadonlyMap<ScanSpec, ScanInspection> | null = null,
): PlanPlace | null {
  const chain: unknown[] = [];
  let at = verb;
  for (let inputs = verbInputs(at); inputs.length === 1; inputs = verbInputs(at)) {
    if (at.kind === 'pivot') return null;
    chain.push({ ...at, input: null });
    at = inputs[0]!;
  }
  let source: Source | undefined;
  if (at.kind === 'memory') source = at.table;
  if (at.kind === 'scan') source = inspected?.get(at.scan);
  if (source === undefined) return null;
  const text = jsonOf(chain);
  return text === null || text.length > limits.knownPlanChars ? null : { source, text };
}

export function knownPlan({ source, text }: PlanPlace): Plan | null {
  const known = plans.get(source);
  const plan = known?.get(text);
  if (known === undefined || plan === undefined) return null;
  known.delete(text);
  known.set(text, plan);
  return plan;
}

export function rememberPlan({ source, text }: PlanPlace, plan: Plan): void {
  let known = plans.get(source);
  if (known === undefined) plans.set(source, (known = new Map()));
  known.set(text, plan);
  if (known.size > limits.knownPlans) known.delete(known.keys().next().value!);
}
