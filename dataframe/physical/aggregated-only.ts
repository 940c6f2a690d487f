import type { AggregateStep, FragmentOp, NamedExpr } from './fragment.js';
import { isFused } from './operators/aggregate.js';

/**
 * Columns of the source that nobody looks at but the loops of an aggregation, which comes first save for projections that compute
 * nothing.
 */
export function aggregatedOnly(ops: readonly FragmentOp[]): ReadonlySet<string> {
  let sourceOf = (name: string): string | null => name;
  for (const op of ops) {
    if (op.kind === 'aggregate') return loopColumns(op, sourceOf);
    const renamed = op.kind === 'project' ? renames(op.columns) : null;
    if (renamed === null) break;
    const before = sourceOf;
    sourceOf = name => {
      const source = renamed.get(name);
      return source === undefined ? null : before(source);
    };
  }
  return none;
}

const none: ReadonlySet<string> = new Set();

/** Null: something is computed. */
function renames(columns: readonly NamedExpr[]): Map<string, string> | null {
  const out = new Map<string, string>();
  for (const { name, expr } of columns) {
    const inner = expr.kind === 'alias' ? expr.input : expr;
    if (inner.kind !== 'column') return null;
    out.set(name, inner.name);
  }
  return out;
}

function loopColumns(step: AggregateStep, sourceOf: (name: string) => string | null): ReadonlySet<string> {
  const { keys, aggregates } = step;
  const all = new Set<string>();
  const add = (name: string | null | undefined) => {
    const source = name == null ? null : sourceOf(name);
    if (source !== null) all.add(source);
  };
  for (const key of keys) add(key);
  for (const { column } of aggregates) add(column);
  // Others look at values one by one.
  for (const spec of aggregates) {
    const { column, filter, other } = spec;
    const looked = isFused(step, spec) ? [filter] : [column, filter, other];
    for (const name of looked) if (name != null) all.delete(sourceOf(name) ?? '');
  }
  return all;
}
