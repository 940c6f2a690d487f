import type { Expression, Literal, MemberExpression, Statement } from 'acorn';
import type { Names } from './names.js';

/** Additions to two neighbours of an array of floats. */
export interface Pair {
  readonly target: MemberExpression;
  readonly first: Expression;
  readonly second: Expression;
}

/**
 * Two statements `a[b+k]+=x; a[b+k+1]+=y;`, of elements x and y of other arrays, or `++`: a vector adds both at once, and each sum has the
 * bits it has alone. Null: something else.
 */
export function pairOf(one: Statement, next: Statement | undefined, names: Names): Pair | null {
  const [first, second] = [additionOf(one, names), next === undefined ? null : additionOf(next, names)];
  if (first === null || second === null) return null;
  const same = first.array === second.array && first.base === second.base;
  if (!same || second.offset !== first.offset + 1) return null;
  return { target: first.target, first: first.value, second: second.value };
}

const one = { type: 'Literal', value: 1, raw: '1' } as Literal;

/** What a statement adds to an element. */
function addedBy(statement: Statement): { target: MemberExpression; value: Expression } | null {
  if (statement.type !== 'ExpressionStatement') return null;
  const { expression } = statement;
  if (expression.type === 'UpdateExpression') {
    const { operator, argument } = expression;
    return operator === '++' && argument.type === 'MemberExpression'
      ? { target: argument, value: one }
      : null;
  }
  if (expression.type !== 'AssignmentExpression' || expression.operator !== '+=') return null;
  const { left, right } = expression;
  return left.type === 'MemberExpression' ? { target: left, value: right } : null;
}

function additionOf(statement: Statement, names: Names) {
  const addition = addedBy(statement);
  if (addition === null) return null;
  const { target, value } = addition;
  const array = names.arrayOf(target);
  const other = value === one || (value.type === 'MemberExpression' && names.arrayOf(value) !== array);
  if (array.array !== 'f64' || !other) return null;
  const index = target.property as Expression;
  if (index.type === 'Identifier') return { array, target, value, base: index.name, offset: 0 };
  if (index.type !== 'BinaryExpression' || index.operator !== '+') return null;
  const { left: base, right: added } = index;
  if (base.type !== 'Identifier' || added.type !== 'Literal' || typeof added.value !== 'number') return null;
  return { array, target, value, base: base.name, offset: added.value };
}
