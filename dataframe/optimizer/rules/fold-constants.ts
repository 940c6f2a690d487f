import { DataType, type DataType as Type } from '../../column/datatype.js';
import { convertLiteral, type LiteralNode } from '../../expr/literal.js';
import type { ExprNode, FunctionName } from '../../expr/node.js';
import { isFloat } from '../../expr/operands.js';
import { rewriteExpr } from '../../expr/traverse.js';
import { scopeOf, typeExpr } from '../../expr/typing.js';
import type { Plan } from '../../plan/plan.js';
import { inputsOf, rewriteUp } from '../../plan/traverse.js';
import { mapExprs } from '../exprs.js';
import type { Rule } from '../rule.js';

/** Computes what depends on no column, drops conditions that are decided, removes filters that keep everything. */
export const foldConstants: Rule = {
  name: 'fold-constants',
  apply: plan => rewriteUp(plan, foldNode),
};

function foldNode(plan: Plan): Plan {
  const input = inputsOf(plan)[0];
  if (input === undefined) return plan;
  const scope = scopeOf(input.schema, 'fold');
  const folded = mapExprs(plan, expr =>
    rewriteExpr(expr, node => foldExpr(node, n => typeExpr(n, scope).type)),
  );
  const keepsAll = folded.kind === 'filter' && isBool(folded.predicate, true);
  return keepsAll ? folded.input : folded;
}

const isBool = (node: ExprNode, value: boolean) => node.kind === 'literal' && node.value === value;

function foldExpr(node: ExprNode, typeOf: (node: ExprNode) => Type): ExprNode {
  switch (node.kind) {
    case 'call':
      return foldLogic(node) ?? foldCall(node, typeOf) ?? node;
    case 'cast':
      return (node.input.kind === 'literal' && convertLiteral(node.input, node.type)) || node;
    case 'case': {
      const branches = node.branches.filter(b => !isBool(b.when, false) && !isNullLiteral(b.when));
      const first = branches[0];
      if (first === undefined) return node.otherwise;
      if (isBool(first.when, true)) return first.then;
      return branches.length === node.branches.length ? node : { ...node, branches };
    }
    default:
      return node;
  }
}

const isNullLiteral = (node: ExprNode) => node.kind === 'literal' && node.value === null;

type CallNode = Extract<ExprNode, { kind: 'call' }>;

function foldLogic(node: CallNode): ExprNode | null {
  if (node.fn === 'not') {
    const inner = node.args[0]!;
    if (inner.kind === 'call' && inner.fn === 'not') return inner.args[0]!;
    return inner.kind === 'literal' && typeof inner.value === 'boolean' ? bool(!inner.value) : null;
  }
  if (node.fn !== 'and' && node.fn !== 'or') return null;
  const [a, b] = node.args as readonly [ExprNode, ExprNode];
  const neutral = node.fn === 'and';
  if (isBool(a, neutral)) return b;
  if (isBool(b, neutral)) return a;
  return isBool(a, !neutral) || isBool(b, !neutral) ? bool(!neutral) : null;
}

const bool = (value: boolean): LiteralNode => ({ kind: 'literal', value, type: DataType.Bool });

const comparisons: Partial<Record<FunctionName, (order: number) => boolean>> = {
  eq: order => order === 0,
  neq: order => order !== 0,
  lt: order => order < 0,
  ltEq: order => order <= 0,
  gt: order => order > 0,
  gtEq: order => order >= 0,
};

const arithmetic: Partial<Record<FunctionName, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
};

/** Null for what is left to run time: anything that could fail, round differently or needs text order. */
function foldCall(node: CallNode, typeOf: (node: ExprNode) => Type): LiteralNode | null {
  const literals = node.args.filter(arg => arg.kind === 'literal');
  if (literals.length !== node.args.length || literals.length !== 2) return null;
  const [a, b] = literals as [LiteralNode, LiteralNode];
  const compare = comparisons[node.fn];
  const compute = arithmetic[node.fn];
  if (compare === undefined && compute === undefined) return null;
  const type = typeOf(node);
  // Their values are of different scales, and theirs is another overflow.
  if (a.type.kind === 'decimal' || b.type.kind === 'decimal') return null;
  if (a.value === null || b.value === null) return { kind: 'literal', value: null, type };
  if (typeof a.value !== 'number' || typeof b.value !== 'number') return null;
  if (compare !== undefined) {
    const comparable = !Number.isNaN(a.value) && !Number.isNaN(b.value);
    return comparable ? bool(compare(a.value === b.value ? 0 : a.value - b.value)) : null;
  }
  if (compute === undefined || type.kind === 'float32') return null;
  const value = compute(a.value, b.value);
  if (isFloat(type)) return { kind: 'literal', value, type };
  // Only results every integer type can hold: at run time an overflow is an error, never a literal.
  return type.kind === 'int64' && Number.isSafeInteger(value) ? { kind: 'literal', value, type } : null;
}
