import type { ExprNode, FunctionName } from './node.js';

/** Functions that give null for any null among their arguments. */
const strict: ReadonlySet<FunctionName> = new Set<FunctionName>([
  ...(['eq', 'neq', 'gt', 'gtEq', 'lt', 'ltEq', 'isBetween', 'isNaN'] as const),
  ...(['add', 'sub', 'mul', 'div', 'mod', 'neg', 'abs'] as const),
  ...(['str.contains', 'str.startsWith', 'str.endsWith'] as const),
]);

/** Columns that are null in no row for which a condition is true: those it compares, or asks for not to be null. */
export function columnsThere(condition: ExprNode): Set<string> {
  const found = new Set<string>();
  const read = (node: ExprNode): void => {
    if (node.kind === 'column') found.add(node.name);
    else if (node.kind === 'cast' || node.kind === 'alias') read(node.input);
    else if (node.kind === 'call' && strict.has(node.fn)) node.args.forEach(read);
  };
  const holds = (node: ExprNode): void => {
    if (node.kind === 'call' && node.fn === 'and') node.args.forEach(holds);
    else if (node.kind === 'call' && node.fn === 'isNotNull') node.args.forEach(read);
    else read(node);
  };
  holds(condition);
  return found;
}

/** The only column, where a condition asks for nothing but that it is not null; else null. */
export function onlyPresence(condition: ExprNode): string | null {
  const [column] = condition.kind === 'call' && condition.fn === 'isNotNull' ? condition.args : [];
  return column?.kind === 'column' ? column.name : null;
}
