import { mayMatch } from '../../io/prune.js';
import { type Plan, scanPlan } from '../../plan/plan.js';
import { rewriteUp } from '../../plan/traverse.js';
import type { Rule } from '../rule.js';

/** Drops splits whose statistics prove that no row can pass the scan's predicate. */
export const pruneSplits: Rule = {
  name: 'prune-splits',
  apply: plan => rewriteUp(plan, prune),
};

function prune(plan: Plan): Plan {
  if (plan.kind !== 'scan' || plan.scan.predicate === null) return plan;
  const { predicate, schema } = plan.scan;
  const kept = plan.splits.filter(
    split => split.statistics === null || mayMatch(predicate, schema ?? [], split.statistics, split.rows),
  );
  return kept.length === plan.splits.length ? plan : scanPlan(plan.scan, kept);
}
