import type { Plan } from '../plan/plan.js';

/** One rewriting of plans. The same reference back means: nothing to do. */
export interface Rule {
  readonly name: string;
  apply(plan: Plan): Plan;
}
