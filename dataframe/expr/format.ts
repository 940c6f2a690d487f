import { assertNever } from '../../core/base/assert.js';
import { formatType } from '../column/datatype.js';
import { formatDecimal } from '../column/decimal.js';
import type { ExprNode, FunctionName, FunctionParams, LiteralValue } from './node.js';

const infix: Partial<Record<FunctionName, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
  eq: '==',
  neq: '!=',
  gt: '>',
  gtEq: '>=',
  lt: '<',
  ltEq: '<=',
  and: '&',
  or: '|',
};

/** An expression as people read it in explain texts and errors. */
export function formatExpr(node: ExprNode): string {
  switch (node.kind) {
    case 'column':
      return /^[A-Za-z_]\w*$/.test(node.name) ? node.name : JSON.stringify(node.name);
    case 'literal':
      return formatLiteral(node);
    case 'call':
      return formatCall(node);
    case 'cast':
      return `${formatExpr(node.input)}.cast(${formatType(node.type)}${node.strict ? '' : ', strict: false'})`;
    case 'case': {
      const branches = node.branches.map(b => `when ${formatExpr(b.when)} then ${formatExpr(b.then)}`);
      return `(${branches.join(' ')} otherwise ${formatExpr(node.otherwise)})`;
    }
    case 'aggregate': {
      const filter = node.filter ? ` where ${formatExpr(node.filter)}` : '';
      const parts = [node.input, node.other ?? null].filter(n => n !== null).map(formatExpr);
      if (node.param !== undefined) parts.push(String(node.param));
      return `${node.op}(${parts.join(', ')}${filter})`;
    }
    case 'alias':
      return `${formatExpr(node.input)} as ${JSON.stringify(node.name)}`;
    case 'wildcard':
      return node.except.length === 0 ? 'all()' : `exclude(${node.except.join(', ')})`;
    default:
      return assertNever(node);
  }
}

function formatCall(node: Extract<ExprNode, { kind: 'call' }>): string {
  const args = node.args.map(formatExpr);
  const operator = infix[node.fn];
  if (operator !== undefined && args.length === 2) return `(${args.join(` ${operator} `)})`;
  return `${node.fn}(${[...args, ...formatParams(node.params)].join(', ')})`;
}

function formatParams(params: FunctionParams | undefined): string[] {
  return Object.entries(params ?? {}).map(([name, value]) => {
    const text = Array.isArray(value)
      ? `[${value.map(formatValue).join(', ')}]`
      : formatValue(value as LiteralValue);
    return `${name}: ${text}`;
  });
}

function formatLiteral(node: Extract<ExprNode, { kind: 'literal' }>): string {
  const { value, type } = node;
  if (typeof value === 'number' && (type.kind === 'date' || type.kind === 'timestamp')) {
    const unitsPerMs =
      type.kind === 'date' ? 1 / 86_400_000 : { s: 1e-3, ms: 1, us: 1e3, ns: 1e6 }[type.unit];
    const date = new Date(value / unitsPerMs);
    if (Number.isNaN(date.getTime())) return `${formatType(type)}(${value})`;
    return type.kind === 'date' ? date.toISOString().slice(0, 10) : date.toISOString();
  }
  if (type.kind === 'decimal' && value !== null) {
    return formatDecimal(BigInt(value as number | string), type.scale);
  }
  return formatValue(value);
}

function formatValue(value: LiteralValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
