import type { CsvOptions, ScanSpec } from '../source.js';

/** In one split, with a header and nothing that means null but the empty field. */
const defaults: CsvOptions = {
  header: true,
  delimiter: ',',
  quote: '"',
  schema: null,
  nullValues: [],
  ignoreErrors: false,
  splitBytes: 1024 ** 3,
};

export function csvScanOf(
  paths: string | readonly string[],
  options: Partial<CsvOptions> = {},
  columns: readonly string[] | null = null,
): ScanSpec {
  return {
    format: 'csv',
    paths: [paths].flat(),
    csv: { ...defaults, ...options },
    columns,
    predicate: null,
    schema: null,
  };
}
