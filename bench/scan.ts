import { compare, type Times } from './compare.js';
import type { BenchOptions, BenchReport, Target } from './report.js';

/**
 * Every question has to be as fast as DuckDB by itself, and the shortest take 20 ms, by turns 13 and 35 for either system on a virtual machine: a
 * median of five, of which the first is the one that compiles, says little of those.
 */
const short = { untilMs: 5_000, most: 25 };

/** Questions asked of files in the page cache: Parquet (snappy, zstd, a real one) and CSV. Nothing is loaded beforehand. */
export function scan(options: BenchOptions): Promise<BenchReport> {
  return compare('scan', { ...options, cluster: false }, targetsOf, short);
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
