import { concatPlan, limitPlan, type Plan, scanPlan, sortPlan } from '../../plan/plan.js';
import { inputsOf, rewriteDown, withInputs } from '../../plan/traverse.js';
import type { Rule } from '../rule.js';

/**
 * Moves limits towards the sources: below projections, into sorts (top-k), into every branch of a concat, and onto
 * the splits of a scan whose row counts are known.
 */
export const pushLimits: Rule = {
  name: 'push-limits',
  apply: plan => rewriteDown(plan, push),
};

type LimitPlan = Extract<Plan, { kind: 'limit' }>;

function push(plan: Plan): Plan {
  if (plan.kind !== 'limit') return plan;
  const { input, n, offset } = plan;
  switch (input.kind) {
    case 'project':
      return withInputs(input, [push(limitPlan(input.input, n, offset))]);
    case 'limit': {
      const rows = Math.max(0, Math.min(n, input.n - offset));
      return push(limitPlan(input.input, rows, input.offset + offset));
    }
    case 'sort':
      return topRows(plan, input);
    case 'concat': {
      const inputs = inputsOf(input).map(branch => bounded(branch, n + offset));
      const same = inputs.every((branch, i) => branch === input.inputs[i]);
      return same ? plan : limitPlan(concatPlan(inputs), n, offset);
    }
    case 'scan':
      return fewerSplits(plan, input);
    default:
      return plan;
  }
}

function topRows(plan: LimitPlan, sort: Extract<Plan, { kind: 'sort' }>): Plan {
  const wanted = plan.n + plan.offset;
  const limit = Math.min(wanted, sort.limit ?? wanted);
  const top = limit === sort.limit ? sort : sortPlan(sort.input, sort.by, limit);
  if (plan.offset === 0) return top;
  return top === sort ? plan : limitPlan(top, plan.n, plan.offset);
}

function bounded(plan: Plan, rows: number): Plan {
  return isBounded(plan) ? plan : push(limitPlan(plan, rows));
}

function isBounded(plan: Plan): boolean {
  if (plan.kind === 'project') return isBounded(plan.input);
  return plan.kind === 'limit' || (plan.kind === 'sort' && plan.limit !== null);
}

/** Only the first splits that together hold the rows asked for. */
function fewerSplits(plan: LimitPlan, scan: Extract<Plan, { kind: 'scan' }>): Plan {
  let rows = 0;
  let needed = 0;
  for (const split of scan.splits) {
    if (split.rows < 0) return plan;
    if (rows >= plan.n + plan.offset && needed > 0) break;
    rows += split.rows;
    needed++;
  }
  if (needed === scan.splits.length) return plan;
  return limitPlan(scanPlan(scan.scan, scan.splits.slice(0, needed)), plan.n, plan.offset);
}
