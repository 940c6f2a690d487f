import { assert } from '../../../core/base/assert.js';
import { evaluate, selectRows } from '../../codegen/evaluate.js';
import { formatType, type Schema, sameType } from '../../column/datatype.js';
import type { ExprNode } from '../../expr/node.js';
import { columnsOf } from '../../expr/traverse.js';
import { scopeOf, typeExpr } from '../../expr/typing.js';
import { distinctText } from '../../kernels/distinct-text.js';
import { GatheredBatch } from '../../kernels/gathered.js';
import type { NamedExpr } from '../fragment.js';
import { once } from '../once.js';
import type { Operator } from '../operator.js';
import { typedCondition } from './filter.js';

/**
 * Exactly these columns; with a predicate, of the rows for which it is true: what the projection does not use is then
 * never gathered.
 */
export function projectOperator(
  columns: readonly NamedExpr[],
  before: Schema,
  predicate: ExprNode | null,
): Operator {
  const { schema, nodes, plain, read } = projectionOf(columns, before);
  const test = predicate === null ? null : typedCondition(predicate, before);
  const needed = test === null ? read : new Set(read);
  if (test !== null) columnsOf(test, needed);
  const positions = test === null ? plain : null;
  const computed = test !== null || plain === null;
  return {
    schema,
    movesOnly: true,
    done: false,
    push(whole, entry, emit) {
      if (positions !== null && whole instanceof GatheredBatch) {
        emit(whole.pick(positions, schema), entry);
        return;
      }
      const own = whole instanceof GatheredBatch ? whole.only(needed) : whole;
      const batch = computed ? distinctText(own) : own;
      const chosen = test === null ? null : selectRows(test, batch);
      if (chosen?.rows === 0) return;
      const selection = chosen?.rows === batch.rows ? null : chosen;
      const rows = selection?.rows ?? batch.rows;
      const out = evaluate(nodes, batch, selection);
      out.forEach((column, k) => {
        assert(
          sameType(column.type, schema[k]!.type),
          () => `${schema[k]!.name} is ${formatType(column.type)}`,
        );
      });
      emit({ schema, rows, columns: out }, entry);
    },
    finish() {},
  };
}

const projectionOf = once((columns: readonly NamedExpr[], before: Schema) => {
  const scope = scopeOf(before, 'select');
  const typed = columns.map(({ expr }) => typeExpr(expr, scope));
  const schema: Schema = columns.map(({ name }, k) => ({ name, type: typed[k]!.type }));
  const nodes = typed.map(({ node }) => node);
  const read = new Set<string>();
  for (const node of nodes) columnsOf(node, read);
  return { schema, nodes, plain: picked(nodes, before), read };
});

/** Positions of the columns when there is nothing to compute: rows that are only chosen yet need not be gathered for it. */
function picked(nodes: readonly ExprNode[], before: Schema): number[] | null {
  const positions = nodes.map(node => {
    const inner = node.kind === 'alias' ? node.input : node;
    return inner.kind === 'column' ? before.findIndex(field => field.name === inner.name) : -1;
  });
  return positions.includes(-1) ? null : positions;
}
