import { compare, type Times } from './compare.js';
import type { BenchOptions, BenchReport, Target } from './report.js';

/** Questions asked of files in the page cache: Parquet (snappy, zstd, a real one) and CSV. Nothing is loaded beforehand. */
export function scan(options: BenchOptions): Promise<BenchReport> {
  return compare('scan', { ...options, cluster: false }, targetsOf);
}

/** Every question against DuckDB, the parts by themselves: their readers have nothing in common. */
function targetsOf(times: Times): Target[] {
  const duckdb = times.peers.get('duckdb');
  if (duckdb === undefined) return [];
  return [
    { name: 'Parquet', letters: 'sz' },
    { name: 'CSV', letters: 'c' },
    { name: 'flights-3m.parquet', letters: 'f' },
  ].flatMap(({ name, letters }) => {
    const ratios = times.ids.flatMap((id, i) =>
      letters.includes(id[0]!) ? [times.volley[i]! / duckdb[i]!] : [],
    );
    return ratios.length === 0
      ? []
      : [{ name: `${name}: worst single question ÷ DuckDB`, value: Math.max(...ratios), limit: 1 }];
  });
}
