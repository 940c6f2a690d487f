import type { AssignmentExpression, Expression, MemberExpression, Statement } from 'acorn';
import type { Names } from './names.js';

/** Additions to two neighbours of an array of floats. */
export interface Pair {
  readonly target: MemberExpression;
  readonly first: Expression;
  readonly second: Expression;
}

/**
 * Two statements `a[b+k]+=x; a[b+k+1]+=y;`, of elements x and y of other arrays: a vector adds both at once, and each sum has the
 * bits it has alone. Null: something else.
 */
export function pairOf(one: Statement, next: Statement | undefined, names: Names): Pair | null {
  const [first, second] = [additionOf(one, names), next === undefined ? null : additionOf(next, names)];
  if (first === null || second === null) return null;
  const same = first.array === second.array && first.base === second.base;
  if (!same || second.offset !== first.offset + 1) return null;
  return { target: first.target, first: first.value, second: second.value };
}

function additionOf(statement: Statement, names: Names) {
  if (statement.type !== 'ExpressionStatement') return null;
  const { type, operator, left, right: value } = statement.expression as AssignmentExpression;
  if (type !== 'AssignmentExpression' || operator !== '+=' || left.type !== 'MemberExpression') return null;
  const target: MemberExpression = left;
  const array = names.arrayOf(target);
  if (array.array !== 'f64' || value.type !== 'MemberExpression' || names.arrayOf(value) === array)
    return null;
  const index = target.property as Expression;
  if (index.type === 'Identifier') return { array, target, value, base: index.name, offset: 0 };
  if (index.type !== 'BinaryExpression' || index.operator !== '+') return null;
  const { left: base, right: added } = index;
  if (base.type !== 'Identifier' || added.type !== 'Literal' || typeof added.value !== 'number') return null;
  return { array, target, value, base: base.name, offset: added.value };
}
