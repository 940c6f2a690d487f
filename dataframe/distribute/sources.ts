import type { Schema } from '../column/datatype.js';
import type { ScanInspection, ScanSpec } from '../io/source.js';
import type { Sources } from '../plan/analyze.js';
import type { MemoryTable } from '../plan/memory-table.js';
import { type Verb, verbsOf } from '../plan/verb.js';
import type { GraphRunner } from './graph-runner.js';

/** Looks at every source of the tree, each once and all at a time. */
export async function inspectSources(verb: Verb, runner: GraphRunner): Promise<Omit<Sources, 'pivots'>> {
  const scans = new Map<ScanSpec, Promise<ScanInspection>>();
  const tables = new Map<MemoryTable, Promise<Schema>>();
  for (const v of verbsOf(verb)) {
    if (v.kind === 'scan' && !scans.has(v.scan)) scans.set(v.scan, runner.inspect(v.scan));
    if (v.kind === 'memory' && !tables.has(v.table)) tables.set(v.table, v.table.schema());
  }
  const [scanned, typed] = await Promise.all([settle(scans), settle(tables)]);
  return { scans: scanned, tables: typed };
}

async function settle<K, V>(pending: ReadonlyMap<K, Promise<V>>): Promise<Map<K, V>> {
  const entries = [...pending].map(async ([key, value]) => [key, await value] as const);
  return new Map(await Promise.all(entries));
}
