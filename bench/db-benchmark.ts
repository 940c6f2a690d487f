import { compare, type Times } from './compare.js';
import type { BenchOptions, BenchReport, Target } from './report.js';

/** duckdblabs/db-benchmark's group-by task against peers on the same threads. */
export function groupby(options: BenchOptions): Promise<BenchReport> {
  return compare('groupby', options, times =>
    options.cluster
      ? clusterTargets(times)
      : [
          total(times, 0.35),
          { name: 'geometric mean of the ratios', value: geometricMean(ratios(times)), limit: 0.5 },
          slowest(times),
        ],
  );
}

/** duckdblabs/db-benchmark's join task. */
export function join(options: BenchOptions): Promise<BenchReport> {
  return compare('join', options, times =>
    options.cluster ? clusterTargets(times) : [total(times, 0.4), slowest(times)],
  );
}

/** Worker processes against peers that share one address space. */
function clusterTargets(times: Times): Target[] {
  return [total(times, 1)];
}

function total({ volley, fastestTotal }: Times, limit: number): Target {
  const sum = volley.reduce((all, ms) => all + ms, 0);
  return { name: 'total ÷ the faster peer', value: sum / fastestTotal, limit };
}

function slowest(times: Times): Target {
  return { name: 'worst single question ÷ its faster peer', value: Math.max(...ratios(times)), limit: 1 };
}

function ratios({ volley, fastest }: Times): number[] {
  return volley.map((ms, i) => ms / fastest[i]!);
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
