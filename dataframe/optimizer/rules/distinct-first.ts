import { aggregatePlan, type Plan } from '../../plan/plan.js';
import { rewriteUp } from '../../plan/traverse.js';
import type { Rule } from '../rule.js';

/**
 * Counts distinct values of one column in two steps, both of which reduce before they shuffle: first the distinct
 * pairs of keys and value, then how many there are per key (null is not counted, as in nUnique).
 */
export const distinctFirst: Rule = {
  name: 'distinct-first',
  apply: plan => rewriteUp(plan, rewrite),
};

function rewrite(plan: Plan): Plan {
  if (plan.kind !== 'aggregate') return plan;
  const [first] = plan.aggregates;
  const value = first?.column;
  if (value === null || value === undefined || plan.keys.includes(value)) return plan;
  const alike = plan.aggregates.every(s => s.op === 'nUnique' && s.column === value && s.filter === null);
  if (!alike) return plan;
  const distinct = aggregatePlan(plan.input, [...plan.keys, value], []);
  return aggregatePlan(
    distinct,
    plan.keys,
    plan.aggregates.map(spec => ({ ...spec, op: 'count' })),
  );
}
