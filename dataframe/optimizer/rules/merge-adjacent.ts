import type { ExprNode } from '../../expr/node.js';
import { operands, substituteColumns } from '../../expr/traverse.js';
import { type Plan, projectPlan } from '../../plan/plan.js';
import { rewriteUp } from '../../plan/traverse.js';
import type { Rule } from '../rule.js';

/** Joins projections that stand on one another, and drops those that change nothing. */
export const mergeAdjacent: Rule = {
  name: 'merge-adjacent',
  apply: plan => rewriteUp(plan, merge),
};

function merge(plan: Plan): Plan {
  if (plan.kind !== 'project') return plan;
  const { input, columns } = plan;
  const identity =
    columns.length === input.schema.length &&
    columns.every(
      (c, i) => c.expr.kind === 'column' && c.expr.name === c.name && c.name === input.schema[i]?.name,
    );
  if (identity) return input;
  if (input.kind !== 'project') return plan;
  const uses = new Map<string, number>();
  for (const { expr } of columns) countColumns(expr, uses);
  // A computed column that is read twice would be computed twice.
  const once = input.columns.every(c => isCheap(c.expr) || (uses.get(c.name) ?? 0) <= 1);
  if (!once) return plan;
  const inner = new Map(input.columns.map(c => [c.name, c.expr]));
  return merge(
    projectPlan(
      input.input,
      columns.map(c => ({ name: c.name, expr: substituteColumns(c.expr, inner) })),
    ),
  );
}

const isCheap = (expr: ExprNode) => expr.kind === 'column' || expr.kind === 'literal';

function countColumns(expr: ExprNode, into: Map<string, number>): void {
  if (expr.kind === 'column') into.set(expr.name, (into.get(expr.name) ?? 0) + 1);
  for (const operand of operands(expr)) countColumns(operand, into);
}
