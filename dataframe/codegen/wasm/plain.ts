import type { Expression } from 'acorn';
import type { Names } from './names.js';
import { bitOperators } from './operators.js';

/**
 * Whether an integer is as well worked out as not: one of variables, literals and elements of the row, which are there. Then a
 * condition can choose between two without a branch, which nulls here and there would take at random. V8 has conditional moves
 * for integers only.
 */
export function isPlain(node: Expression, names: Names): boolean {
  switch (node.type) {
    case 'Literal':
      return names.typeOf(node) === 'int';
    case 'Identifier':
      return names.of(node).array === null && names.typeOf(node) !== 'double';
    case 'ParenthesizedExpression':
      return isPlain(node.expression, names);
    case 'MemberExpression':
      return names.arrayOf(node).access !== 'any' && names.typeOf(node) !== 'double';
    case 'BinaryExpression':
      return (
        (node.operator in bitOperators || node.operator === '+' || node.operator === '-') &&
        isPlain(node.left as Expression, names) &&
        isPlain(node.right, names)
      );
    default:
      return false;
  }
}
