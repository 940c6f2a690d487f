import { VolleyError } from '../../core/base/errors.js';
import type { Schema } from '../column/datatype.js';
import { outputName } from '../expr/expr.js';
import { formatExpr } from '../expr/format.js';
import { columnNotFound } from '../expr/nearest.js';
import type { ExprNode } from '../expr/node.js';
import { containsAggregate, rewriteExpr, someExpr } from '../expr/traverse.js';
import { scopeOf, typeExpr } from '../expr/typing.js';
import type { NamedExpr } from '../physical/fragment.js';
import { aggregateExprs } from './aggregate.js';
import { columnNode, type Plan, projectPlan } from './plan.js';

/** Expressions with wildcards expanded, one per column, and their output names. Types are not looked at. */
export function expand(exprs: readonly ExprNode[], schema: Schema, where: string): NamedExpr[] {
  return exprs.flatMap(expr => {
    const wildcard = findWildcard(expr);
    if (wildcard === null) return [{ name: outputName(expr), expr }];
    for (const name of wildcard.except) {
      if (!schema.some(f => f.name === name)) throw columnNotFound(name, schema, `${where}: exclude`);
    }
    return schema
      .filter(field => !wildcard.except.includes(field.name))
      .map(field => {
        const column = columnNode(field.name);
        const concrete = rewriteExpr(expr, n => (n.kind === 'wildcard' ? column : n));
        return { name: outputName(concrete), expr: concrete };
      });
  });
}

function findWildcard(expr: ExprNode): Extract<ExprNode, { kind: 'wildcard' }> | null {
  let found: Extract<ExprNode, { kind: 'wildcard' }> | null = null;
  someExpr(expr, n => n.kind === 'wildcard' && (found = n) !== null);
  return found;
}

/** Throws DUPLICATE_COLUMN when two outputs have one name. */
export function checkNames(names: readonly string[], where: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new VolleyError(
        'DUPLICATE_COLUMN',
        `${where}: two columns are called ${JSON.stringify(name)}. Give one another name with .alias('…').`,
        { column: name },
      );
    }
    seen.add(name);
  }
}

/** select(): a projection, or one row of aggregates. */
export function analyzeSelect(input: Plan, exprs: readonly ExprNode[]): Plan {
  const columns = expand(exprs, input.schema, 'select');
  checkNames(
    columns.map(c => c.name),
    'select',
  );
  if (columns.some(c => containsAggregate(c.expr))) return aggregateExprs(input, [], columns, 'select');
  return typedProject(input, columns, 'select');
}

/** withColumns(): replaces columns of equal name in place, adds the others at the end. */
export function analyzeWithColumns(input: Plan, exprs: readonly ExprNode[]): Plan {
  const added = expand(exprs, input.schema, 'withColumns');
  checkNames(
    added.map(c => c.name),
    'withColumns',
  );
  for (const { expr } of added) refuseAggregate(expr, 'withColumns');
  const byName = new Map(added.map(c => [c.name, c]));
  const kept = input.schema.map(f => byName.get(f.name) ?? { name: f.name, expr: columnNode(f.name) });
  const old = new Set(input.schema.map(f => f.name));
  return typedProject(input, [...kept, ...added.filter(c => !old.has(c.name))], 'withColumns');
}

/** Throws UNSUPPORTED for an aggregate where rows are wanted. */
export function refuseAggregate(expr: ExprNode, where: string): void {
  if (!containsAggregate(expr)) return;
  throw new VolleyError(
    'UNSUPPORTED',
    `${where}: ${formatExpr(expr)} aggregates rows, but ${where} works row by row. Aggregate in select(…) or groupBy(…).agg(…), and join the result.`,
  );
}

export function typedProject(input: Plan, columns: readonly NamedExpr[], where: string): Plan {
  const scope = scopeOf(input.schema, where);
  return projectPlan(
    input,
    columns.map(({ name, expr }) => ({ name, expr: typeExpr(expr, scope).node })),
  );
}
