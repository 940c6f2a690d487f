import type { ExprNode } from '../../expr/node.js';
import { columnsOf, conjunction, conjuncts, exprKey, substituteColumns } from '../../expr/traverse.js';
import { scopeOf } from '../../expr/typing.js';
import {
  columnNode,
  concatPlan,
  filterPlan,
  type JoinPlan,
  joinPlan,
  type Plan,
  type ProjectPlan,
  scanPlan,
} from '../../plan/plan.js';
import { inputsOf, rewriteDown, withInputs } from '../../plan/traverse.js';
import { canFail } from '../exprs.js';
import type { Rule } from '../rule.js';

/**
 * Moves filters towards the sources: through projections (rewritten), sorts, group keys, concat and joins, and names
 * them to scans as a hint. The filter above a scan stays, because a scan only leaves out what it can prove.
 */
export const pushPredicates: Rule = {
  name: 'push-predicates',
  apply: plan => rewriteDown(plan, push),
};

function push(plan: Plan): Plan {
  if (plan.kind !== 'filter') return plan;
  const { input, predicate } = plan;
  switch (input.kind) {
    case 'scan':
      return pushIntoScan(plan);
    case 'project':
      return withInputs(input, [push(filterPlan(input.input, throughProject(predicate, input)))]);
    case 'sort':
      if (input.limit !== null) return plan;
      return withInputs(input, [push(filterPlan(input.input, predicate))]);
    case 'concat':
      return concatPlan(inputsOf(input).map(branch => push(filterPlan(branch, predicate))));
    case 'filter':
      return pushPast(plan, input);
    case 'aggregate': {
      const { keys } = input;
      return split(
        plan,
        node => keys.length > 0 && [...columnsOf(node)].every(c => keys.includes(c)),
        below => withInputs(input, [push(filterPlan(input.input, below))]),
      );
    }
    case 'explode': {
      const { columns } = input;
      return split(
        plan,
        node => columnsOf(node).size > 0 && ![...columnsOf(node)].some(c => columns.includes(c)),
        below => withInputs(input, [push(filterPlan(input.input, below))]),
      );
    }
    case 'join':
      return pushThroughJoin(plan, input);
    default:
      return plan;
  }
}

type FilterPlan = Extract<Plan, { kind: 'filter' }>;

function pushIntoScan(plan: FilterPlan): Plan {
  if (plan.input.kind !== 'scan') return plan;
  const { scan, splits } = plan.input;
  const scope = scopeOf(plan.schema, 'filter');
  const hint = conjunction(conjuncts(plan.predicate).filter(c => !canFail(c, scope)));
  if (hint === null || (scan.predicate !== null && exprKey(scan.predicate) === exprKey(hint))) return plan;
  return filterPlan(scanPlan({ ...scan, predicate: hint }, splits), plan.predicate);
}

function throughProject(predicate: ExprNode, project: ProjectPlan): ExprNode {
  return substituteColumns(predicate, new Map(project.columns.map(c => [c.name, c.expr])));
}

/** Two filters in a row become one when neither can fail: then their order says nothing. */
function pushPast(plan: FilterPlan, inner: FilterPlan): Plan {
  const scope = scopeOf(plan.schema, 'filter');
  if (canFail(plan.predicate, scope) || canFail(inner.predicate, scope)) return plan;
  const known = new Set(conjuncts(inner.predicate).map(exprKey));
  const fresh = conjuncts(plan.predicate).filter(c => !known.has(exprKey(c)));
  const both = conjunction([inner.predicate, ...fresh])!;
  return push(filterPlan(inner.input, both));
}

/** Moves the conditions for which `movable` holds; the others stay above. */
function split(
  plan: FilterPlan,
  movable: (node: ExprNode) => boolean,
  move: (below: ExprNode) => Plan,
): Plan {
  const all = conjuncts(plan.predicate);
  const scope = scopeOf(plan.schema, 'filter');
  const moved = all.filter(c => !canFail(c, scope) && movable(c));
  const below = conjunction(moved);
  if (below === null) return plan;
  const above = conjunction(all.filter(c => !moved.includes(c)));
  const rest = move(below);
  return above === null ? rest : filterPlan(rest, above);
}

function pushThroughJoin(plan: FilterPlan, join: JoinPlan): Plan {
  const leftNames = new Set(join.left.schema.map(f => f.name));
  const toRight = new Map(join.take.map(t => [t.name, columnNode(t.column)]));
  const keys = new Map(join.leftOn.map((name, i) => [name, columnNode(join.rightOn[i]!)]));
  const within = (node: ExprNode, names: { has(name: string): boolean }) =>
    columnsOf(node).size > 0 && [...columnsOf(node)].every(name => names.has(name));
  // A side whose rows may come out beside nulls keeps its conditions above the join: they would see those nulls.
  const { how } = join;
  const isLeft = (node: ExprNode) => how !== 'right' && how !== 'full' && within(node, leftNames);
  const isRight = (node: ExprNode) =>
    (how === 'inner' || how === 'cross' || how === 'right') && within(node, toRight);
  return split(
    plan,
    node => isLeft(node) || isRight(node),
    below => {
      const parts = conjuncts(below);
      const left = conjunction(parts.filter(isLeft));
      // What must hold for the left key must hold for the right key that equals it.
      const right = conjunction([
        ...parts.filter(p => !isLeft(p)).map(p => substituteColumns(p, toRight)),
        ...parts.filter(p => within(p, keys)).map(p => substituteColumns(p, keys)),
      ]);
      return joinPlan({
        ...join,
        left: left === null ? join.left : push(filterPlan(join.left, left)),
        right: right === null ? join.right : push(filterPlan(join.right, right)),
      });
    },
  );
}
