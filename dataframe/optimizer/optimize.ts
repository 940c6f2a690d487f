import { assert } from '../../core/base/assert.js';
import { formatType, type Schema, sameType } from '../column/datatype.js';
import { explainPlan } from '../plan/explain.js';
import type { Plan } from '../plan/plan.js';
import type { Rule } from './rule.js';
import { distinctFirst } from './rules/distinct-first.js';
import { foldConstants } from './rules/fold-constants.js';
import { mergeAdjacent } from './rules/merge-adjacent.js';
import { pruneSplits } from './rules/prune-splits.js';
import { pushLimits } from './rules/push-limits.js';
import { pushPredicates } from './rules/push-predicates.js';
import { pushProjections } from './rules/push-projections.js';

/** In order. Predicates move before columns are narrowed, since they say which columns are read. */
export const rules: readonly Rule[] = [
  foldConstants,
  distinctFirst,
  pushPredicates,
  mergeAdjacent,
  pushLimits,
  pushProjections,
  pruneSplits,
];

/** Rounds over all rules. Each round moves things at most to their final place, so few are used; this ends a cycle. */
const ROUNDS = 8;

/** Applies the rules until none changes anything. A rule that changes the schema is a bug, named here. */
export function optimize(plan: Plan, ordered: readonly Rule[] = rules): Plan {
  let current = plan;
  for (let round = 0; round < ROUNDS; round++) {
    const before = current;
    for (const rule of ordered) current = applyChecked(rule, current);
    if (current === before) break;
  }
  return current;
}

function applyChecked(rule: Rule, plan: Plan): Plan {
  const next = rule.apply(plan);
  if (next === plan) return plan;
  const schemaText = (p: Plan) => p.schema.map(f => `${f.name}: ${formatType(f.type)}`).join(', ');
  assert(
    sameSchema(next.schema, plan.schema),
    () =>
      `rule ${rule.name} changed the schema from [${schemaText(plan)}] to [${schemaText(next)}]\n${explainPlan(plan)}\n→\n${explainPlan(next)}`,
  );
  return next;
}

function sameSchema(a: Schema, b: Schema): boolean {
  if (a === b) return true;
  return (
    a.length === b.length && a.every(({ name, type }, c) => name === b[c]!.name && sameType(type, b[c]!.type))
  );
}
