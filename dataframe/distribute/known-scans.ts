import { limits } from '../../core/base/limits.js';
import type { Executor } from '../../core/graph/executor.js';
import type { ScanInspection, ScanSpec } from '../io/source.js';
import { stampOfScan } from '../io/stamps.js';
import { schemeOf } from '../io/urls.js';
import { jsonOf } from '../physical/fragment-body.js';

/**
 * Inspections by the session whose workers made them and the text of the scan; least recently used first. A worker is
 * asked each time whether one still holds: what it does not have to send are the statistics of every row group.
 */
const scans = new WeakMap<Executor, Map<string, ScanInspection>>();

/** Where the inspection of a scan is remembered; null: nowhere, because the scan is long, or holds what nobody may keep. */
export function scanText(scan: ScanSpec): string | null {
  if (scan.access !== undefined || scan.format !== 'parquet') return null;
  const text = jsonOf([scan]);
  return text === null || text.length > limits.knownScanChars ? null : text;
}

export function knownScan(executor: Executor, text: string): ScanInspection | null {
  const known = scans.get(executor);
  const inspection = known?.get(text);
  if (known === undefined || inspection === undefined) return null;
  known.delete(text);
  known.set(text, inspection);
  return inspection;
}

export function rememberScan(executor: Executor, text: string, inspection: ScanInspection): void {
  let known = scans.get(executor);
  if (known === undefined) scans.set(executor, (known = new Map()));
  known.delete(text);
  if (inspection.stamp == null || inspection.splits.length > limits.knownScanSplits) return;
  known.set(text, inspection);
  if (known.size > limits.knownScans) known.delete(known.keys().next().value!);
}

/** Whether the files, which this process sees, are still those that were inspected. False also where that is not known. */
export async function isSameHere(scan: ScanSpec, { stamp }: ScanInspection): Promise<boolean> {
  if (stamp == null || scan.paths.some(path => schemeOf(path) !== null)) return false;
  const env = { node: 'this process', allowPaths: null, attempt: 1, position: 0 };
  return (await stampOfScan(scan, env).catch(() => null)) === stamp;
}
