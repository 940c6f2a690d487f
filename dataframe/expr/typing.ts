import { assertNever } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import { DataType, formatType, type Schema, sameType } from '../column/datatype.js';
import { isNested } from '../column/layout.js';
import { formatExpr } from './format.js';
import { mismatch, nestedWays, typeCall } from './functions.js';
import { columnNotFound } from './nearest.js';
import type { ExprNode } from './node.js';
import { coerce, type TypedExpr, unify } from './operands.js';
import { caseBranch } from './traverse.js';
import { typeAggregate } from './type-aggregate.js';

/** Names an expression may use, and who asks (for errors). */
export interface Scope {
  readonly schema: Schema;
  readonly where: string;
  readonly types: ReadonlyMap<string, DataType>;
}

export function scopeOf(schema: Schema, where: string): Scope {
  return { schema, where, types: new Map(schema.map(field => [field.name, field.type])) };
}

/**
 * Resolves names, checks types and inserts the casts codegen relies on (expr/functions.ts). Typing a result again
 * changes nothing. Aliases are dropped: names are kept by NamedExpr.
 */
export function typeExpr(node: ExprNode, scope: Scope): TypedExpr {
  switch (node.kind) {
    case 'column': {
      const type = scope.types.get(node.name);
      if (type === undefined) throw columnNotFound(node.name, scope.schema, scope.where);
      return { node, type };
    }
    case 'literal':
      return { node, type: node.type };
    case 'call':
      return typeCall({ fn: node.fn, args: node.args.map(arg => typeExpr(arg, scope)), params: node.params });
    case 'cast':
      return typeCast(node, scope);
    case 'case':
      return typeCase(node, scope);
    case 'aggregate': {
      const second = node.other === undefined ? null : typeExpr(node.other, scope);
      const { input, other, type } = typeAggregate(
        node.op,
        node.input && typeExpr(node.input, scope),
        second,
      );
      const filter = node.filter && condition(node.filter, scope, `${node.op}().filter`);
      const extra = other === null ? {} : { other: other.node };
      return { node: { ...node, input: input?.node ?? null, filter, ...extra }, type };
    }
    case 'alias':
      return typeExpr(node.input, scope);
    case 'wildcard':
      throw new VolleyError(
        'INVALID_ARGUMENT',
        `${scope.where}: ${formatExpr(node)} stands for several columns; it works in select, withColumns and agg`,
      );
    default:
      return assertNever(node);
  }
}

/** Types an expression that must be true or false. */
export function condition(node: ExprNode, scope: Scope, where: string): ExprNode {
  const typed = typeExpr(node, scope);
  if (typed.type.kind === 'null') return coerce(typed, DataType.Bool).node;
  if (typed.type.kind !== 'bool') {
    throw mismatch(where, [typed], 'It takes a condition: compare first, e.g. .gt(0) or .eq(1).');
  }
  return typed.node;
}

function typeCast(node: Extract<ExprNode, { kind: 'cast' }>, scope: Scope): TypedExpr {
  const input = typeExpr(node.input, scope);
  if (input.node.kind === 'call' && input.node.fn === 'str.strptime') {
    return { node: { ...node, input: input.node }, type: node.type };
  }
  if (sameType(input.type, node.type)) return input;
  if (!castable(input.type, node.type)) {
    throw mismatch(`cast to ${formatType(node.type)}`, [input], castWays(input.type));
  }
  return { node: { ...node, input: input.node }, type: node.type };
}

function castWays(from: DataType): string {
  return from.kind === 'utf8'
    ? 'Text becomes a number, a boolean, a date or a timestamp (.str.strptime for other formats).'
    : 'Cast to Utf8 or to a number first.';
}

function castable(from: DataType, to: DataType): boolean {
  const number = (t: DataType) => /^u?int|^float|^decimal/.test(t.kind);
  const time = (t: DataType) => t.kind === 'date' || t.kind === 'timestamp';
  const integer = (t: DataType) => /^u?int/.test(t.kind);
  const plain = (t: DataType) => number(t) || time(t) || t.kind === 'bool' || t.kind === 'utf8';
  if (from.kind === 'null') return plain(to) || isNested(to);
  if (to.kind === 'utf8' || from.kind === 'utf8') return plain(from) && plain(to);
  if (number(from)) return number(to) || to.kind === 'bool' || (integer(from) && time(to));
  if (from.kind === 'bool') return number(to);
  return time(from) && (time(to) || integer(to));
}

function typeCase(node: Extract<ExprNode, { kind: 'case' }>, scope: Scope): TypedExpr {
  const values = [...node.branches.map(b => b.then), node.otherwise].map(v => typeExpr(v, scope));
  const unified = unify(values);
  if (unified === null)
    throw mismatch('when/then/otherwise', values, 'All its values need one type: .cast(type) one.');
  const { type } = unified[0]!;
  if (isNested(type)) throw mismatch('when/then/otherwise', values, nestedWays(type));
  const branches = node.branches.map((b, i) =>
    caseBranch(condition(b.when, scope, 'when'), unified[i]!.node),
  );
  return { node: { kind: 'case', branches, otherwise: unified.at(-1)!.node }, type: unified[0]!.type };
}
