import { assertNever } from '../../core/base/assert.js';
import {
  aggregatePlan,
  concatPlan,
  explodePlan,
  filterPlan,
  joinPlan,
  limitPlan,
  numberPlan,
  type Plan,
  projectPlan,
  sortPlan,
  tailPlan,
  unpivotPlan,
} from './plan.js';

/** The plans a node reads, in order. With `withInputs`, the sole exhaustive list of node kinds for rules. */
export function inputsOf(plan: Plan): readonly Plan[] {
  switch (plan.kind) {
    case 'scan':
    case 'memory':
      return [];
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'sort':
    case 'limit':
    case 'tail':
    case 'explode':
    case 'unpivot':
    case 'number':
    case 'sample':
    case 'repartition':
      return [plan.input];
    case 'join':
      return [plan.left, plan.right];
    case 'concat':
      return plan.inputs;
    default:
      return assertNever(plan);
  }
}

/** The same node over other inputs; the same reference when they are the same. Schemas are computed anew. */
export function withInputs(plan: Plan, inputs: readonly Plan[]): Plan {
  const before = inputsOf(plan);
  if (before.length === inputs.length && before.every((input, i) => input === inputs[i])) return plan;
  const first = inputs[0]!;
  switch (plan.kind) {
    case 'scan':
    case 'memory':
      return plan;
    case 'filter':
      return filterPlan(first, plan.predicate);
    case 'project':
      return projectPlan(first, plan.columns);
    case 'aggregate':
      return aggregatePlan(first, plan.keys, plan.aggregates);
    case 'sort':
      return sortPlan(first, plan.by, plan.limit);
    case 'limit':
      return limitPlan(first, plan.n, plan.offset);
    case 'tail':
      return tailPlan(first, plan.n);
    case 'explode':
      return explodePlan(first, plan.columns);
    case 'unpivot':
      return unpivotPlan(first, plan);
    case 'number':
      return numberPlan(first, plan.name);
    case 'sample':
    case 'repartition':
      return { ...plan, input: first, schema: first.schema };
    case 'join':
      return joinPlan({ ...plan, left: first, right: inputs[1]! });
    case 'concat':
      return concatPlan(inputs);
    default:
      return assertNever(plan);
  }
}

/** Rewrites from the leaves up: each node is seen once, with its inputs rewritten. */
export function rewriteUp(plan: Plan, rewrite: (plan: Plan) => Plan): Plan {
  const inputs = inputsOf(plan);
  if (inputs.length === 0) return rewrite(plan);
  return rewrite(
    withInputs(
      plan,
      inputs.map(input => rewriteUp(input, rewrite)),
    ),
  );
}

/** Rewrites from the root down: `rewrite` sees a node before its inputs are visited. */
export function rewriteDown(plan: Plan, rewrite: (plan: Plan) => Plan): Plan {
  const rewritten = rewrite(plan);
  return withInputs(
    rewritten,
    inputsOf(rewritten).map(input => rewriteDown(input, rewrite)),
  );
}

/** Every node of the tree, root first. */
export function* nodesOf(plan: Plan): Generator<Plan> {
  yield plan;
  for (const input of inputsOf(plan)) yield* nodesOf(input);
}
