import { assertNever } from '../../core/base/assert.js';
import type { ExprNode } from './node.js';

/** One branch of a case. */
export function caseBranch(when: ExprNode, value: ExprNode): CaseBranch {
  // biome-ignore lint/suspicious/noThenProperty: plain data that nobody awaits; the name is the contract's.
  return { when, then: value };
}

type CaseBranch = Extract<ExprNode, { kind: 'case' }>['branches'][number];

/** Operands of a node, in order. With `mapOperands`, the only place that knows where each kind keeps them. */
export function operands(node: ExprNode): readonly ExprNode[] {
  switch (node.kind) {
    case 'column':
    case 'literal':
    case 'wildcard':
      return [];
    case 'call':
      return node.args;
    case 'cast':
    case 'alias':
      return [node.input];
    case 'case':
      return [...node.branches.flatMap(b => [b.when, b.then]), node.otherwise];
    case 'aggregate':
      return [node.input, node.other ?? null, node.filter].filter(n => n !== null);
    default:
      return assertNever(node);
  }
}

/** The node with every operand replaced; the same reference when `replace` changed none. */
export function mapOperands(node: ExprNode, replace: (operand: ExprNode) => ExprNode): ExprNode {
  switch (node.kind) {
    case 'column':
    case 'literal':
    case 'wildcard':
      return node;
    case 'call': {
      const args = node.args.map(replace);
      return args.every((a, i) => a === node.args[i]) ? node : { ...node, args };
    }
    case 'cast':
    case 'alias': {
      const input = replace(node.input);
      return input === node.input ? node : { ...node, input };
    }
    case 'case': {
      const branches = node.branches.map(b => {
        const when = replace(b.when);
        const then = replace(b.then);
        return when === b.when && then === b.then ? b : caseBranch(when, then);
      });
      const otherwise = replace(node.otherwise);
      const same = otherwise === node.otherwise && branches.every((b, i) => b === node.branches[i]);
      return same ? node : { ...node, branches, otherwise };
    }
    case 'aggregate': {
      const input = node.input && replace(node.input);
      const filter = node.filter && replace(node.filter);
      const other = node.other && replace(node.other);
      if (input === node.input && filter === node.filter && other === node.other) return node;
      return { ...node, input, filter, ...(other === undefined ? {} : { other }) };
    }
    default:
      return assertNever(node);
  }
}

/** Rewrites bottom-up. */
export function rewriteExpr(node: ExprNode, rewrite: (node: ExprNode) => ExprNode): ExprNode {
  return rewrite(mapOperands(node, operand => rewriteExpr(operand, rewrite)));
}

/** True when `test` holds for the node or anything below it. */
export function someExpr(node: ExprNode, test: (node: ExprNode) => boolean): boolean {
  return test(node) || operands(node).some(operand => someExpr(operand, test));
}

export function containsAggregate(node: ExprNode): boolean {
  return someExpr(node, n => n.kind === 'aggregate');
}

/** Names of the columns a node reads, added to `into`. */
export function columnsOf(node: ExprNode, into: Set<string> = new Set()): Set<string> {
  if (node.kind === 'column') into.add(node.name);
  for (const operand of operands(node)) columnsOf(operand, into);
  return into;
}

/** Replaces column references by expressions; names that are not in the map stay. */
export function substituteColumns(node: ExprNode, by: ReadonlyMap<string, ExprNode>): ExprNode {
  return rewriteExpr(node, n => (n.kind === 'column' ? (by.get(n.name) ?? n) : n));
}

/** Conditions that must all hold: the operands of nested 'and's. */
export function conjuncts(node: ExprNode): ExprNode[] {
  return node.kind === 'call' && node.fn === 'and' ? node.args.flatMap(conjuncts) : [node];
}

/** The reverse of `conjuncts`; null for none. */
export function conjunction(conditions: readonly ExprNode[]): ExprNode | null {
  return conditions.reduce<ExprNode | null>(
    (all, next) => (all === null ? next : { kind: 'call', fn: 'and', args: [all, next] }),
    null,
  );
}

/** A string that is equal exactly for equal expressions. */
export function exprKey(node: ExprNode): string {
  return JSON.stringify(node, (_key, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value !== 'number') return value;
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : `#${Object.is(value, -0) ? '-0' : value}`;
  });
}
