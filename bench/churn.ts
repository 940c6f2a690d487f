import { volleyVersion } from '../core/base/version.js';
import { connect, delayed } from '../index.js';
import type { BenchOptions, BenchReport } from './report.js';
import { median } from './report.js';
import { residentBytes } from './resident.js';

const partitionRows = 1_000_000;
const memoryBytes = 512 * 2 ** 20;
const allowedOverheadBytes = 300_000_000;
const window = 1_000;

/** A partition of 8 MB whose values depend on seed and number. Runs in a worker thread. */
function makePartition(seed: number, number: number, rows: number): Float64Array {
  const values = new Float64Array(rows);
  let state = (seed * 2_654_435_761 + number) >>> 0;
  for (let i = 0; i < rows; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[i] = state >>> 16;
  }
  return values;
}

function sumPartition(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/**
 * Many times the memory budget flows through the store: each partition is made, summed by another task, and freed.
 * Nothing may be left to the garbage collector. Target: peak RSS of the process ≤ budget + 300 MB.
 */
export async function churn(options: BenchOptions): Promise<BenchReport> {
  const partitions = options.rows === null ? 10_000 : Math.max(1, Math.round(options.rows / partitionRows));
  const ms: number[] = [];
  let total = 0;
  const runs = options.runs ?? 1;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    total = await runOnce(options, partitions);
    ms.push(performance.now() - start);
  }
  const peakRssBytes = residentBytes('self', 'VmHWM');
  const targetRssBytes = memoryBytes + allowedOverheadBytes;
  return {
    bench: 'churn',
    rows: partitions * partitionRows,
    threads: options.threads,
    runs,
    seed: options.seed,
    targets: [{ name: 'peak RSS, MB', value: peakRssBytes / 1e6, limit: targetRssBytes / 1e6 }],
    results: [
      {
        system: 'volley',
        version: volleyVersion,
        question: `${partitions} partitions of 8 MB`,
        ms,
        medianMs: median(ms),
        check: { rows: partitions * partitionRows, sums: { v: total } },
        extra: { peakRssBytes, targetRssBytes, budgetBytes: memoryBytes },
      },
    ],
  };
}

async function runOnce({ threads, seed }: BenchOptions, partitions: number): Promise<number> {
  await using session = await connect({ threads, memoryBytes });
  const make = delayed(makePartition);
  const sum = delayed(sumPartition);
  let total = 0;
  for (let first = 0; first < partitions; first += window) {
    const numbers = Array.from({ length: Math.min(window, partitions - first) }, (_, i) => first + i);
    const sums = await session.compute(numbers.map(number => sum(make(seed, number, partitionRows))));
    for (const value of sums) total += value;
  }
  const expected = sumPartition(makePartition(seed, 0, partitionRows));
  const [first] = await session.compute([sum(make(seed, 0, partitionRows))]);
  if (first !== expected) throw new Error(`churn: wrong sum of partition 0: ${first}, expected ${expected}`);
  return total;
}
