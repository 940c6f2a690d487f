import type { ScanSpec } from '../source.js';

/** A scan of Parquet files before its inspection. */
export function parquetScanOf(
  paths: string | readonly string[],
  columns: readonly string[] | null = null,
): ScanSpec {
  return { format: 'parquet', paths: [paths].flat(), csv: null, columns, predicate: null, schema: null };
}
