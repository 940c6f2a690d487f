import type { Schema } from '../column/datatype.js';
import type { ExprNode } from '../expr/node.js';
import { conjunction } from '../expr/traverse.js';
import type { ScanInspection, ScanSpec } from '../io/source.js';
import type { Sources } from '../plan/analyze.js';
import type { MemoryTable } from '../plan/memory-table.js';
import { type Verb, verbInputs, verbsOf } from '../plan/verb.js';
import type { GraphRunner } from './graph-runner.js';

/** Looks at every source of the tree, each once and all at a time. */
export async function inspectSources(verb: Verb, runner: GraphRunner): Promise<Omit<Sources, 'pivots'>> {
  const scans = new Map<ScanSpec, Promise<ScanInspection>>();
  const tables = new Map<MemoryTable, Promise<Schema>>();
  const hints = scanHints(verb);
  for (const v of verbsOf(verb)) {
    if (v.kind === 'scan' && !scans.has(v.scan))
      scans.set(v.scan, runner.inspect({ ...v.scan, predicate: hints.get(v.scan) ?? null }));
    if (v.kind === 'memory' && !tables.has(v.table)) tables.set(v.table, v.table.schema());
  }
  const [scanned, typed] = await Promise.all([settle(scans), settle(tables)]);
  return { scans: scanned, tables: typed };
}

/**
 * The filters right above each scan, not typed yet: with them the inspection leaves out whole folders. A scan that is
 * used several times is inspected once, for what any of them may want; null: all of it.
 */
function scanHints(verb: Verb): ReadonlyMap<ScanSpec, ExprNode | null> {
  const hints = new Map<ScanSpec, ExprNode | null>();
  const visit = (v: Verb, above: readonly ExprNode[]): void => {
    if (v.kind !== 'scan') {
      const filters = v.kind === 'filter' ? [...above, v.predicate] : [];
      for (const input of verbInputs(v)) visit(input, filters);
      return;
    }
    const own = v.scan.hive === undefined ? null : conjunction(above);
    const other = hints.get(v.scan);
    const either: ExprNode | null =
      own !== null && other ? { kind: 'call', fn: 'or', args: [other, own] } : null;
    hints.set(v.scan, other === undefined ? own : either);
  };
  visit(verb, []);
  return hints;
}

async function settle<K, V>(pending: ReadonlyMap<K, Promise<V>>): Promise<Map<K, V>> {
  const entries = [...pending].map(async ([key, value]) => [key, await value] as const);
  return new Map(await Promise.all(entries));
}
