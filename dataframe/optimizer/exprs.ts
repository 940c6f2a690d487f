import type { DataType } from '../column/datatype.js';
import type { ExprNode } from '../expr/node.js';
import { isInteger } from '../expr/operands.js';
import { someExpr } from '../expr/traverse.js';
import { type Scope, typeExpr } from '../expr/typing.js';
import { filterPlan, type Plan, projectPlan } from '../plan/plan.js';

const isExact = (type: DataType) => isInteger(type) || type.kind === 'decimal';

/**
 * True when evaluating can throw for some value: a strict cast, integer arithmetic (overflow). Such a condition must
 * not be moved to where it meets rows that another filter or a join would have taken out.
 */
export function canFail(node: ExprNode, scope: Scope): boolean {
  return someExpr(node, n => {
    if (n.kind === 'cast') return n.strict && !isWidening(n, scope);
    if (n.kind !== 'call') return false;
    if (n.fn === 'neg' || n.fn === 'abs') return isInteger(typeExpr(n.args[0]!, scope).type);
    return (n.fn === 'add' || n.fn === 'sub' || n.fn === 'mul') && isExact(typeExpr(n, scope).type);
  });
}

const integerBits = /^(u?)int(\d+)$/;

function isWidening(cast: Extract<ExprNode, { kind: 'cast' }>, scope: Scope): boolean {
  const from = typeExpr(cast.input, scope).type.kind;
  const to = cast.type.kind;
  if (from === 'null' || to === 'utf8' || from === 'bool') return true;
  const [a, b] = [integerBits.exec(from), integerBits.exec(to)];
  if (a !== null && to === 'float64') return true;
  if (from === 'float32' && to === 'float64') return true;
  if (a === null || b === null) return false;
  return a[1] === b[1] ? Number(b[2]) >= Number(a[2]) : b[1] === '' && Number(b[2]) > Number(a[2]);
}

/** The node with every expression of its own rewritten; the same reference when none changed. */
export function mapExprs(plan: Plan, rewrite: (expr: ExprNode) => ExprNode): Plan {
  if (plan.kind === 'filter') {
    const predicate = rewrite(plan.predicate);
    return predicate === plan.predicate ? plan : filterPlan(plan.input, predicate);
  }
  if (plan.kind === 'project') {
    const columns = plan.columns.map(column => {
      const expr = rewrite(column.expr);
      return expr === column.expr ? column : { ...column, expr };
    });
    return columns.every((c, i) => c === plan.columns[i]) ? plan : projectPlan(plan.input, columns);
  }
  return plan;
}
