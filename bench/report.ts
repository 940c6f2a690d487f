/** What the command line asks of a bench. rows, runs: null means the bench's own default. */
export interface BenchOptions {
  readonly rows: number | null;
  readonly threads: number;
  readonly runs: number | null;
  readonly seed: number;
  readonly peers: readonly string[];
  /** Percent of nulls. */
  readonly na: number;
  readonly sorted: boolean;
  readonly cluster: boolean;
  readonly load: 'arrow' | 'parquet';
  /** Empty: all of them. */
  readonly questions: readonly string[];
}

export type Bench = (options: BenchOptions) => Promise<BenchReport>;

/** A promise of BENCHMARKS and what was measured. */
export interface Target {
  readonly name: string;
  readonly value: number;
  /** The value must not be above `limit`, or with `atLeast` not below it. */
  readonly limit: number;
  readonly atLeast?: boolean;
}

export interface BenchReport {
  readonly bench: string;
  readonly rows: number;
  readonly threads: number;
  readonly runs: number;
  readonly seed: number;
  readonly results: readonly BenchResult[];
  readonly targets: readonly Target[];
  /** Peers that are not installed. */
  readonly missing?: readonly string[];
  /** Why the run fails whatever was measured: a wrong answer, a question without one. */
  readonly failures?: readonly string[];
  /** Lines for people, above the figures. */
  readonly notes?: readonly string[];
}

export interface BenchResult {
  readonly system: string;
  readonly version: string;
  readonly question: string;
  /** Wall time of each run, milliseconds. */
  readonly ms: readonly number[];
  /** Null when the question has no answer. */
  readonly medianMs: number | null;
  readonly check: { readonly rows: number; readonly sums: Readonly<Record<string, number>> };
  /** Figures of this bench only: peakRssBytes, collectMs, … */
  readonly extra?: Readonly<Record<string, number>>;
  readonly error?: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function holds({ value, limit, atLeast }: Target): boolean {
  return atLeast === true ? value >= limit : value <= limit;
}

/** False fails the run. */
export function succeeded(report: BenchReport): boolean {
  return (report.failures ?? []).length === 0 && report.targets.every(holds);
}

/** A table for people; with `json`, one object as the last line. */
export function printReport(report: BenchReport, json: boolean): void {
  const { bench, rows, threads, runs, seed } = report;
  console.log(`${bench}: ${rows.toLocaleString('en')} rows, ${threads} threads, ${runs} runs, seed ${seed}`);
  for (const note of report.notes ?? []) console.log(`  ${note}`);
  for (const peer of report.missing ?? []) console.log(`  ${peer}: missing (npm run bench:peers)`);
  for (const result of report.results) printResult(result);
  for (const target of report.targets) {
    const sign = target.atLeast === true ? '≥' : '≤';
    console.log(
      `  ${holds(target) ? 'holds ' : 'MISSED'}  ${target.name}: ${figure(target.value)} (${sign} ${figure(target.limit)})`,
    );
  }
  for (const failure of report.failures ?? []) console.log(`  FAILED  ${failure}`);
  if (json) console.log(JSON.stringify({ ...report, withinTarget: succeeded(report) }));
}

function printResult(result: BenchResult): void {
  const { system, version, question, medianMs, ms } = result;
  if (result.error !== undefined) {
    console.log(`  ${system} ${version}  ${question}  error: ${result.error}`);
    return;
  }
  const few = ms.length <= 12;
  const runs = few
    ? ms.map(figure).join(' ')
    : `first ${figure(ms[0]!)}, ${figure(Math.min(...ms))} to ${figure(Math.max(...ms))}`;
  const middle = medianMs === null ? '' : `median ${figure(medianMs)} ms  [${runs}]`;
  console.log(`  ${system} ${version}  ${question}  ${middle}`);
  for (const [name, value] of Object.entries(result.extra ?? {})) {
    console.log(
      `    ${name} ${name.endsWith('Bytes') ? `${(value / 2 ** 20).toFixed(0)} MiB` : figure(value)}`,
    );
  }
}

/** Three significant digits, no exponent. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 100 || value === 0) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}
