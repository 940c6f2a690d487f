import type { Batch, Column } from '../column/column.js';
import type { ExprNode } from '../expr/node.js';

/**
 * Expressions of one generated function. V8 never optimises a function above some 500 to 1,000 of them (6 → 60-90 ns
 * per expression).
 */
const functionSize = 300;

/** Nodes of an expression. */
export function sizeOf(node: ExprNode): number {
  let size = 1;
  for (const child of childrenOf(node)) size += sizeOf(child);
  return size;
}

function childrenOf(node: ExprNode): readonly ExprNode[] {
  switch (node.kind) {
    case 'call':
      return node.args;
    case 'cast':
    case 'alias':
      return [node.input];
    case 'case':
      return [...node.branches.flatMap(b => [b.when, b.then]), node.otherwise];
    default:
      return [];
  }
}

/** Positions of the expressions that share a function, in order. */
export function groupBySize(nodes: readonly ExprNode[]): number[][] {
  const groups: number[][] = [];
  let size = functionSize;
  for (let k = 0; k < nodes.length; k++) {
    const more = sizeOf(nodes[k]!);
    if (size + more > functionSize) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(k);
    size += more;
  }
  return groups;
}

/**
 * Evaluates parts of expressions too large for one function to columns of their own, added to the batch under names
 * no user column has. Values of a `case` stay: a branch that is not taken must not be evaluated.
 */
export function cutLarge(
  nodes: readonly ExprNode[],
  batch: Batch,
  run: (node: ExprNode, batch: Batch) => Column,
): { nodes: readonly ExprNode[]; batch: Batch } {
  if (nodes.every(node => sizeOf(node) <= functionSize)) return { nodes, batch };
  const schema = [...batch.schema];
  const columns = [...batch.columns];
  let wider: Batch = batch;
  const cut = (node: ExprNode): { node: ExprNode; size: number } => {
    if (node.kind !== 'call') return { node, size: sizeOf(node) };
    const args: ExprNode[] = [];
    let size = 1;
    for (const arg of node.args) {
      let piece = cut(arg);
      if (piece.size > functionSize / 2 && piece.node.kind === 'call') {
        const name = `\u0000part${columns.length}`;
        const column = run(piece.node, wider);
        schema.push({ name, type: column.type });
        columns.push(column);
        wider = { schema: [...schema], rows: batch.rows, columns: [...columns] };
        piece = { node: { kind: 'column', name }, size: 1 };
      }
      args.push(piece.node);
      size += piece.size;
    }
    return { node: { ...node, args }, size };
  };
  const small = nodes.map(node => cut(node).node);
  return { nodes: small, batch: wider };
}
